"""The way of events to many connections: what is pending for a channel is joined once and written to each subscriber.

The first event after quiet goes out at the end of the same turn of the event loop, so what one turn publishes goes out
in one write and a lone event waits for nothing. Under load the next flush starts no sooner after the last one than a
factor times what that took: the pace sets itself, light load the lowest latency, heavy load the fewest writes.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from trunkline.hub.connection import Connection
from trunkline.hub.index import Subscribers
from trunkline.hub.stats import HubStats
from trunkline.positions import Position
from trunkline.protocol.codec import Frame, JoinedFrames
from trunkline.topics import Topic

logger = logging.getLogger(__name__)

_LARGEST_JOIN = 256 * 1024
"""Bytes that are written without a look at the budget of each connection; more goes frame by frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushOptions:
    """When pending events are written; times in seconds.

    Attributes:
        factor: pause after a flush, as a multiple of the time it took.
        longest_pause: the longest pause.
        slice: time after which a flush over many connections lets the event loop go on with other things.
        look_after: connections written to between two looks at the time.
    """

    factor: float = 0.5
    longest_pause: float = 0.010
    slice: float = 0.005
    look_after: int = 64


class Fanout:
    """Collects events by channel, and flushes them at the pace that the load allows.

    Args:
        options: times.
        stats: deliveries and latencies are counted here.
        clock: the hub's, in seconds.
    """

    def __init__(self, options: FlushOptions, stats: HubStats, clock: Callable[[], float]) -> None:
        self._options = options
        self._stats = stats
        self._clock = clock
        self._dirty: dict[Subscribers, None] = {}
        self._running: Iterator[None] | None = None
        self._took = 0.0
        self._scheduled = False
        self._not_before = 0.0

    def begin(self) -> None:
        """Forget what an event loop that has ended left undone."""
        self._dirty.clear()
        self._running = None
        self._scheduled = False
        self._not_before = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way to anyone."""
        return not self._scheduled

    def add(self, subscribers: Subscribers, position: Position, frame: Frame) -> None:
        """Let an event be given to those of a channel that are written to together."""
        if not subscribers.pending:
            subscribers.epoch = position.epoch
            subscribers.since = self._clock()
            self._dirty[subscribers] = None
            if not self._scheduled:
                self._schedule()
        subscribers.pending.append((position.seq, frame))

    def offer(self, connection: Connection, topic: Topic, epoch: str, entries: list[tuple[int, Frame]]) -> None:
        """Queue events for one connection, in order; the first that its budget does not allow ends it."""
        now = self._clock()
        for place, (_, frame) in enumerate(entries):
            if connection.offer(frame, now):
                continue
            self._stats.events_delivered += place
            if connection.closing:
                return
            if not connection.behind:
                self._stats.lag_started += 1
            # Others of these may be late, so that the first that is missed is not known before each was looked at.
            for missed, _ in entries[place:]:
                connection.skip(topic, Position(epoch, missed))
            return
        self._stats.events_delivered += len(entries)

    # Flushing

    def _schedule(self) -> None:
        self._scheduled = True
        loop = asyncio.get_running_loop()
        wait = self._not_before - loop.time()
        if wait <= 0:
            loop.call_soon(self._flush)
        else:
            loop.call_later(min(wait, self._options.longest_pause), self._flush)

    def _flush(self) -> None:
        """Go on with the flush that runs, or begin one; end after a slice of time."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        if self._running is None:
            self._running, self._took = self._steps(loop), 0.0
        finished = self._step(self._running)
        now = loop.time()
        self._took += now - began
        if not finished:
            loop.call_soon(self._flush)
            return
        self._running = None
        self._not_before = now + self._options.factor * self._took
        if self._dirty:
            self._schedule()
        else:
            self._scheduled = False

    def _step(self, running: Iterator[None]) -> bool:
        """Do one slice; True if it was the last. What a fault keeps from its readers shows to them as a hole."""
        try:
            return next(running, self) is self
        except Exception:
            logger.exception("Events could not be written; their readers will ask for them again")
            return True

    def _steps(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Write to everyone, one slice of time a step."""
        dirty, self._dirty = self._dirty, {}
        for subscribers in dirty:
            self._take(subscribers)
        alone = len(dirty) == 1
        for subscribers in dirty:
            yield from self._write(loop, subscribers, alone=alone)

    def _queue(self, connection: Connection, topic: Topic, subscribers: Subscribers, whole: JoinedFrames) -> None:
        """Queue a batch for one connection: whole, or as much of it as the budget allows."""
        outbox = connection.outbox
        if len(whole) <= outbox.budget and outbox.fits(whole) and connection.offer(whole, self._clock()):
            self._stats.events_delivered += len(subscribers.batch)
        else:
            self.offer(connection, topic, subscribers.epoch, subscribers.batch)

    def _take(self, subscribers: Subscribers) -> None:
        """Take what is pending. Those who joined late are given their part here, and are like the others then."""
        entries, subscribers.pending = subscribers.pending, []
        late, subscribers.late = subscribers.late, {}
        subscribers.batch, subscribers.writing = entries, subscribers.joined.copy()
        for connection, (topic, given) in late.items():
            subscribers.joined[connection] = topic
            self.offer(connection, topic, subscribers.epoch, entries[given:])

    def _write(self, loop: asyncio.AbstractEventLoop, subscribers: Subscribers, *, alone: bool) -> Iterator[None]:
        """Write one channel's batch to its subscribers: the same bytes to each whose socket takes them now.

        One that has several topics, in a flush of several channels, gets all of it in one write of its own.
        """
        writing = subscribers.writing
        began, directly, ends_at = subscribers.since, 0, loop.time() + self._options.slice
        whole = deflated = JoinedFrames(b"".join([frame.wire for _, frame in subscribers.batch]))
        if subscribers.deflating:
            deflated = JoinedFrames(b"".join([frame.deflated for _, frame in subscribers.batch]))
        everyone, told, at = list(writing), 0, 0
        while at < len(everyone):
            part = everyone[at : at + self._options.look_after]
            directly += self._write_part(part, subscribers, (whole, deflated), alone=alone)
            at += len(part)
            if at < len(everyone) and loop.time() > ends_at:
                # Others run only while this waits, so only then must they see who is still to be written to.
                for connection in everyone[told:at]:
                    writing.pop(connection, None)
                told = at
                yield
                if len(writing) != len(everyone) - at:
                    everyone, told, at = list(writing), 0, 0
                ends_at = loop.time() + self._options.slice
        writing.clear()
        self._stats.events_delivered += directly * len(subscribers.batch)
        if directly:
            self._stats.write_latency.observe(self._clock() - began)
        subscribers.batch = []

    def _write_part(
        self, part: list[Connection], subscribers: Subscribers, forms: tuple[JoinedFrames, JoinedFrames], *, alone: bool
    ) -> int:
        """Write a batch, in its plain or its compressed form, to some; return how many were written to directly."""
        whole, data, queued, mixed = forms[0], forms[0].wire, 0, subscribers.deflating
        size = len(data)
        at_once = size <= _LARGEST_JOIN
        for connection in part:
            if mixed:
                whole = forms[connection.deflates]
                data = whole.wire
                size = len(data)
            write = connection.write_now
            if write is None or not at_once or not (alone or len(connection.channels) == 1):
                self._queue(connection, subscribers.writing[connection], subscribers, whole)
                queued += 1
                continue
            try:
                written = write(data)
            except OSError as error:
                connection.write_failed(error, data)
            else:
                if written != size:
                    connection.write_stopped(data[written:])
        return len(part) - queued


class Fanouts:
    """The fan-out of each namespace: one for all of them, but for those whose events are written at times of their own.

    Args:
        options: times of every namespace that has none of its own.
        by_namespace: times of some.
    """

    def __init__(
        self,
        options: FlushOptions,
        by_namespace: Mapping[str, FlushOptions],
        stats: HubStats,
        clock: Callable[[], float],
    ) -> None:
        self._common = Fanout(options, stats, clock)
        self._own = {name: Fanout(own, stats, clock) for name, own in by_namespace.items()}

    def of(self, channel: str) -> Fanout:
        """The fan-out that writes a channel's events."""
        return self._own.get(channel.partition(":")[0], self._common) if self._own else self._common

    def begin(self) -> None:
        """Forget what an event loop that has ended left undone."""
        for fanout in (self._common, *self._own.values()):
            fanout.begin()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way to anyone."""
        return self._common.is_idle and all(fanout.is_idle for fanout in self._own.values())
