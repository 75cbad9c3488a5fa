"""A line that is read in order and tells on the screen what it goes through."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from trunkline import (
    ClientOptions,
    CloseCode,
    Endpoint,
    LineState,
    Noticed,
    ReceivedEvent,
    ReceivedReset,
    ReceivedSnapshot,
    StateChanged,
    TopicFailed,
    TopicOpened,
    Update,
    WsClient,
    WsClientOptions,
)
from trunkline.cli.failures import CommandFailed
from trunkline.cli.rest import unauthorized, unreachable
from trunkline.cli.screen import Screen
from trunkline.cli.target import Target
from trunkline.client.socket import ConnectFailed, Socket, open_socket
from trunkline.protocol.backoff import BackoffOptions
from trunkline.protocol.client_effects import Notice
from trunkline.protocol.messages import Goaway

_UNREAD_LIMIT = 1_000
_PATH = "/api/ws/v2"

Read = Update | TopicOpened | TopicFailed


class ComingBack:
    """Sums up what a reconnect brought, to be told once every topic is answered. Pure."""

    def __init__(self, topics: set[str]) -> None:
        self._open = set(topics)
        self._recovered = 0
        self._anew: list[str] = []

    def answered(self, topic: str, *, resumed: bool, recovered: int) -> None:
        """Note the answer for one topic."""
        if topic in self._open:
            self._open.discard(topic)
            self._recovered += recovered
            self._anew += [] if resumed else [topic]

    def failed(self, topic: str) -> None:
        """Note that a topic is refused now."""
        self._open.discard(topic)

    @property
    def sentence(self) -> str | None:
        """What to tell, or None while answers are missing."""
        if self._open:
            return None
        parts = []
        if self._recovered:
            parts.append(f"{self._recovered} missed event{'s' if self._recovered > 1 else ''} recovered")
        if self._anew:
            parts.append(f"fresh state of {', '.join(self._anew)}")
        return f"back: {', '.join(parts) or 'nothing missed'}"


class LiveLine:
    """One WebSocket to a server, to iterate over, with notes on stderr when it is lost and when it is back.

    ```python
    async with LiveLine(target, screen) as line:
        line.client.subscribe("agent:*")
        async for update in line: ...
    ```

    Iterating gives events, snapshots, resets, and answers to subscriptions, each once, in order. It raises
    `CommandFailed` when the first connection cannot be made and when the server ends the line for good.
    """

    def __init__(self, target: Target, screen: Screen) -> None:
        self._target = target
        self._screen = screen
        url = f"ws{target.url.removeprefix('http')}{_PATH}"
        # A server on this machine is not overrun by its clients when it comes back, and a person waits for it.
        backoff = BackoffOptions(cap=2.0) if target.is_local else BackoffOptions()
        options = WsClientOptions(session=ClientOptions(backoff=backoff), open_socket=self._open_socket)
        self.client = WsClient(url, token=target.token, options=options)
        self.client.add_listener(self._put)
        self._unread: asyncio.Queue[Notice] = asyncio.Queue(_UNREAD_LIMIT)
        self._closing = False
        self._was_connected = False
        self._state = LineState.IDLE
        self._refused: ConnectFailed | None = None
        self._topics: set[str] = set()
        self._coming_back: ComingBack | None = None

    def subscribe(self, topic: str) -> None:
        """Want a topic.

        Raises:
            InvalidTopic: it is no topic.
        """
        self.client.subscribe(topic)
        self._topics.add(topic)

    async def __aenter__(self) -> Self:
        """Begin to connect."""
        await self.client.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the line; what is unread is dropped."""
        self._closing = True
        while not self._unread.empty():
            self._unread.get_nowait()
        await self.client.close()

    async def __aiter__(self) -> AsyncIterator[Read]:
        """Give what comes."""
        while True:
            effect = await self._unread.get()
            match effect:
                case StateChanged():
                    self._tell_state(effect)
                case Noticed(message=Goaway(reason=reason)):
                    self._screen.note(f"the server goes away: {reason}")
                case TopicOpened() | TopicFailed():
                    yield effect
                    self._tell_return(effect)
                case ReceivedEvent() | ReceivedSnapshot() | ReceivedReset():
                    yield effect
                case _:
                    pass

    async def _put(self, effect: Notice) -> None:
        if not self._closing:
            await self._unread.put(effect)

    async def _open_socket(self, endpoint: Endpoint) -> Socket:
        try:
            return await open_socket(endpoint)
        except ConnectFailed as error:
            self._refused = error
            raise

    def _tell_state(self, change: StateChanged) -> None:
        before, self._state = self._state, change.state
        if change.state is LineState.CONNECTED:
            self._coming_back = ComingBack(self._topics) if self._was_connected and self._topics else None
            self._was_connected = True
        elif change.state is LineState.WAITING:
            if not self._was_connected:
                raise self._explain(change)
            what = "line lost, reconnecting" if before is LineState.CONNECTED else "no server yet, next try"
            self._screen.note(f"{what} in {change.retry_in or 0.0:.1f} s")
        elif change.state is LineState.CLOSED and change.code is not None:
            raise self._explain(change)

    def _explain(self, change: StateChanged) -> CommandFailed:
        cause = self._refused.__cause__ if self._refused is not None else None
        if change.code == CloseCode.UNAUTHENTICATED:
            return unauthorized(self._target)
        if isinstance(cause, OSError):
            return unreachable(self._target)
        return CommandFailed(f"The line to {self._target.url} is closed: {change.reason} ({change.code})")

    def _tell_return(self, answer: TopicOpened | TopicFailed) -> None:
        if isinstance(answer, TopicFailed):
            self._topics.discard(answer.topic)
        if self._coming_back is None:
            return
        if isinstance(answer, TopicOpened):
            self._coming_back.answered(answer.topic, resumed=answer.resumed, recovered=answer.recovered)
        else:
            self._coming_back.failed(answer.topic)
        if sentence := self._coming_back.sentence:
            self._screen.note(sentence)
            self._coming_back = None
