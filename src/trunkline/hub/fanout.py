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
from trunkline.hub.index import Cohort, Subscribers
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
        slice: time after which a flush over many connections lets the event loop go on with other things. Those to
            whom it has not come then get what is published meanwhile in the same write.
        look_after: connections written to between two looks at the time.
    """

    factor: float = 0.6
    longest_pause: float = 0.010
    slice: float = 0.001
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
        self._slice_ends = 0.0
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
            subscribers.since = self._clock()
            self._dirty[subscribers] = None
            if not self._scheduled:
                self._schedule()
        subscribers.pending.append((position, frame))

    def offer(self, connection: Connection, topic: Topic, entries: list[tuple[Position, Frame]]) -> None:
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
                connection.skip(topic, missed)
            return
        self._stats.events_delivered += len(entries)

    # Flushing

    def _schedule(self) -> None:
        self._scheduled = True
        loop = asyncio.get_running_loop()
        wait = self._not_before - self._clock()
        if wait <= 0:
            loop.call_soon(self._flush)
        else:
            loop.call_later(min(wait, self._options.longest_pause), self._flush)

    def _flush(self) -> None:
        """Go on with the flush that runs, or begin one; end after a slice of time."""
        began = self._clock()
        self._slice_ends = began + self._options.slice
        if self._running is None:
            self._running, self._took = self._steps(), 0.0
        finished = next(self._running, self) is self
        now = self._clock()
        self._took += now - began
        if not finished:
            # Two turns of the loop: the first finds what became ready meanwhile, the second runs what that wakes.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._flush)
            return
        self._running = None
        self._not_before = now + self._options.factor * self._took
        if self._dirty:
            self._schedule()
        else:
            self._scheduled = False

    def _steps(self) -> Iterator[None]:
        """Write to everyone, one slice of time a step. What a fault keeps from its readers shows to them as a hole."""
        dirty, self._dirty = self._dirty, {}
        alone = len(dirty) == 1
        for subscribers in dirty:
            try:
                yield from self._write(subscribers, alone=alone)
            except Exception:
                logger.exception("Events could not be written; their readers will ask for them again")
            subscribers.forget_given()
            if subscribers.pending:
                self._dirty[subscribers] = None

    def _write(self, subscribers: Subscribers, *, alone: bool) -> Iterator[None]:
        """Write what is pending for a channel to each of its subscribers once, the same bytes to many at a time.

        What is published between two slices goes to those who come after it at once, and to the others in the next
        flush. One that has several topics, in a flush of several channels, gets all of it in one write of its own.
        """
        due, began, directly = len(subscribers.pending), subscribers.since, 0
        subscribers.since = self._clock()
        while subscribers.cohorts and subscribers.cohorts[0].given < due:
            cohort = subscribers.cohorts[0]
            batch, everyone, at, is_over = Batch(subscribers, cohort), list(cohort.members), 0, False
            try:
                while at < len(everyone) and not is_over:
                    part = everyone[at : at + self._options.look_after]
                    at += len(part)
                    directly += self._write_part(part, batch, alone=alone)
                    is_over = self._clock() >= self._slice_ends
            finally:
                if at == len(everyone):
                    subscribers.advance_all(cohort)
                else:
                    subscribers.advance(cohort, everyone[:at])
            if is_over:
                yield
        if directly:
            self._stats.write_latency.observe(self._clock() - began)

    def _write_part(self, part: list[Connection], batch: "Batch", *, alone: bool) -> int:
        """Write a batch, in its plain or its compressed form, to some; return how many were written to directly."""
        whole, data, queued, mixed = batch.plain, batch.plain.wire, 0, batch.mixed
        size = len(data)
        at_once = size <= _LARGEST_JOIN
        for connection in part:
            if mixed:
                whole = batch.deflated if connection.deflates else batch.plain
                data = whole.wire
                size = len(data)
            write = connection.write_now
            if write is None or not at_once or not (alone or len(connection.channels) == 1):
                self._queue(connection, batch, whole)
                queued += 1
                continue
            try:
                written = write(data)
            except OSError as error:
                connection.write_failed(error, data)
            else:
                if written != size:
                    connection.write_stopped(data[written:])
        directly = len(part) - queued
        self._stats.events_delivered += directly * len(batch.entries)
        return directly

    def _queue(self, connection: Connection, batch: "Batch", whole: JoinedFrames) -> None:
        """Queue a batch for one connection: whole, or as much of it as the budget allows."""
        outbox = connection.outbox
        if len(whole) <= outbox.budget and outbox.fits(whole) and connection.offer(whole, self._clock()):
            self._stats.events_delivered += len(batch.entries)
        elif (topic := batch.cohort.members.get(connection)) is not None:
            self.offer(connection, topic, batch.entries)


class Batch:
    """What a cohort of subscribers is to be given now, joined for one write.

    Attributes:
        entries: positions and frames, in order.
        plain: their frames, joined.
        deflated: the same of their compressed forms, if `mixed`.
        mixed: whether some may take the compressed form.
    """

    __slots__ = ("cohort", "deflated", "entries", "mixed", "plain")

    def __init__(self, subscribers: Subscribers, cohort: Cohort) -> None:
        self.cohort = cohort
        self.entries = subscribers.pending[cohort.given :]
        self.mixed = subscribers.deflating
        self.plain = self.deflated = JoinedFrames(b"".join([frame.wire for _, frame in self.entries]))
        if self.mixed:
            self.deflated = JoinedFrames(b"".join([frame.deflated for _, frame in self.entries]))


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
