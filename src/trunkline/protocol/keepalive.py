"""When to ping: only a silent line, as rarely as the network allows, learned from how long silent lines held.

A line on which something comes is not silent, but the server has to hear from its client too: so there it pings after
half as long again. Such pings prove nothing about silences.

Middleboxes forget idle connections after a time of their own, from half a minute to never. The interval starts at a
safe value, grows while pings after a full silence are answered, and falls back when a silent line died, halving the
span between what held and what broke (the search of the Android and iOS push services for the longest heartbeat).
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAliveOptions:
    """Times in seconds.

    Attributes:
        start: silence before a ping while nothing is known of the network.
        floor: the shortest silence before a ping.
        cap: the longest.
        pong_within: time for an answer before the line counts as dead.
        growth: factor by which the interval grows.
        proofs: answered pings after a full silence before a longer one is tried.
    """

    start: float = 25.0
    floor: float = 10.0
    cap: float = 120.0
    pong_within: float = 8.0
    growth: float = 1.5
    proofs: int = 2


class Learned(NamedTuple):
    """What is known of a network: the longest silence that held, and the shortest that broke a line, in seconds.

    Keep it by network and give it to the next `KeepAlive` there.
    """

    holds: float = 0.0
    breaks: float | None = None


class Due(Enum):
    """What `tick` wants done."""

    NOTHING = "nothing"
    PING = "ping"
    DEAD = "dead"


_CLOSE_ENOUGH = 0.8
"""The search ends when what held is this near to what broke; a silence this near to the interval proves something."""

_UNHEARD = 1.5
"""Intervals after which the server must hear something; past two of them it gives its client up."""


class KeepAlive:
    """The pinging of one line; times come in as arguments, on one clock.

    Args:
        options: times.
        learned: what an earlier line of the same network taught.
    """

    def __init__(self, options: KeepAliveOptions | None = None, learned: Learned | None = None) -> None:
        self.options = options or KeepAliveOptions()
        self.learned = learned or Learned()
        self._limit = self.options.cap
        self.interval = self._clamp(self.learned.holds or self.options.start)
        self._heard_at = 0.0
        self._said_at = 0.0
        self._pinged_at: float | None = None
        self._proofs = 0

    def limit(self, seconds: float) -> None:
        """Never be silent for longer than the server wants."""
        self._limit = seconds
        self.interval = self._clamp(self.interval)

    def opened(self, now: float) -> None:
        """A connection is open."""
        self._heard_at = self._said_at = now
        self._pinged_at = None

    def heard(self, now: float) -> None:
        """Something came from the peer. After a ping, it proves that the line outlived the silence before it."""
        if self._pinged_at is not None:
            silence = self._pinged_at - self._heard_at
            if silence >= self.interval * _CLOSE_ENOUGH:
                self._prove(silence)
            self._pinged_at = None
        self._heard_at = now

    def deadline(self) -> float:
        """When `tick` has something to do."""
        if self._pinged_at is not None:
            return self._pinged_at + self.options.pong_within
        return min(self._heard_at + self.interval, self._said_at + self.interval * _UNHEARD)

    def tick(self, now: float) -> Due:
        """Ping a line that was silent for the interval; give one up that left a ping unanswered."""
        if now < self.deadline():
            return Due.NOTHING
        if self._pinged_at is not None:
            self.cut(now)
            return Due.DEAD
        self._pinged_at = self._said_at = now
        return Due.PING

    def tick_unread(self, now: float) -> Due:
        """Ping while nothing is read, so that the server hears from its client; silence means nothing then."""
        self._heard_at = now
        self._pinged_at = None
        if now < self._said_at + self.interval:
            return Due.NOTHING
        self._said_at = now
        return Due.PING

    def cut(self, now: float) -> None:
        """The line ended without a close frame. If it had been silent, the silence may be what ended it."""
        silence = (self._pinged_at or now) - self._heard_at
        if silence >= self.options.floor:
            self._break(silence)

    def _prove(self, silence: float) -> None:
        held = max(self.learned.holds, silence)
        breaks = self.learned.breaks
        self.learned = Learned(held, breaks if breaks is None or breaks > held else None)
        self._proofs += 1
        if self._proofs >= self.options.proofs:
            self._proofs = 0
            self.interval = self._longer()

    def _longer(self) -> float:
        holds, breaks = self.learned.holds, self.learned.breaks
        wanted = self.interval * self.options.growth
        if breaks is not None:
            if holds >= breaks * _CLOSE_ENOUGH:
                return self.interval
            wanted = min(wanted, (holds + breaks) / 2)
        return self._clamp(wanted)

    def _break(self, silence: float) -> None:
        """A silent line died. A silence that held before is not to blame the first time, but is trusted less."""
        holds, breaks = self.learned
        if silence > holds:
            breaks = silence if breaks is None else min(breaks, silence)
        else:
            holds = min(holds, silence / 2)
        self.learned = Learned(holds, breaks)
        self._proofs = 0
        self.interval = self._clamp(holds or self.interval / 2)

    def _clamp(self, interval: float) -> float:
        return min(self.options.cap, self._limit, max(self.options.floor, interval))
