"""What a process and its descendants have used: CPU time and memory, as Linux tells."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """CPU seconds of a tree of processes, all threads counted.

    Attributes:
        total: user and system, exact.
        user: the user part, in steps of a clock tick (10 ms).
    """

    total: float
    user: float

    def __sub__(self, earlier: "Usage") -> "Usage":
        """What was used since."""
        return Usage(self.total - earlier.total, self.user - earlier.user)


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found.extend(int(child) for child in children.read_text().split())
    return found


def read_usage(pid: int) -> Usage:
    """CPU time of a process and its descendants."""
    processes = tree(pid)
    return Usage(sum(_cpu_clock(one) for one in processes), sum(_user_time(one) for one in processes))


def _cpu_clock(pid: int) -> float:
    """The CPU clock of another process (`clock_getcpuclockid`): nanoseconds, ended threads included."""
    return time.clock_gettime((~pid << 3) | 2)


def _user_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / _TICK


def resident(pid: int) -> int:
    """Resident bytes of a process and its descendants; what they share counts for each."""
    return sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in tree(pid)) * _PAGE
