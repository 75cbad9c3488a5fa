"""A client without a socket: the hub writes to it as to any transport, and the test reads decoded messages."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import msgspec

from trunkline.hub.access import Handshake, Principal
from trunkline.hub.connection import Connection
from trunkline.hub.manager import TopicConnectionManager
from trunkline.protocol.codec import Frame
from trunkline.testing.clock import until

ABNORMAL = 1006
"""What a connection ends with that no close frame ended."""

EVERYTHING = 1 << 62
"""More bytes than anybody has."""


class HubEnd(ABC):
    """The hub's end of a connection in memory. Make it with `connect`.

    Frames are taken from the outbox one turn of the event loop after the hub says so, as a socket would take them,
    unless the peer is told to stop reading.

    Attributes:
        connection: the hub's side.
        closed: code and reason, once the hub has closed it.
        is_reading: whether frames are taken.
    """

    connection: Connection

    def __init__(self, hub: TopicConnectionManager) -> None:
        self.closed: tuple[int, str] | None = None
        self.is_reading = True
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._scheduled = False

    @classmethod
    def connect(
        cls,
        hub: TopicConnectionManager,
        principal: Principal | None,
        *,
        handshake: Handshake | None = None,
        greet: bool = False,
        initial_topics: Iterable[str] = (),
        reading: bool = True,
    ) -> Self:
        """Open a connection whose handshake is done.

        Args:
            hub: takes the connection.
            principal: who connects, or None for someone who has yet to authenticate.
            handshake: what is known of it.
            greet: whether the client named the subprotocol.
            initial_topics: what its URL subscribes to.
            reading: whether it reads from the start.
        """
        transport = cls(hub)
        transport.is_reading = reading
        transport.connection = hub.connect(
            transport, handshake or Handshake(), principal, greet=greet, initial_topics=initial_topics
        )
        return transport

    # The hub's side

    def wake(self) -> None:
        """Take what is queued, soon."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._write)

    def close(self, code: int, reason: str) -> None:
        """Take what is queued if the peer reads, then report the end to the hub."""
        self.closed = (code, reason)
        self.wake()

    def _write(self) -> None:
        self._scheduled = False
        if self.is_reading:
            self._take(self._room())
        if self.closed is not None:
            self._finish(*self.closed)

    def _take(self, size: int) -> None:
        connection, clock = self.connection, self._hub.options.clock
        oldest_at = connection.outbox.oldest_at or clock()
        frames = connection.outbox.take(size)
        if frames:
            for frame in frames:
                self._arrive(frame)
            self._hub.wrote(connection, sum(map(len, frames)), clock() - oldest_at)

    def _room(self) -> int:
        """How many bytes the peer takes now."""
        return EVERYTHING

    @abstractmethod
    def _arrive(self, frame: Frame) -> None:
        """Give a frame to the peer."""

    def _finish(self, code: int, _reason: str) -> None:
        """The hub has closed the connection, and what could be written is written."""
        self._hub.disconnect(self.connection, code)

    # What the peer does to it

    def stop_reading(self) -> None:
        """Leave everything the hub queues from now on unread."""
        self.is_reading = False

    def read_some(self, size: int) -> None:
        """Read about that many bytes, and no more."""
        self._take(min(size, self._room()))

    def read_on(self) -> None:
        """Read again, all that has queued up and all that follows."""
        self.is_reading = True
        self.wake()


class MemoryTransport(HubEnd):
    """A connection whose other end is the test: it sends what it likes, and reads messages as dictionaries.

    Attributes:
        received: every message that was read, in order.
        patience: seconds to wait for a message.
    """

    def __init__(self, hub: TopicConnectionManager) -> None:
        super().__init__(hub)
        self.received: list[dict[str, Any]] = []
        self.patience = 5.0
        self._given = 0

    def _arrive(self, frame: Frame) -> None:
        self.received.append(msgspec.json.decode(frame.payload))

    def send(self, message: dict[str, Any] | str) -> None:
        """Send a message, or any text as a frame."""
        text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
        self._hub.receive(self.connection, text)

    def send_binary(self) -> None:
        """Send a binary frame."""
        self._hub.receive_binary(self.connection)

    def lose(self) -> None:
        """Vanish, as a cut cable is reported: without a close frame."""
        self._hub.disconnect(self.connection, ABNORMAL)

    async def next(self) -> dict[str, Any]:
        """Wait for the next message that was not yet given out.

        Raises:
            TimeoutError: none came.
        """
        await until(lambda: len(self.received) > self._given, within=self.patience)
        self._given += 1
        return self.received[self._given - 1]

    async def take(self, count: int) -> list[dict[str, Any]]:
        """Wait for that many messages."""
        return [await self.next() for _ in range(count)]

    async def take_until(self, type_: str) -> list[dict[str, Any]]:
        """Wait for a message of a type; return it last, and before it everything that came before it."""
        taken = [await self.next()]
        while taken[-1]["type"] != type_:
            taken.append(await self.next())
        return taken

    @property
    def pending(self) -> list[dict[str, Any]]:
        """What was read and not yet given out."""
        return self.received[self._given :]

    async def subscribe(self, *topics: object, message_id: str = "s") -> list[dict[str, Any]]:
        """Subscribe, and wait until each topic has its answer; return all that came until then."""
        self.send({"type": "subscribe", "topics": list(topics), "message_id": message_id})
        taken: list[dict[str, Any]] = []
        while sum(message.get("message_id") == message_id for message in taken) < len(topics):
            taken.append(await self.next())
        return taken
