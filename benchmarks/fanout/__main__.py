"""Trunkline and its peers, side by side in one run, on the same work.

python -m benchmarks.fanout --only trunkline,uws --quick
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.fanout import generator, machine
from benchmarks.fanout.generator import BUILD
from benchmarks.fanout.installing import NotInstalledError
from benchmarks.fanout.machine import Cores
from benchmarks.fanout.measuring import Outcome, Work, WorkFailedError, measure, measure_memory
from benchmarks.fanout.peer import Peer, all_peers
from benchmarks.fanout.plots import draw_all
from benchmarks.fanout.results import QUIET, PeerResult, Results
from benchmarks.fanout.tables import render, render_ratios

_WORKS = ((1_000, 100, 4.0, 3), (1_000, 1_000, 3.0, 1), (1_000, 4_000, 3.0, 1), (10_000, 100, 3.0, 1))
_QUICK = 0.4
_IDLE_CONNECTIONS = 5_000
ROOT = Path(__file__).parent.parent.parent
_PLOTS = {
    "cpu-1000x100.svg": "CPU per delivery, 1,000 subscribers, 100 events a second",
    "cpu-1000x1000.svg": "CPU per delivery, 1,000 subscribers, 1,000 events a second",
    "latency-1000x1000.svg": "Latency, 1,000 subscribers, 1,000 events a second",
    "memory.svg": "Memory of an idle connection",
}
"""What the documentation shows of them, and the words for those who do not see it."""


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.fanout", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", help="peers, joined by commas")
    parser.add_argument("--works", metavar="WORKS", help="such as 1000x100,10000x100; `idle` for the memory")
    parser.add_argument("--quick", action="store_true", help="shorter works")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is done; the median counts")
    return parser.parse_args(arguments)


def choose_peers(only: str | None) -> list[Peer]:
    """The peers that were asked for, or all."""
    peers = all_peers()
    if only is None:
        return peers
    wanted, known = only.split(","), {peer.name for peer in peers}
    if unknown := [name for name in wanted if name not in known]:
        raise SystemExit(f"There is no peer {', '.join(unknown)}. Peers: {', '.join(sorted(known))}")
    return [peer for peer in peers if peer.name in wanted]


def choose_works(only: str | None, quick: bool) -> list[Work]:
    """The works that were asked for, or all."""
    wanted = None if only is None else only.split(",")
    shrink = _QUICK if quick else 1.0
    return [
        Work(clients, rate, seconds * shrink, 1 if quick else times)
        for clients, rate, seconds, times in _WORKS
        if wanted is None or f"{clients}x{rate}" in wanted
    ]


class Run:
    """One run over all peers."""

    def __init__(self, results: Results, *, load: Path, cores: Cores, idle: bool) -> None:
        self._results = results
        self._load = load
        self._cores = cores
        self._idle = idle

    def install(self, peers: Sequence[Peer]) -> None:
        """Install what is missing, and note who cannot take part."""
        for peer in peers:
            result = PeerResult(peer)
            self._results.peers.append(result)
            try:
                result.versions = peer.install()
            except NotInstalledError as error:
                result.absent = str(error)
                print(f"{peer.name}: left out, {error}", flush=True)

    def measure(self, result: PeerResult) -> None:
        """Have one peer do every work, but for those that are harder in every respect than one it has failed."""
        print(f"\n{result.peer.name}", flush=True)
        if self._idle:
            self._measure_memory(result)
        failed: list[Work] = []
        for work in self._results.works:
            if any(easier.offered <= work.offered and easier.clients <= work.clients for easier in failed):
                result.untried.add(work.name)
                continue
            for _ in range(work.times):
                self._measure(result, work)
                if result.failure(work):
                    failed.append(work)
                    break

    def _measure(self, result: PeerResult, work: Work) -> None:
        try:
            outcome = measure(result.peer, work, self._load, self._cores)
        except WorkFailedError as error:
            result.failures[work.name] = str(error)
            print(f"  {work.name:>16}  fails: {error}", flush=True)
        else:
            result.outcomes.setdefault(work.name, []).append(outcome)
            print(f"  {work.name:>16}  {tell(outcome)}", flush=True)

    def _measure_memory(self, result: PeerResult) -> None:
        try:
            memory = measure_memory(result.peer, self._results.idle_connections, self._load, self._cores)
        except WorkFailedError as error:
            result.failures["idle"] = str(error)
            print(f"  {'idle':>16}  fails: {error}", flush=True)
        else:
            result.memory.append(memory)
            print(f"  {'idle':>16}  {memory / 1024:.1f} KB a connection", flush=True)


def tell(outcome: Outcome) -> str:
    """One line on an outcome."""
    line = (
        f"{outcome.cpu_per_delivery:6.2f} µs ({outcome.user_per_delivery:.2f} user), CPU {outcome.cpu_share:4.0%}, "
        f"p50 {outcome.latency['p50']:.1f} ms, p99 {outcome.latency['p99']:.1f} ms, "
        f"ping p99 {outcome.probe['p99']:.1f} ms, load {outcome.load_share:.0%}"
    )
    if outcome.others_share > QUIET:
        line += f"; disturbed by others, {outcome.others_share:.0%} of a core"
    return f"{line}; fails: {outcome.failure}" if outcome.failure else line


def publish(folder: Path, parts: dict[str, str]) -> None:
    """Put a run into the documentation: files into a folder of their own, texts between marks of the pages."""
    target = ROOT / "docs" / "performance"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.md"))
    for page, prefix in ((ROOT / "docs" / "performance.md", ""), (ROOT / "README.md", "docs/")):
        plots = "\n\n".join(
            f"![{words}]({prefix}performance/{file})" for file, words in _PLOTS.items() if (target / file).exists()
        )
        text = page.read_text()
        for name, part in {**parts, "plots": plots}.items():
            text = fill(text, name, part)
        page.write_text(text)


def fill(page: str, name: str, text: str) -> str:
    """Put a text between `<!-- name -->` and `<!-- /name -->`, where a page has these marks."""
    before, begin, rest = page.partition(f"<!-- {name} -->")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}" if end else page


def perform(options: argparse.Namespace) -> Results:
    """Do the run that the command line asks for."""
    if sys.platform != "linux":
        raise SystemExit("The benchmark reads /proc and pins processes to cores, so it needs Linux.")
    works = choose_works(options.works, options.quick)
    measured = datetime.now(UTC).isoformat(timespec="minutes")
    results = Results(measured, machine.describe(), works, _IDLE_CONNECTIONS, options.rounds)
    idle = options.works is None or "idle" in options.works.split(",")
    run = Run(results, load=generator.build(), cores=machine.choose_cores(), idle=idle)
    run.install(choose_peers(options.only))
    for _ in range(options.rounds):
        for result in results.peers:
            if not result.absent:
                run.measure(result)
    return results


def main(arguments: Sequence[str] | None = None) -> None:
    """Do the run of the command line, and write what came of it."""
    options = read_arguments(arguments)
    results = perform(options)
    folder = BUILD / "fanout"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    results.write(folder / "results.json")
    report = f"{render_ratios(results)}\n{render(results)}"
    (folder / "results.md").write_text(report)
    draw_all(results, folder)
    print(f"\n{report}\nAll of it is in {folder}")


if __name__ == "__main__":
    main()
