"""Compare the learning keep-alive with fixed intervals, on networks that forget idle lines.

A simulated day of an idle line: the network forgets a line after a silence of its own (30 s, 60 s, 5 min, never), and
dies outright about once an hour. Counted are pings, and the time from the line's death to the client's notice; until
then events of the server are lost to the client and come by recovery. Deterministic; no network, no clock.

python benchmarks/keepalive.py
"""

import random
from dataclasses import dataclass, field
from statistics import mean
from typing import TYPE_CHECKING

from trunkline.protocol.keepalive import Due, KeepAlive, KeepAliveOptions

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 24 * 3600.0
TIMEOUTS = {"30 s": 30.0, "60 s": 60.0, "5 min": 300.0, "never": float("inf")}


@dataclass
class Day:
    """What one simulated day cost and brought."""

    pings: int = 0
    noticed_after: list[float] = field(default_factory=list)
    forgotten: int = 0


def fixed(seconds: float) -> KeepAlive:
    """A keep-alive that never learns."""
    return KeepAlive(KeepAliveOptions(start=seconds, floor=seconds, cap=seconds))


def simulate(keepalive: KeepAlive, timeout: float, seed: int) -> Day:
    """Run one idle line for a day."""
    chance = random.Random(seed)
    day, now, last_traffic = Day(), 0.0, 0.0
    dies_at = chance.expovariate(1 / 3600)
    keepalive.opened(now)
    while now < DAY:
        now = keepalive.deadline()
        died_at = min(dies_at, last_traffic + timeout)
        due = keepalive.tick(now)
        if due is Due.PING:
            day.pings += 1
            if now < died_at:
                keepalive.heard(now + 0.05)
                last_traffic = now
        elif due is Due.DEAD:
            day.noticed_after.append(now - died_at)
            day.forgotten += died_at < dies_at
            if died_at >= dies_at:
                dies_at = now + chance.expovariate(1 / 3600)
            last_traffic = now
            keepalive.opened(now)
    return day


def main() -> None:
    """Print the table."""
    kinds: dict[str, Callable[[], KeepAlive]] = {
        "15 s": lambda: fixed(15),
        "25 s": lambda: fixed(25),
        "60 s": lambda: fixed(60),
        "learning": KeepAlive,
    }
    print("| network forgets after | keep-alive | pings a day | lines forgotten | noticed after, mean | worst |")
    print("|---|---|---|---|---|---|")
    for network, timeout in TIMEOUTS.items():
        for name, make in kinds.items():
            days = [simulate(make(), timeout, seed) for seed in range(20)]
            delays = [delay for day in days for delay in day.noticed_after]
            pings, forgotten = mean(d.pings for d in days), mean(d.forgotten for d in days)
            print(
                f"| {network} | {name} | {pings:.0f} | {forgotten:.1f} | {mean(delays):.0f} s | {max(delays):.0f} s |"
            )


if __name__ == "__main__":
    main()
