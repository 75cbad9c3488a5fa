"""When to try again: exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS, 2015)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffOptions:
    """Times in seconds.

    Attributes:
        floor: the shortest wait after the first quick retry.
        cap: the longest wait.
        stable_after: a connection that held this long starts the count anew.
    """

    floor: float = 0.5
    cap: float = 20.0
    stable_after: float = 60.0


class Backoff:
    """Counts failed tries and gives the wait before the next one. Randomness and times come in as arguments."""

    def __init__(self, options: BackoffOptions | None = None) -> None:
        self._options = options or BackoffOptions()
        self._tries = 0

    def next_delay(self, chance: float) -> float:
        """Seconds to wait; `chance` is uniform in [0, 1).

        The first retry is quick (up to the floor, spread), later ones are spread evenly between the floor and
        twice the last bound, up to the cap.
        """
        options = self._options
        tries, self._tries = self._tries, self._tries + 1
        if tries == 0:
            return options.floor * chance
        bound = min(options.cap, options.floor * 2.0 ** min(tries, 30))
        return options.floor + (bound - options.floor) * chance

    def connection_ended(self, lasted: float) -> None:
        """Forget failed tries if the connection that just ended held for a stable time (seconds)."""
        if lasted >= self._options.stable_after:
            self._tries = 0
