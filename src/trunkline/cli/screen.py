"""What is shown: results on stdout, notes and errors on stderr, colours only where a person looks."""

import os
import sys
from collections.abc import Callable
from typing import Final, TextIO

import typer

_CLEAR_LINE: Final = "\r\x1b[K"
_CONTROL: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
}  # fmt: skip


def harmless(text: str) -> str:
    """Make control characters visible: what a model or a stranger wrote must not steer the terminal."""
    return text.replace("\r\n", "\n").translate(_CONTROL)


def one_line(text: str, limit: int) -> str:
    """The text in one line of at most `limit` characters."""
    line = harmless(" ".join(text.split()))
    return line if len(line) <= limit else f"{line[: max(0, limit - 1)]}…"


def _has_colours(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Screen:
    """Writes to stdout and stderr at once, without buffering whole lines.

    Raises `BrokenPipeError` where nobody reads stdout any more.

    Attributes:
        after_note: called after each note and error, to put back what it was written over.
    """

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._colours_out = _has_colours(self._out)
        self._colours_err = _has_colours(self._err)
        self._line_is_open = False
        self._line_is_prompt = False
        self.after_note: Callable[[], None] = _nothing

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads stdout."""
        return self._out.isatty()

    def text(self, piece: str) -> None:
        """Show a piece of a text that goes on."""
        if piece:
            self._write(harmless(piece))
            self._line_is_open = not piece.endswith("\n")

    def line(self, text: str = "") -> None:
        """Show a line. It is written as it is: make what others wrote `harmless`, or `styled`."""
        self.finish_line()
        self._write(f"{text}\n")

    def label(self, text: str) -> None:
        """Show what stands before a text, on a terminal only."""
        if self.is_terminal:
            self.finish_line()
            self._write(self.styled(text, bold=True))
            self._line_is_open = True

    def prompt(self, text: str = "") -> None:
        """Show a text after which a person types; without one, note that it is shown by someone else."""
        self._write(text)
        self._line_is_open = self._line_is_prompt = True

    def prompt_ended(self, *, with_line: bool) -> None:
        """Note that the person has typed, with the end of the line or without."""
        self._line_is_open, self._line_is_prompt = not with_line, False

    def styled(self, text: str, *, bold: bool = False, dim: bool = False, colour: str | None = None) -> str:
        """The text, harmless, and in that style where stdout has colours."""
        return _style(harmless(text), self._colours_out, bold=bold, dim=dim, colour=colour)

    def finish_line(self) -> None:
        """End a line that is open; one where a person is typing is cleared, for the prompt comes again."""
        if self._line_is_open:
            self._write(_CLEAR_LINE if self._line_is_prompt and os.environ.get("TERM") != "dumb" else "\n")
            self._line_is_open = self._line_is_prompt = False

    def note(self, text: str) -> None:
        """Tell on stderr what goes on besides."""
        self._tell(_style(harmless(text), self._colours_err, dim=True))

    def error(self, text: str) -> None:
        """Tell on stderr what went wrong."""
        self._tell(_style(harmless(text), self._colours_err, colour="red"))

    def _tell(self, text: str) -> None:
        if self.is_terminal:
            self.finish_line()
        self._err.write(f"{text}\n")
        self._err.flush()
        self.after_note()

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _style(text: str, colours: bool, *, bold: bool = False, dim: bool = False, colour: str | None = None) -> str:
    return typer.style(text, fg=colour, bold=bold or None, dim=dim or None) if colours else text


def _nothing() -> None:
    pass
