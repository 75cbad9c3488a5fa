"""The text of an answer: every character once, in order, whatever comes twice, late or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from trunkline.cli.answer_text import AnswerText

TEXT = "Ein Strom: \N{GRINNING FACE} und e\N{COMBINING ACUTE ACCENT}"


def test_chunks_are_joined() -> None:
    answer = AnswerText(7)
    assert [answer.chunk(0, "Hel"), answer.chunk(3, "lo"), answer.chunk(5, "!")] == ["Hel", "lo", "!"]
    assert answer.text == "Hello!"


def test_a_chunk_that_comes_twice_is_shown_once() -> None:
    answer = AnswerText(7)
    answer.chunk(0, "Hello")
    assert answer.chunk(0, "Hello") == ""
    assert answer.chunk(3, "lo, you") == ", you"
    assert answer.text == "Hello, you"


def test_a_hole_is_noticed_and_closed_by_a_snapshot() -> None:
    answer = AnswerText(7)
    answer.chunk(0, "Hel")
    assert answer.chunk(5, "!") == ""
    assert answer.has_hole
    assert answer.so_far("Hello!") == "lo!"
    assert not answer.has_hole


def test_an_old_snapshot_adds_nothing() -> None:
    answer = AnswerText(7)
    answer.chunk(0, "Hello")
    assert answer.so_far("Hel") == ""
    assert answer.chunk(5, "!") == "!"


def test_the_stored_message_completes_what_was_cut() -> None:
    answer = AnswerText(7)
    answer.chunk(0, "Hel")
    assert answer.so_far("Hello!") == "lo!"
    assert answer.unsaved("Hello!") == 0


def test_what_a_dead_server_did_not_save_is_counted() -> None:
    answer = AnswerText(7)
    answer.chunk(0, "Hello!")
    assert answer.so_far("Hell") == ""
    assert answer.unsaved("Hell") == 2


def test_characters_are_code_points() -> None:
    answer = AnswerText(7)
    assert "".join(answer.chunk(at, character) for at, character in enumerate(TEXT)) == TEXT


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[str, list[tuple[str, int, int]]]:
    """A text and what is delivered of it: any pieces as chunks, any prefixes as snapshots, in any order."""
    whole = draw(st.text(max_size=60))
    place = st.integers(0, len(whole))
    piece = st.tuples(st.just("chunk"), place, place)
    prefix = st.tuples(st.just("snapshot"), st.just(0), place)
    return whole, draw(st.lists(st.one_of(piece, prefix), max_size=40))


@given(deliveries())
def test_whatever_is_delivered_no_character_is_missing_or_doubled(case: tuple[str, list[tuple[str, int, int]]]) -> None:
    whole, delivered = case
    answer = AnswerText(1)
    shown = ""
    for kind, start, end in delivered:
        shown += answer.chunk(start, whole[start:end]) if kind == "chunk" else answer.so_far(whole[:end])
        assert whole.startswith(shown)
        assert answer.text == shown
    assert shown + answer.so_far(whole) == whole


@given(st.lists(st.text(min_size=1, max_size=5), max_size=30), st.data())
def test_a_stream_in_order_with_doubles_is_shown_as_it_comes(pieces: list[str], data: st.DataObject) -> None:
    answer = AnswerText(1)
    sent: list[tuple[int, str]] = []
    at = 0
    for piece in pieces:
        sent.append((at, piece))
        at += len(piece)
        answer.chunk(*sent[-1])
        for double in data.draw(st.lists(st.sampled_from(sent), max_size=3)):
            assert answer.chunk(*double) == ""
        assert answer.text == "".join(pieces)[:at]
        assert not answer.has_hole
