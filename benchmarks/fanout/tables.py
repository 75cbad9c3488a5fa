"""A run as Markdown: ratios first."""

from collections.abc import Iterable, Iterator

from benchmarks.fanout.goals import judge
from benchmarks.fanout.measuring import Outcome, Work
from benchmarks.fanout.results import PeerResult, Results
from benchmarks.part import Goal


def render_ratios(results: Results) -> str:
    """The one table that says most."""
    return "\n".join(_ratios(results))


def render(results: Results) -> str:
    """Everything else that a reader needs to judge the figures."""
    return "\n".join([*render_goals(judge(results)), *render_details(results), *render_surroundings(results)])


def render_details(results: Results) -> Iterator[str]:
    """A table for each work."""
    for work in results.works:
        yield from _details(results, work)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    columns = list(head)
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join(['---'] + ['---:'] * (len(columns) - 1))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _present(results: Results) -> list[PeerResult]:
    return [one for one in results.peers if not one.absent]


def _ratios(results: Results) -> Iterator[str]:
    yield "Server CPU per delivery, and memory of an idle connection: in multiples of Trunkline's, then the figure."
    yield ""
    head = ["", *(work.name for work in results.works), "idle connection"]
    yield from _table(head, (_ratio_row(results, one) for one in _present(results)))


def _ratio_row(results: Results, one: PeerResult) -> list[str]:
    return [one.peer.title, *(_cpu(results, one, work) for work in results.works), _memory(results, one)]


def _cpu(results: Results, one: PeerResult, work: Work) -> str:
    failure, outcome = one.failure(work), one.outcome(work)
    if failure is not None:
        return f"**fails**: {failure}"
    if outcome is None:
        return "not tried" if work.name in one.untried else ""
    return _times(results.cpu_ratio(one, work), f"{outcome.cpu_per_delivery:.2f} µs")


def _memory(results: Results, one: PeerResult) -> str:
    memory = one.idle_memory
    if memory is None:
        return one.failures.get("idle", "")
    return _times(results.ratio(one, lambda result: result.idle_memory), f"{memory / 1024:.1f} KB")


def _times(ratio: float | None, figure: str) -> str:
    return figure if ratio is None else f"{ratio:.2f} x ({figure})"


def render_goals(goals: Iterable[Goal]) -> Iterator[str]:
    """The table of goals."""
    words = {True: "yes", False: "**no**", None: "?"}
    yield "### Goals"
    yield ""
    yield from _table(
        ("work", "goal", "measured", "met"),
        ([goal.work, goal.goal, goal.measured, words[goal.met]] for goal in goals),
    )


_COLUMNS = (
    "", "CPU per delivery (user)", "server CPU", "delivered a second", "p50", "p90", "p99", "longest", "ping p99",
    "lost", "bytes an event", "load's CPU",
)  # fmt: skip


def _details(results: Results, work: Work) -> Iterator[str]:
    yield f"### {work.clients:,} subscribers x {work.rate:,} events/s, {work.seconds:g} s"
    yield ""
    yield from _table(_COLUMNS, (_detail(one, work) for one in _present(results) if work.name not in one.untried))


def _detail(one: PeerResult, work: Work) -> list[str]:
    outcome, failure = one.outcome(work), one.failure(work)
    title = f"{one.peer.title}: **fails**, {failure}" if failure else one.peer.title
    return [title, *([""] * (len(_COLUMNS) - 1) if outcome is None else _figures(outcome))]


def _figures(outcome: Outcome) -> list[str]:
    return [
        f"{outcome.cpu_per_delivery:.2f} µs ({outcome.user_per_delivery:.2f})",
        f"{outcome.cpu_share:.0%}",
        f"{outcome.delivered / outcome.seconds:,.0f}",
        *(_milliseconds(outcome.latency[name]) for name in ("p50", "p90", "p99", "max")),
        _milliseconds(outcome.probe["p99"]),
        f"{outcome.lost:,}",
        f"{outcome.bytes:.0f}",
        f"{outcome.load_share:.0%}" + (f" + {outcome.publisher_cpu:.2f} s" if outcome.publisher_cpu else ""),
    ]


def _milliseconds(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms"


def render_surroundings(results: Results) -> Iterator[str]:
    """What it was measured on, and with which versions."""
    yield "### Machine and versions"
    yield ""
    yield f"Measured {results.measured}; rounds: {results.rounds}; idle connections: {results.idle_connections:,}."
    yield "; ".join(f"{name} {value}" for name, value in results.machine.items()) + "."
    yield ""
    if results.disturbed:
        yield "**The machine was not quiet**, and others used of the two cores: " + "; ".join(results.disturbed) + "."
        yield ""
    for one in results.peers:
        if one.absent:
            yield f"- {one.peer.title}: left out, {one.absent}"
        else:
            yield f"- {one.peer.title}: {', '.join(f'{name} {version}' for name, version in one.versions.items())}"
    yield ""
