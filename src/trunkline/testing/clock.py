"""Time in tests: a clock that is set by hand, and waiting for a condition without sleeping."""

import asyncio
from collections.abc import Callable


class ManualClock:
    """A clock that stands still until it is told to go. Give it wherever a `clock` is asked for.

    Args:
        now: seconds it starts at.
    """

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Read the clock, in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


async def until(condition: Callable[[], object], *, within: float = 5.0) -> None:
    """Let the event loop run until `condition()` is true.

    For what only a look can tell, such as a counter of the server; a message or an event is better waited for itself.

    Args:
        condition: looked at once a turn of the loop.
        within: seconds after which it is given up.

    Raises:
        TimeoutError: it did not become true in time.
    """
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)
