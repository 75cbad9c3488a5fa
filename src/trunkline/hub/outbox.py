"""What waits to be written to one connection: bounded, control answers first."""

import asyncio
from collections import deque
from collections.abc import Sequence

from trunkline.protocol.codec import Frame


class Outbox:
    """Two queues of frames with one budget of bytes; the transport takes, writes, and reports what it wrote.

    Events are only offered, and refused past the budget. Answers, replays and snapshots are always taken; whoever
    makes large ones waits for `room` first.

    Args:
        budget: bytes of queued and unwritten frames up to which events are taken.
    """

    __slots__ = ("_events", "_room", "_urgent", "budget", "oldest_at", "size")

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.size = 0
        self.oldest_at: float | None = None
        # Made when they are needed: most connections have nothing to write most of the time.
        self._events: deque[Frame] | None = None
        self._urgent: deque[Frame] | None = None
        self._room: asyncio.Event | None = None

    def __len__(self) -> int:
        """Frames that no transport has taken yet."""
        return len(self._events or ()) + len(self._urgent or ())

    @property
    def has_room(self) -> bool:
        """Whether less than a quarter of the budget is unwritten."""
        return self.size <= self.budget // 4

    def put(self, frame: Frame, now: float, *, urgent: bool = False) -> None:
        """Queue a frame; an urgent one ahead of all events."""
        if urgent:
            if self._urgent is None:
                self._urgent = deque()
            self._urgent.append(frame)
        else:
            if self._events is None:
                self._events = deque()
            self._events.append(frame)
        self.size += len(frame)
        if self.oldest_at is None:
            self.oldest_at = now

    def put_all(self, frames: Sequence[Frame], now: float) -> None:
        """Queue frames in order."""
        if self._events is None:
            self._events = deque()
        self._events.extend(frames)
        self.size += sum([len(frame.payload) for frame in frames])
        if self.oldest_at is None:
            self.oldest_at = now

    def fits(self, frame: Frame) -> bool:
        """Whether an event may be queued within the budget; one that alone is larger goes out alone."""
        return self.size == 0 or self.size + len(frame) <= self.budget

    def take(self, size: int) -> list[Frame]:
        """Take frames of about `size` bytes for writing, urgent ones first. They count as unwritten until `wrote`."""
        frames: list[Frame] = []
        while size > 0 and (queue := self._urgent or self._events):
            frame = queue.popleft()
            frames.append(frame)
            size -= len(frame.payload)
        if not self:
            self.oldest_at = self._events = self._urgent = None
        return frames

    def wrote(self, size: int) -> None:
        """Note that the network took that many bytes of frames."""
        self.size -= size
        if self._room is not None and self.has_room:
            self._room.set()

    async def room(self) -> None:
        """Wait until less than a quarter of the budget is unwritten."""
        while not self.has_room:
            if self._room is None:
                self._room = asyncio.Event()
            self._room.clear()
            await self._room.wait()
