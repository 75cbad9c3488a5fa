"""How the server is: a sample each second, five minutes of them kept, told to whoever subscribes to `system:status`."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Final

import msgspec

from trunkline import Principal, Trunkline, TrunklineError, __version__
from trunkline.agents.answer import Sleep
from trunkline.agents.events import SYSTEM_STATUS, SystemHealth, SystemSample, SystemStatus
from trunkline.agents.readings import Runs, make_sample, read_counters, read_lifetimes
from trunkline.agents.runner import Runner
from trunkline.agents.storage.clock import Clock

logger = logging.getLogger(__name__)

STATUS_TOPIC: Final = "system:status"
STATUS_SNAPSHOT: Final = "system_state"

INTERVAL: Final = 1.0
KEPT: Final = 300

_LATE_MILLISECONDS: Final = 250.0
_LATELY: Final = 5
"""Samples for which a late event loop is told, so that it can be read."""


class SystemState(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `system_state`: how the server is, and how it was.

    A `system_status` that follows may be of the same second as the last sample; `time` tells.

    Attributes:
        now: as `system_status` tells it each second from now on.
        samples: the last five minutes at most, oldest first, the last one that of `now`.
    """

    now: SystemStatus
    samples: list[SystemSample]


class StatusSampler:
    """Takes the samples. While nobody is subscribed nothing is published and the storage is left alone.

    Args:
        line: what is measured, and what tells it.
        runner: tells how many answers are in progress.
        storage: gives a sentence if the storage cannot be used, or None. May take seconds.
        clock: seconds, monotonic.
        wall_clock: makes timestamps.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        line: Trunkline,
        runner: Runner,
        storage: Callable[[], Awaitable[str | None]],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._line = line
        self._runner = runner
        self._storage = storage
        self._clock = clock
        self._wall_clock = wall_clock or Clock()
        self._sleep = sleep
        self._started_at = clock()
        self._before = read_counters(line.hub.stats, self._started_at)
        self._samples: deque[SystemSample] = deque(maxlen=KEPT)
        self._problem: str | None = None
        self._looking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Take a sample each second, for ever."""
        try:
            while True:
                await self._sleep(INTERVAL)
                await self.tick()
        finally:
            if self._looking is not None:
                self._looking.cancel()

    async def tick(self) -> None:
        """Take a sample, and tell it if somebody listens."""
        self._take()
        if not self._line.hub.has_subscribers(STATUS_TOPIC):
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        try:
            await self._line.publish(SYSTEM_STATUS, self._status())
        except TrunklineError as error:
            logger.warning("The status of this second was not told: %s", error)

    async def state(self, principal: Principal) -> SystemState:
        """The snapshot of `system:status`; the same for everyone."""
        await self._look()
        if not self._samples:
            self._take()
        return SystemState(now=self._status(), samples=list(self._samples))

    def _take(self) -> None:
        before, self._before = self._before, read_counters(self._line.hub.stats, self._clock())
        running = self._runner.running
        sample = make_sample(
            self._line,
            before,
            self._before,
            time=self._wall_clock.now(),
            uptime=self._before.at - self._started_at,
            runs=Runs(running, self._runner.in_progress - running),
        )
        self._samples.append(sample)

    async def _look(self) -> None:
        self._problem = await self._storage()

    def _status(self) -> SystemStatus:
        lately = list(islice(reversed(self._samples), _LATELY))
        status, message = judge(lately, stopping=self._line.hub.draining, problem=self._problem)
        return SystemStatus(
            status=status,
            message=message,
            version=__version__,
            sample=lately[0],
            lifetimes=read_lifetimes(self._line.hub.stats),
        )


def judge(lately: Sequence[SystemSample], *, stopping: bool, problem: str | None) -> tuple[SystemHealth, str]:
    """Say how the server is, in a word and in a sentence.

    Args:
        lately: the last samples, newest first.
        stopping: whether it drains.
        problem: a sentence if the storage cannot be used.
    """
    if stopping:
        return "stopping", "The server stops: answers in progress are finished, and no new ones are begun."
    newest, lag = lately[0], max(sample.loop_lag for sample in lately)
    reasons = [problem] if problem else []
    if lag > _LATE_MILLISECONDS:
        reasons.append(f"The server is busy: it ran {lag:.0f} ms late.")
    if newest.lagging:
        reasons.append(f"{newest.lagging} of {newest.connections} connections read too slowly and have to catch up.")
    return ("degraded", " ".join(reasons)) if reasons else ("ok", "Everything is on time.")
