"""Readings of a line's counters, and what a second between two of them amounts to."""

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from trunkline import HubStats, Trunkline
from trunkline.agents.events import Lifetimes, SystemSample

_STATM = "/proc/self/statm"


class Reading(NamedTuple):
    """The counters of one moment, all since the start of the process.

    Attributes:
        at: seconds on a monotonic clock.
        recovered: subscriptions that came back with a position.
        latencies: counts of the buckets of `HubStats.write_latency`.
    """

    at: float
    published: int
    delivered: int
    recovered: int
    latencies: tuple[int, ...]


class Runs(NamedTuple):
    """Answers in progress: those that are being written, and those that wait for their turn."""

    running: int
    queued: int


def read_counters(stats: HubStats, at: float) -> Reading:
    """Take the counters as they are."""
    return Reading(
        at=at,
        published=stats.events_published,
        delivered=stats.events_delivered,
        recovered=sum(stats.recoveries.values()),
        latencies=tuple(stats.write_latency.counts),
    )


def make_sample(
    line: Trunkline, before: Reading, after: Reading, *, time: str, uptime: float, runs: Runs
) -> SystemSample:
    """Make the sample of the time between two readings; looks once at each connection, and resets the worst lag."""
    hub, stats = line.hub, line.hub.stats
    connections = list(hub.connections.values())
    seconds = max(after.at - before.at, 1e-3)
    counts = [now - then for then, now in zip(before.latencies, after.latencies, strict=True)]
    lag, stats.worst_loop_lag = stats.worst_loop_lag, 0.0
    return SystemSample(
        time=time,
        uptime=round(uptime, 1),
        connections=len(connections),
        opened=stats.connections_opened,
        closed=sum(stats.connections_closed.values()),
        topics=hub.topics,
        subscriptions=sum(len(connection.channels) for connection in connections),
        lagging=sum(connection.lagging for connection in connections),
        queued_bytes=sum(connection.outbox.size for connection in connections),
        published=round((after.published - before.published) / seconds, 1),
        delivered=round((after.delivered - before.delivered) / seconds, 1),
        recovered=round((after.recovered - before.recovered) / seconds, 1),
        resumed=stats.recoveries["resumed"],
        refetched=stats.recoveries["snapshot"],
        resets=sum(stats.resets.values()),
        gaps=stats.gaps,
        duplicates=stats.duplicates_suppressed,
        latency_p50=_milliseconds(quantile(stats.write_latency.bounds, counts, 0.5)),
        latency_p99=_milliseconds(quantile(stats.write_latency.bounds, counts, 0.99)),
        loop_lag=round(lag * 1000, 1),
        runs_running=runs.running,
        runs_queued=runs.queued,
        memory=resident_bytes(),
    )


def read_lifetimes(stats: HubStats) -> Lifetimes:
    """How long the connections lasted that have ended."""
    return Lifetimes(bounds=[float(bound) for bound in stats.lifetime.bounds], counts=list(stats.lifetime.counts))


def quantile(bounds: Sequence[float], counts: Sequence[int], q: float) -> float | None:
    """Estimate the q-quantile of values that were counted in buckets; None if there are none.

    Within the bucket that holds it, the values are taken to be spread evenly from its lower bound (0 for the first) to
    its upper one, as Prometheus' `histogram_quantile` does. Beyond the last bound that bound is all that is known.

    Args:
        bounds: upper bounds of the buckets, rising.
        counts: values in each bucket, and in one more above the last bound.
        q: above 0 and up to 1.
    """
    rank = q * sum(counts)
    if rank <= 0:
        return None
    below = 0
    for (lower, upper), count in zip(pairwise((0.0, *bounds)), counts, strict=False):
        if below + count >= rank:
            return lower + (upper - lower) * (rank - below) / count
        below += count
    return bounds[-1]


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def resident_bytes(statm: str = _STATM) -> int | None:
    """Bytes of this process in memory, as Linux tells them; None elsewhere."""
    try:
        with open(statm, encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
