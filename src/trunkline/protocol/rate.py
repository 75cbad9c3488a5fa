"""Token bucket: a sustained rate with a burst. Time comes in as an argument."""


class TokenBucket:
    """Allows `rate` things a second on average, and `burst` at once."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        self._fill(now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def seconds_until_next(self) -> float:
        """Seconds from the last `take` until a token is there again."""
        return max(0.0, (1.0 - self._tokens) / self._rate)

    def limit(self, rate: float, burst: float, now: float) -> None:
        """Allow another number of things a second, and at once, from now on."""
        self._fill(now)
        self._rate, self._burst = rate, burst
        self._tokens = min(self._tokens, burst)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
