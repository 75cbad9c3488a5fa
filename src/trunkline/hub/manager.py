"""The hub itself: it carries out what the sessions decide, and fans events out to their subscribers."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from trunkline.brokers.base import Broker, Delivery
from trunkline.codes import CloseCode
from trunkline.errors import RequestError, Unauthenticated, internal_error
from trunkline.handler_watch import HandlerWatch, WatchOptions
from trunkline.hub.access import Access, Authenticate, Authorize, Handshake, Principal, deny_all, nobody
from trunkline.hub.admission import Admission, AdmissionOptions
from trunkline.hub.calls import CallContext, CallRegistry
from trunkline.hub.connection import Connection, Transport
from trunkline.hub.deliveries import Deliveries
from trunkline.hub.fanout import Fanouts, FlushOptions
from trunkline.hub.index import SubscriberIndex
from trunkline.hub.openings import Openings
from trunkline.hub.refusal_log import RefusalLog
from trunkline.hub.snapshots import SnapshotRegistry
from trunkline.hub.stats import HubStats
from trunkline.protocol import messages as m
from trunkline.protocol.server_session import (
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
from trunkline.topics import Topic

logger = logging.getLogger(__name__)

_GOODBYE = "The server stops"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOptions:
    """How the hub treats connections.

    Attributes:
        session: what one connection may ask.
        budget: bytes unsent to one connection before it lags.
        lag_timeout: seconds a lagging connection may make no progress before it is closed with 4000.
        max_connections: connections in all.
        max_connections_per_principal: connections of one principal.
        admission: how many handshakes are taken, and when the others shall come back.
        flush: when events that wait are written.
        namespace_flush: other times for the events of some namespaces.
        watch: when a handler that keeps the event loop is logged.
        clock: seconds, monotonic.
        wall_clock: Unix time in seconds.
    """

    session: SessionLimits = field(default_factory=SessionLimits)
    budget: int = 1024 * 1024
    lag_timeout: float = 60.0
    max_connections: int = 15_000
    max_connections_per_principal: int = 100
    admission: AdmissionOptions = field(default_factory=AdmissionOptions)
    flush: FlushOptions = field(default_factory=FlushOptions)
    namespace_flush: Mapping[str, FlushOptions] = field(default_factory=dict)
    watch: WatchOptions = field(default_factory=WatchOptions)
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time


class TopicConnectionManager:
    """Connections, topics, and the way of an event to its subscribers.

    Transports call `connect`, `receive`, `wrote` and `disconnect`, the broker calls `deliver`, and the line calls
    `sweep` about once a second. All on one event loop.

    Attributes:
        watch: runs the application's functions, and logs those that keep the event loop.
        snapshots: providers by topic pattern.
        calls: methods by name.
        stats: counters.
        connections: open connections by id.
        admission: which handshakes are taken.
        loop_lag: seconds the event loop ran late at the last look.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        authenticate: Authenticate = nobody,
        authorize: Authorize = deny_all,
        options: HubOptions | None = None,
    ) -> None:
        self.options = options or HubOptions()
        self.watch = HandlerWatch(self.options.watch, self.options.clock)
        self.snapshots = SnapshotRegistry(self.watch)
        self.calls = CallRegistry(self.watch)
        self.stats = HubStats()
        self.connections: dict[str, Connection] = {}
        self._access = Access(authenticate, authorize, self.watch, self.options.wall_clock)
        self._index = SubscriberIndex(broker.attach, broker.detach)
        self._fanouts = Fanouts(self.options.flush, self.options.namespace_flush, self.stats, self.options.clock)
        self._deliveries = Deliveries(self._index, self._fanouts, self.stats, self.options.clock)
        self._openings = Openings(broker, self._index, self._access, self.snapshots, self._perform)
        self._per_principal: dict[str, int] = {}
        self._refusals = RefusalLog()
        self._clock = self.options.clock
        self.admission = Admission(self.options.admission, self._clock())
        self.loop_lag = 0.0
        self._drained_by: float | None = None
        self._emptied: asyncio.Event | None = None

    @property
    def topics(self) -> int:
        """How many topics and feeds have subscribers."""
        return len(self._index)

    @property
    def draining(self) -> bool:
        """Whether the hub takes no more connections."""
        return self._drained_by is not None

    # Connections

    def retry_after(self) -> float | None:
        """Ask to take one more handshake: None for yes, else the seconds after which to try again."""
        if len(self.connections) >= self.options.max_connections or self.draining:
            return self._postpone()
        return self.admission.ask(self._clock())

    def _postpone(self) -> float:
        """Seconds after which to come back when the hub drains or is full."""
        now = self._clock()
        return self.admission.postpone(now, not_before=0.0 if self._drained_by is None else self._drained_by - now)

    def has_subscribers(self, channel: str) -> bool:
        """Whether anybody is subscribed to a topic, or to the channel of a feed."""
        return self._index.get(channel) is not None

    def observe_lag(self, seconds: float) -> None:
        """Note how late the event loop runs: over a bound, fewer handshakes are taken."""
        self.loop_lag = seconds
        self.stats.worst_loop_lag = max(self.stats.worst_loop_lag, seconds)
        self.admission.observe_lag(seconds, self._clock())

    async def authenticate(self, handshake: Handshake) -> Principal | None:
        """Ask the application who this is; None for nobody, and for credentials that have run out."""
        return await self._access.identify(handshake)

    def connect(
        self,
        transport: Transport,
        handshake: Handshake,
        principal: Principal | None,
        *,
        greet: bool = False,
        initial_topics: Iterable[str] = (),
    ) -> Connection:
        """Take a connection whose handshake is done. It may be closed at once: see its `closing`."""
        now = self._clock()
        session = ServerSession(self.options.session, now=now, authenticated=principal is not None)
        budget = self.options.budget
        connection = Connection(secrets.token_hex(6), transport, session, handshake, budget=budget, now=now)
        self.connections[connection.id] = connection
        self.stats.connections_opened += 1
        if self.draining:
            self._send_away(connection, self._postpone(), CloseCode.DRAIN)
        elif len(self.connections) > self.options.max_connections:
            self._send_away(connection, self._postpone(), CloseCode.OVERLOADED)
        elif principal is None or self._admit(connection, principal):
            effects = session.greet(connection.id, self._server_time()) if greet else []
            self._perform(connection, effects + session.open_initial(list(initial_topics)))
        return connection

    def _admit(self, connection: Connection, principal: Principal) -> bool:
        """Count the connection for its principal; close it when there are too many."""
        count = self._per_principal.get(principal.id, 0) + 1
        if count > self.options.max_connections_per_principal:
            connection.close(CloseCode.TOO_MANY_CONNECTIONS)
            return False
        self._per_principal[principal.id] = count
        self.stats.sockets_per_client.observe(count)
        connection.principal = principal
        return True

    def disconnect(self, connection: Connection, code: int) -> None:
        """Forget a connection that has ended, and all that was kept or running for it."""
        if self.connections.pop(connection.id, None) is None:
            return
        if not self.connections and self._emptied is not None:
            self._emptied.set()
        connection.closing = True
        connection.cancel_work()
        self._index.drop_all(connection)
        self._refusals.forget(connection.id)
        principal = connection.principal
        if principal is not None:
            left = self._per_principal[principal.id] - 1
            if left:
                self._per_principal[principal.id] = left
            else:
                del self._per_principal[principal.id]
        self.stats.connections_closed[str(int(connection.closed_with or code))] += 1
        self.stats.lifetime.observe(self._clock() - connection.opened_at)

    def receive(self, connection: Connection, frame: str) -> None:
        """Take a text frame from a connection."""
        if not connection.closing:
            self.stats.messages_received += 1
            self._perform(connection, connection.session.receive(frame, self._clock()))

    def receive_binary(self, connection: Connection) -> None:
        """Take a binary frame from a connection."""
        if not connection.closing:
            self.stats.messages_received += 1
            self._perform(connection, connection.session.receive_binary(self._clock()))

    def receive_control(self, connection: Connection) -> None:
        """Take note of a ping or pong of the WebSocket itself, which counts against the rate as messages do."""
        if not connection.closing:
            self._perform(connection, connection.session.receive_control(self._clock()))

    def wrote(self, connection: Connection, size: int, waited: float) -> None:
        """Take note that the network took `size` bytes, the oldest of them queued `waited` seconds ago."""
        connection.outbox.wrote(size)
        connection.unread_answers = max(0, connection.unread_answers - size)
        connection.progress_at = self._clock()
        self.stats.write_latency.observe(waited)
        if connection.lagging and connection.outbox.has_room and not connection.closing:
            self._openings.catch_up(connection)

    def deliver(self, delivery: Delivery) -> None:
        """Let an event go to each of its subscribers, once for each connection. Never awaits, never raises."""
        self._deliveries.deliver(delivery)

    # Effects

    def _perform(  # noqa: C901, PLR0912 - one arm an effect
        self, connection: Connection, effects: Iterable[Effect]
    ) -> ReadLog | TakeSnapshot | None:
        """Carry effects out in order; what needs waiting within a running attempt is returned for it to do."""
        now = self._clock()
        follow: ReadLog | TakeSnapshot | None = None
        for effect in effects:
            match effect:
                case Send(frame=frame, urgent=urgent, asked=asked):
                    if not urgent:
                        self._deliveries.give_pending(connection)
                    connection.send(frame, now, urgent=urgent, asked=asked)
                case Replay(frames=frames):
                    connection.replay(frames, now)
                case Count(what=what, kind=kind):
                    self.stats.count(what, kind)
                    if what == "errors":
                        self._refusals.tell(connection.id, kind, now)
                case Reported(seen=seen):
                    self.stats.count_seen(seen.gaps, seen.duplicates, seen.reordered)
                case Close(code=code, reason=reason):
                    connection.close(code, reason)
                case OpenTopic(attempt=attempt):
                    self._openings.start(connection, attempt)
                case DropTopic(topic=topic):
                    self._openings.drop(connection, topic)
                case GoLive(attempt=attempt):
                    self._openings.go_live(connection, attempt)
                case CheckToken(token=token, message_id=message_id):
                    self._start(connection, self._check_token(connection, token, message_id))
                case Invoke(call=call):
                    self._start(connection, self._invoke(connection, call))
                case ReadLog() | TakeSnapshot():
                    follow = effect
        return follow

    def _start(self, connection: Connection, work: Coroutine[Any, Any, None]) -> None:
        connection.own(asyncio.get_running_loop().create_task(work))

    # Tokens and calls

    async def _check_token(self, connection: Connection, token: str, message_id: str | None) -> None:
        known = connection.handshake
        handshake = Handshake(headers=known.headers, query=known.query, client=known.client, token=token)
        session = connection.session
        try:
            principal = await self.authenticate(handshake)
        except Unauthenticated:
            principal = None
        except Exception:
            logger.exception("Authenticating %r failed", connection)
            principal = None
        if connection.closing:
            return
        if principal is None or not self._take_principal(connection, principal):
            self._perform(connection, session.not_authenticated(message_id))
            return
        expires = None if principal.expires_at is None else _rfc3339(principal.expires_at)
        self._perform(connection, session.authenticated(expires, message_id))

    def _take_principal(self, connection: Connection, principal: Principal) -> bool:
        """Give the connection its principal, or a fresh expiry; another person's token is no fresh one."""
        present = connection.principal
        if present is None:
            return self._admit(connection, principal)
        if (present.id, present.scope) != (principal.id, principal.scope):
            return False
        connection.principal = principal
        return True

    async def _invoke(self, connection: Connection, call: m.Call) -> None:
        session, principal = connection.session, connection.principal
        if principal is None:
            return
        context = CallContext(principal, call.method, call.key)
        try:
            await self._access.require(principal, "call", call.method)
            result = await self.calls.invoke(context, call.params)
            positions = [m.PublishedPosition(p.topic, *p.position) for p in context.published]
            self._perform(connection, session.replied(call, result, positions))
        except RequestError as error:
            self._perform(connection, session.failed(call, error))
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and connection.closing:
                raise
            logger.exception("Call %s of %r failed", call.method, connection)
            self._perform(connection, session.failed(call, internal_error(f"{call.method} failed")))

    # Time and the end

    def sweep(self) -> None:
        """Enforce time limits: authentication, expired credentials, peers that take nothing of what waits for them."""
        now = self._clock()
        for connection in list(self.connections.values()):
            if connection.closing:
                continue
            self._perform(connection, connection.session.tick(now))
            if connection.principal is not None and self._access.has_expired(connection.principal):
                connection.close(CloseCode.UNAUTHENTICATED)
            elif connection.idle_for(now) > self.options.lag_timeout:
                connection.close(CloseCode.SLOW)

    def revoke(self, principal_id: str, topic: Topic, reason: str) -> None:
        """Take a topic away from every connection of a principal."""
        for connection in list(self.connections.values()):
            if connection.principal is not None and connection.principal.id == principal_id:
                self._perform(connection, connection.session.revoke(topic, reason))

    async def wait_empty(self) -> None:
        """Wait until no connection is left; after `drain` it means that every goodbye was written or given up."""
        while self.connections:
            # Made here, because a line may be stopped in another event loop than the last time.
            self._emptied = asyncio.Event()
            await self._emptied.wait()

    def admit(self) -> None:
        """Take connections, also after a drain, and in another event loop than before."""
        self._drained_by = None
        self._fanouts.begin()

    def drain(self, retry_after_ms: Callable[[], int], *, within: float = 0.0) -> None:
        """Take no more connections, and tell each open one how long to stay away once it has ended.

        Everything goes on for the open ones until `close_all`, which is to follow within `within` seconds. Draining
        twice is draining once.

        Args:
            retry_after_ms: gives each connection its milliseconds.
            within: seconds; who wants to connect meanwhile is told to come back after them.
        """
        if self.draining:
            return
        self._drained_by = self._clock() + within
        for connection in list(self.connections.values()):
            self._perform(connection, connection.session.leave(_GOODBYE, retry_after_ms()))

    def close_all(self) -> None:
        """Close every connection, with all that was queued for it written first if its peer reads."""
        for connection in list(self.connections.values()):
            self._deliveries.give_pending(connection)
            connection.close(CloseCode.DRAIN)

    def _send_away(self, connection: Connection, seconds: float, code: CloseCode) -> None:
        reason = _GOODBYE if code is CloseCode.DRAIN else code.sentence
        self._perform(connection, connection.session.leave(reason, round(seconds * 1000)))
        connection.close(code)

    def _server_time(self) -> str:
        return _rfc3339(self.options.wall_clock())


def _rfc3339(unix_seconds: float) -> str:
    moment = datetime.fromtimestamp(unix_seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
