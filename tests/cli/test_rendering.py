"""Events and snapshots in a line, for people and as JSON."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from trunkline import Position, ReceivedEvent, ReceivedReset, ReceivedSnapshot
from trunkline.cli.rendering import as_json, as_line, describe, describe_state

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_900, UTC)
AGENT = {"id": 1, "name": "Ada", "status": "idle", "model": "", "version": 3}
THREAD = {"id": 2, "agent_id": 1, "title": "First\nsteps", "version": 1}
RUN = {"run_id": 4, "agent_id": 1, "message_id": 8}


def snapshot(kind: str, data: Any) -> ReceivedSnapshot:
    return ReceivedSnapshot(kind, "agent:1", Position("e", 7), json.dumps(data).encode())


def event(kind: str, data: Any, feed_seq: int | None = None) -> ReceivedEvent:
    body = json.dumps(data, ensure_ascii=False).encode()
    return ReceivedEvent(kind, "agent:1", 5, feed_seq, "id", "2026-01-02T03:04:05.678Z", body, ("agent:1",))


@pytest.mark.parametrize(
    ("kind", "data", "shown"),
    [
        ("agent_updated", AGENT, "Ada: idle, default model, v3"),
        ("agent_deleted", {"id": 1, "name": "Ada", "version": 4}, "Ada"),
        ("thread_created", THREAD, '"First steps" with agent 1, v1'),
        ("thread_updated", {**THREAD, "title": ""}, "untitled with agent 1, v1"),
        ("thread_message_created", {"role": "user", "content": "x" * 99}, f'user: "{"x" * 71}…"'),
        (
            "thread_message_updated",
            {"role": "user", "content": "Why?", "processed": True, "version": 2},
            'user, v2, answered: "Why?"',
        ),
        ("thread_message_deleted", {"id": 8, "thread_id": 1, "version": 2}, "message 8"),
        ("run_started", RUN, "run 4 of agent 1"),
        ("run_finished", {**RUN, "status": "done"}, "run 4 done"),
        ("run_finished", {**RUN, "status": "failed", "error": "No key."}, "run 4 failed: No key."),
        ("stream_start", RUN, "run 4 writes message 8"),
        ("stream_chunk", {**RUN, "at": 3, "text": " a\n"}, 'at 3: " a\\n"'),
        ("stream_end", {**RUN, "length": 9, "finish_reason": "stop"}, "9 characters, stop"),
        ("system_status", {"status": "ok", "message": "Fine."}, "ok: Fine."),
        ("price_changed", {"price": 1}, '{"price": 1}'),
        ("agent_updated", {"other": "shape"}, '{"other": "shape"}'),
        ("agent_updated", [1], "[1]"),
    ],
)
def test_an_event_in_a_few_words(kind: str, data: Any, shown: str) -> None:
    assert describe(kind, data) == shown


@pytest.mark.parametrize(
    ("kind", "data", "shown"),
    [
        ("agent_state", AGENT, "Ada: idle, default model, v3"),
        ("agent_list", {"agents": [], "truncated": False}, "0 agents"),
        ("agent_list", {"agents": [AGENT], "truncated": True}, "1 or more agents: Ada"),
        (
            "thread_list",
            {"threads": [THREAD] * 6, "truncated": False},
            f"6 threads: …, {', '.join(['First steps'] * 5)}",
        ),
        ("thread_history", {"thread": THREAD, "messages": [1]}, '"First steps" with agent 1, v1, 1 message'),
        (
            "thread_history",
            {"thread": THREAD, "messages": [], "streaming": {"run_id": 4, "text": "abc"}},
            '"First steps" with agent 1, v1, 0 messages, run 4 at 3 characters',
        ),
        ("snapshot", {"price": 1}, '{"price": 1}'),
        ("agent_list", {"other": "shape"}, '{"other": "shape"}'),
    ],
)
def test_a_snapshot_in_a_few_words(kind: str, data: Any, shown: str) -> None:
    assert describe_state(snapshot(kind, data)) == shown


def test_times_are_local_and_to_the_millisecond() -> None:
    assert as_line(event("agent_updated", AGENT), NOW)[:3] == ("03:04:05.678", "agent:1", "agent_updated")
    assert as_line(snapshot("agent_state", AGENT), NOW)[:3] == ("03:04:05.678", "agent:1", "agent_state")
    shown = ("03:04:05.678", "agent:1", "reset", "the stream starts anew (gap)")
    assert as_line(ReceivedReset("agent:1", "gap"), NOW) == shown


def test_json_is_one_line_with_the_members_of_the_wire() -> None:
    shown = as_json(event("agent_updated", {"name": "Jö\nx\x9b"}, feed_seq=9))
    assert "Jö" in shown
    assert not {"\n", "\x9b"} & set(shown)
    assert json.loads(shown) == {
        "type": "agent_updated",
        "topic": "agent:1",
        "seq": 5,
        "feed_seq": 9,
        "id": "id",
        "time": "2026-01-02T03:04:05.678Z",
        "data": {"name": "Jö\nx\x9b"},
    }
    assert "feed_seq" not in json.loads(as_json(event("stream_chunk", {})))
    state = {"type": "agent_state", "topic": "agent:1", "epoch": "e", "seq": 7, "data": AGENT}
    assert json.loads(as_json(snapshot("agent_state", AGENT))) == state
    reset = {"type": "reset", "topic": "agent:1", "reason": "gap"}
    assert json.loads(as_json(ReceivedReset("agent:1", "gap"))) == reset
