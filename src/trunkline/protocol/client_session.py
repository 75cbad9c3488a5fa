"""The client's side of a line: what was asked for, where each topic stands, and when to ping or connect again.

The shell feeds it frames, closes and the passing of time, and carries the effects out in order. It holds no socket
and no clock; `chance` arguments are uniform in [0, 1).
"""

from dataclasses import dataclass, field
from typing import Any, assert_never

from trunkline.codes import CloseCode, ErrorCode, may_reconnect
from trunkline.errors import RequestError
from trunkline.positions import Position, Step, judge
from trunkline.protocol import messages as m
from trunkline.protocol.backoff import Backoff, BackoffOptions
from trunkline.protocol.call_queue import CallQueue, QueuedCall
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
from trunkline.protocol.codec import decode_server, encode
from trunkline.protocol.keepalive import Due, KeepAlive, KeepAliveOptions, Learned
from trunkline.protocol.line_stats import LineStats, SeenReport
from trunkline.topics import Topic, feed_topic, parse_topic

_LEGAL = {
    LineState.IDLE: {LineState.CONNECTING, LineState.CLOSED},
    LineState.CONNECTING: {LineState.CONNECTED, LineState.WAITING, LineState.CLOSED},
    LineState.CONNECTED: {LineState.WAITING, LineState.CLOSED},
    LineState.WAITING: {LineState.CONNECTING, LineState.CLOSED},
    LineState.CLOSED: {LineState.CONNECTING},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """Times in seconds.

    Attributes:
        keepalive: when to ping, and when to give up.
        learned: what an earlier line of the same network taught about its silences.
        resubscribe_after: pause before a subscription that failed for a passing reason is tried again.
        backoff: when to connect again.
    """

    keepalive: KeepAliveOptions = field(default_factory=KeepAliveOptions)
    learned: Learned | None = None
    resubscribe_after: float = 1.0
    backoff: BackoffOptions = field(default_factory=BackoffOptions)


@dataclass(slots=True)
class _Subscription:
    """One topic that the application wants.

    `asked` is the message id of the attempt in flight, None once it is answered; `position` is what was processed;
    `hole_end`, while a hole is being repaired, the number that came too early.
    """

    topic: Topic
    position: Position | None
    asked: str | None = None
    is_live: bool = False
    has_snapshot: bool = False
    retry_at: float | None = None
    hole_end: int | None = None

    def fills_hole(self, seq: int) -> bool:
        """Whether an event would have come before one that was seen already."""
        return self.hole_end is not None and self.position is not None and self.position.seq < seq < self.hole_end


_NO_CLOSE_FRAME = 1006
_MESSAGE_BYTES = 64 * 1024
"""What a server takes that has not said otherwise."""

_PASSING = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.INTERNAL})


class ClientSession:
    """One line's protocol state on the client.

    Args:
        options: times.
        token: sent with `authenticate` as the first message of each connection; None where the handshake carries
            the credentials.
    """

    def __init__(self, options: ClientOptions | None = None, *, token: str | None = None) -> None:
        self.state = LineState.IDLE
        self.stats = LineStats()
        self.connection_id: str | None = None
        self._options = options or ClientOptions()
        self._token = token
        self._backoff = Backoff(self._options.backoff)
        self._subscriptions: dict[str, _Subscription] = {}
        self._calls: dict[str, str] = {}
        self._queue = CallQueue()
        self._queue_retry_at: float | None = None
        self._max_message_bytes = _MESSAGE_BYTES
        self._ids = 0
        self._ready = False
        self._replaying: tuple[str, int] | None = None
        self._keepalive = KeepAlive(self._options.keepalive, self._options.learned)
        self._opened_at = 0.0
        self._retry_at: float | None = None
        self._server_retry: float | None = None
        self._report = SeenReport(self.stats)

    @property
    def is_ready(self) -> bool:
        """Whether requests can be sent: the socket is open and, where a token is to be sent first, it was taken."""
        return self._ready

    @property
    def learned(self) -> Learned:
        """What this line has learned of its network; give it to the next one there."""
        return self._keepalive.learned

    def positions(self) -> dict[str, Position]:
        """What has been processed of each subscribed topic, where anything has."""
        return {name: sub.position for name, sub in self._subscriptions.items() if sub.position is not None}

    # Life of the connection

    def start(self) -> list[Effect]:
        """Connect, now or sooner than planned; nothing happens if the line is up or connecting."""
        if self.state in (LineState.CONNECTING, LineState.CONNECTED):
            return []
        self._retry_at = None
        return [self._to(LineState.CONNECTING), OpenSocket()]

    def opened(self, now: float) -> list[Effect]:
        """The socket is open."""
        self._opened_at = now
        self._keepalive.opened(now)
        self._server_retry = None
        self._replaying = None
        self._report.cut()
        self.stats.connects += 1
        effects: list[Effect] = [self._to(LineState.CONNECTED)]
        if self._token is not None:
            return [*effects, _send(m.Authenticate(token=self._token))]
        return [*effects, *self._get_ready()]

    def _get_ready(self) -> list[Effect]:
        self._ready = True
        return [*self._ask(list(self._subscriptions.values())), *self._send_queued()]

    def closed(
        self, code: int, reason: str, now: float, chance: float, retry_after: float | None = None
    ) -> list[Effect]:
        """The socket has closed, or could not be opened.

        Args:
            code: the close code; 1006 where there was none.
            reason: what came with it.
            now: seconds.
            chance: for the jitter.
            retry_after: whole seconds that the server asked to wait when it refused the handshake, if it did.
        """
        if self.state in (LineState.CLOSED, LineState.WAITING):
            return []
        if self.state is LineState.CONNECTED:
            self._backoff.connection_ended(now - self._opened_at)
            if code == _NO_CLOSE_FRAME:
                self._keepalive.cut(now)
        effects = self._leave_socket()
        if not may_reconnect(code):
            self._retry_at = None
            return [*effects, self._to(LineState.CLOSED, code=code, reason=reason)]
        # Whoever was told the same second is spread over it.
        wished = self._server_retry if retry_after is None else retry_after + chance
        self._server_retry = None  # it was meant for one wait: tries that fail after it back off
        delay = self._backoff.next_delay(chance)
        delay = delay if wished is None else max(wished, 0.0)
        self._retry_at = now + delay
        return [*effects, self._to(LineState.WAITING, code=code, reason=reason, retry_in=delay)]

    def close(self) -> list[Effect]:
        """End the line because the application wants it to; `start` begins anew, with the positions of before."""
        if self.state is LineState.CLOSED:
            return []
        was_open = self.state in (LineState.CONNECTED, LineState.CONNECTING)
        self._retry_at = None
        effects: list[Effect] = [CloseSocket(int(CloseCode.NORMAL))] if was_open else []
        return [*effects, *self._leave_socket(), self._to(LineState.CLOSED, reason="closed by the application")]

    def _leave_socket(self) -> list[Effect]:
        """Forget what belonged to the connection, and cut its calls; positions stay."""
        self._ready = False
        self._queue.cut()
        self._queue_retry_at = None
        for subscription in self._subscriptions.values():
            subscription.is_live, subscription.asked, subscription.retry_at = False, None, None
        cut, self._calls = self._calls, {}
        return [CallEnded(message_id, None, cut=True) for message_id in cut]

    def _to(
        self, state: LineState, *, code: int | None = None, reason: str = "", retry_in: float | None = None
    ) -> StateChanged:
        if state not in _LEGAL[self.state]:
            raise RuntimeError(f"A line cannot go from {self.state} to {state}")
        self.state = state
        return StateChanged(state, code, reason, retry_in)

    # Time

    def next_deadline(self) -> float | None:
        """The time at which `tick` has something to do, or None."""
        if self.state is LineState.WAITING:
            return self._retry_at
        if self.state is not LineState.CONNECTED:
            return None
        retries = [sub.retry_at for sub in self._subscriptions.values() if sub.retry_at is not None]
        if self._queue_retry_at is not None:
            retries.append(self._queue_retry_at)
        return min([self._keepalive.deadline(), *retries])

    def tick(self, now: float, chance: float) -> list[Effect]:
        """Do what is due: connect, ping, give a silent line up, subscribe again."""
        if self.state is LineState.WAITING and self._retry_at is not None and now >= self._retry_at:
            return self.start()
        if self.state is not LineState.CONNECTED:
            return []
        due_now = self._keepalive.tick(now)
        if due_now is Due.DEAD:
            code = CloseCode.PING_TIMEOUT
            return [CloseSocket(int(code), at_once=True), *self.closed(int(code), code.sentence, now, chance)]
        effects: list[Effect] = []
        if due_now is Due.PING:
            effects.append(self._ping(now))
        due = [sub for sub in self._subscriptions.values() if sub.retry_at is not None and now >= sub.retry_at]
        effects += self._ask(due)
        if self._queue_retry_at is not None and now >= self._queue_retry_at:
            self._queue_retry_at = None
            effects += self._send_queued()
        return effects

    def tick_unread(self, now: float) -> list[Effect]:
        """Do what is due while the shell reads no further because the application is behind: only ping."""
        if self.state is LineState.CONNECTED and self._keepalive.tick_unread(now) is Due.PING:
            return [self._ping(now)]
        return []

    def _ping(self, now: float) -> SendText:
        interval, seen = self._keepalive.interval, self._report.news()
        return _send(m.Ping(timestamp=int(now * 1000), interval=interval, seen=seen))

    # Subscriptions and calls

    def subscribe(self, topic: str, since: Position | None = None) -> list[Effect]:
        """Want a topic; if it is subscribed already, nothing happens.

        Raises:
            InvalidTopic: it is no topic.
        """
        if topic in self._subscriptions:
            return []
        subscription = _Subscription(parse_topic(topic), since)
        self._subscriptions[topic] = subscription
        return self._ask([subscription])

    def refresh(self, topic: str) -> list[Effect]:
        """Ask for a fresh snapshot of a subscribed topic that has one, for a handler that joined late.

        Without a connection it comes after the next one is made, instead of a replay.
        """
        sub = self._subscriptions.get(topic)
        if sub is None or not sub.has_snapshot:
            return []
        sub.position = None
        return self._ask([sub])

    def unsubscribe(self, topic: str) -> list[Effect]:
        """Want a topic no more; what is in flight of it is ignored."""
        if self._subscriptions.pop(topic, None) is None or not self._ready:
            return []
        return [_send(m.Unsubscribe(topics=[topic], message_id=self._new_id()))]

    def _ask(self, subscriptions: list[_Subscription]) -> list[Effect]:
        """Subscribe to all of these in one message, each with its position."""
        if not self._ready or not subscriptions:
            return []
        message_id = self._new_id()
        topics: list[Any] = []
        for sub in subscriptions:
            sub.asked, sub.is_live, sub.retry_at, sub.hole_end = message_id, False, None, None
            since = sub.position
            topics.append(
                str(sub.topic)
                if since is None
                else m.TopicSince(str(sub.topic), m.WirePosition(since.epoch, since.seq))
            )
        return [_send(m.Subscribe(topics=topics, message_id=message_id))]

    def call(self, method: str, params: dict[str, Any], key: str | None = None) -> tuple[str, list[Effect]]:
        """Call a method; `CallEnded` follows with the returned message id.

        Raises:
            RuntimeError: the line is not ready.
            RequestError: `too_large`; the server would end the line over such a message.
        """
        if not self._ready:
            raise RuntimeError("The line is not ready for calls")
        message_id = self._new_id()
        sending = _send(m.Call(method=method, params=params, key=key, message_id=message_id))
        if (size := len(sending.text.encode())) > self._max_message_bytes:
            raise _too_large(method, size, self._max_message_bytes)
        self._calls[message_id] = method
        return message_id, [sending]

    def enqueue(self, call: QueuedCall) -> list[Effect]:
        """Send a call under its key, now or when the line is back; `QueuedCallEnded` follows, in the order of calls.

        Raises:
            CallQueueFull: too many calls wait; nothing was queued.
        """
        self._queue.add(call)
        return self._send_queued()

    def queued(self) -> list[QueuedCall]:
        """The queued calls that are not answered, in order."""
        return self._queue.calls()

    def _send_queued(self) -> list[Effect]:
        call = self._queue.next_to_send() if self._ready and self._queue_retry_at is None else None
        if call is None:
            return []
        message_id = self._new_id()
        sending = _send(m.Call(method=call.method, params=call.params, key=call.key, message_id=message_id))
        if (size := len(sending.text.encode())) > self._max_message_bytes:
            error = _too_large(call.method, size, self._max_message_bytes)
            self._queue.answered(call, failed=True)
            refusal = m.Reply(message_id=message_id, error=m.WireError(error.code, error.sentence))
            return [QueuedCallEnded(call, refusal), *self._send_queued()]
        self._queue.sent(call, message_id)
        return [sending]

    def _new_id(self) -> str:
        self._ids += 1
        return str(self._ids)

    # Messages

    def has_snapshot(self, topic: str) -> bool:
        """Whether a subscribed topic is known to have a snapshot."""
        sub = self._subscriptions.get(topic)
        return sub is not None and sub.has_snapshot

    def receive(self, text: str | bytes, now: float) -> list[Effect]:  # noqa: C901, PLR0911, PLR0912 - one arm a type
        """Take a text frame; what still comes from a socket that was given up is ignored.

        Raises:
            RequestError: it is no message of this protocol; the line is not to be trusted any more.
        """
        if self.state is not LineState.CONNECTED:
            return []
        self._keepalive.heard(now)
        message = decode_server(text)
        match message:
            case None | m.UnsubscribeSuccess():
                return []
            case m.Pong():
                self._report.answered()
                return []
            case m.EventMessage():
                return self._event(message)
            case m.Snapshot() | m.Subscribed() | m.Resumed():
                return self._answer(message)
            case m.Reset(topic=topic, reason=reason):
                return self._reset(topic, reason)
            case m.Revoked(topic=topic, reason=reason):
                known = self._subscriptions.pop(topic, None)
                return [TopicFailed(topic, None, reason)] if known else []
            case m.Reply():
                return self._reply(message)
            case m.Error():
                return self._error(message, now)
            case m.Connected(connection_id=connection_id, ping_interval=interval, limits=limits):
                self.connection_id = connection_id
                self._max_message_bytes = limits.max_message_bytes
                self._keepalive.limit(interval)
                return [Noticed(message)]
            case m.Authenticated():
                return [Noticed(message), *([] if self._ready else self._get_ready())]
            case m.Goaway(retry_after_ms=wait):
                self._server_retry = wait / 1000
                return [Noticed(message)]
            case _:
                assert_never(message)

    def _reply(self, message: m.Reply) -> list[Effect]:
        queued = self._queue.find(message.message_id)
        if queued is not None:
            self._queue.answered(queued, failed=message.error is not None)
            return [QueuedCallEnded(queued, message), *self._send_queued()]
        if message.message_id is None or self._calls.pop(message.message_id, None) is None:
            return []
        return [CallEnded(message.message_id, message)]

    def _event(self, message: m.EventMessage) -> list[Effect]:
        """Give an event to the subscriptions it is new for; subscribe again where it shows a hole."""
        effects: list[Effect] = []
        fresh: list[str] = []
        for sub, seq in self._concerned(message):
            if not sub.is_live or sub.position is None:
                self.stats.reordered += sub.fills_hole(seq)
                continue
            step = judge(sub.position.seq, seq)
            if step is Step.NEXT:
                sub.position = Position(sub.position.epoch, seq)
                fresh.append(str(sub.topic))
            elif step is Step.OLD:
                self.stats.duplicates += 1
            else:
                self.stats.gaps += 1
                effects += self._ask([sub])
                sub.hole_end = seq
        if fresh:
            effects.insert(0, _received(message, tuple(fresh)))
        return effects

    def _concerned(self, message: m.EventMessage) -> list[tuple[_Subscription, int]]:
        """The subscriptions an event belongs to, with its number in each.

        The frames of a replay count for the resumed topic alone: what they are to other subscriptions comes in those
        subscriptions' own time.
        """
        feed = feed_topic(message.topic)
        numbers = [(message.topic, message.seq)]
        if message.feed_seq is not None:
            numbers.append((feed, message.feed_seq))
        if self._replaying is not None:
            topic, left = self._replaying
            self._replaying = (topic, left - 1) if left > 1 else None
            own = [pair for pair in numbers if pair[0] == topic]
            if own:
                numbers = own
            else:
                self._replaying = None
        return [(sub, seq) for name, seq in numbers if (sub := self._subscriptions.get(name)) is not None]

    def _answer(self, message: m.Snapshot | m.Subscribed | m.Resumed) -> list[Effect]:
        """Take the verdict on a subscription; one for an older attempt is ignored.

        An answer nobody asked for (no `message_id`) is the server's own repair of a live subscription. While an
        attempt of ours is in flight it is an older one too: ours takes its place on the server, and is answered.
        """
        if isinstance(message, m.Resumed):
            self._replaying = (message.topic, message.recovered) if message.recovered else None
        sub = self._subscriptions.get(message.topic)
        if sub is None or message.message_id != sub.asked:
            return []
        sub.asked = sub.retry_at = None
        sub.is_live = True
        if isinstance(message, m.Resumed):
            return self._resumed(sub, message)
        sub.position = Position(message.epoch, message.seq)
        sub.has_snapshot = isinstance(message, m.Snapshot)
        opened = TopicOpened(message.topic, sub.position, resumed=False)
        if isinstance(message, m.Subscribed):
            return [opened]
        return [opened, ReceivedSnapshot(message.type, message.topic, sub.position, bytes(message.data))]

    def _resumed(self, sub: _Subscription, message: m.Resumed) -> list[Effect]:
        if sub.position is None or sub.position.epoch != message.epoch:
            return self._ask([sub])
        self.stats.recovered += message.recovered
        position = Position(message.epoch, message.seq)
        return [TopicOpened(message.topic, position, resumed=True, recovered=message.recovered)]

    def _reset(self, topic: str, reason: str) -> list[Effect]:
        """Tell that a stream broke, once. The position is void, even if the line is cut before the fresh start."""
        sub = self._subscriptions.get(topic)
        if sub is None or sub.position is None:
            return []
        sub.position = None
        sub.is_live = False
        self.stats.resets += 1
        return [ReceivedReset(topic, reason)]

    def _error(self, message: m.Error, now: float) -> list[Effect]:
        """Tell the failure of a call, of a subscription and of the line apart; what will pass is tried again."""
        if message.code is ErrorCode.UNAUTHENTICATED and message.topic is None:
            # Nothing this line asks for will be answered, so the server's time limit need not be waited for.
            closed = self.closed(int(CloseCode.UNAUTHENTICATED), message.error, now, chance=0.0)
            return [Noticed(message), CloseSocket(int(CloseCode.NORMAL)), *closed]
        message_id = message.message_id
        if message_id is not None and self._calls.pop(message_id, None) is not None:
            error = m.WireError(message.code, message.error, message.details)
            return [CallEnded(message_id, m.Reply(message_id=message_id, error=error))]
        queued = self._queue.find(message_id)
        if queued is not None:
            return self._queued_call_refused(queued, message, now)
        failed = self._failed_by(message)
        if not failed:
            return [Noticed(message)]
        if message.code in _PASSING:
            for sub in failed:
                sub.is_live = False
                sub.retry_at = now + self._options.resubscribe_after
            return [Noticed(message)]
        for sub in failed:
            del self._subscriptions[str(sub.topic)]
        return [TopicFailed(str(sub.topic), message.code, message.error) for sub in failed]

    def _queued_call_refused(self, call: QueuedCall, message: m.Error, now: float) -> list[Effect]:
        """The message of a call was refused: nothing happened, so what will pass is sent again under the same key."""
        if message.code in _PASSING:
            self._queue.cut()
            self._queue_retry_at = now + self._options.resubscribe_after
            return [Noticed(message)]
        self._queue.answered(call, failed=True)
        error = m.WireError(message.code, message.error, message.details)
        return [QueuedCallEnded(call, m.Reply(message_id=message.message_id, error=error)), *self._send_queued()]

    def _failed_by(self, message: m.Error) -> list[_Subscription]:
        """The subscriptions that an error speaks of: one by its topic, or all that were asked for in one message.

        A message refused unread has no id in its error, so any attempt in flight may be the one; asking twice is safe.
        """
        if message.topic is not None:
            sub = self._subscriptions.get(message.topic)
            return [sub] if sub is not None and sub.asked == message.message_id else []
        asking = [sub for sub in self._subscriptions.values() if sub.asked is not None]
        if message.message_id is None:
            return asking if message.code in _PASSING else []
        return [sub for sub in asking if sub.asked == message.message_id]


def _received(message: m.EventMessage, subscriptions: tuple[str, ...]) -> ReceivedEvent:
    return ReceivedEvent(
        type=message.type,
        topic=message.topic,
        seq=message.seq,
        feed_seq=message.feed_seq,
        id=message.id,
        time=message.time,
        body=bytes(message.data),
        subscriptions=subscriptions,
    )


def _send(message: m.ClientMessage) -> SendText:
    return SendText(encode(message).text)


def _too_large(method: str, size: int, limit: int) -> RequestError:
    sentence = f"The call of {method} has {size:,} bytes, and the server takes {limit:,}; nothing was sent"
    return RequestError(sentence, code=ErrorCode.TOO_LARGE)
