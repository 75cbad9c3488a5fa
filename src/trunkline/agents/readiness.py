"""Whether the storage takes writes: looked at when someone asks, and not more often than is good for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from trunkline.agents.storage import StorageUnavailable

INTERVAL: Final = 5.0
_PATIENCE: Final = 3.0


class Readiness:
    """Probes the storage at most once in five seconds; who asks in between, or meanwhile, gets the same answer.

    Args:
        probe: writes something that changes nothing; `database.probe`.
        clock: seconds, monotonic.
        patience: seconds after which the storage counts as silent.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
        patience: float = _PATIENCE,
    ) -> None:
        self._probe = probe
        self._clock = clock
        self._patience = patience
        self._known: tuple[float, str | None] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def problem(self) -> str | None:
        """A sentence if the storage cannot be used, or None."""
        async with self._one_at_a_time:
            if self._known is None or self._clock() - self._known[0] >= INTERVAL:
                self._known = (self._clock(), await self._look())
            return self._known[1]

    async def _look(self) -> str | None:
        try:
            async with asyncio.timeout(self._patience):
                await self._probe()
        except StorageUnavailable as error:
            return error.sentence
        except TimeoutError:
            return "The database does not answer."
        return None
