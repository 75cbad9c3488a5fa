"""The broker of one process: logs in memory, delivery by a function call."""

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from trunkline.brokers.base import Delivery, LogLimits, Published
from trunkline.errors import BrokerError
from trunkline.events import Event
from trunkline.positions import Position
from trunkline.protocol.codec import Frame, encode_event
from trunkline.protocol.recovery import Logged, LogView

_VISITED_AT_LEAST = 1_000
_VISITED_AT_MOST = 20_000


@dataclass(slots=True)
class _Entry:
    seq: int
    at: float
    frame: Frame


@dataclass(slots=True)
class _Log:
    """One life of a channel: its numbers and what is retained of it."""

    channel: str
    epoch: str
    limits: LogLimits
    used_at: float
    visited_at: float
    seq: int = 0
    size: int = 0
    entries: deque[_Entry] = field(default_factory=deque)

    def append(self, frame: Frame, now: float) -> int:
        """Retain a frame under the next number. Return the change in bytes."""
        size = len(frame.payload)
        self.seq += 1
        self.entries.append(_Entry(self.seq, now, frame))
        self.size += size
        return size - self.trim(now)

    def trim(self, now: float) -> int:
        """Drop what is over the limits, oldest first; return the bytes that were freed."""
        entries, limits, freed = self.entries, self.limits, 0
        while entries and (len(entries) > limits.events or self.size > limits.size or now - entries[0].at > limits.age):
            freed += self.drop_oldest()
        return freed

    def drop_oldest(self) -> int:
        """Drop the oldest entry; return its bytes."""
        freed = len(self.entries.popleft().frame.payload)
        self.size -= freed
        return freed

    def view(self, since: Position | None) -> LogView[Frame]:
        """Make a view of this moment. Numbers have no holes, so the entries after `since` are a suffix."""
        first = self.entries[0].seq if self.entries else self.seq + 1
        entries: list[Logged[Frame]] = []
        if since is not None and since.epoch == self.epoch and since.seq < self.seq:
            skip = max(0, since.seq + 1 - first)
            entries = [Logged(entry.seq, entry.frame) for entry in islice(self.entries, skip, None)]
        return LogView(self.epoch, self.seq, first, entries)


class MemoryBroker:
    """Logs in memory, for one process. A restart is a new epoch for every channel.

    Args:
        limits: what each log keeps.
        namespace_limits: other limits for some namespaces.
        total_size: bytes that all logs together may keep.
        idle_after: seconds after which an unused channel is forgotten, at a visit of the sweep; at most twice that
            lies between two.
        remembered_ids: how many published ids are known again.
        clock: seconds, monotonic.
        new_epoch: makes a name that was never used before.
    """

    def __init__(
        self,
        *,
        limits: LogLimits | None = None,
        namespace_limits: dict[str, LogLimits] | None = None,
        total_size: int = 256 * 1024 * 1024,
        idle_after: float = 300.0,
        remembered_ids: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
        new_epoch: Callable[[], str] = lambda: secrets.token_urlsafe(9),
    ) -> None:
        self._limits = limits or LogLimits()
        self._namespace_limits = namespace_limits or {}
        self._total_size = total_size
        self._idle_after = idle_after
        self._remembered_ids = remembered_ids
        self._clock = clock
        self._new_epoch = new_epoch
        self._logs: dict[str, _Log] = {}
        self._filled: OrderedDict[str, _Log] = OrderedDict()  # not empty, longest without an event first
        self._round: deque[_Log] = deque()  # all of them, longest not visited by the sweep first
        self._attached: set[str] = set()
        self._published: OrderedDict[str, Published] = OrderedDict()
        self._size = 0
        self._deliver: Callable[[Delivery], None] | None = None

    @property
    def size(self) -> int:
        """Bytes of frames in all logs; a frame in two logs counts twice."""
        return self._size

    @property
    def channels(self) -> int:
        """How many channels have a log."""
        return len(self._logs)

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Begin delivering."""
        self._deliver = deliver

    async def stop(self) -> None:
        """End delivering; publishing raises from now on."""
        self._deliver = None

    async def publish(self, event: Event[Any]) -> Published:
        """Append, number, deliver. Never suspends, so events of one task keep their order without waiting."""
        if self._deliver is None:
            raise BrokerError("The memory broker is not started")
        if known := self._published.get(event.id):
            return known
        now, feed = self._clock(), event.feed
        topic_log = self._log(event.topic, now)
        feed_log = None if feed is None else self._log(feed, now)
        position = Position(topic_log.epoch, topic_log.seq + 1)
        feed_position = None if feed_log is None else Position(feed_log.epoch, feed_log.seq + 1)
        published = Published(event.topic, position, feed, feed_position)
        # Encoding may fail, so nothing is numbered before it.
        frame = encode_event(event, position.seq, None if feed_position is None else feed_position.seq)
        self._append(event.topic, topic_log, frame, now)
        if feed is not None and feed_log is not None:
            self._append(feed, feed_log, frame, now)
        self._remember(event.id, published)
        if event.topic in self._attached or feed in self._attached:
            self._deliver(Delivery(published, frame))
        return published

    def _log(self, channel: str, now: float) -> _Log:
        log = self._logs.get(channel)
        if log is None:
            limits = self._namespace_limits.get(channel.partition(":")[0], self._limits)
            log = self._logs[channel] = _Log(channel, self._new_epoch(), limits, now, now)
            self._round.append(log)
        log.used_at = now
        return log

    def _append(self, channel: str, log: _Log, frame: Frame, now: float) -> None:
        self._size += log.append(frame, now)
        self._filled[channel] = log
        self._filled.move_to_end(channel)
        if not log.entries:
            del self._filled[channel]
        if self._size > self._total_size:
            self._make_room()

    def _make_room(self) -> None:
        """Empty the logs that were longest without an event."""
        while self._size > self._total_size:
            log = next(iter(self._filled.values()))
            self._size -= log.drop_oldest()
            if not log.entries:
                del self._filled[log.channel]

    def _trim(self, log: _Log, now: float) -> None:
        self._size -= log.trim(now)
        if not log.entries:
            self._filled.pop(log.channel, None)

    def _remember(self, event_id: str, published: Published) -> None:
        self._published[event_id] = published
        if len(self._published) > self._remembered_ids:
            self._published.popitem(last=False)

    def attach(self, channel: str) -> None:
        """Deliver the channel's events from now on."""
        self._attached.add(channel)

    def detach(self, channel: str) -> None:
        """Deliver the channel's events no more; its idle time starts."""
        self._attached.discard(channel)
        if log := self._logs.get(channel):
            log.used_at = self._clock()

    async def read(self, channel: str, since: Position | None = None) -> LogView[Frame]:
        """View a log, trimmed to this moment."""
        now = self._clock()
        log = self._log(channel, now)
        self._trim(log, now)
        return log.view(since)

    def sweep(self) -> None:
        """Visit some logs in their turn: forget what was idle for long, trim the others. A bounded number a call."""
        now = self._clock()
        for count in range(min(_VISITED_AT_MOST, len(self._round))):
            log = self._round[0]
            if count >= _VISITED_AT_LEAST and now - log.visited_at <= self._idle_after:
                break
            self._round.popleft()
            if now - log.used_at > self._idle_after and log.channel not in self._attached:
                self._size -= log.size
                self._filled.pop(log.channel, None)
                del self._logs[log.channel]
            else:
                self._trim(log, now)
                log.visited_at = now
                self._round.append(log)
