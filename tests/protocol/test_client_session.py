"""The client's session: states, backoff, keep-alive, and the rules of subscriptions one by one.

Whole conversations are in the vectors, and their interleavings in test_client_recovery.py.
"""

from typing import Any

import msgspec
import pytest

from trunkline.codes import CloseCode, ErrorCode
from trunkline.errors import InvalidTopic, RequestError
from trunkline.events import EventType
from trunkline.positions import Position
from trunkline.protocol.backoff import BackoffOptions
from trunkline.protocol.call_queue import CallState, make_call
from trunkline.protocol.client_effects import (
    CallEnded,
    CloseSocket,
    Effect,
    LineState,
    Noticed,
    OpenSocket,
    QueuedCallEnded,
    ReceivedEvent,
    ReceivedReset,
    ReceivedSnapshot,
    SendText,
    StateChanged,
    TopicFailed,
    TopicOpened,
)
from trunkline.protocol.client_session import ClientOptions, ClientSession
from trunkline.protocol.keepalive import KeepAliveOptions

START = Position("e1", 0)


def opened(token: str | None = None, options: ClientOptions | None = None) -> ClientSession:
    session = ClientSession(options, token=token)
    session.start()
    session.opened(0.0)
    return session


def frame(type_: str, **fields: object) -> bytes:
    return msgspec.json.encode({"type": type_, **fields})


def event(topic: str, seq: int, feed_seq: int | None = None) -> bytes:
    fields = {"topic": topic, "seq": seq, "feed_seq": feed_seq}
    return frame("changed", **fields, id=f"{topic} {seq}", time="2026-01-01T00:00:00.000Z", data={"n": seq})


def sent(effects: list[Effect]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(effect.text) for effect in effects if isinstance(effect, SendText)]


def live(session: ClientSession, topic: str, position: Position = START, *, snapshot: bool = False) -> None:
    """Subscribe and be answered."""
    message_id = sent(session.subscribe(topic))[0]["message_id"]
    fields = {"topic": topic, **position._asdict(), "message_id": message_id}
    session.receive(frame("state", **fields, data=0) if snapshot else frame("subscribed", **fields), 0.0)


def received(effects: list[Effect]) -> list[tuple[int, tuple[str, ...]]]:
    return [(effect.seq, effect.subscriptions) for effect in effects if isinstance(effect, ReceivedEvent)]


# States


def in_state(state: LineState) -> ClientSession:
    session = ClientSession()
    if state is not LineState.IDLE:
        session.start()
    if state is LineState.CONNECTED:
        session.opened(0.0)
    if state is LineState.WAITING:
        session.closed(1006, "", 0.0, 0.5)
    if state is LineState.CLOSED:
        session.close()
    assert session.state is state
    return session


@pytest.mark.parametrize("state", LineState)
def test_start_connects_unless_the_line_is_up_or_connecting(state: LineState) -> None:
    session = in_state(state)
    effects = session.start()
    if state in (LineState.CONNECTING, LineState.CONNECTED):
        assert effects == []
        assert session.state is state
    else:
        assert effects == [StateChanged(LineState.CONNECTING), OpenSocket()]


@pytest.mark.parametrize("state", LineState)
def test_only_a_connecting_line_can_be_opened(state: LineState) -> None:
    session = in_state(state)
    if state is LineState.CONNECTING:
        assert session.opened(1.0) == [StateChanged(LineState.CONNECTED)]
    else:
        with pytest.raises(RuntimeError, match=f"cannot go from {state} to connected"):
            session.opened(1.0)


@pytest.mark.parametrize("state", LineState)
def test_a_lost_socket_matters_to_a_line_that_had_or_wanted_one(state: LineState) -> None:
    session = in_state(state)
    if state is LineState.IDLE:
        with pytest.raises(RuntimeError):
            session.closed(1006, "", 1.0, 0.5)
    elif state in (LineState.WAITING, LineState.CLOSED):
        assert session.closed(1006, "", 1.0, 0.5) == []
    else:
        assert session.closed(1006, "gone", 1.0, 0.5) == [StateChanged(LineState.WAITING, 1006, "gone", 0.25)]


@pytest.mark.parametrize("state", LineState)
def test_closing_works_in_every_state_and_twice(state: LineState) -> None:
    session = in_state(state)
    had_socket = state in (LineState.CONNECTING, LineState.CONNECTED)
    effects = session.close()
    assert (CloseSocket(1000) in effects) is had_socket
    assert session.state is LineState.CLOSED
    assert session.close() == []
    assert session.next_deadline() is None
    assert session.tick(1e9, 0.5) == []


def test_a_line_closed_by_the_application_begins_anew_with_its_positions() -> None:
    session = opened()
    live(session, "agent:1", Position("e1", 7))
    session.close()
    session.start()
    [message] = sent(session.opened(9.0))
    assert message["topics"] == [{"topic": "agent:1", "since": {"epoch": "e1", "seq": 7}}]


def test_what_comes_from_a_socket_that_was_given_up_is_ignored() -> None:
    session = opened(token="secret")
    session.subscribe("agent:1")
    session.closed(1006, "", 1.0, 0.5)
    assert session.receive(frame("authenticated", expires_at=None), 1.0) == []
    assert not session.is_ready
    session.close()
    assert session.receive(frame("goaway", reason="", retry_after_ms=0), 1.0) == []


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1011, 1012, 3000, 4000, 4499])
def test_these_codes_lead_to_another_try(code: int) -> None:
    session = opened()
    session.closed(code, "", 1.0, 0.0)
    assert session.state is LineState.WAITING


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010, 4500, 4505, 4999])
def test_these_codes_end_the_line(code: int) -> None:
    session = opened()
    assert session.closed(code, "why", 1.0, 0.0) == [StateChanged(LineState.CLOSED, code, "why")]
    assert session.next_deadline() is None


# Backoff


def waits(session: ClientSession, times: int, chance: float) -> list[float]:
    """Fail to connect that often."""
    found = []
    for _ in range(times):
        session.start()
        [change] = session.closed(1006, "", 0.0, chance)
        assert isinstance(change, StateChanged)
        assert change.retry_in is not None
        found.append(change.retry_in)
    return found


def test_tries_come_later_and_later_up_to_the_cap() -> None:
    assert waits(ClientSession(), 8, 1.0) == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]
    assert waits(ClientSession(), 8, 0.0) == [0.0] + [0.5] * 7


def test_the_options_of_the_backoff_are_used() -> None:
    options = ClientOptions(backoff=BackoffOptions(floor=1.0, cap=3.0))
    assert waits(ClientSession(options), 4, 1.0) == [1.0, 2.0, 3.0, 3.0]


def test_a_connection_that_held_a_minute_starts_the_count_anew() -> None:
    for lasted, wait in ((59.0, 1.0), (60.0, 0.5)):
        session = ClientSession()
        waits(session, 1, 1.0)
        session.start()
        session.opened(100.0)
        change = session.closed(1006, "", 100.0 + lasted, 1.0)[-1]
        assert isinstance(change, StateChanged)
        assert change.retry_in == wait


def test_waiting_ends_at_its_time_and_not_before() -> None:
    session = opened()
    session.closed(1006, "", 10.0, 0.5)
    assert session.next_deadline() == 10.25
    assert session.tick(10.2, 0.5) == []
    assert session.tick(10.25, 0.5) == [StateChanged(LineState.CONNECTING), OpenSocket()]


def test_the_wish_of_the_server_wins_once() -> None:
    session = opened()
    session.receive(frame("goaway", reason="drain", retry_after_ms=3000), 1.0)
    assert session.closed(4002, "", 1.0, 0.5)[-1] == StateChanged(LineState.WAITING, 4002, "", 3.0)
    session.start()
    assert session.closed(1006, "", 4.0, 0.5)[-1] == StateChanged(LineState.WAITING, 1006, "", 0.75)
    session.start()
    wished = session.closed(1006, "", 5.0, 0.5, retry_after=0.0)
    assert wished[-1] == StateChanged(LineState.WAITING, 1006, "", 0.5)


def test_the_wish_of_a_server_that_did_not_close_is_forgotten_with_the_next_connection() -> None:
    session = opened()
    session.receive(frame("goaway", reason="drain", retry_after_ms=9000), 1.0)
    session.closed(4002, "", 1.0, 0.5)
    session.start()
    session.opened(2.0)
    assert session.closed(1006, "", 3.0, 0.5)[-1] == StateChanged(LineState.WAITING, 1006, "", 0.75)


# Keep-alive


def test_only_a_silent_line_is_pinged_and_one_ping_is_enough() -> None:
    session = opened()
    assert session.next_deadline() == 25.0
    session.receive(frame("pong"), 10.0)
    assert session.next_deadline() == 35.0
    assert session.tick(34.9, 0.5) == []
    assert sent(session.tick(35.0, 0.5)) == [{"type": "ping", "timestamp": 35000, "interval": 25.0}]
    assert session.next_deadline() == 43.0
    assert session.tick(42.9, 0.5) == []


def test_a_ping_without_answer_ends_the_connection() -> None:
    session = opened()
    session.tick(25.0, 0.5)
    close, change = session.tick(33.0, 0.5)
    assert close == CloseSocket(4001, at_once=True)
    assert change == StateChanged(LineState.WAITING, 4001, CloseCode.PING_TIMEOUT.sentence, 0.25)
    assert session.closed(1006, "", 33.0, 0.5) == []


def test_anything_heard_answers_a_ping() -> None:
    session = opened()
    session.tick(25.0, 0.5)
    session.receive(event("agent:1", 1), 32.9)
    assert session.tick(33.0, 0.5) == []
    assert session.next_deadline() == 57.9


@pytest.mark.parametrize(("wish", "after"), [(5.0, 5.0), (60.0, 25.0)])
def test_the_shorter_interval_wins(wish: float, after: float) -> None:
    session = opened()
    limits = {"max_message_bytes": 1, "max_subscriptions": 1, "messages_per_second": 1}
    greeting = {"connection_id": "c1", "protocol": "p", "server_time": "t", "ping_interval": wish, "limits": limits}
    [noticed] = session.receive(frame("connected", **greeting), 1.0)
    assert isinstance(noticed, Noticed)
    assert session.connection_id == "c1"
    assert session.next_deadline() == 1.0 + after


def test_a_line_that_holds_is_pinged_less_and_what_it_learned_serves_the_next() -> None:
    session = opened()
    now, intervals = 0.0, []
    for _ in range(20):
        now = session.next_deadline() or now
        intervals += [ping["interval"] for ping in sent(session.tick(now, 0.5))]
        session.receive(frame("pong"), now)
    assert (len(intervals), intervals[-1]) == (20, KeepAliveOptions().cap)
    assert session.next_deadline() == now + KeepAliveOptions().cap
    following = ClientSession(ClientOptions(learned=session.learned))
    following.start()
    following.opened(0.0)
    assert following.next_deadline() == pytest.approx(KeepAliveOptions().cap)


def test_a_silent_line_that_was_cut_makes_the_next_one_ping_sooner() -> None:
    session = opened()
    session.closed(1006, "", 20.0, 0.5)
    session.start()
    session.opened(21.0)
    assert session.next_deadline() == 21.0 + 12.5


# Authentication


def test_nothing_is_asked_before_the_token_was_taken() -> None:
    session = ClientSession(token="secret")
    session.subscribe("agent:1")
    session.start()
    assert sent(session.opened(0.0)) == [{"type": "authenticate", "token": "secret", "message_id": None}]
    assert session.subscribe("agent:2") == []
    assert session.unsubscribe("agent:2") == []
    with pytest.raises(RuntimeError, match="not ready"):
        session.call("x", {})
    [message] = sent(session.receive(frame("authenticated", expires_at=None), 1.0))
    assert message["topics"] == ["agent:1"]
    assert session.is_ready
    assert sent(session.receive(frame("authenticated", expires_at=None), 1.0)) == []


def test_a_line_that_the_server_does_not_know_ends() -> None:
    session = opened()
    session.subscribe("agent:1")
    noticed, close, change = session.receive(frame("error", code="unauthenticated", error="No", message_id="1"), 1.0)
    assert isinstance(noticed, Noticed)
    assert close == CloseSocket(1000)
    assert change == StateChanged(LineState.CLOSED, 4500, "No")


def test_a_topic_may_want_other_credentials_than_the_line() -> None:
    session = opened()
    session.subscribe("agent:1")
    refusal = frame("error", code="unauthenticated", error="Log in again", topic="agent:1", message_id="1")
    assert session.receive(refusal, 1.0) == [TopicFailed("agent:1", ErrorCode.UNAUTHENTICATED, "Log in again")]
    assert session.state is LineState.CONNECTED


# Subscriptions


def test_a_topic_is_subscribed_once() -> None:
    session = opened()
    assert [message["topics"] for message in sent(session.subscribe("agent:1"))] == [["agent:1"]]
    assert session.subscribe("agent:1") == []
    with pytest.raises(InvalidTopic):
        session.subscribe("agent")


def test_events_before_the_answer_and_of_other_topics_are_nothing() -> None:
    session = opened()
    session.subscribe("agent:1")
    assert session.receive(event("agent:1", 1, 1), 0.0) == []
    assert session.receive(event("agent:2", 1, 1), 0.0) == []


def test_positions_and_statistics_tell_what_was_processed() -> None:
    session = opened()
    live(session, "agent:1", Position("e1", 4))
    live(session, "agent:*", Position("e2", 9))
    assert received(session.receive(event("agent:1", 5, 10), 0.0)) == [(5, ("agent:1", "agent:*"))]
    assert received(session.receive(event("agent:1", 5, 10), 0.0)) == []
    assert session.positions() == {"agent:1": Position("e1", 5), "agent:*": Position("e2", 10)}
    assert (session.stats.duplicates, session.stats.gaps) == (2, 0)


def test_a_hole_is_asked_for_once_and_nothing_passes_meanwhile() -> None:
    session = opened()
    live(session, "agent:1")
    [message] = sent(session.receive(event("agent:1", 2), 0.0))
    assert message["topics"] == [{"topic": "agent:1", "since": {"epoch": "e1", "seq": 0}}]
    assert session.receive(event("agent:1", 1), 0.0) == []
    assert session.receive(event("agent:1", 3), 0.0) == []
    assert session.stats.gaps == 1


def test_an_answer_of_the_servers_own_does_not_stand_in_for_the_one_asked_for() -> None:
    session = opened()
    live(session, "agent:1", snapshot=True)
    message_id = sent(session.receive(event("agent:1", 3), 0.0))[0]["message_id"]
    fields = {"topic": "agent:1", "epoch": "e1"}
    assert session.receive(frame("state", **fields, seq=7, data=7), 0.0) == []
    assert session.receive(frame("reset", topic="agent:1", reason="gap"), 0.0) == [ReceivedReset("agent:1", "gap")]
    effects = session.receive(frame("state", **fields, seq=9, data=9, message_id=message_id), 0.0)
    assert [type(effect) for effect in effects] == [TopicOpened, ReceivedSnapshot]
    assert received(session.receive(event("agent:1", 10), 0.0)) == [(10, ("agent:1",))]


def test_the_server_repairs_a_live_subscription_unasked() -> None:
    session = opened()
    live(session, "agent:1")
    effects = session.receive(frame("resumed", topic="agent:1", epoch="e1", seq=2, recovered=2), 0.0)
    assert effects == [TopicOpened("agent:1", Position("e1", 2), resumed=True, recovered=2)]
    assert [received(session.receive(event("agent:1", seq), 0.0)) for seq in (1, 2, 3)] == [
        [(1, ("agent:1",))],
        [(2, ("agent:1",))],
        [(3, ("agent:1",))],
    ]
    assert session.stats.recovered == 2


def test_frames_of_a_replay_that_nobody_waits_for_any_more_are_nothing_to_others() -> None:
    session = opened()
    session.subscribe("agent:*", Position("e1", 4))
    session.unsubscribe("agent:*")
    live(session, "agent:1", Position("e9", 0))
    assert session.receive(frame("resumed", topic="agent:*", epoch="e1", seq=6, recovered=2, message_id="1"), 0.0) == []
    for number in (1, 2):
        assert session.receive(event("agent:1", number, 4 + number), 0.0) == []
    assert received(session.receive(event("agent:1", 1, 7), 0.0)) == [(1, ("agent:1",))]


def test_a_replay_shorter_than_announced_takes_no_frames_of_others() -> None:
    session = opened()
    live(session, "agent:2")
    live(session, "agent:1")
    session.receive(frame("resumed", topic="agent:1", epoch="e1", seq=5, recovered=5), 0.0)
    assert received(session.receive(event("agent:1", 1), 0.0)) == [(1, ("agent:1",))]
    assert received(session.receive(event("agent:2", 1), 0.0)) == [(1, ("agent:2",))]
    assert received(session.receive(event("agent:1", 2), 0.0)) == [(2, ("agent:1",))]


def test_a_cut_replay_is_over_with_its_connection() -> None:
    session = opened()
    live(session, "agent:1")
    live(session, "agent:*")
    session.receive(frame("resumed", topic="agent:1", epoch="e1", seq=9, recovered=9), 0.0)
    session.closed(1006, "", 0.0, 0.0)
    session.start()
    message_id = sent(session.opened(0.0))[0]["message_id"]
    for topic in ("agent:1", "agent:*"):
        session.receive(frame("resumed", topic=topic, epoch="e1", seq=0, recovered=0, message_id=message_id), 0.0)
    assert received(session.receive(event("agent:1", 1, 1), 0.0)) == [(1, ("agent:1", "agent:*"))]


def test_a_replay_of_another_life_is_not_taken() -> None:
    session = opened()
    live(session, "agent:1", Position("e1", 3))
    [message] = sent(session.receive(frame("resumed", topic="agent:1", epoch="e2", seq=3, recovered=0), 0.0))
    assert message["topics"] == [{"topic": "agent:1", "since": {"epoch": "e1", "seq": 3}}]


def test_a_reset_is_told_once_and_voids_the_position_even_if_the_line_is_cut_then() -> None:
    session = opened()
    live(session, "agent:1", Position("e1", 3))
    reset = frame("reset", topic="agent:1", reason="epoch")
    assert session.receive(reset, 0.0) == [ReceivedReset("agent:1", "epoch")]
    assert session.receive(reset, 0.0) == []
    assert session.positions() == {}
    session.closed(1006, "", 0.0, 0.0)
    session.start()
    assert sent(session.opened(0.0))[0]["topics"] == ["agent:1"]
    assert session.stats.resets == 1


def test_events_between_a_reset_and_the_fresh_start_are_nothing() -> None:
    session = opened()
    live(session, "agent:1", snapshot=True)
    session.receive(frame("reset", topic="agent:1", reason="slow"), 0.0)
    assert session.receive(event("agent:1", 1), 0.0) == []


def test_a_topic_with_snapshots_is_refreshed_and_others_are_not() -> None:
    session = opened()
    live(session, "agent:1", Position("e1", 3), snapshot=True)
    live(session, "agent:2")
    assert session.refresh("agent:2") == []
    assert session.refresh("agent:3") == []
    assert [message["topics"] for message in sent(session.refresh("agent:1"))] == [["agent:1"]]
    assert [session.has_snapshot(topic) for topic in ("agent:1", "agent:2", "agent:3")] == [True, False, False]


def test_a_refresh_without_a_connection_is_a_snapshot_after_the_next() -> None:
    session = opened()
    live(session, "agent:1", Position("e1", 3), snapshot=True)
    session.closed(1006, "", 0.0, 0.0)
    assert session.refresh("agent:1") == []
    session.start()
    assert sent(session.opened(0.0))[0]["topics"] == ["agent:1"]


@pytest.mark.parametrize("code", [ErrorCode.RATE_LIMITED, ErrorCode.INTERNAL])
def test_what_will_pass_is_tried_again_and_the_answer_ends_that(code: ErrorCode) -> None:
    session = opened()
    session.subscribe("agent:1")
    session.receive(frame("error", code=code, error="Later", message_id="1"), 2.0)
    assert session.next_deadline() == 3.0
    [message] = sent(session.tick(3.0, 0.5))
    assert message["topics"] == ["agent:1"]
    session.receive(frame("error", code=code, error="Later"), 3.0)
    assert session.next_deadline() == 4.0
    answer = frame("subscribed", topic="agent:1", epoch="e1", seq=0, message_id=message["message_id"])
    session.receive(answer, 3.5)
    assert session.next_deadline() == 28.5


def test_a_live_subscription_that_the_server_lost_is_asked_for_again() -> None:
    session = opened()
    live(session, "agent:1", Position("e1", 2))
    session.receive(frame("error", code="internal", error="It broke", topic="agent:1"), 2.0)
    [message] = sent(session.tick(3.0, 0.5))
    assert message["topics"] == [{"topic": "agent:1", "since": {"epoch": "e1", "seq": 2}}]


def test_a_message_refused_as_a_whole_ends_all_that_it_asked_for() -> None:
    session = ClientSession()
    for topic in ("agent:1", "agent:2"):
        session.subscribe(topic)
    session.start()
    session.opened(0.0)
    effects = session.receive(frame("error", code="too_large", error="Too many", message_id="1"), 0.0)
    assert effects == [TopicFailed(topic, ErrorCode.TOO_LARGE, "Too many") for topic in ("agent:1", "agent:2")]
    assert str(effects[0].to_error()) == "Too many" if isinstance(effects[0], TopicFailed) else False


def test_an_error_for_an_older_attempt_is_only_noticed() -> None:
    session = opened()
    session.subscribe("agent:1")
    session.unsubscribe("agent:1")
    session.subscribe("agent:1")
    old = frame("error", code="conflict", error="Replaced", topic="agent:1", message_id="1")
    [noticed] = session.receive(old, 0.0)
    assert isinstance(noticed, Noticed)
    assert session.subscribe("agent:1") == []


def test_a_revoked_topic_is_gone() -> None:
    session = opened()
    live(session, "agent:1")
    [failed] = session.receive(frame("revoked", topic="agent:1", reason="Not yours any more"), 0.0)
    assert failed == TopicFailed("agent:1", None, "Not yours any more")
    assert failed.to_error().code is ErrorCode.FORBIDDEN
    assert session.positions() == {}


# Calls


def test_a_call_is_answered_by_its_reply_by_an_error_under_its_id_or_by_a_cut() -> None:
    session = opened()
    ids = [session.call("x", {})[0] for _ in range(3)]
    [replied] = session.receive(frame("reply", message_id=ids[0], result=7), 0.0)
    [refused] = session.receive(frame("error", code="rate_limited", error="Slow down", message_id=ids[1]), 0.0)
    cut, _ = session.closed(1006, "", 0.0, 0.0)
    assert isinstance(replied, CallEnded)
    assert replied.reply is not None
    assert replied.reply.result == 7
    assert isinstance(refused, CallEnded)
    assert refused.reply is not None
    assert refused.reply.error is not None
    assert refused.reply.error.code is ErrorCode.RATE_LIMITED
    assert cut == CallEnded(ids[2], None, cut=True)


def test_a_reply_counts_once() -> None:
    session = opened()
    message_id, _ = session.call("x", {})
    reply = frame("reply", message_id=message_id)
    assert len(session.receive(reply, 0.0)) == 1
    assert session.receive(reply, 0.0) == []
    assert session.receive(frame("reply"), 0.0) == []


# Frames and payloads


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b'{"type":"subscribed"}', b'{"type":"x","id":"1"}', b"\xff"])
def test_a_frame_that_is_no_message_is_reported(text: bytes) -> None:
    with pytest.raises(RequestError, match="unreadable"):
        opened().receive(text, 0.0)


class Named(msgspec.Struct, frozen=True):
    name: str


RENAMED = EventType("client_session_renamed", Named, topic="agent:{name}")


def test_payloads_are_read_plain_or_typed() -> None:
    session = opened()
    live(session, "agent:1", snapshot=True)
    message = {"topic": "agent:1", "seq": 1, "id": "1", "time": "t", "data": {"name": "Ann"}}
    [effect] = session.receive(frame("client_session_renamed", **message), 0.0)
    assert isinstance(effect, ReceivedEvent)
    assert effect.data == {"name": "Ann"}
    assert effect.read(RENAMED) == Named("Ann")
    other = EventType("client_session_other", Named, topic="agent:{name}")
    assert effect.read(other) is None


# Queued calls


def test_a_queued_call_that_came_too_fast_is_sent_again_and_keeps_its_place() -> None:
    session = opened()
    [first] = sent(session.enqueue(make_call("a", "note.add", {})))
    assert session.enqueue(make_call("b", "note.add", {})) == []
    session.receive(frame("error", code="rate_limited", error="Too fast", message_id=first["message_id"]), 1.0)
    assert session.next_deadline() == 2.0
    assert session.enqueue(make_call("c", "note.add", {})) == []
    [again] = sent(session.tick(2.0, 0.5))
    assert (again["key"], again["message_id"] != first["message_id"]) == ("a", True)


def test_a_queued_call_whose_message_is_refused_fails_and_makes_room() -> None:
    session = opened()
    [first] = sent(session.enqueue(make_call("a", "note.add", {})))
    session.enqueue(make_call("b", "note.add", {}))
    refusal = frame("error", code="invalid_message", error="No", message_id=first["message_id"])
    ended, following = session.receive(refusal, 1.0)
    assert isinstance(ended, QueuedCallEnded)
    assert (ended.call.key, ended.call.state) == ("a", CallState.FAILED)
    assert sent([following])[0]["key"] == "b"
    assert [call.key for call in session.queued()] == ["b"]


def test_a_call_that_the_server_would_not_take_is_refused_here_and_the_line_stays() -> None:
    session = opened()
    with pytest.raises(RequestError, match="nothing was sent") as refused:
        session.call("note.add", {"text": "x" * 70_000})
    assert refused.value.code == "too_large"
    [ended] = session.enqueue(make_call("a", "note.add", {"text": "x" * 70_000}))
    assert isinstance(ended, QueuedCallEnded)
    assert ended.call.state is CallState.FAILED
    assert [message["key"] for message in sent(session.enqueue(make_call("b", "note.add", {})))] == ["b"]
