"""`Trunkline`: the facade that wires bus, hub, broker and transport, and owns their life."""

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future as ThreadFuture
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self, TypeVar

from trunkline.brokers.base import Broker, Published
from trunkline.brokers.memory import MemoryBroker
from trunkline.bus import BusSubscription, EventBus, event_bus
from trunkline.errors import BrokerError, TrunklineError
from trunkline.events import D, Event, EventType
from trunkline.hub.access import Authenticate, Authorize, Handshake, Principal, deny_all, nobody
from trunkline.hub.calls import CallHandler
from trunkline.hub.manager import HubOptions, TopicConnectionManager
from trunkline.hub.snapshots import SnapshotProvider
from trunkline.signals import DrainSignals
from trunkline.transports.asgi import AsgiEndpoint, Dialect, EndpointOptions, Message, Receive, Send

logger = logging.getLogger(__name__)

ENDPOINT = "/api/ws/v2"
_LOOK_INTERVAL = 0.1
_LOOKS_A_SWEEP = 10
_DRAIN_WINDOW = 30.0
_LEAST_SPREAD = 1.0
_GOODBYE_TIME = 6.0
"""A little more than a transport gives a peer to take what is queued and the close frame."""

_NOT_STARTED = "The line is not started: use it as a lifespan or with `async with`"

_WAITING_FROM_THREADS = 10_000
"""Events that other threads may have given before the first of them is published."""

S = TypeVar("S", bound=SnapshotProvider)
C = TypeVar("C", bound=CallHandler)


class WebSocket(Protocol):
    """What `Trunkline.serve` needs of a framework's WebSocket object; Starlette's has it."""

    @property
    def scope(self) -> Any:
        """The ASGI scope."""
        ...

    @property
    def receive(self) -> Any:
        """ASGI `receive`."""
        ...

    @property
    def send(self) -> Any:
        """ASGI `send`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """Settings of a line.

    Attributes:
        hub: limits and clocks of the hub.
        allowed_origins: origins of other hosts whose pages may connect.
    """

    hub: HubOptions = field(default_factory=HubOptions)
    allowed_origins: Sequence[str] = ()


class Trunkline:
    """One line for everything: events in, one WebSocket per user out.

    ```python
    line = Trunkline(authenticate=..., authorize=...)
    app = FastAPI(lifespan=line.lifespan)
    line.mount(app)
    ```

    Without `authenticate` nobody connects, and without `authorize` nobody may subscribe to anything.

    Args:
        authenticate: tells who connects.
        authorize: tells what they may do.
        broker: keeps logs and delivers; a `MemoryBroker` unless given.
        bus: the bus whose events go out; the global `event_bus` unless given.
        options: limits and origins.
    """

    def __init__(
        self,
        *,
        authenticate: Authenticate = nobody,
        authorize: Authorize = deny_all,
        broker: Broker | None = None,
        bus: EventBus | None = None,
        options: LineOptions | None = None,
    ) -> None:
        settings = options or LineOptions()
        self.bus = event_bus if bus is None else bus
        self.broker: Broker = MemoryBroker() if broker is None else broker
        self.hub = TopicConnectionManager(
            self.broker, authenticate=authenticate, authorize=authorize, options=settings.hub
        )
        self._endpoint_options = EndpointOptions(allowed_origins=settings.allowed_origins)
        self._endpoint = AsgiEndpoint(self.hub, self._endpoint_options)
        self._receipts: dict[str, list[asyncio.Future[Published]]] = {}
        self._signals: DrainSignals | None = None
        self._relay: BusSubscription | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._from_threads = threading.BoundedSemaphore(_WAITING_FROM_THREADS)

    # Life

    async def start(self) -> None:
        """Begin: events of the bus go to the broker, the broker's to the hub. Starting twice is starting once."""
        if self._sweeper is not None:
            return
        self.hub.admit()
        await self.broker.start(self.hub.deliver)
        self.bus.watch = self.hub.watch
        self._relay = self.bus.subscribe(None, self._to_broker, watched=False)
        self._loop = asyncio.get_running_loop()
        self._sweeper = self._loop.create_task(self._sweep())
        if self._signals is not None:
            self._signals.take()

    def drain_on_signals(
        self, *, within: float = _DRAIN_WINDOW, finish: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """Drain when the process is told to end (SIGTERM, Ctrl-C), before the server closes its sockets.

        Call it before the line starts. It is for servers that handle signals as uvicorn does, run in the main thread;
        a second signal reaches the server at once.

        Args:
            within: seconds in which everything is done.
            finish: what the application wants to end by itself, such as answers that are being streamed; it is
                cancelled a few seconds before the time is over.
        """

        async def drain() -> None:
            self.drain(within)
            if finish is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(within - min(_GOODBYE_TIME, within / 2)):
                        await finish()
            self.hub.close_all()
            await self._wait_for_leaving()

        self._signals = DrainSignals(drain)

    def drain(self, within: float = _DRAIN_WINDOW) -> None:
        """Take no more connections, and tell every client that it will have to come back; those there are served on.

        Call it before `stop` where something is to be finished first, and do that meanwhile. Each client is told how
        long to stay away once its connection has ended: spread over as many seconds as it takes to welcome them all
        again, `within` at most. Draining twice is draining once.

        Args:
            within: seconds in which `stop` will have been called; who wants to connect meanwhile is told to wait.
        """
        welcome = len(self.hub.connections) / self.hub.options.admission.rate
        spread = min(max(within, _LEAST_SPREAD), max(2 * welcome, _LEAST_SPREAD))
        self.hub.drain(lambda: round(random.random() * spread * 1000), within=within)

    async def stop(self) -> None:
        """Drain, close every connection once what is queued for it was written, and stop. Stopping twice is once.

        A peer that does not take what is queued is given up after a few seconds.
        """
        self._loop = None
        self.drain(0.0)
        self.hub.close_all()
        if self._relay is not None:
            self.bus.unsubscribe(self._relay)
            self._relay = None
            self._settle([*self._receipts], BrokerError("The line stopped before the event was published"))
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
            self._sweeper = None
            await self.broker.stop()
        await self._wait_for_leaving()
        if self._signals is not None:
            self._signals.give_back()

    async def _wait_for_leaving(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_TIME):
                await self.hub.wait_empty()

    async def __aenter__(self) -> Self:
        """Start the line."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the line."""
        await self.stop()

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Run the line for the life of an application: `FastAPI(lifespan=line.lifespan)`."""
        async with self:
            yield

    async def _sweep(self) -> None:
        """Look how late the event loop runs, and every so many looks let the hub and the broker see to the time."""
        loop = asyncio.get_running_loop()
        while True:
            for _ in range(_LOOKS_A_SWEEP):
                due = loop.time() + _LOOK_INTERVAL
                await asyncio.sleep(_LOOK_INTERVAL)
                self.hub.observe_lag(max(0.0, loop.time() - due))
            try:
                self.hub.sweep()
                self.broker.sweep()
            except Exception:
                logger.exception("A sweep failed; the next one follows in a second")

    # Publishing

    async def publish(self, event_type: EventType[D], data: D, *, scope: str = "") -> Published:
        """Publish an event that no transaction guards.

        Returns where the event stands once the broker has it. Events of one task keep their order.

        Raises:
            BrokerError: the broker did not take it, or the line is not started.
        """
        return await self.send(event_type.event(data, scope=scope))

    async def send(self, event: Event[Any]) -> Published:
        """Publish a ready event through the bus; sending one id twice takes effect once.

        Raises:
            BrokerError: the broker did not take it, or the line is not started.
            TrunklineError: a handler of the bus called it, whose end the event's turn waits for.
        """
        if self._relay is None:
            raise BrokerError(_NOT_STARTED)
        if self.bus.in_handler:
            raise TrunklineError("A handler of the bus cannot wait for a later event: use `bus.publish` there")
        receipt: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
        waiting = self._receipts.setdefault(event.id, [])
        waiting.append(receipt)
        try:
            await self.bus.publish(event)
            return await receipt
        finally:
            waiting.remove(receipt)
            if not waiting:
                self._receipts.pop(event.id, None)

    def publish_threadsafe(self, event_type: EventType[D], data: D, *, scope: str = "") -> ThreadFuture[Published]:
        """Publish an event from another thread: a synchronous endpoint, a driver's callback, a worker.

        The event is made and encoded in the calling thread. The future gives what `publish` returns, or raises what it
        raises; events of one thread keep their order whether it waits for the futures or not. A thread that publishes
        much is to wait for some of them, because no more than 10,000 events of all threads may be on their way.

        Raises:
            BrokerError: the line is not started, or has stopped, or too many events are on their way.
            TrunklineError: called in the thread of the line's own event loop, which must not wait for itself.
        """
        loop = self._loop
        if loop is None:
            raise BrokerError(_NOT_STARTED)
        if loop is asyncio._get_running_loop():
            raise TrunklineError("This is the line's own thread: use `await line.publish(...)` here")
        event = event_type.event(data, scope=scope)
        if not self._from_threads.acquire(blocking=False):
            sentence = f"{_WAITING_FROM_THREADS:,} events of other threads are on their way: wait for their futures"
            raise BrokerError(sentence)
        sending = self.send(event)
        try:
            future = asyncio.run_coroutine_threadsafe(sending, loop)
        except RuntimeError as error:
            sending.close()
            self._from_threads.release()
            raise BrokerError("The event loop of the line has ended without stopping the line") from error
        future.add_done_callback(lambda _: self._from_threads.release())
        return future

    async def _to_broker(self, event: Event[Any]) -> None:
        """Take an event from the bus to the broker, and tell `send` what came of it."""
        try:
            published = await self.broker.publish(event)
        except Exception as error:
            if event.id not in self._receipts:
                raise
            failure = error if isinstance(error, BrokerError) else BrokerError(f"Publishing failed: {error}")
            self._settle([event.id], failure)
        else:
            self.hub.stats.events_published += 1
            self._settle([event.id], published)

    def _settle(self, event_ids: Sequence[str], outcome: Published | BrokerError) -> None:
        """Tell everyone who waits for these events what became of them."""
        for event_id in event_ids:
            for receipt in self._receipts.get(event_id, ()):
                if receipt.done():
                    continue
                if isinstance(outcome, BrokerError):
                    receipt.set_exception(outcome)
                else:
                    receipt.set_result(outcome)

    # Serving

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """The line as an ASGI application: every path is its WebSocket, and the server's lifespan is its own."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._endpoint(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def mount(
        self,
        app: Any,
        path: str = ENDPOINT,
        *,
        dialect: Callable[[Handshake], Dialect] | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Serve the line at a path of a Starlette or FastAPI application.

        Args:
            app: the application.
            path: where; clients expect `/api/ws/v2` unless told otherwise.
            dialect: for an endpoint that speaks another protocol, makes the translator of one connection.
            headers: name and value of headers to answer handshakes with.
        """
        options = replace(self._endpoint_options, dialect=dialect, headers=headers)
        app.router.add_websocket_route(path, AsgiEndpoint(self.hub, options), name=f"trunkline:{path}")

    async def serve(self, websocket: WebSocket, principal: Principal) -> None:
        """Serve one WebSocket from a route of your own, whose dependencies have told who it is.

        ```python
        @app.websocket("/live")
        async def live(websocket: WebSocket, user: Annotated[User, Depends(current_user)]) -> None:
            await line.serve(websocket, Principal(user.id))
        ```
        """
        await self._endpoint.serve(websocket.scope, websocket.receive, websocket.send, principal)

    def snapshot(self, pattern: str, *, type: str = "snapshot") -> Callable[[S], S]:
        """Declare what a topic looks like now: `@line.snapshot("thread:{id}", type="thread_history")`.

        The function is called as `provider(principal, **fields)`; it returns JSON-encodable data, or raises
        `NotFound`. It must read state that holds everything published before it was called.
        """

        def declare(provider: S) -> S:
            self.hub.snapshots.add(pattern, type, provider)
            return provider

        return declare

    def call(self, method: str) -> Callable[[C], C]:
        """Declare a method that clients may call: `@line.call("thread.send")` on `async def send(context, params)`."""

        def declare(handler: C) -> C:
            self.hub.calls.add(method, handler)
            return handler

        return declare
