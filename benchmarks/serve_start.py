"""How long `trunkline serve` takes from its command to its first answer: with nothing there yet, and started again.

python -m benchmarks.serve_start
"""

import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from benchmarks.fanout.process_usage import read_usage
from benchmarks.part import Goal, Part, table
from benchmarks.server_process import ServerProcess

GOAL = 1.5
_STARTS = 5


@dataclass(frozen=True)
class Start:
    """Seconds by the clock until the first answer, and of CPU."""

    seconds: float
    cpu: float


def start(data: Path) -> Start:
    """Start a server on a data directory, ask it once, end it."""
    began = time.monotonic()
    with ServerProcess(data, flags=("--no-open",)) as server:
        with urlopen(f"{server.url}/healthz", timeout=10.0) as answer:
            answer.read()
        return Start(time.monotonic() - began, read_usage(server.process.pid).total)


def run() -> Part:
    """Start it some times; the median counts."""
    first: list[Start] = []
    again: list[Start] = []
    for _ in range(_STARTS):
        with TemporaryDirectory(prefix="trunkline-") as place:
            first.append(start(Path(place) / "data"))
            again.append(start(Path(place) / "data"))
    goals, cells = [], []
    for words, starts in (("on an empty directory", first), ("started again", again)):
        seconds, cpu = (statistics.median(getattr(one, name) for one in starts) for name in ("seconds", "cpu"))
        goals.append(
            Goal(f"`trunkline serve` {words}", f"first answer ≤ {GOAL:g} s", f"{seconds:.2f} s", seconds <= GOAL)
        )
        cells.append([words, f"{seconds:.2f} s", f"{cpu:.2f} s"])
        print(f"  {words}: {seconds:.2f} s, {cpu:.2f} s of CPU", flush=True)
    text = f"### From `trunkline serve` to its first answer\n\n{table(('', 'by the clock', 'CPU'), cells)}"
    ratio = statistics.median(one.cpu for one in again) / statistics.median(one.cpu for one in first)
    figures = {"first": [asdict(one) for one in first], "again": [asdict(one) for one in again]}
    return Part(
        name="serve_start",
        markdown=text,
        goals=goals,
        ratios={"CPU of a start, again over first": ratio},
        figures=figures,
    )


if __name__ == "__main__":
    print(run().markdown)
