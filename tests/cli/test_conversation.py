"""What a chat shows of its thread, across lost lines, snapshots and a server that starts again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.cli.conversation import (
    AnswerBegins,
    AnswerEnds,
    AnswerGoesOn,
    AskForRun,
    AskForSnapshot,
    Conversation,
    Said,
    ThreadGone,
    ToDo,
)

RUN, MESSAGE = 4, 8


def message(message_id: int, role: str, content: str, client_id: str | None = None) -> dict[str, Any]:
    named = {} if client_id is None else {"client_id": client_id}
    return {"id": message_id, "role": role, "content": content, **named}


def chunk(at: int, text: str, *, run_id: int = RUN, message_id: int = MESSAGE) -> dict[str, Any]:
    return {"run_id": run_id, "message_id": message_id, "at": at, "text": text}


def streaming(text: str) -> dict[str, Any]:
    return {"run_id": RUN, "message_id": MESSAGE, "at": len(text), "text": text}


def run(status: str, *, message_id: int | None = MESSAGE, error: str | None = None) -> dict[str, Any]:
    return {"id": RUN, "status": status, "message_id": message_id, "error": error}


QUESTION = message(7, "user", "Why?", "mine")
STARTED = {"run_id": RUN, "agent_id": 1}
START = {"run_id": RUN, "message_id": MESSAGE}
DONE = {"run_id": RUN, "status": "done"}


@pytest.fixture
def asked() -> Conversation:
    """A conversation in which a question was sent and accepted."""
    conversation = Conversation()
    assert conversation.snapshot({"messages": []}) == []
    conversation.sending("mine")
    assert conversation.event("thread_message_created", QUESTION) == []
    assert conversation.sent(RUN) == []
    return conversation


def text_of(todo: list[ToDo]) -> str:
    return "".join(step.text for step in todo if isinstance(step, AnswerGoesOn))


def test_an_answer_is_shown_from_its_begin_to_its_end(asked: Conversation) -> None:
    todo = asked.event("run_started", STARTED) + asked.event("stream_start", START)
    todo += asked.event("stream_chunk", chunk(0, "Be")) + asked.event("stream_chunk", chunk(2, "cause."))
    todo += asked.event("stream_end", {"run_id": RUN, "message_id": MESSAGE, "length": 8})
    todo += asked.event("thread_message_created", message(MESSAGE, "assistant", "Because."))
    todo += asked.event("thread_message_updated", QUESTION) + asked.event("run_finished", DONE)
    assert todo == [AnswerBegins(RUN), AnswerGoesOn("Be"), AnswerGoesOn("cause."), AnswerEnds(RUN, "done")]
    assert asked.run_id is None


def test_the_history_and_what_others_say_are_shown_once() -> None:
    conversation = Conversation()
    history = {"messages": [message(1, "user", "Hello"), message(2, "assistant", "Hi")]}
    assert conversation.snapshot(history) == [Said("user", "Hello"), Said("assistant", "Hi")]
    assert conversation.snapshot(history) == []
    assert conversation.event("thread_message_created", message(3, "user", "Me too")) == [Said("user", "Me too")]
    assert conversation.event("thread_message_updated", message(3, "user", "Me too")) == []


def test_a_message_that_someone_sends_again_is_shown_again() -> None:
    conversation = Conversation()
    conversation.snapshot({"messages": [message(1, "user", "Hello"), message(2, "assistant", "Hi")]})
    assert conversation.event("thread_message_deleted", {"id": 2, "thread_id": 1, "version": 2}) == []
    edited = {**message(1, "user", "Good day"), "processed": False}
    assert conversation.event("thread_message_updated", edited) == [Said("user", "Good day")]
    assert conversation.event("thread_message_updated", {**edited, "processed": True}) == []


def test_an_answer_that_is_being_written_is_joined_in_the_middle() -> None:
    conversation = Conversation()
    todo = conversation.snapshot({"messages": [message(7, "user", "Why?")], "streaming": streaming("Beca")})
    assert todo == [Said("user", "Why?"), AnswerBegins(RUN), AnswerGoesOn("Beca")]
    assert conversation.event("stream_chunk", chunk(2, "cause.")) == [AnswerGoesOn("use.")]


def test_a_question_sent_again_has_its_run_asked_for(asked: Conversation) -> None:
    again = Conversation()
    assert again.sent(RUN, again=True) == [AskForRun(RUN)]
    assert asked.event("run_finished", DONE) == [AnswerEnds(RUN, "done")]
    assert asked.sent(RUN, again=True) == []


def test_a_run_that_the_server_cut_is_told_with_the_text_that_was_kept(asked: Conversation) -> None:
    asked.event("stream_chunk", chunk(0, "Becau"))
    todo = asked.snapshot({"messages": [QUESTION, message(MESSAGE, "assistant", "Bec")]})
    assert todo == [AskForRun(RUN)]
    end = asked.run_state(run("failed", error="The server stopped."))
    assert end == [AnswerEnds(RUN, "failed", "The server stopped.", unsaved=2)]


def test_a_thread_that_tells_of_its_last_run_spares_the_question(asked: Conversation) -> None:
    asked.event("stream_chunk", chunk(0, "Becau"))
    history = {"messages": [QUESTION, message(MESSAGE, "assistant", "Bec")], "last_run": run("failed", error="Cut.")}
    assert asked.snapshot(history) == [AnswerEnds(RUN, "failed", "Cut.", unsaved=2)]


def test_another_last_run_does_not_end_the_awaited_one(asked: Conversation) -> None:
    assert asked.snapshot({"messages": [QUESTION], "last_run": {**run("done"), "id": RUN + 1}}) == [AskForRun(RUN)]


def test_what_was_kept_and_not_heard_is_shown(asked: Conversation) -> None:
    asked.event("stream_chunk", chunk(0, "Bec"))
    todo = asked.snapshot({"messages": [QUESTION, message(MESSAGE, "assistant", "Becau")]})
    assert todo == [AnswerGoesOn("au"), AskForRun(RUN)]
    assert asked.run_state(run("failed", error="Stopped.")) == [AnswerEnds(RUN, "failed", "Stopped.", 0)]


def test_an_answer_of_which_nothing_was_heard_is_shown_whole(asked: Conversation) -> None:
    todo = asked.snapshot({"messages": [QUESTION, message(MESSAGE, "assistant", "Because.")]})
    assert todo == [AnswerBegins(RUN), AnswerGoesOn("Because."), AskForRun(RUN)]


def test_a_run_that_goes_on_is_waited_for(asked: Conversation) -> None:
    assert asked.snapshot({"messages": [QUESTION]}) == [AskForRun(RUN)]
    assert asked.run_state(run("queued", message_id=None)) == []
    assert asked.run_state(run("running")) == []
    assert asked.run_id == RUN


def test_the_end_of_a_run_waits_for_its_message(asked: Conversation) -> None:
    """The run ended between the snapshot and the question; its events are on their way."""
    assert asked.snapshot({"messages": [QUESTION]}) == [AskForRun(RUN)]
    assert asked.run_state(run("done")) == []
    todo = asked.event("thread_message_created", message(MESSAGE, "assistant", "Because."))
    todo += asked.event("run_finished", DONE)
    assert todo == [AnswerBegins(RUN), AnswerGoesOn("Because."), AnswerEnds(RUN, "done")]


def test_a_run_that_said_nothing_ends_without_a_message(asked: Conversation) -> None:
    assert asked.run_state(run("failed", message_id=None, error="No key.")) == [AnswerEnds(RUN, "failed", "No key.")]


def test_a_hole_is_closed_by_a_snapshot(asked: Conversation) -> None:
    asked.event("stream_chunk", chunk(0, "Be"))
    assert asked.event("stream_chunk", chunk(5, "se")) == [AskForSnapshot()]
    assert asked.event("stream_chunk", chunk(7, ".")) == []
    assert text_of(asked.snapshot({"messages": [QUESTION], "streaming": streaming("Because.")})) == "cause."


def test_another_answer_in_progress_means_that_mine_is_over(asked: Conversation) -> None:
    asked.event("stream_chunk", chunk(0, "Be"))
    other = {"run_id": 9, "message_id": 12, "at": 2, "text": "So"}
    todo = asked.snapshot({"messages": [message(MESSAGE, "assistant", "Because.")], "streaming": other})
    assert todo == [AnswerGoesOn("cause."), AnswerEnds(RUN, "done"), AnswerBegins(9), AnswerGoesOn("So")]


def test_a_deleted_thread_is_told() -> None:
    assert Conversation().event("thread_deleted", {"id": 1}) == [ThreadGone()]


def test_other_events_show_nothing(asked: Conversation) -> None:
    assert asked.event("thread_updated", {"id": 1}) == []


@st.composite
def broken_lines(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, int]], int | None]:
    """Chunks; after which of them the line breaks and how it comes back; and what a server that died kept, if it did.

    A line comes back by replay (`resumed`, some of it known already) or with a snapshot.
    """
    pieces = draw(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=15))
    way = st.tuples(st.sampled_from(["replay", "snapshot", "double"]), st.integers(0, 4))
    ways = draw(st.lists(way, min_size=len(pieces), max_size=len(pieces)))
    kept = draw(st.none() | st.integers(0, len("".join(pieces))))
    return pieces, ways, kept


@given(broken_lines())
def test_however_the_line_breaks_each_character_is_shown_once(
    case: tuple[list[str], list[tuple[str, int]], int | None],
) -> None:
    pieces, ways, kept = case
    conversation = Conversation()
    conversation.sent(RUN)
    sent: list[dict[str, Any]] = []
    todo: list[ToDo] = []
    for piece, (way, number) in zip(pieces, ways, strict=True):
        sent.append(chunk(sum(len(c["text"]) for c in sent), piece))
        so_far = "".join(c["text"] for c in sent)
        if way == "snapshot":
            todo += conversation.snapshot({"messages": [QUESTION], "streaming": streaming(so_far)})
        for event in sent[-1 - number :] if way == "replay" else [sent[-1]] * (2 if way == "double" else 1):
            todo += conversation.event("stream_chunk", event)
        assert text_of(todo) == so_far
    whole = "".join(pieces)
    stored = whole if kept is None else whole[:kept]
    todo += conversation.snapshot({"messages": [QUESTION, message(MESSAGE, "assistant", stored)]})
    todo += conversation.run_state(run("done" if kept is None else "failed"))
    assert text_of(todo) == whole
    ends = [step for step in todo if isinstance(step, AnswerEnds)]
    assert [end.unsaved for end in ends] == [len(whole) - len(stored)]
    assert [step for step in todo if isinstance(step, AnswerBegins)] == [AnswerBegins(RUN)]
