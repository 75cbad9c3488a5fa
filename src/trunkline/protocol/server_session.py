"""One connection's protocol state on the server: frames in, effects out.

The hub feeds frames and results in, and carries the effects out in order. A session decides everything that a
client can observe; the hub only authorizes, reads logs, runs snapshot providers and writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, assert_never

import msgspec

from trunkline.codes import CloseCode, ErrorCode
from trunkline.errors import Conflict, Forbidden, InvalidTopic, RequestError
from trunkline.positions import Position
from trunkline.protocol import messages as m
from trunkline.protocol.codec import BadMessage, Frame, decode_client, encode, encode_data, find_message_id
from trunkline.protocol.rate import TokenBucket
from trunkline.protocol.recovery import Hole, Logged, LogView, ResetReason, Resume, decide, release
from trunkline.topics import Topic, parse_topic


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """What one connection may ask of the server.

    Attributes:
        max_message_bytes: bytes of one incoming message.
        max_subscriptions: topics at a time.
        max_calls: calls that run at a time.
        messages_per_second: sustained rate; `message_burst` may come at once.
        message_burst: messages that may come at once.
        refusals: by how many messages those refused for their rate may outnumber those taken since, before the
            connection is closed with 4505.
        auth_timeout: seconds to authenticate in.
        ping_interval: the longest silence wanted of a client, in seconds; one twice as long ends its connection.
        held_events: live events held back for one subscription while its snapshot runs.
        held_bytes: bytes of the same.
    """

    max_message_bytes: int = 64 * 1024
    max_subscriptions: int = 128
    max_calls: int = 128
    messages_per_second: float = 50.0
    message_burst: int = 200
    refusals: int = 1_000
    auth_timeout: float = 5.0
    ping_interval: float = 120.0
    held_events: int = 1_000
    held_bytes: int = 1024 * 1024


# Effects


@dataclass(frozen=True, slots=True)
class Send:
    """Write a frame; an urgent one goes ahead of events, and of `asked` ones a client that reads none gets no more."""

    frame: Frame
    urgent: bool = False
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """Write frames of the log, in order, behind the answer that has counted them."""

    frames: Sequence[Frame]


@dataclass(frozen=True, slots=True)
class Count:
    """Something happened that an operator wants to see: `errors`, `resets` or `recoveries`, with its kind."""

    what: Literal["errors", "resets", "recoveries"]
    kind: str


@dataclass(frozen=True, slots=True)
class Reported:
    """The client told what it saw and repaired."""

    seen: m.Seen


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection with a code and its sentence."""

    code: CloseCode
    reason: str


@dataclass(slots=True, eq=False)
class Attempt:
    """One try at a subscription. A newer try for the same topic replaces it; results for an old one are ignored.

    Attributes:
        topic: what is subscribed to.
        since: the position to resume after, if any.
        message_id: echoed in the answer, and then forgotten.
        lagged: the server itself resumes a subscription that fell behind.
        answered: whether the client has its one answer.
        live: whether live entries are written, not held.
        position: what has been sent for it, once known.
        held: live entries that wait for the answer; None once they were too many.
        restarts: how often its snapshot had to be taken again.
    """

    topic: Topic
    since: Position | None = None
    message_id: str | None = None
    lagged: bool = False
    answered: bool = False
    live: bool = False
    position: Position | None = None
    held: "list[Logged[Frame]] | None" = field(default_factory=list)
    held_bytes: int = 0
    restarts: int = 0

    def take_message_id(self) -> str | None:
        """The message id for the first answer; later messages for the attempt carry none."""
        message_id, self.message_id, self.answered = self.message_id, None, True
        return message_id


@dataclass(frozen=True, slots=True)
class OpenTopic:
    """Authorize, attach so that live entries reach `hold`, read the log after `attempt.since`, answer `attached`."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read the log once more, after `attempt.position`, and answer `attached`."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Run the topic's snapshot provider and answer `provide`, with nothing if the topic has none."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GoLive:
    """From now on live entries are written, not held."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class DropTopic:
    """Detach the topic and stop all work on its attempt."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class CheckToken:
    """Authenticate the token and answer `authenticated` or `not_authenticated`."""

    token: str
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Invoke:
    """Run a call and answer `replied` or `failed`."""

    call: m.Call


Effect = (
    Send
    | Replay
    | Count
    | Reported
    | Close
    | OpenTopic
    | ReadLog
    | TakeSnapshot
    | GoLive
    | DropTopic
    | CheckToken
    | Invoke
)

_MAX_RESTARTS = 3
_TOPICS_A_MESSAGE = 1_024


class ServerSession:
    """The server's side of one connection.

    Args:
        limits: what the connection may ask.
        now: seconds; every later time is on the same clock.
        authenticated: whether the handshake carried valid credentials.
    """

    def __init__(self, limits: SessionLimits, *, now: float, authenticated: bool) -> None:
        self.limits = limits
        self.is_authenticated = authenticated
        self.last_heard = now
        self._opened_at = now
        self._ping_interval: float | None = None
        self._rate = TokenBucket(limits.messages_per_second, limits.message_burst, now)
        self._refused = 0
        self._running_calls = 0
        self._attempts: dict[Topic, Attempt] = {}
        self._waiting_topics: list[object] | None = None

    @property
    def subscriptions(self) -> int:
        """How many topics are subscribed or being subscribed."""
        return len(self._attempts)

    def greet(self, connection_id: str, server_time: str) -> list[Effect]:
        """Greet a client that named the subprotocol. It knows now what silence is wanted of it."""
        self._expect_within(self.limits.ping_interval)
        limits = m.ConnectionLimits(
            max_message_bytes=self.limits.max_message_bytes,
            max_subscriptions=self.limits.max_subscriptions,
            messages_per_second=self.limits.messages_per_second,
        )
        message = m.Connected(
            connection_id=connection_id,
            protocol=m.PROTOCOL,
            server_time=server_time,
            ping_interval=self.limits.ping_interval,
            limits=limits,
        )
        return [_send(message)]

    def open_initial(self, topics: list[str]) -> list[Effect]:
        """Subscribe to the topics of the URL, at once or as soon as the client has authenticated."""
        if self.is_authenticated:
            return self._subscribe(m.Subscribe(topics=list(topics)))
        self._waiting_topics = list(topics)
        return []

    # Frames

    def receive(self, frame: str, now: float) -> list[Effect]:
        """Take a text frame."""
        self.last_heard = now
        refusal = self._over_rate(now, frame)
        if refusal is not None:
            return refusal
        limit = self.limits.max_message_bytes
        if len(frame) > limit or len(frame.encode("utf-8", "surrogatepass")) > limit:
            return [_close(CloseCode.MESSAGE_TOO_LARGE)]
        try:
            message = decode_client(frame)
        except BadMessage as bad:
            return _refuse(bad, message_id=bad.message_id, urgent=True)
        return self._dispatch(message)

    def receive_binary(self, now: float) -> list[Effect]:
        """Take a binary frame: version 2 in JSON has none, so it is answered by an error."""
        self.last_heard = now
        refusal = self._over_rate(now)
        if refusal is not None:
            return refusal
        error = RequestError("This protocol takes text frames; a binary frame came")
        return _refuse(error, urgent=True)

    def receive_control(self, now: float) -> list[Effect]:
        """Take note of a ping or pong of the WebSocket itself, which counts against the rate as messages do."""
        self.last_heard = now
        return self._over_rate(now) or []

    def _over_rate(self, now: float, frame: str = "") -> list[Effect] | None:
        if self._rate.take(now):
            self._refused = max(0, self._refused - 1)
            return None
        self._refused += 1
        if self._refused > self.limits.refusals:
            return [_close(CloseCode.BANNED_BY_RATE)]
        sentence = f"Too many messages: at most {self.limits.messages_per_second:g} a second are taken"
        message_id = find_message_id(frame) if len(frame) <= self.limits.max_message_bytes else None
        return _refuse(RequestError(sentence, code=ErrorCode.RATE_LIMITED), message_id=message_id, urgent=True)

    def _dispatch(self, message: m.ClientMessage) -> list[Effect]:
        match message:
            case m.Ping():
                return self._ping(message)
            case m.Authenticate(token=token, message_id=message_id):
                return [CheckToken(token, message_id)]
            case _ if not self.is_authenticated:
                error = RequestError("Send `authenticate` with a token first", code=ErrorCode.UNAUTHENTICATED)
                return _refuse(error, message_id=message.message_id, urgent=True)
            case m.Subscribe():
                return self._subscribe(message)
            case m.Unsubscribe():
                return self._unsubscribe(message)
            case m.Call():
                return self._call(message)
            case _:
                assert_never(message)

    def _ping(self, ping: m.Ping) -> list[Effect]:
        self._expect_within(ping.interval or self.limits.ping_interval)
        pong = _send(m.Pong(timestamp=ping.timestamp, message_id=ping.message_id), urgent=True)
        return [pong] if ping.seen is None else [Reported(ping.seen), pong]

    # Subscriptions

    def _too_many_topics(self, message: m.Subscribe | m.Unsubscribe) -> list[Effect]:
        """Refuse a message as a whole that asks for more answers than any use of it needs."""
        limit = max(_TOPICS_A_MESSAGE, self.limits.max_subscriptions)
        if len(message.topics) <= limit:
            return []
        error = RequestError(f"At most {limit} topics a message", code=ErrorCode.TOO_LARGE)
        return _refuse(error, message_id=message.message_id)

    def _subscribe(self, message: m.Subscribe) -> list[Effect]:
        effects = self._too_many_topics(message)
        if effects:
            return effects
        for item in message.topics:
            try:
                topic, since = _read_topic(item)
                effects += self._open(Attempt(topic, since, message.message_id))
            except RequestError as error:
                name = item.get("topic") if isinstance(item, dict) else item
                shown = name if isinstance(name, str) else None
                effects += _refuse(error, topic=shown, message_id=message.message_id)
        return effects

    def _open(self, attempt: Attempt) -> list[Effect]:
        limit = self.limits.max_subscriptions
        if attempt.topic not in self._attempts and len(self._attempts) >= limit:
            sentence = f"At most {limit} subscriptions a connection; unsubscribe from a topic first"
            raise RequestError(sentence, code=ErrorCode.TOO_MANY_SUBSCRIPTIONS)
        effects = self._replace(attempt.topic, "A newer subscribe took the place of this one")
        self._attempts[attempt.topic] = attempt
        return [*effects, OpenTopic(attempt)]

    def _replace(self, topic: Topic, reason: str) -> list[Effect]:
        """End the present attempt for a topic, with an answer if it had none yet."""
        old = self._attempts.pop(topic, None)
        if old is None:
            return []
        effects: list[Effect] = [DropTopic(topic)]
        if not old.answered:
            error = Conflict(f"{topic}: {reason}")
            effects += _refuse(error, topic=str(topic), message_id=old.message_id)
        return effects

    def _unsubscribe(self, message: m.Unsubscribe) -> list[Effect]:
        effects = self._too_many_topics(message)
        if effects:
            return effects
        done: list[str] = []
        for text in message.topics:
            try:
                effects += self._replace(parse_topic(text), "Unsubscribed before it was answered")
                done.append(text)
            except InvalidTopic as error:
                effects += _refuse(error, topic=text, message_id=message.message_id)
        return [*effects, _send(m.UnsubscribeSuccess(topics=done, message_id=message.message_id), asked=True)]

    def fell_behind(self, topic: Topic, position: Position) -> list[Effect]:
        """Resume a live subscription of which everything after `position` was not written; others are ignored."""
        old = self._attempts.get(topic)
        if old is None or not old.live:
            return []
        attempt = Attempt(topic, position, lagged=True, answered=True)
        self._attempts[topic] = attempt
        return [OpenTopic(attempt)]

    def _start_afresh(self, topic: Topic) -> list[Effect]:
        """Open a subscription anew that fell behind further than its log reaches."""
        attempt = self._attempts[topic] = Attempt(topic, answered=True)
        return [OpenTopic(attempt)]

    def is_resuming(self, topic: Topic) -> bool:
        """Whether a subscription that fell behind, and is live for the client, has not caught up yet."""
        attempt = self._attempts.get(topic)
        return attempt is not None and attempt.lagged and not attempt.live

    def live_since(self, topic: Topic) -> Position | None:
        """The position after which a subscription is live; None if it is not."""
        attempt = self._attempts.get(topic)
        return attempt.position if attempt is not None and attempt.live else None

    def was_sent(self, topic: Topic, position: Position) -> bool:
        """Whether a live subscription began after this position: an event of it comes late, and is not missed."""
        began = self.live_since(topic)
        return began is not None and began.epoch == position.epoch and position.seq <= began.seq

    def revoke(self, topic: Topic, reason: str) -> list[Effect]:
        """End a subscription because the right to it ended."""
        attempt = self._attempts.get(topic)
        if attempt is None:
            return []
        if not attempt.answered:
            return self.refuse(attempt, Forbidden(str(topic)))
        del self._attempts[topic]
        return [DropTopic(topic), _send(m.Revoked(topic=str(topic), reason=reason))]

    def is_current(self, attempt: Attempt) -> bool:
        """Whether results for this attempt still matter."""
        return self._attempts.get(attempt.topic) is attempt

    def hold(self, attempt: Attempt, entry: Logged[Frame]) -> None:
        """Keep a live entry back until the attempt is answered; past the bound, forget all and read the log later."""
        if attempt.held is None:
            return
        attempt.held_bytes += len(entry.frame)
        attempt.held.append(entry)
        if len(attempt.held) > self.limits.held_events or attempt.held_bytes > self.limits.held_bytes:
            attempt.held = None

    def attached(self, attempt: Attempt, view: LogView[Frame]) -> list[Effect]:
        """Take a log view that was read after attaching: answer with a replay, or ask for a snapshot."""
        if not self.is_current(attempt):
            return []
        sent_before = attempt.position is not None
        decision = decide(attempt.position or attempt.since, view)
        if isinstance(decision, Resume):
            return self._resume(attempt, view, decision.entries)
        if sent_before:
            attempt.restarts += 1
            if attempt.restarts > _MAX_RESTARTS:
                return [_close(CloseCode.INSUFFICIENT_STATE)]
        attempt.position = None
        reason = ResetReason.SLOW if attempt.lagged and decision.reason is ResetReason.GAP else decision.reason
        effects: list[Effect] = []
        if reason is not None:
            effects += [Count("resets", reason), _send(m.Reset(topic=str(attempt.topic), reason=reason.value))]
            if attempt.lagged:
                return [*effects, *self._start_afresh(attempt.topic)]
            if not attempt.answered:
                effects.append(Count("recoveries", "snapshot"))
        # What was too much to hold stays lost for now: after the snapshot the log is read again.
        attempt.since = Position(view.epoch, view.seq)
        return [*effects, TakeSnapshot(attempt)]

    def _resume(self, attempt: Attempt, view: LogView[Frame], entries: Sequence[Logged[Frame]]) -> list[Effect]:
        """Send the missed entries, and what was held and joins them, as one block that the client can count."""
        frames = [entry.frame for entry in entries]
        seq = view.seq
        held, attempt.held, attempt.held_bytes = attempt.held, [], 0
        if held is not None:
            joined = release(seq, held)
            if isinstance(joined, Hole):
                held = None
            else:
                frames += joined.frames
                seq = joined.seq
        attempt.position = Position(view.epoch, seq)
        effects: list[Effect] = [] if attempt.answered else [Count("recoveries", "resumed")]
        effects += _block(attempt, attempt.position, frames)
        return [*effects, _go_live(attempt) if held is not None else ReadLog(attempt)]

    def provide(self, attempt: Attempt, kind: str | None = None, data: object = None) -> list[Effect]:
        """Take a snapshot, stamped with the position read before it was taken; without `kind` the topic has none.

        Raises:
            TypeError: the data is not JSON-encodable.
        """
        if not self.is_current(attempt) or attempt.since is None:
            return []
        # Encoding may fail, and then the refusal is the one answer.
        raw = None if kind is None else encode_data(data)
        position = attempt.since
        topic, (epoch, seq), message_id = str(attempt.topic), position, attempt.take_message_id()
        answer: m.Subscribed | m.Snapshot
        if kind is None or raw is None:
            answer = m.Subscribed(topic=topic, epoch=epoch, seq=seq, message_id=message_id)
        else:
            answer = m.Snapshot(type=kind, topic=topic, epoch=epoch, seq=seq, data=raw, message_id=message_id)
        attempt.position = position
        return [_send(answer), *self._release(attempt, position)]

    def _release(self, attempt: Attempt, position: Position) -> list[Effect]:
        held, attempt.held, attempt.held_bytes = attempt.held, [], 0
        if held is None:
            return [ReadLog(attempt)]
        joined = release(position.seq, held)
        if isinstance(joined, Hole):
            return [ReadLog(attempt)]
        attempt.position = Position(position.epoch, joined.seq)
        if not joined.frames:
            return [_go_live(attempt)]
        return [*_block(attempt, attempt.position, joined.frames), _go_live(attempt)]

    def refuse(self, attempt: Attempt, error: RequestError) -> list[Effect]:
        """End an attempt with an error."""
        if not self.is_current(attempt):
            return []
        del self._attempts[attempt.topic]
        answer = _refuse(error, topic=str(attempt.topic), message_id=attempt.take_message_id())
        return [DropTopic(attempt.topic), *answer]

    # Authentication and calls

    def authenticated(self, expires_at: str | None, message_id: str | None) -> list[Effect]:
        """The token was good; the topics of the URL are opened now."""
        self.is_authenticated = True
        answer = _send(m.Authenticated(expires_at=expires_at, message_id=message_id), urgent=True)
        waiting, self._waiting_topics = self._waiting_topics, None
        return [answer, *(self._subscribe(m.Subscribe(topics=waiting)) if waiting else [])]

    def not_authenticated(self, message_id: str | None) -> list[Effect]:
        """The token was no good; the connection stays until its time to authenticate is over."""
        error = RequestError("The token is not valid or has expired", code=ErrorCode.UNAUTHENTICATED)
        return _refuse(error, message_id=message_id, urgent=True)

    def _call(self, call: m.Call) -> list[Effect]:
        if self._running_calls >= self.limits.max_calls:
            sentence = f"Too many calls: at most {self.limits.max_calls} of a connection run at a time"
            return _refuse(RequestError(sentence, code=ErrorCode.RATE_LIMITED), message_id=call.message_id, urgent=True)
        self._running_calls += 1
        return [Invoke(call)]

    def replied(self, call: m.Call, result: object, positions: list[m.PublishedPosition]) -> list[Effect]:
        """A call succeeded.

        Raises:
            TypeError: the result is not JSON-encodable.
        """
        reply = _send(m.Reply(message_id=call.message_id, result=result, positions=positions), urgent=True)
        self._running_calls -= 1
        return [reply]

    def failed(self, call: m.Call, error: RequestError) -> list[Effect]:
        """A call failed."""
        self._running_calls -= 1
        wire = m.WireError(error.code, error.sentence, _details(error))
        return [Count("errors", error.code), _send(m.Reply(message_id=call.message_id, error=wire), urgent=True)]

    # Time

    def tick(self, now: float) -> list[Effect]:
        """Enforce the time to authenticate in, and end the connection of a peer that is gone. Called each second.

        A client that was not greeted and never pinged is none that keeps a line alive, and may be silent.
        """
        if not self.is_authenticated and now - self._opened_at > self.limits.auth_timeout:
            return [_close(CloseCode.UNAUTHENTICATED)]
        if self._ping_interval is not None and now - self.last_heard > 2 * self._ping_interval:
            return [_close(CloseCode.PING_TIMEOUT)]
        return []

    def _expect_within(self, interval: float) -> None:
        """Expect to hear from the peer within twice the interval at which it pings."""
        self._ping_interval = min(interval, self.limits.ping_interval)

    def leave(self, reason: str, retry_after_ms: int) -> list[Effect]:
        """Tell the client that the server drains."""
        return [_send(m.Goaway(reason=reason, retry_after_ms=retry_after_ms), urgent=True)]


def _read_topic(item: object) -> tuple[Topic, Position | None]:
    """Read one element of `topics`.

    Raises:
        InvalidTopic: it is neither a topic nor `{"topic", "since"}` with a valid topic.
        RequestError: its `since` is no position.
    """
    if not isinstance(item, dict):
        return parse_topic(item), None
    topic = parse_topic(item.get("topic"))
    try:
        wanted = msgspec.convert(item, m.TopicSince)
    except msgspec.ValidationError as error:
        raise RequestError(f"Invalid `since` for {topic}: {error}") from error
    since = wanted.since
    return topic, None if since is None else Position(since.epoch, since.seq)


def _block(attempt: Attempt, position: Position, frames: Sequence[Frame]) -> list[Effect]:
    """Frames that count for this topic alone: other subscriptions may have another life of their log by now."""
    message = m.Resumed(
        topic=str(attempt.topic),
        epoch=position.epoch,
        seq=position.seq,
        recovered=len(frames),
        message_id=attempt.take_message_id(),
    )
    return [_send(message), Replay(frames)] if frames else [_send(message)]


def _go_live(attempt: Attempt) -> GoLive:
    attempt.live = True
    attempt.held = attempt.since = None  # not needed any more, and ten thousand of them have their price
    return GoLive(attempt)


def _send(message: m.ServerMessage, *, urgent: bool = False, asked: bool = False) -> Send:
    return Send(encode(message), urgent, asked or urgent)


def _details(error: RequestError) -> msgspec.Raw | None:
    """The details as JSON, or None where they cannot be encoded: the sentence has to arrive."""
    try:
        return None if error.details is None else encode_data(error.details)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def _refuse(
    error: RequestError, *, topic: str | None = None, message_id: str | None = None, urgent: bool = False
) -> list[Effect]:
    shown = topic if topic is None or len(topic) <= 200 else f"{topic[:197]}..."
    details = _details(error)
    message = m.Error(code=error.code, error=error.sentence, details=details, topic=shown, message_id=message_id)
    return [Count("errors", error.code), _send(message, urgent=urgent, asked=True)]


def _close(code: CloseCode) -> Close:
    return Close(code, code.sentence)
