"""The machine: which cores the server and the load have to themselves, and what to print beside the figures."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cores:
    """One core for the server, another for the load and whoever publishes from outside."""

    server: int
    load: int


def choose_cores() -> Cores:
    """Take the first two cores that this process may run on."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit("The benchmark needs two cores: one for the server, one for the load.")
    return Cores(allowed[0], allowed[1])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Start processes on one core: a child inherits what its parent may run on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def busy_seconds(cores: Cores) -> float:
    """CPU seconds that everyone together has used of the two cores since the machine was started."""
    names, tick = {f"cpu{cores.server}", f"cpu{cores.load}"}, os.sysconf("SC_CLK_TCK")
    busy = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name in names:
            user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen, *_ = map(int, times)
            busy += user + nice + system + interrupts + soft_interrupts + stolen
    return busy / tick


def describe() -> dict[str, str]:
    """Say what the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": sys.version.split()[0],
        "Node": first_line("node", "--version"),
        "C compiler": first_line("cc", "--version"),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def first_line(*command: str) -> str:
    """Return the first line that a command prints, or `missing`."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "missing"
    return (done.stdout or done.stderr).strip().partition("\n")[0] or "missing"
