"""The translator of the older protocol, frame by frame, without a server."""

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline import Frame, Handshake
from trunkline.agents.legacy import LegacyDialect


@pytest.fixture
def dialect() -> LegacyDialect:
    return LegacyDialect(Handshake())


def v2(type: str, **fields: Any) -> Frame:
    return Frame(json.dumps({"type": type, **fields}).encode())


def history(*messages: dict[str, Any], **data: Any) -> Frame:
    data = {"thread": {"id": 45}, "messages": list(messages), **data}
    return v2("thread_history", topic="thread:45", epoch="e", seq=3, data=data)


def event(type: str, **data: Any) -> Frame:
    return v2(type, topic="thread:45", seq=4, id="i", time="t", data=data)


def out(dialect: LegacyDialect, frame: Frame) -> list[Any]:
    return [json.loads(text) for text in dialect.outgoing(frame)]


def into(dialect: LegacyDialect, **frame: Any) -> list[Any]:
    return [json.loads(text) for text in dialect.incoming(json.dumps(frame))]


# In


def test_the_thread_of_the_query_is_subscribed_at_once(dialect: LegacyDialect) -> None:
    opened = LegacyDialect(Handshake(query={"thread_id": "45"})).opening()
    assert [json.loads(frame) for frame in opened] == [{"type": "subscribe", "topics": ["thread:45"]}]
    assert list(dialect.opening()) == []


def test_the_frames_of_a_client_become_version_2(dialect: LegacyDialect) -> None:
    assert into(dialect, type="subscribe_thread", thread_id=45) == [{"type": "subscribe", "topics": ["thread:45"]}]
    assert into(dialect, type="subscribe_thread", thread_id="45") == [{"type": "subscribe", "topics": ["thread:45"]}]
    assert into(dialect, type="ping", timestamp=1.5) == [{"type": "ping", "timestamp": 1.5}]
    assert into(dialect, type="authenticate", token="t") == [{"type": "authenticate", "token": "t"}]
    (call,) = into(dialect, type="send_message", thread_id=45, content="Hello")
    assert call == {"type": "call", "method": "thread.send", "params": {"thread_id": 45, "content": "Hello"}}


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ('{"type": "subscribe", "topics": ["thread:45"]}', "Unknown message type: subscribe"),
        ('{"type": "subscribe_thread"}', "Invalid subscribe_thread message: .*thread_id"),
        ('{"type": "send_message", "thread_id": 1, "content": 2}', "Invalid send_message message: .*content"),
        ("[]", "A message is a JSON object"),
        ('{"type": 3}', "A message is a JSON object"),
    ],
)
def test_what_is_no_frame_of_this_protocol_is_refused(dialect: LegacyDialect, frame: str, sentence: str) -> None:
    (refused,) = [json.loads(text) for text in dialect.incoming(frame)]
    assert refused["type"] == ""
    error = v2("error", code="unknown_type", error="Unknown message type: ", message_id=refused["message_id"])
    (told,) = out(dialect, error)
    assert told["type"] == "error"
    assert re.match(sentence, told["error"])


def test_what_is_no_json_goes_on_to_be_refused_as_that(dialect: LegacyDialect) -> None:
    assert list(dialect.incoming("{")) == ["{"]


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_becomes_frames(text: str) -> None:
    assert all(isinstance(frame, str) for frame in LegacyDialect(Handshake()).incoming(text))


# Out


def test_a_snapshot_becomes_a_history(dialect: LegacyDialect) -> None:
    message = {"id": 1, "version": 1, "content": "Hello"}
    assert out(dialect, history(message)) == [{"type": "thread_history", "thread_id": 45, "messages": [message]}]


def test_messages_become_thread_message(dialect: LegacyDialect) -> None:
    data = {"id": 1, "version": 1, "content": "Hello"}
    for type in ("thread_message_created", "thread_message_updated"):
        told = out(dialect, event(type, **data))
        assert told == [{"type": "thread_message", "thread_id": 45, "message": data}]


def test_of_a_cut_thread_the_message_asked_anew_is_told(dialect: LegacyDialect) -> None:
    out(dialect, history({"id": 1, "version": 2}, {"id": 2, "version": 1}))
    assert out(dialect, event("thread_message_deleted", id=2, thread_id=45, version=2)) == []
    asked = {"id": 1, "version": 3, "content": "Other words"}
    assert out(dialect, event("thread_message_updated", **asked)) == [
        {"type": "thread_message", "thread_id": 45, "message": asked}
    ]


def test_what_the_history_held_is_not_told_again(dialect: LegacyDialect) -> None:
    out(dialect, history({"id": 1, "version": 2}))
    assert out(dialect, event("thread_message_created", id=1, version=1)) == []
    assert out(dialect, event("thread_message_updated", id=1, version=2)) == []
    assert len(out(dialect, event("thread_message_updated", id=1, version=3))) == 1
    assert len(out(dialect, event("thread_message_created", id=2, version=1))) == 1


def test_a_stream_is_told_as_it_comes(dialect: LegacyDialect) -> None:
    at = {"run_id": 7, "thread_id": 45, "message_id": 9}
    told = [
        *out(dialect, event("stream_start", **at)),
        *out(dialect, event("stream_chunk", **at, at=0, text="Hel")),
        *out(dialect, event("stream_chunk", **at, at=3, text="lo")),
        *out(dialect, event("stream_end", **at, length=5, finish_reason="stop")),
    ]
    assert told == [
        {"type": "stream_start", "thread_id": 45},
        {"type": "stream_chunk", "thread_id": 45, "content": "Hel"},
        {"type": "stream_chunk", "thread_id": 45, "content": "lo"},
        {"type": "stream_end", "thread_id": 45},
    ]


def test_an_answer_in_progress_follows_the_history_and_joins_its_chunks(dialect: LegacyDialect) -> None:
    streaming = {"run_id": 7, "message_id": 9, "at": 5, "text": "Hello"}
    told = out(dialect, history(streaming=streaming))
    assert [frame["type"] for frame in told] == ["thread_history", "stream_start", "stream_chunk"]
    assert told[2]["content"] == "Hello"
    at = {"run_id": 7, "thread_id": 45, "message_id": 9}
    assert out(dialect, event("stream_chunk", **at, at=2, text="llo")) == []
    (chunk,) = out(dialect, event("stream_chunk", **at, at=2, text="llo wor"))
    assert chunk["content"] == " wor"
    (chunk,) = out(dialect, event("stream_chunk", **at, at=9, text="ld"))
    assert chunk["content"] == "ld"


@given(st.text(max_size=30), st.lists(st.integers(0, 30), max_size=6), st.integers(0, 30))
def test_the_text_is_whole_wherever_the_snapshot_cuts_it(text: str, cuts: list[int], seen: int) -> None:
    dialect = LegacyDialect(Handshake())
    seen = min(seen, len(text))
    told = out(dialect, history(streaming={"message_id": 9, "text": text[:seen], "at": seen}))
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for start, end in itertools.pairwise(edges):
        told += out(dialect, event("stream_chunk", message_id=9, at=start, text=text[start:end]))
    assert "".join(frame["content"] for frame in told if frame["type"] == "stream_chunk") == text


def test_a_reset_and_a_fresh_snapshot_are_a_fresh_history(dialect: LegacyDialect) -> None:
    assert out(dialect, v2("reset", topic="thread:45", reason="slow")) == []
    assert [frame["type"] for frame in out(dialect, history())] == ["thread_history"]


def test_failures_become_errors(dialect: LegacyDialect) -> None:
    for frame, sentence in [
        (v2("error", code="not_found", error="Thread 9 not found", topic="thread:9"), "Thread 9 not found"),
        (v2("reply", error={"code": "conflict", "error": "It is busy"}), "It is busy"),
        (v2("revoked", topic="thread:45", reason="gone"), "Not allowed any more: thread:45"),
        (event("thread_deleted", id=45), "Thread 45 was deleted"),
    ]:
        assert out(dialect, frame) == [{"type": "error", "error": sentence}]


def test_what_the_older_protocol_does_not_know_is_left_out(dialect: LegacyDialect) -> None:
    for frame in (
        v2("reply", result={"id": 1}),
        v2("goaway", reason="r", retry_after_ms=1),
        v2("resumed", topic="thread:45", epoch="e", seq=1, recovered=0),
        v2("unsubscribe_success", topics=[]),
        event("run_started", run_id=1),
        event("thread_updated", id=45),
    ):
        assert out(dialect, frame) == []
    pong = v2("pong", timestamp=3)
    assert list(dialect.outgoing(pong)) == [pong.text]
