"""Counters of the hub: plain numbers that cost nothing to keep; `trunkline.metrics` shows them to Prometheus."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


class Histogram:
    """Counts of values in buckets with given upper bounds, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


def _lifetimes() -> Histogram:
    return Histogram((1, 10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600))


def _latencies() -> Histogram:
    return Histogram((0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5))


def _small_counts() -> Histogram:
    return Histogram((1, 2, 3, 5, 10, 20))


@dataclass(slots=True)
class HubStats:
    """What the hub has done since it started.

    Attributes:
        connections_opened: WebSockets that were accepted.
        connections_closed: by close code, as text.
        refused: handshakes refused, by reason.
        lifetime: seconds a connection lasted.
        recoveries: subscriptions that came with a position, by outcome: resumed or snapshot.
        resets: by reason.
        events_published: events that the broker took from this process.
        events_delivered: event frames queued for a connection.
        gaps: holes in streams that clients saw and repaired, by their own report.
        duplicates_suppressed: events that clients had before and dropped, by their own report.
        reorderings: events that reached clients after a later one and were dropped for it, by their own report.
        lag_started: how often a connection went over its budget.
        write_latency: seconds from queueing the oldest frame of a write to the end of that write.
        sockets_per_client: connections of the same principal, counted when one is opened.
        errors: error answers by code.
        messages_received: frames from clients.
        worst_loop_lag: seconds that the event loop ran late at worst, until someone sets this to nothing again.
    """

    connections_opened: int = 0
    connections_closed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lifetime: Histogram = field(default_factory=_lifetimes)
    recoveries: Counter[str] = field(default_factory=Counter)
    resets: Counter[str] = field(default_factory=Counter)
    events_published: int = 0
    events_delivered: int = 0
    gaps: int = 0
    duplicates_suppressed: int = 0
    reorderings: int = 0
    lag_started: int = 0
    write_latency: Histogram = field(default_factory=_latencies)
    sockets_per_client: Histogram = field(default_factory=_small_counts)
    errors: Counter[str] = field(default_factory=Counter)
    messages_received: int = 0
    worst_loop_lag: float = 0.0

    def count(self, what: Literal["errors", "resets", "recoveries"], kind: str) -> None:
        """Count one thing that a session noticed."""
        {"errors": self.errors, "resets": self.resets, "recoveries": self.recoveries}[what][kind] += 1

    def count_seen(self, gaps: int, duplicates: int, reordered: int) -> None:
        """Add what a client reported that it saw and repaired."""
        self.gaps += gaps
        self.duplicates_suppressed += duplicates
        self.reorderings += reordered
