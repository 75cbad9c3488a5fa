"""A connection in memory that breaks on command: a hub's transport at one end, a client's socket at the other."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Literal

from trunkline.hub.manager import TopicConnectionManager
from trunkline.protocol.codec import Frame, decode_server
from trunkline.protocol.messages import EventMessage
from trunkline.testing.memory import ABNORMAL, EVERYTHING, HubEnd

_SOCKET_BUFFER = 64 * 1024
_REMEMBERED = 1_000

Way = Literal["to_client", "to_server"]
"""One direction of a connection."""


class MemorySocket:
    """The client's end: a `Socket` like any other, with room for 64 KiB that the client has not read.

    Attributes:
        close_code: the code it ended with; 1006 without a close frame.
        close_reason: what came with the code.
        has_ended: whether nothing more comes.
    """

    def __init__(self, link: "FaultTransport") -> None:
        self.close_code = ABNORMAL
        self.close_reason = ""
        self.has_ended = False
        self._link = link
        self._frames: deque[str] = deque()
        self._size = 0
        self._changed = asyncio.Event()
        self._is_awaited = False

    async def __aiter__(self) -> AsyncIterator[str]:
        """Give text frames until it has ended."""
        while True:
            while self._frames:
                text = self._frames.popleft()
                self._size -= len(text)
                self._link.wake()
                yield text
            if self.has_ended:
                return
            self._changed.clear()
            self._is_awaited = True
            await self._changed.wait()
            self._is_awaited = False

    async def send(self, text: str) -> None:
        """Send a text frame; waits while nothing flows that way."""
        await self._link.carry(text)

    async def close(self, code: int) -> None:
        """Close, and tell the hub unless nothing flows that way."""
        self.end(code, losing=True)
        self._link.client_left(code)

    def abort(self) -> None:
        """Drop the connection."""
        self.end(ABNORMAL, losing=True)
        self._link.client_left(ABNORMAL)

    # The link's side

    @property
    def room(self) -> int:
        """Bytes that it takes now."""
        return max(0, _SOCKET_BUFFER - self._size)

    @property
    def is_drained(self) -> bool:
        """Whether the client has read and processed everything."""
        return not self._frames and (self._is_awaited or self.has_ended)

    def put(self, text: str) -> None:
        """Bring a frame; one that comes after the end is lost."""
        if not self.has_ended:
            self._frames.append(text)
            self._size += len(text)
            self._changed.set()

    def end(self, code: int, reason: str = "", *, losing: bool = False) -> None:
        """End it, once, after what was brought, or `losing` what was not read."""
        if self.has_ended:
            return
        self.close_code, self.close_reason, self.has_ended = code, reason, True
        if losing:
            self._frames.clear()
        self._changed.set()


class FaultTransport(HubEnd):
    """A connection between a hub and a client's socket, in memory, that breaks on command. `pair` makes them.

    A reader is made slow with `stop_reading`, `read_some` and `read_on`.

    Attributes:
        socket: the client's end.
    """

    def __init__(self, hub: TopicConnectionManager) -> None:
        super().__init__(hub)
        self.socket = MemorySocket(self)
        self._frozen: set[Way] = set()
        self._thawed = asyncio.Event()
        self._end_to_tell: tuple[int, str] | None = None
        self._leave_to_tell: int | None = None
        self._events: deque[str] = deque(maxlen=_REMEMBERED)
        self._to_hold = 0
        self._held: list[str] = []

    # The end

    def drop(self, code: int | None = None, reason: str = "") -> None:
        """End the connection at both ends, at once.

        Args:
            code: what a close frame says that comes after everything queued; without one no close frame comes, and
                what is underway is lost, as on a dead network.
            reason: goes with the code.
        """
        if code is not None:
            self._take(EVERYTHING)
        self.socket.end(code or ABNORMAL, reason, losing=code is None)
        self._hub.disconnect(self.connection, code or ABNORMAL)

    def half_open(self) -> None:
        """End the client's end alone: the hub's stays open and silent until it is closed by the hub or by `drop`.

        A client that connects again meanwhile is there twice: a duplicate connect.
        """
        self.stop_reading()
        self.socket.end(ABNORMAL, losing=True)

    # Time stands still

    def freeze(self, way: Way | None = None) -> None:
        """Let nothing through and end nothing, as a network does that has gone away without a word.

        Args:
            way: the direction; both unless named.
        """
        self._frozen |= {way} if way else {"to_client", "to_server"}
        self._thawed.clear()

    def thaw(self) -> None:
        """Let through what was held, and all that follows; each end now hears if the other has gone."""
        self._frozen.clear()
        self._thawed.set()
        if self._leave_to_tell is not None:
            self._hub.disconnect(self.connection, self._leave_to_tell)
        if self._end_to_tell is not None:
            self.socket.end(*self._end_to_tell)
        self.wake()

    def is_frozen(self, way: Way) -> bool:
        """Whether nothing is let through that way."""
        return way in self._frozen

    # Events twice, late, and out of order

    def duplicate(self, count: int = 1) -> None:
        """Let the last `count` events reach the client once more."""
        for text in list(self._events)[-count:]:
            self.socket.put(text)

    def hold_back(self, count: int = 1) -> None:
        """Hold the next `count` events back, so that later ones overtake them, until `release`."""
        self._to_hold += count

    def release(self) -> None:
        """Let the events that are held back reach the client, late, and hold no more."""
        held, self._held, self._to_hold = self._held, [], 0
        for text in held:
            self._bring(text)

    # Between the ends

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way, or being answered, that no fault holds up."""
        if self._scheduled or not self.socket.is_drained:
            return False
        if self._frozen or not self.is_reading:
            return True
        return not (self.connection.tasks or self.connection.outbox)

    async def carry(self, text: str) -> None:
        """Take a frame of the client to the hub as soon as it flows that way; one of an ended connection is lost."""
        while self.is_frozen("to_server"):
            await self._thawed.wait()
        if not self.socket.has_ended:
            self._hub.receive(self.connection, text)

    def client_left(self, code: int) -> None:
        """The client has ended the connection: tell the hub, at the latest when it flows that way again."""
        if self.is_frozen("to_server"):
            self._leave_to_tell = code
        else:
            self._hub.disconnect(self.connection, code)

    def _room(self) -> int:
        if self.is_frozen("to_client"):
            return 0
        return self.socket.room if self.closed is None else EVERYTHING

    def _arrive(self, frame: Frame) -> None:
        if not isinstance(decode_server(frame.payload), EventMessage):
            self.socket.put(frame.text)
        elif self._to_hold:
            self._to_hold -= 1
            self._held.append(frame.text)
        else:
            self._bring(frame.text)

    def _bring(self, event: str) -> None:
        self._events.append(event)
        self.socket.put(event)

    def _finish(self, code: int, reason: str) -> None:
        """Tell the client too. A close frame cannot overtake what is stuck, and the hub does not wait for it."""
        super()._finish(code, reason)
        end = (ABNORMAL, "") if self.connection.outbox or self.is_frozen("to_client") else (code, reason)
        if self.is_frozen("to_client"):
            self._end_to_tell = end
        else:
            self.socket.end(*end)
