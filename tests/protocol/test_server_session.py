"""The session by itself, and every interleaving of it with a hub, a log and a client (`World`)."""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.codes import CloseCode, ErrorCode
from trunkline.errors import NotFound, RequestError
from trunkline.positions import Position
from trunkline.protocol import messages as m
from trunkline.protocol.codec import Frame
from trunkline.protocol.recovery import Logged, LogView
from trunkline.protocol.server_session import (
    Attempt,
    CheckToken,
    Close,
    Count,
    DropTopic,
    Effect,
    GoLive,
    Invoke,
    OpenTopic,
    ReadLog,
    Replay,
    Reported,
    Send,
    ServerSession,
    SessionLimits,
    TakeSnapshot,
)
from trunkline.topics import Topic, parse_topic

EMPTY = LogView[Frame]("e", 0, 1, [])


def session_with(*, authenticated: bool = True, **limits: Any) -> ServerSession:
    return ServerSession(SessionLimits(**limits), now=0.0, authenticated=authenticated)


def sent(effects: list[Effect]) -> list[dict[str, Any]]:
    return [json.loads(frame.text) for frame in frames_of(effects)]


def frames_of(effects: Iterable[Effect]) -> list[Frame]:
    """Everything that is to be written, in order."""
    frames: list[Frame] = []
    for effect in effects:
        match effect:
            case Send(frame=frame):
                frames.append(frame)
            case Replay(frames=replayed):
                frames += replayed
            case _:
                pass
    return frames


def receive(session: ServerSession, message: dict[str, Any], now: float = 0.0) -> list[Effect]:
    return session.receive(json.dumps(message), now)


def subscribe(session: ServerSession, *topics: object, message_id: str = "s") -> list[Effect]:
    return receive(session, {"type": "subscribe", "topics": list(topics), "message_id": message_id})


def opened(effects: list[Effect]) -> list[Attempt]:
    return [effect.attempt for effect in effects if isinstance(effect, OpenTopic)]


def logged(seq: int, text: str = "") -> Logged[Frame]:
    return Logged(seq, Frame(json.dumps({"type": "event", "seq": seq, "text": text}).encode()))


def live(session: ServerSession, topic: str = "agent:1") -> Attempt:
    (attempt,) = opened(subscribe(session, topic))
    session.attached(attempt, EMPTY)
    assert GoLive(attempt) in session.provide(attempt)
    return attempt


# Frames


def test_a_greeting_names_the_protocol_and_the_limits() -> None:
    (greeting,) = sent(session_with(max_subscriptions=7).greet("c1", "2026-01-01T00:00:00.000Z"))
    assert greeting == {
        "type": "connected",
        "connection_id": "c1",
        "protocol": "trunkline.v2.json",
        "server_time": "2026-01-01T00:00:00.000Z",
        "ping_interval": 120.0,
        "limits": {"max_message_bytes": 65536, "max_subscriptions": 7, "messages_per_second": 50.0},
    }


def test_a_ping_is_answered_ahead_of_events() -> None:
    effects = receive(session_with(), {"type": "ping", "timestamp": 1.5, "message_id": "a"})
    assert sent(effects) == [{"type": "pong", "timestamp": 1.5, "message_id": "a"}]
    assert isinstance(effects[0], Send)
    assert effects[0].urgent


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "invalid_json"),
        ("\ud800", "invalid_json"),
        ('{"type":"ping","message_id":"\ud800"}', "invalid_json"),
        ("[]", "invalid_message"),
        ('{"type":"dance"}', "unknown_type"),
    ],
)
def test_a_bad_frame_is_answered_by_an_error(frame: str, code: str) -> None:
    effects = session_with().receive(frame, 0.0)
    assert [answer["code"] for answer in sent(effects)] == [code]
    assert Count("errors", code) in effects


def test_a_binary_frame_is_answered_by_an_error() -> None:
    assert [answer["code"] for answer in sent(session_with().receive_binary(0.0))] == ["invalid_message"]


@pytest.mark.parametrize("frame", ["x" * 101, "ä" * 51, "\ud800" * 34])
def test_too_large_a_frame_closes_the_connection(frame: str) -> None:
    (effect,) = session_with(max_message_bytes=100).receive(frame, 0.0)
    assert effect == Close(CloseCode.MESSAGE_TOO_LARGE, CloseCode.MESSAGE_TOO_LARGE.sentence)
    assert not isinstance(session_with(max_message_bytes=102).receive(frame, 0.0)[0], Close)


def test_above_the_rate_messages_are_refused_and_then_the_connection_is_closed() -> None:
    session = session_with(messages_per_second=1.0, message_burst=2, refusals=2)
    ping = {"type": "ping"}
    assert [answer["type"] for _ in range(2) for answer in sent(receive(session, ping))] == ["pong", "pong"]
    for effects in (receive(session, ping), session.receive_binary(0.0)):
        assert [answer["code"] for answer in sent(effects)] == ["rate_limited"]
    assert [answer["type"] for answer in sent(receive(session, ping, now=1.0))] == ["pong"]
    assert [answer["code"] for answer in sent(receive(session, ping, now=1.0))] == ["rate_limited"]
    assert receive(session, ping, now=1.0) == [Close(CloseCode.BANNED_BY_RATE, CloseCode.BANNED_BY_RATE.sentence)]


@pytest.mark.parametrize(("rate", "seconds"), [(110, None), (1_000, 1.5), (40_000, 0.1)])
def test_a_flood_is_closed_although_some_of_it_is_taken(rate: int, seconds: float | None) -> None:
    session = session_with(messages_per_second=50.0, message_burst=200, refusals=1_000)
    closed_at = next(
        (n / rate for n in range(rate * 20) if isinstance(receive(session, {"type": "ping"}, now=n / rate)[0], Close)),
        None,
    )
    assert (closed_at is None) == (seconds is None)
    assert closed_at is None or seconds is None or closed_at < seconds


# Authentication and calls


def test_before_a_token_only_authenticate_and_ping_are_taken() -> None:
    session = session_with(authenticated=False)
    assert session.open_initial(["agent:1"]) == []
    for message in ({"type": "subscribe", "topics": ["agent:1"]}, {"type": "unsubscribe", "topics": ["agent:1"]},
                    {"type": "call", "method": "m"}):  # fmt: skip
        (answer,) = sent(receive(session, {**message, "message_id": "a"}))
        assert (answer["code"], answer["message_id"]) == ("unauthenticated", "a")
    assert [answer["type"] for answer in sent(receive(session, {"type": "ping"}))] == ["pong"]
    assert receive(session, {"type": "authenticate", "token": "t", "message_id": "a"}) == [CheckToken("t", "a")]
    (answer,) = sent(session.not_authenticated("a"))
    assert (answer["code"], answer["message_id"]) == ("unauthenticated", "a")
    effects = session.authenticated("2026-01-01T00:00:00.000Z", "b")
    assert sent(effects) == [{"type": "authenticated", "expires_at": "2026-01-01T00:00:00.000Z", "message_id": "b"}]
    assert [attempt.topic for attempt in opened(effects)] == [Topic("agent", "1")]
    assert opened(session.authenticated(None, None)) == []


def test_the_time_to_authenticate_is_bounded() -> None:
    late = session_with(authenticated=False, auth_timeout=5.0)
    assert late.tick(5.0) == []
    assert late.tick(5.1) == [Close(CloseCode.UNAUTHENTICATED, CloseCode.UNAUTHENTICATED.sentence)]
    assert session_with().tick(1_000.0) == []


def test_a_peer_that_went_silent_is_closed_after_twice_its_own_interval() -> None:
    session = session_with(ping_interval=100.0)
    receive(session, {"type": "ping", "interval": 20})
    assert session.tick(40.0) == []
    assert session.tick(40.1) == [Close(CloseCode.PING_TIMEOUT, CloseCode.PING_TIMEOUT.sentence)]
    receive(session, {"type": "ping", "interval": 10_000})
    assert session.tick(200.0) == []
    assert session.tick(200.1) == [Close(CloseCode.PING_TIMEOUT, CloseCode.PING_TIMEOUT.sentence)]


def test_a_greeted_client_is_expected_to_ping_and_one_that_never_said_so_is_not() -> None:
    greeted, plain = session_with(ping_interval=10.0), session_with(ping_interval=10.0)
    greeted.greet("c1", "2026-01-01T00:00:00.000Z")
    assert greeted.tick(20.1) == [Close(CloseCode.PING_TIMEOUT, CloseCode.PING_TIMEOUT.sentence)]
    assert plain.tick(10_000.0) == []


def test_an_answered_call_makes_room_for_another() -> None:
    session = session_with(max_calls=2)

    def invoked() -> m.Call | None:
        effect, *_ = receive(session, {"type": "call", "method": "m", "params": {}, "message_id": "a"})
        return effect.call if isinstance(effect, Invoke) else None

    first, second = invoked(), invoked()
    assert first is not None
    assert second is not None
    assert invoked() is None
    with pytest.raises(TypeError):
        session.replied(first, object(), [])
    assert invoked() is None
    session.failed(first, RequestError("It has no result"))
    assert invoked() is not None
    assert invoked() is None
    session.replied(second, None, [])
    assert invoked() is not None


def test_a_call_is_invoked_and_answered() -> None:
    session = session_with()
    (effect,) = receive(session, {"type": "call", "method": "m", "params": {"x": 1}, "key": "k", "message_id": "a"})
    call = m.Call(method="m", params={"x": 1}, key="k", message_id="a")
    assert effect == Invoke(call)
    assert sent(session.replied(call, [1], [m.PublishedPosition("agent:1", "e", 3)])) == [
        {
            "type": "reply",
            "message_id": "a",
            "result": [1],
            "positions": [{"topic": "agent:1", "epoch": "e", "seq": 3}],
        }
    ]
    error = RequestError("Busy", code=ErrorCode.CONFLICT, details={"run": 7})
    assert sent(session.failed(call, error)) == [
        {"type": "reply", "message_id": "a", "error": {"code": "conflict", "error": "Busy", "details": {"run": 7}}}
    ]
    with pytest.raises(TypeError):
        session.replied(call, object(), [])


@pytest.mark.parametrize("details", [object(), "\ud800", {object(): 1}])
def test_details_that_cannot_be_encoded_do_not_keep_the_sentence_back(details: object) -> None:
    session = session_with()
    error = RequestError("Busy", code=ErrorCode.CONFLICT, details=details)
    (reply,) = sent(session.failed(m.Call(method="m", message_id="a"), error))
    assert reply["error"] == {"code": "conflict", "error": "Busy"}
    (attempt,) = opened(subscribe(session, "agent:1"))
    (answer,) = sent(session.refuse(attempt, error))
    assert (answer["error"], answer["message_id"]) == ("Busy", "s")
    assert session.subscriptions == 0


def test_leaving_tells_when_to_come_back() -> None:
    assert sent(session_with().leave("restart", 1_500)) == [
        {"type": "goaway", "reason": "restart", "retry_after_ms": 1500}
    ]


# Subscriptions


def test_an_invalid_topic_fails_alone() -> None:
    session = session_with()
    effects = subscribe(
        session, "agent:1", "nonsense", 7, {"topic": "agent:2"}, {"topic": "x"}, {}, [], None,
        {"topic": "agent:3", "since": {"epoch": "e", "seq": 4}}, {"topic": "agent:4", "since": 4},
    )  # fmt: skip
    assert [(a.topic.key, a.since) for a in opened(effects)] == [("1", None), ("2", None), ("3", Position("e", 4))]
    answers = sent(effects)
    assert {answer["message_id"] for answer in answers} == {"s"}
    assert [(answer["code"], answer.get("topic")) for answer in answers] == [
        ("invalid_topic", "nonsense"),
        ("invalid_topic", None),
        ("invalid_topic", "x"),
        ("invalid_topic", None),
        ("invalid_topic", None),
        ("invalid_topic", None),
        ("invalid_message", "agent:4"),
    ]
    assert answers[0]["error"] == "Invalid topic format: nonsense"


def test_a_topic_nested_to_the_limit_of_the_decoder_is_answered() -> None:
    for depth in range(100, 1_000, 7):
        answers = sent(session_with().receive(f'{{"type":"subscribe","topics":[{"[" * depth}{"]" * depth}]}}', 0.0))
        assert [answer["code"] for answer in answers] in (["invalid_topic"], ["invalid_json"])


def test_a_topic_of_10_kb_is_refused_with_a_short_answer() -> None:
    effects = subscribe(session_with(), "x" * 10_000)
    assert [answer["code"] for answer in sent(effects)] == ["invalid_topic"]
    assert all(len(frame) < 600 for frame in frames_of(effects))


def test_subscriptions_are_counted() -> None:
    session = session_with(max_subscriptions=2)
    effects = subscribe(session, "agent:1", "agent:2", "agent:3", "agent:2")
    assert [str(attempt.topic) for attempt in opened(effects)] == ["agent:1", "agent:2", "agent:2"]
    codes = [(answer["code"], answer["topic"]) for answer in sent(effects)]
    assert codes == [("too_many_subscriptions", "agent:3"), ("conflict", "agent:2")]
    receive(session, {"type": "unsubscribe", "topics": ["agent:1"]})
    assert len(opened(subscribe(session, "agent:3"))) == 1
    assert session.subscriptions == 2


@pytest.mark.parametrize("type_", ["subscribe", "unsubscribe"])
def test_a_message_with_more_topics_than_any_use_needs_is_refused_as_a_whole(type_: str) -> None:
    effects = receive(session_with(), {"type": type_, "topics": ["x"] * 1_025, "message_id": "a"})
    (answer,) = sent(effects)
    assert (answer["code"], answer["message_id"]) == ("too_large", "a")
    assert len(sent(receive(session_with(), {"type": type_, "topics": ["x"] * 1_024}))) >= 1_024
    assert not opened(session_with().open_initial(["agent:1"] * 1_025))


def test_the_answers_to_one_message_are_bounded() -> None:
    frame = json.dumps({"type": "subscribe", "topics": [1] * 1_024, "message_id": "\N{GRINNING FACE}" * 128})
    effects = session_with().receive(frame, 0.0)
    assert sum(map(len, frames_of(effects))) < 1024 * 1024


def test_a_topic_without_a_snapshot_is_subscribed() -> None:
    session = session_with()
    (attempt,) = opened(subscribe(session, "agent:1"))
    assert session.attached(attempt, LogView("e", 4, 5, [])) == [TakeSnapshot(attempt)]
    effects = session.provide(attempt)
    assert sent(effects) == [{"type": "subscribed", "topic": "agent:1", "epoch": "e", "seq": 4, "message_id": "s"}]
    assert effects[-1] == GoLive(attempt)


def test_a_snapshot_is_stamped_with_the_position_before_it_and_joined_by_what_was_held() -> None:
    session = session_with()
    (attempt,) = opened(subscribe(session, "agent:1"))
    for seq in (4, 5):
        session.hold(attempt, logged(seq))
    session.attached(attempt, LogView("e", 4, 5, []))
    for seq in (7, 6, 6):
        session.hold(attempt, logged(seq))
    effects = session.provide(attempt, "agent_state", {"id": 1})
    answer, block, *events = sent(effects)
    assert block == {"type": "resumed", "topic": "agent:1", "epoch": "e", "seq": 7, "recovered": 3}
    assert answer == {
        "type": "agent_state", "topic": "agent:1", "epoch": "e", "seq": 4, "data": {"id": 1}, "message_id": "s",
    }  # fmt: skip
    assert [event["seq"] for event in events] == [5, 6, 7]
    assert effects[-1] == GoLive(attempt)


def test_a_position_in_the_log_is_resumed_with_what_was_held_in_one_block() -> None:
    session = session_with()
    (attempt,) = opened(subscribe(session, {"topic": "agent:1", "since": {"epoch": "e", "seq": 2}}))
    for seq in (4, 5, 6):
        session.hold(attempt, logged(seq))
    effects = session.attached(attempt, LogView("e", 4, 1, [logged(3), logged(4)]))
    answer, *events = sent(effects)
    assert answer == {
        "type": "resumed", "topic": "agent:1", "epoch": "e", "seq": 6, "recovered": 4, "message_id": "s",
    }  # fmt: skip
    assert [event["seq"] for event in events] == [3, 4, 5, 6]
    assert effects[-1] == GoLive(attempt)
    assert Count("recoveries", "resumed") in effects


@pytest.mark.parametrize(
    ("since", "reason"), [({"epoch": "old", "seq": 2}, "epoch"), ({"epoch": "e", "seq": 1}, "gap")]
)
def test_a_position_that_cannot_be_honoured_is_reset(since: dict[str, Any], reason: str) -> None:
    session = session_with()
    (attempt,) = opened(subscribe(session, {"topic": "agent:1", "since": since}))
    effects = session.attached(attempt, LogView("e", 4, 4, [logged(4)]))
    assert sent(effects) == [{"type": "reset", "topic": "agent:1", "reason": reason}]
    assert {Count("resets", reason), Count("recoveries", "snapshot")} <= set(effects[:-1])
    assert effects[-1] == TakeSnapshot(attempt)
    (answer,) = sent(session.provide(attempt))
    assert (answer["seq"], answer["message_id"]) == (4, "s")


def test_held_events_past_the_bound_are_read_from_the_log() -> None:
    session = session_with(held_events=3)
    (attempt,) = opened(subscribe(session, "agent:1"))
    session.attached(attempt, EMPTY)
    for seq in range(1, 6):
        session.hold(attempt, logged(seq))
    assert attempt.held is None
    effects = session.provide(attempt, "agent_state", None)
    assert [answer["type"] for answer in sent(effects)] == ["agent_state"]
    assert effects[-1] == ReadLog(attempt)
    session.hold(attempt, logged(6))
    effects = session.attached(attempt, LogView("e", 5, 1, [logged(seq) for seq in range(1, 6)]))
    answer, *events = sent(effects)
    assert (answer["type"], answer["recovered"], answer.get("message_id")) == ("resumed", 6, None)
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert effects[-1] == GoLive(attempt)


def test_what_overflowed_while_the_log_was_read_is_not_forgotten() -> None:
    """The view may be older than what was delivered, and dropped, while it was on its way."""
    session = session_with(held_events=1)
    (attempt,) = opened(subscribe(session, "agent:1"))
    for seq in (1, 2):
        session.hold(attempt, logged(seq))
    session.attached(attempt, EMPTY)
    assert session.provide(attempt)[-1] == ReadLog(attempt)


def test_held_bytes_are_bounded_too() -> None:
    session = session_with(held_bytes=1_000)
    (attempt,) = opened(subscribe(session, "agent:1"))
    session.hold(attempt, logged(1, "x" * 600))
    assert attempt.held is not None
    session.hold(attempt, logged(2, "x" * 600))
    assert attempt.held is None


def test_a_stream_that_cannot_be_made_whole_is_given_up_in_the_end() -> None:
    session = session_with(held_events=0)
    (attempt,) = opened(subscribe(session, "agent:1"))
    effects = session.attached(attempt, EMPTY)
    for seq in range(1, 5):
        assert effects[-1] == TakeSnapshot(attempt)
        session.hold(attempt, logged(seq * 10))
        assert session.provide(attempt)[-1] == ReadLog(attempt)
        effects = session.attached(attempt, LogView("e", seq * 10, seq * 10 + 1, []))
    assert effects == [Close(CloseCode.INSUFFICIENT_STATE, CloseCode.INSUFFICIENT_STATE.sentence)]


def test_a_snapshot_that_cannot_be_encoded_is_no_answer() -> None:
    session = session_with()
    (attempt,) = opened(subscribe(session, "agent:1"))
    session.attached(attempt, EMPTY)
    with pytest.raises(TypeError):
        session.provide(attempt, "agent_state", object())
    (answer,) = sent(session.refuse(attempt, NotFound("Agent", 1)))
    assert (answer["error"], answer["topic"], answer["message_id"]) == ("Agent 1 not found", "agent:1", "s")


def test_results_for_a_replaced_attempt_are_ignored() -> None:
    session = session_with()
    (old,) = opened(subscribe(session, "agent:1", message_id="1"))
    effects = subscribe(session, "agent:1", message_id="2")
    assert effects[0] == DropTopic(old.topic)
    assert [(answer["code"], answer["message_id"]) for answer in sent(effects)] == [("conflict", "1")]
    (new,) = opened(effects)
    assert session.is_current(new)
    assert not session.is_current(old)
    assert session.attached(old, EMPTY) == session.provide(old) == session.refuse(old, NotFound("Agent", 1)) == []
    assert session.attached(new, EMPTY) == [TakeSnapshot(new)]


def test_unsubscribing_answers_what_was_not_answered_yet() -> None:
    session = session_with()
    live(session, "agent:2")
    subscribe(session, "agent:1", message_id="1")
    effects = receive(
        session, {"type": "unsubscribe", "topics": ["agent:1", "agent:2", "agent:3", "bad"], "message_id": "2"}
    )
    assert [(answer["type"], answer.get("code"), answer["message_id"]) for answer in sent(effects)] == [
        ("error", "conflict", "1"),
        ("error", "invalid_topic", "2"),
        ("unsubscribe_success", None, "2"),
    ]
    assert sent(effects)[-1]["topics"] == ["agent:1", "agent:2", "agent:3"]
    assert session.subscriptions == 0


def test_a_revoked_topic_is_dropped_and_told() -> None:
    session = session_with()
    attempt = live(session)
    effects = session.revoke(attempt.topic, "left the team")
    assert effects[0] == DropTopic(attempt.topic)
    assert sent(effects) == [{"type": "revoked", "topic": "agent:1", "reason": "left the team"}]
    assert session.revoke(attempt.topic, "again") == []
    subscribe(session, "agent:1")
    (answer,) = sent(session.revoke(attempt.topic, "left the team"))
    assert (answer["code"], answer["message_id"]) == ("forbidden", "s")


def test_falling_behind_resumes_a_live_subscription_and_no_other() -> None:
    session = session_with()
    topic = parse_topic("agent:1")
    assert session.fell_behind(topic, Position("e", 0)) == []
    (attempt,) = opened(subscribe(session, "agent:1"))
    assert session.fell_behind(topic, Position("e", 0)) == []
    session.attached(attempt, EMPTY)
    session.provide(attempt)
    (resuming,) = opened(session.fell_behind(topic, Position("e", 0)))
    assert resuming.lagged
    effects = session.attached(resuming, LogView("e", 2, 1, [logged(1), logged(2)]))
    answer, *_ = sent(effects)
    assert answer == {"type": "resumed", "topic": "agent:1", "epoch": "e", "seq": 2, "recovered": 2}
    assert Count("recoveries", "resumed") not in effects


def test_falling_behind_the_log_is_a_slow_reset_without_a_second_answer() -> None:
    session = session_with()
    live(session)
    (resuming,) = opened(session.fell_behind(parse_topic("agent:1"), Position("e", 0)))
    effects = session.attached(resuming, LogView("e", 9, 8, [logged(8), logged(9)]))
    assert sent(effects) == [{"type": "reset", "topic": "agent:1", "reason": "slow"}]
    assert not session.is_current(resuming)
    (afresh,) = opened(effects)
    assert sent(session.attached(afresh, LogView("e", 9, 8, []))) == []
    (answer,) = sent(session.provide(afresh, "agent_state", {}))
    assert (answer["type"], answer["seq"], "message_id" in answer) == ("agent_state", 9, False)


# Every interleaving


@dataclass
class Log:
    """A topic's log; frames carry topic, epoch and number."""

    topic: str
    epoch: int = 1
    seq: int = 0
    first: int = 1

    def entry(self, seq: int) -> Logged[Frame]:
        body = {"type": "event", "topic": self.topic, "epoch": str(self.epoch), "seq": seq}
        return Logged(seq, Frame(json.dumps(body).encode()))

    def view(self, since: Position | None) -> LogView[Frame]:
        after = since.seq if since is not None and since.epoch == str(self.epoch) else self.seq
        kept = [self.entry(seq) for seq in range(max(self.first, after + 1), self.seq + 1)]
        return LogView(str(self.epoch), self.seq, self.first, kept)


@dataclass
class Reader:
    """What a client knows of one topic."""

    position: Position | None = None
    is_live: bool = False
    replaying: int = 0
    waiting: deque[str] = field(default_factory=deque)
    answers: int = 0


@dataclass
class World:
    """A session, and around it the simplest hub that keeps its contract: each wait is a job that a step may finish.

    Entries are delivered at once to whoever holds or is live; a read looks at the log in one step and its result
    arrives in another. A lagging connection skips events until it catches up.
    """

    session: ServerSession = field(default_factory=lambda: session_with(held_events=4, max_subscriptions=2))
    logs: dict[str, Log] = field(default_factory=lambda: {name: Log(name) for name in ("a:1", "a:2", "a:3")})
    readers: dict[str, Reader] = field(default_factory=lambda: {name: Reader() for name in ("a:1", "a:2", "a:3")})
    holding: dict[str, Attempt] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    behind: dict[str, Position] = field(default_factory=dict)
    lagging: bool = False
    closed: bool = False
    jobs: list[tuple[str, Attempt, LogView[Frame] | None]] = field(default_factory=list)
    ids: int = 0

    # The hub

    def perform(self, effects: list[Effect]) -> None:  # noqa: C901 - one arm an effect
        for effect in effects:
            match effect:
                case Send() | Replay():
                    for message in sent([effect]):
                        self.read_message(message)
                case OpenTopic(attempt=attempt):
                    if attempt.lagged:
                        self.hold(attempt)
                    self.jobs.append(("open", attempt, None))
                case ReadLog(attempt=attempt):
                    self.jobs.append(("read", attempt, None))
                case TakeSnapshot(attempt=attempt):
                    self.jobs.append(("provide", attempt, None))
                case GoLive(attempt=attempt):
                    name = str(attempt.topic)
                    assert self.holding.pop(name) is attempt
                    self.live.add(name)
                case DropTopic(topic=topic):
                    name = str(topic)
                    self.holding.pop(name, None)
                    self.live.discard(name)
                    self.behind.pop(name, None)
                    self.jobs = [job for job in self.jobs if job[1].topic != topic]
                case Close():
                    self.closed = True
                case _:
                    assert isinstance(effect, Count)

    def hold(self, attempt: Attempt) -> None:
        self.live.discard(str(attempt.topic))
        self.holding[str(attempt.topic)] = attempt

    def publish(self, name: str, count: int) -> None:
        log = self.logs[name]
        for _ in range(count):
            log.seq += 1
            if name in self.holding:
                self.session.hold(self.holding[name], log.entry(log.seq))
            elif name in self.live and self.lagging:
                self.behind.setdefault(name, Position(str(log.epoch), log.seq - 1))
            elif name in self.live:
                self.perform([Send(log.entry(log.seq).frame)])

    def trim(self, name: str, keep: int) -> None:
        log = self.logs[name]
        log.first = max(log.first, log.seq + 1 - keep)

    def lag(self) -> None:
        self.lagging = True

    def catch_up(self) -> None:
        behind, self.behind, self.lagging = self.behind, {}, False
        for name, position in behind.items():
            self.perform(self.session.fell_behind(parse_topic(name), position))

    def work(self, which: int, refusing: bool) -> None:
        """Finish one wait."""
        if not self.jobs:
            return
        name, attempt, view = self.jobs.pop(which % len(self.jobs))
        log = self.logs[str(attempt.topic)]
        if refusing:
            self.perform(self.session.refuse(attempt, NotFound("A", attempt.topic.key)))
        elif name == "open":
            self.hold(attempt)
            self.jobs.append(("view", attempt, log.view(attempt.since)))
        elif name == "read":
            self.jobs.append(("view", attempt, log.view(attempt.position)))
        elif view is not None:
            self.perform(self.session.attached(attempt, view))
        else:
            self.perform(self.session.provide(attempt, "state" if attempt.topic.key == "1" else None, {}))

    # The client

    def subscribe(self, name: str, with_position: bool) -> None:
        reader = self.readers[name]
        self.ids += 1
        message_id = str(self.ids)
        reader.waiting.append(message_id)
        reader.is_live = False
        topic: object = name
        if with_position and reader.position is not None:
            topic = {"topic": name, "since": reader.position._asdict()}
        else:
            reader.position = None
        self.perform(subscribe(self.session, topic, message_id=message_id))

    def unsubscribe(self, name: str) -> None:
        self.perform(receive(self.session, {"type": "unsubscribe", "topics": [name]}))
        self.readers[name].is_live = False

    def read_message(self, message: dict[str, Any]) -> None:
        if message["type"] == "unsubscribe_success":
            return
        reader = self.readers[message["topic"]]
        if "message_id" in message:
            assert message["message_id"] == reader.waiting.popleft(), "answers come in the order of the questions"
        match message["type"]:
            case "error":
                reader.is_live = bool(reader.waiting) and reader.is_live
            case "reset":
                reader.is_live, reader.position, reader.replaying = False, None, 0
            case "state" | "subscribed":
                assert reader.replaying == 0
                reader.position, reader.is_live = Position(message["epoch"], message["seq"]), True
            case "resumed":
                assert reader.position is not None
                assert (reader.replaying, reader.position.epoch) == (0, message["epoch"])
                assert reader.position.seq + message["recovered"] == message["seq"]
                reader.replaying, reader.is_live = message["recovered"], True
            case "event":
                assert reader.is_live
                assert reader.position is not None
                assert Position(message["epoch"], message["seq"] - 1) == reader.position
                reader.position = Position(message["epoch"], message["seq"])
                reader.replaying = max(0, reader.replaying - 1)
            case unexpected:
                raise AssertionError(unexpected)

    def settle(self) -> None:
        """Nothing more is published; everything that waits is finished."""
        self.catch_up()
        while self.jobs and not self.closed:
            self.work(0, refusing=False)


NAMES = st.sampled_from(["a:1", "a:2", "a:3"])
STEPS = st.one_of(
    st.tuples(st.just("subscribe"), NAMES, st.booleans()),
    st.tuples(st.just("unsubscribe"), NAMES),
    st.tuples(st.just("publish"), NAMES, st.integers(1, 6)),
    st.tuples(st.just("trim"), NAMES, st.integers(0, 4)),
    st.tuples(st.just("lag")),
    st.tuples(st.just("catch_up")),
    st.tuples(st.just("work"), st.integers(0, 5), st.just(value=False)),
    st.tuples(st.just("work"), st.integers(0, 5), st.just(value=False)),
    st.tuples(st.just("work"), st.integers(0, 5), st.just(value=True)),
)


@settings(max_examples=500)
@given(st.lists(STEPS, max_size=70))
def test_one_answer_a_subscribe_and_no_hole_between_it_and_live(steps: list[tuple[str, Any, Any]]) -> None:
    world = World()
    for name, *arguments in steps:
        if world.closed:
            return
        getattr(world, name)(*arguments)
    world.settle()
    if world.closed:
        return
    assert world.holding == {}
    for name, reader in world.readers.items():
        assert not reader.waiting, "every subscribe has its answer"
        assert reader.replaying == 0, "what was announced has come"
        if name in world.live:
            assert reader.position == Position("1", world.logs[name].seq)
    assert world.session.subscriptions == len(world.live)


def test_what_a_client_reports_is_told_to_the_hub_and_bounded() -> None:
    session = session_with()
    effects = receive(session, {"type": "ping", "seen": {"gaps": 2, "duplicates": 3}})
    assert effects[0] == Reported(m.Seen(gaps=2, duplicates=3))
    assert [answer["type"] for answer in sent(effects)] == ["pong"]
    assert not any(isinstance(effect, Reported) for effect in receive(session, {"type": "ping"}))
    [refusal] = sent(receive(session, {"type": "ping", "seen": {"gaps": 1_000_001}}))
    assert refusal["code"] == "invalid_message"
