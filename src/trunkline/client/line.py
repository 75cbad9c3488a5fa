"""`connect`: the short way to a line, with subscriptions to iterate over."""

import asyncio
import weakref
from collections import deque
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from trunkline.client.pending_call import CallResult, PendingCall
from trunkline.client.topic_manager import HandlerReference, TopicManager
from trunkline.client.ws_client import WsClient, WsClientOptions
from trunkline.errors import LineClosed, RequestError
from trunkline.positions import Position
from trunkline.protocol.client_effects import LineState, Notice, StateChanged, Update

_QUEUE_LIMIT = 1_000
_DEFAULT_PATH = "/api/ws/v2"


class Subscription:
    """The updates of one topic, to iterate over once.

    ```python
    async with line.subscribe("agent:*") as updates:
        async for update in updates: ...
    ```

    The first update of a topic with a snapshot is its `ReceivedSnapshot`, then come `ReceivedEvent`s; after a break
    that could not be bridged, a `ReceivedReset` and the next snapshot. Iteration ends when the subscription or the
    line is closed by the application; it raises `RequestError` when the server refuses the topic, and `LineClosed`
    when the line ends for good. It holds up to 1,000 updates; past that the line is read no further until it is
    iterated, so close what you no longer read. One that is no longer referenced closes itself.
    """

    def __init__(self, topics: TopicManager, topic: str, since: Position | None) -> None:
        self.topic = topic
        self._topics = topics
        self._queue: deque[Update] = deque()
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self._closed = False
        self._reference = _attach(topics, topic, since, weakref.ref(self))
        loop = asyncio.get_running_loop()
        weakref.finalize(self, _let_go, loop, topics, self._reference, self._changed).atexit = False

    async def close(self) -> None:
        """Give the topic up and end the iteration."""
        self._topics.unsubscribe_handler(self._reference)
        self.end(None)

    def end(self, failure: Exception | None) -> None:
        """End the iteration after what was received, by raising `failure` if there is one."""
        self._closed = True
        self._failure = self._failure or failure
        self._changed.set()

    def offer(self, update: Update) -> asyncio.Event | None:
        """Queue an update; or return what to wait for before offering it again, because 1,000 are queued."""
        if len(self._queue) >= _QUEUE_LIMIT and not self._closed:
            self._changed.clear()
            return self._changed
        self._queue.append(update)
        self._changed.set()
        return None

    def __aiter__(self) -> Self:
        """Iterate over the updates."""
        return self

    async def __anext__(self) -> Update:
        """The next update, waiting for it."""
        while not self._queue:
            if self._closed:
                if self._failure is not None:
                    raise self._failure
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        self._changed.set()
        return self._queue.popleft()

    async def __aenter__(self) -> Self:
        """Hold the subscription."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give the topic up."""
        await self.close()


def _attach(
    topics: TopicManager, topic: str, since: Position | None, subscription: "weakref.ref[Subscription]"
) -> HandlerReference:
    """Subscribe with handlers that do not keep the subscription alive."""

    async def put(update: Update) -> None:
        while True:
            target = subscription()
            changed = target.offer(update) if target is not None else None
            del target  # waiting must not keep an abandoned subscription alive
            if changed is None:
                return
            await changed.wait()

    def fail(error: RequestError) -> None:
        if (target := subscription()) is not None:
            target.end(error)

    return topics.subscribe(topic, put, since=since, on_failure=fail)


def _let_go(
    loop: asyncio.AbstractEventLoop, topics: TopicManager, reference: HandlerReference, changed: asyncio.Event
) -> None:
    """Unsubscribe soon: garbage is collected at any moment, in any thread, and after the loop has ended."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(topics.unsubscribe_handler, reference)
        loop.call_soon_threadsafe(changed.set)


class ClientLine:
    """A line to a server: one WebSocket, any number of topics, calls.

    Made by `connect`; an async context manager that connects, and closes in the end.

    Attributes:
        client: the connection under it, with its callbacks and statistics.
        topics: handlers by topic, for those who prefer callbacks.
    """

    def __init__(self, client: WsClient) -> None:
        self.client = client
        self.topics = TopicManager(client)
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        client.add_listener(self._watch)

    async def __aenter__(self) -> Self:
        """Connect; returns when the line is ready.

        Raises:
            LineClosed: the server refuses for good, as with a wrong token.
        """
        await self.client.start()
        try:
            await self.client.wait_ready()
        except BaseException:
            await self.client.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the line."""
        await self.close()

    async def close(self) -> None:
        """Close the line and end all iterations over it."""
        for subscription in tuple(self._subscriptions):
            subscription.end(None)
        await self.client.close()

    @property
    def state(self) -> LineState:
        """What the line is doing now."""
        return self.client.state

    def subscribe(self, topic: str, *, since: Position | None = None) -> Subscription:
        """Subscribe to a topic or feed; iterate over what is returned.

        Args:
            topic: `agent:12` or `agent:*`.
            since: the position up to which everything is known; what came after it is sent first.

        Raises:
            InvalidTopic: it is no topic.
        """
        subscription = Subscription(self.topics, topic, since)
        self._subscriptions.add(subscription)
        return subscription

    async def call(self, method: str, params: dict[str, Any] | None = None, *, key: str | None = None) -> CallResult:
        """Call a method of the server. See `WsClient.call`."""
        return await self.client.call(method, params, key=key)

    def enqueue(self, method: str, params: dict[str, Any] | None = None, *, key: str | None = None) -> PendingCall:
        """Keep a call until it is answered, line or no line. See `WsClient.enqueue`."""
        return self.client.enqueue(method, params, key=key)

    def _watch(self, effect: Notice) -> None:
        if isinstance(effect, StateChanged) and effect.state is LineState.CLOSED and effect.code is not None:
            for subscription in tuple(self._subscriptions):
                subscription.end(LineClosed(effect.code, effect.reason))


def connect(url: str, *, token: str | None = None, options: WsClientOptions | None = None) -> ClientLine:
    """Make a line to a server.

    ```python
    async with connect("http://127.0.0.1:8765", token=token) as line:
        async for update in line.subscribe("agent:*"):
            print(update)
    ```

    Args:
        url: `ws://`, `wss://`, `http://` or `https://`; without a path, `/api/ws/v2` is meant.
        token: an access token, if the server wants one.
        options: times, and the means for tests.
    """
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path if parts.path not in ("", "/") else _DEFAULT_PATH
    address = urlunsplit((scheme, parts.netloc, path, parts.query, ""))
    return ClientLine(WsClient(address, token=token, options=options))
