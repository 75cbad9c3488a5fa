"""Which handshakes are taken now, and when the others shall come back: as many a second as the server can take.

A refused client is told the next free moment of a queue that holds nobody: only the moment up to which places were
given away is kept. So a crowd that comes back at once is spread over as many seconds as its handshakes need, instead of
knocking all at once again. While the event loop runs late fewer are taken, and more again when it keeps up: additive
increase, multiplicative decrease (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms", 1989).
"""

from dataclasses import dataclass

from trunkline.protocol.rate import TokenBucket

_GIVEN_AWAY = 0.8
"""The share of handshakes that is promised to refused clients; the rest is for those who come for the first time."""

_SOONEST = 1.0
_LEAST_SHARE = 0.02
_STEP_UP = 0.05
_GOLDEN = 0.618034
"""Multiples of the golden ratio, taken modulo 1, are evenly spread however many there are (Weyl)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionOptions:
    """How many handshakes are taken.

    Attributes:
        rate: handshakes a second, sustained; `burst` may come at once.
        burst: handshakes that may come at once.
        max_lag: seconds the event loop may run late before fewer are taken.
        longest_wait: seconds a refused client is told to wait at most.
    """

    rate: float = 500.0
    burst: int = 500
    max_lag: float = 0.25
    longest_wait: float = 60.0


class Admission:
    """Takes handshakes or says when to come back. Times are seconds on one clock, and come in as arguments."""

    def __init__(self, options: AdmissionOptions, now: float) -> None:
        self._options = options
        self._share = 1.0
        self._bucket = TokenBucket(options.rate, options.burst, now)
        self._given_until = now
        self._refused = 0

    @property
    def rate(self) -> float:
        """Handshakes a second that are taken at present."""
        return self._options.rate * self._share

    def ask(self, now: float) -> float | None:
        """Ask to take one handshake: None for yes, else the seconds after which to come back."""
        return None if self._bucket.take(now) else self.postpone(now)

    def postpone(self, now: float, *, not_before: float = 0.0) -> float:
        """Give away the next free moment, `not_before` seconds from now or later; return the seconds until then."""
        earliest = now + max(_SOONEST, not_before)
        moment = max(self._given_until, earliest) + 1.0 / (self.rate * _GIVEN_AWAY)
        latest = earliest + self._options.longest_wait
        if moment <= latest:
            self._given_until = moment
            return moment - now
        # More than the queue is long: these are spread over its second half, and some will be told once more.
        self._refused += 1
        spread = self._refused * _GOLDEN % 1.0
        return latest - now - spread * self._options.longest_wait / 2

    def observe_lag(self, lag: float, now: float) -> None:
        """Note how many seconds late the event loop runs. To be called at regular intervals."""
        if lag > self._options.max_lag:
            self._set_share(max(_LEAST_SHARE, self._share / 2), now)
        elif self._share < 1.0:
            self._set_share(min(1.0, self._share + _STEP_UP), now)

    def _set_share(self, share: float, now: float) -> None:
        self._share = share
        self._bucket.limit(self.rate, self._options.burst * share, now)
