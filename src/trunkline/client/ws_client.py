"""`WsClient`: one connection that comes back by itself, over the sans-IO `ClientSession`."""

import asyncio
import inspect
import logging
import random
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from trunkline.client.call_store import CallStore, MemoryCallStore
from trunkline.client.pending_call import CallResult, PendingCall, read_reply
from trunkline.client.socket import ConnectFailed, Endpoint, Socket, open_socket
from trunkline.codes import CloseCode
from trunkline.errors import CallCut, LineClosed, RequestError
from trunkline.positions import Position
from trunkline.protocol.call_queue import QueuedCall, make_call
from trunkline.protocol.client_effects import (
    CallEnded,
    CloseSocket,
    Effect,
    LineState,
    Notice,
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

if TYPE_CHECKING:
    from trunkline.protocol import messages as m
    from trunkline.protocol.line_stats import LineStats

logger = logging.getLogger(__name__)

_OUTBOX_LIMIT = 1_000
_IN_A_CALL = 10
"""How much more may wait for the application while a call waits for its answer."""

Listener = Callable[[Notice], Awaitable[None] | None]
"""Takes what the session has for the application, in order; sync or async. Awaiting slows the reading of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WsClientOptions:
    """How a client behaves.

    Attributes:
        session: times of keep-alive and backoff.
        inbox_limit: received things that may wait for the application before the line is read no further.
        open_socket: opens a socket; tests give one that fails on purpose.
        clock: seconds, monotonic.
        chance: uniform in [0, 1), for the jitter of reconnecting.
        calls: keeps the queued calls; `SqliteCallStore` lets them outlive the process.
    """

    session: ClientOptions = field(default_factory=ClientOptions)
    inbox_limit: int = 1_000
    open_socket: Callable[[Endpoint], Awaitable[Socket]] = open_socket
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    calls: CallStore = field(default_factory=MemoryCallStore)


class WsClient:
    """A connection to one server: connects, keeps itself alive, comes back after each loss, and subscribes again.

    Callbacks may be sync or async and are called in order, one after the other: `on_connect()` after each opening,
    `on_message(update)` for each thing received for the application (`ReceivedEvent`, `ReceivedSnapshot`,
    `ReceivedReset`, `TopicOpened`, `TopicFailed`, `Noticed`), `on_disconnect(change)` after each loss with the
    `StateChanged` that says what comes next. What they raise is logged.

    Args:
        endpoint: where to connect, or its URL.
        token: an access token, sent as `Authorization: Bearer`.
        options: times and the means for tests.
    """

    def __init__(
        self,
        endpoint: Endpoint | str,
        *,
        token: str | None = None,
        options: WsClientOptions | None = None,
        on_connect: Callable[[], Awaitable[None] | None] | None = None,
        on_message: Listener | None = None,
        on_disconnect: Callable[[StateChanged], Awaitable[None] | None] | None = None,
    ) -> None:
        given = Endpoint(url=endpoint) if isinstance(endpoint, str) else endpoint
        headers = {**given.headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        self.endpoint = Endpoint(
            url=given.url, headers=headers, open_timeout=given.open_timeout, ssl_context=given.ssl_context
        )
        self.on_connect = on_connect
        self.on_message = on_message
        self.on_disconnect = on_disconnect
        self._options = options or WsClientOptions()
        self._session = ClientSession(self._options.session)
        self._listeners: list[Listener] = []
        self._inbox: deque[Notice] = deque()
        self._inbox_changed = asyncio.Event()
        self._outbox: asyncio.Queue[str] = asyncio.Queue(_OUTBOX_LIMIT)
        self._calls: dict[str, tuple[str, asyncio.Future[m.Reply]]] = {}
        self._pending: dict[str, PendingCall] = {}
        self._state_changed = asyncio.Event()
        self._socket: Socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reader_waits = False
        self._ended: StateChanged | None = None
        self._finished = False
        self._run_task: asyncio.Task[None] | None = None
        self._dispatch_task: asyncio.Task[None] | None = None
        self._close_task: asyncio.Task[None] | None = None

    @property
    def state(self) -> LineState:
        """What the line is doing now."""
        return self._session.state

    @property
    def stats(self) -> "LineStats":
        """What the line went through."""
        return self._session.stats

    @property
    def ended(self) -> StateChanged | None:
        """Why the line is closed for good, once it is."""
        return self._ended

    def add_listener(self, listener: Listener) -> None:
        """Also hand everything that `on_message` gets, and each `StateChanged`, to this listener."""
        self._listeners.append(listener)

    # Life

    async def start(self) -> None:
        """Begin to connect; returns at once. Errors of the connection come through `on_disconnect`.

        Calls that an earlier process left in the call store are queued first.
        """
        if self._run_task is None:
            loop = asyncio.get_running_loop()
            for kept in self._options.calls.load():
                if kept.key not in self._pending:
                    self._enqueue(kept)
            self._perform(self._session.start())
            self._run_task = loop.create_task(self._run())
            self._run_task.add_done_callback(self._run_ended)
            self._dispatch_task = loop.create_task(self._dispatch())

    def _run_ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("The connection's task failed; the line is closed", exc_info=error)
            code, reason = int(CloseCode.PROTOCOL_ERROR), f"The client failed: {error}"
            self._perform(self._session.closed(code, reason, self._options.clock(), chance=0.0))

    async def close(self) -> None:
        """Close the line, hand over what was received, and end all tasks. Closing twice is closing once.

        A callback may call it; what was received is then handed over after that callback.
        """
        self._perform(self._session.close())
        if self._run_task is not None and self._socket is None:
            self._run_task.cancel()
        self._finished = True
        self._inbox_changed.set()
        for pending in self._pending.values():
            pending.end(None)
        tasks = {self._run_task, self._dispatch_task, self._close_task} - {None, asyncio.current_task()}
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()

    async def __aenter__(self) -> Self:
        """Start to connect."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the line."""
        await self.close()

    def reconnect_now(self) -> None:
        """Connect at once instead of waiting, as when the network is known to be back."""
        if self._session.state is LineState.WAITING:
            self._perform(self._session.start())

    async def wait_ready(self) -> None:
        """Wait until requests can be sent.

        Raises:
            LineClosed: the line is closed for good.
        """
        while not self._session.is_ready:
            if self.state is LineState.CLOSED:
                raise self._closed_error()
            self._state_changed.clear()
            await self._state_changed.wait()

    def _closed_error(self) -> LineClosed:
        change = self._ended
        return LineClosed(change.code, change.reason) if change else LineClosed(None, "The line was closed")

    # Requests

    def subscribe(self, topic: str, since: Position | None = None) -> None:
        """Want a topic, now and after each reconnect; with `since`, from that position on.

        Raises:
            InvalidTopic: it is no topic.
        """
        self._perform(self._session.subscribe(topic, since))

    def refresh(self, topic: str) -> bool:
        """Ask for a fresh snapshot of a topic; return whether one will come, because the topic has snapshots."""
        self._perform(self._session.refresh(topic))
        return self._session.has_snapshot(topic)

    def unsubscribe(self, topic: str) -> None:
        """Want a topic no more; what was received of it and not yet handed over is dropped."""
        self._perform(self._session.unsubscribe(topic))
        kept = (_without(topic, effect) for effect in self._inbox)
        self._inbox = deque(effect for effect in kept if effect is not None)
        self._inbox_changed.set()

    async def call(self, method: str, params: dict[str, Any] | None = None, *, key: str | None = None) -> CallResult:
        """Call a method of the server once the line is up, and wait for the answer.

        With a `key` it is queued as `enqueue` does, and its answer is waited for across cuts; without one it waits for
        the line, and ends with the connection it was sent on.

        Raises:
            RequestError: the server refused; `code` says why.
            CallCut: the line was cut before the answer came, and the call had no key.
            CallQueueFull: too many calls with a key wait.
            LineClosed: the line is closed for good.
        """
        if key is not None:
            return await self.enqueue(method, params, key=key).result()
        await self.wait_ready()
        message_id, effects = self._session.call(method, params or {})
        answer: asyncio.Future[m.Reply] = asyncio.get_running_loop().create_future()
        self._calls[message_id] = (method, answer)
        self._inbox_changed.set()  # a reader that waits for the application reads on, because the answer must be read
        try:
            self._perform(effects)
            reply = await answer
        finally:
            self._calls.pop(message_id, None)
        return read_reply(reply)

    def enqueue(self, method: str, params: dict[str, Any] | None = None, *, key: str | None = None) -> PendingCall:
        """Keep a call until it is answered: it is sent now or when the line is back, in the order of calls.

        It takes effect once, if its method sees to it as the protocol says. A key that waits already is the same call.

        Args:
            method: what to call.
            params: JSON-encodable.
            key: idempotency key; a new one unless given.

        Raises:
            CallQueueFull: 1,000 calls or 1 MiB wait already; nothing was queued.
            TypeError: the parameters are not JSON-encodable.
        """
        call = make_call(key or uuid.uuid4().hex, method, params or {})
        if known := self._pending.get(call.key):
            return known
        pending = self._enqueue(call)
        self._options.calls.add(call)
        return pending

    def _enqueue(self, call: QueuedCall) -> PendingCall:
        effects = self._session.enqueue(call)
        pending = self._pending[call.key] = PendingCall(call)
        self._inbox_changed.set()
        self._perform(effects)
        return pending

    @property
    def pending_calls(self) -> list[PendingCall]:
        """The queued calls that are not answered, in order."""
        return list(self._pending.values())

    # The connection's task

    async def _run(self) -> None:
        """Connect, read until the end, wait, and again, until the line is closed."""
        while self.state is not LineState.CLOSED:
            if self.state is LineState.CONNECTING:
                await self._serve_connection()
            else:
                self._state_changed.clear()
                await self._state_changed.wait()

    async def _serve_connection(self) -> None:
        now, chance = self._options.clock, self._options.chance
        try:
            socket = await self._options.open_socket(self.endpoint)
        except ConnectFailed as error:
            self._perform(self._session.closed(error.code, error.reason, now(), chance(), error.retry_after))
            return
        if self.state is not LineState.CONNECTING:
            await socket.close(int(CloseCode.NORMAL))
            return
        self._socket = socket
        self._outbox = asyncio.Queue(_OUTBOX_LIMIT)
        writer = asyncio.get_running_loop().create_task(self._write(socket, self._outbox))
        try:
            self._perform(self._session.opened(now()))
            await self._read(socket)
        finally:
            self._socket = None
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        # Otherwise the session gave the socket up itself, and may be connecting again by now.
        if self._session.state is LineState.CONNECTED:
            self._perform(self._session.closed(socket.close_code, socket.close_reason, now(), chance()))

    async def _read(self, socket: Socket) -> None:
        async for text in socket:
            try:
                effects = self._session.receive(text, self._options.clock())
            except RequestError as error:
                logger.error("%s", error)
                code = int(CloseCode.PROTOCOL_ERROR)
                ended = self._session.closed(code, str(error), self._options.clock(), chance=0.0)
                effects = [CloseSocket(code), *ended]
            self._perform(effects)
            await self._wait_for_inbox()

    async def _wait_for_inbox(self) -> None:
        """Stop reading until the application has caught up; meanwhile silence does not mean that the line is dead.

        While a call waits for its answer reading goes on, because the application may wait for nothing else. When
        that takes too much memory the line is dropped: the call ends, and what was not read comes again.
        """
        limit = self._options.inbox_limit
        self._reader_waits = True
        try:
            while len(self._inbox) >= limit and self._session.state is LineState.CONNECTED:
                if self._calls and len(self._inbox) < limit * _IN_A_CALL:
                    return
                if self._calls:
                    self._drop("A call waits for its answer behind too many updates")
                    return
                self._arm_timer()
                self._inbox_changed.clear()
                await self._inbox_changed.wait()
        finally:
            self._reader_waits = False

    def _drop(self, why: str) -> None:
        """Give the connection up; the line comes back by itself."""
        logger.warning("%s; the line is dropped and comes back", why)
        ended = self._session.closed(1006, why, self._options.clock(), self._options.chance())
        self._perform([CloseSocket(1006, at_once=True), *ended])

    async def _write(self, socket: Socket, outbox: "asyncio.Queue[str]") -> None:
        while True:
            await socket.send(await outbox.get())

    # Effects

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case OpenSocket():
                    pass  # the state says it, and `_run` acts on the state
                case SendText(text=text):
                    self._send(text)
                case CloseSocket():
                    self._close_socket(effect)
                case CallEnded():
                    self._end_call(effect)
                case QueuedCallEnded(call=call, reply=reply):
                    self._options.calls.remove(call.key)
                    self._pending.pop(call.key).end(reply)
                case _:
                    self._inbox.append(effect)
                    self._inbox_changed.set()
            if isinstance(effect, StateChanged):
                self._ended = effect if effect.state is LineState.CLOSED else None
        self._state_changed.set()
        self._arm_timer()

    def _send(self, text: str) -> None:
        try:
            self._outbox.put_nowait(text)
        except asyncio.QueueFull:
            self._drop("The server takes no more messages")

    def _close_socket(self, effect: CloseSocket) -> None:
        if self._socket is None:
            return
        if effect.at_once:
            self._socket.abort()
            return
        self._close_task = asyncio.get_running_loop().create_task(self._socket.close(effect.code))

    def _arm_timer(self) -> None:
        """Wake at the next deadline, or in a second while the reader waits.

        A deadline that moved later costs nothing: the timer finds nothing due and goes on.
        """
        deadline = self._session.next_deadline()
        if deadline is None:
            return
        loop = asyncio.get_running_loop()
        wait = 1.0 if self._reader_waits else max(0.0, deadline - self._options.clock())
        when = loop.time() + wait
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = loop.call_at(when, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._options.clock()
        if self._reader_waits:
            self._perform(self._session.tick_unread(now))
        else:
            self._perform(self._session.tick(now, self._options.chance()))

    # The application's task

    async def _dispatch(self) -> None:
        """Hand over what was received, in order, until the line is closed and everything is handed over."""
        while self._inbox or not self._finished:
            if not self._inbox:
                self._inbox_changed.clear()
                await self._inbox_changed.wait()
                continue
            effect = self._inbox.popleft()
            if len(self._inbox) <= self._options.inbox_limit // 2:
                self._inbox_changed.set()
            await self._hand_over(effect)

    def _end_call(self, ended: CallEnded) -> None:
        method, answer = self._calls.get(ended.message_id, ("", None))
        if answer is None or answer.done():
            return
        if ended.reply is None:
            answer.set_exception(CallCut(method))
        else:
            answer.set_result(ended.reply)

    async def _hand_over(self, effect: Notice) -> None:
        if isinstance(effect, StateChanged):
            if effect.state is LineState.CONNECTED and self.on_connect is not None:
                await call_back(self.on_connect)
            if effect.state in (LineState.WAITING, LineState.CLOSED) and self.on_disconnect is not None:
                await call_back(self.on_disconnect, effect)
        elif self.on_message is not None:
            await call_back(self.on_message, effect)
        for listener in self._listeners:
            await call_back(listener, effect)


def _without(topic: str, effect: Notice) -> Notice | None:
    """An effect as it is for an application that wants a topic no more; None if nothing is left of it."""
    match effect:
        case ReceivedEvent(subscriptions=topics) if topic in topics:
            left = tuple(name for name in topics if name != topic)
            return replace(effect, subscriptions=left) if left else None
        case ReceivedSnapshot() | ReceivedReset() | TopicOpened() | TopicFailed() if effect.topic == topic:
            return None
        case _:
            return effect


async def call_back(function: Callable[..., Awaitable[None] | None], *arguments: object) -> None:
    """Call a callback of the application, sync or async; what it raises is logged and goes no further."""
    try:
        result = function(*arguments)
        if inspect.isawaitable(result):
            await result
    except Exception:
        logger.exception("Callback %r failed", function)
