"""What is written where, and what is never written: colours for nobody, control characters of strangers."""

import io

import pytest

from trunkline.cli.screen import Screen, harmless, one_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_text_in_pieces_ends_its_line_once() -> None:
    out = io.StringIO()
    screen = Screen(out, io.StringIO())
    for piece in ("a", "", "b\n", "c"):
        screen.text(piece)
    screen.line("d")
    screen.finish_line()
    assert out.getvalue() == "ab\nc\nd\n"


def test_a_note_does_not_touch_a_text_that_goes_elsewhere() -> None:
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(out, err)
    screen.text("half")
    screen.note("line lost")
    screen.label("Ada> ")
    screen.text(" whole")
    assert (out.getvalue(), err.getvalue()) == ("half whole", "line lost\n")


def test_on_a_terminal_a_note_has_a_line_of_its_own() -> None:
    both = Terminal()
    screen = Screen(both, both)
    screen.text("half")
    screen.note("line lost")
    assert both.getvalue() == "half\n\x1b[2mline lost\x1b[0m\n"


def test_a_note_takes_the_place_of_the_prompt_which_comes_again() -> None:
    both = Terminal()
    screen = Screen(both, io.StringIO())
    screen.after_note = lambda: screen.prompt("you> ")
    screen.prompt("you> ")
    screen.note("line lost")
    assert both.getvalue() == "you> \r\x1b[Kyou> "
    screen.prompt_ended(with_line=True)
    screen.line("x")
    assert both.getvalue().endswith("you> x\n")


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_unwanted(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    assert Screen(Terminal(), Terminal()).styled("x", bold=True, colour="red") == "x"


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    assert harmless("a\x1b[2Jb\x9bc\x07\td\r\ne") == "a\\x1b[2Jb\\x9bc\\x07\td\ne"
    out = io.StringIO()
    Screen(out, io.StringIO()).text("\x1b]0;title\x07")
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(("text", "line"), [("a  b\n c", "a b c"), ("abcdef", "abcd…"), ("", ""), ("abcde", "abcde")])
def test_a_text_is_cut_to_one_line(text: str, line: str) -> None:
    assert one_line(text, 5) == line
