"""The goals of this benchmark: each a ratio, or a bound, in one run."""

from collections.abc import Callable, Iterator

from benchmarks.fanout.measuring import Outcome, Work
from benchmarks.fanout.results import REFERENCE, Results
from benchmarks.part import Goal

_LIGHT, _FULL, _HEAVY, _WIDE = (1_000, 100), (1_000, 1_000), (1_000, 4_000), (10_000, 100)


def judge(results: Results) -> list[Goal]:
    """Hold the goals against a run."""
    return [
        *_cpu_goals(results, _LIGHT, {"uws": 1.05, "nchan": 0.85, "send_json": 0.25}),
        *_cpu_goals(results, _FULL, {"uws": 0.7, "nats": 0.7}),
        *_bounds(results, _FULL, p50=5.0, p99=12.0),
        *_bounds(results, _HEAVY, p99=20.0),
        *_bounds(results, _WIDE, p50=40.0, p99=80.0, ping=15.0),
        _memory(results),
    ]


def _find(results: Results, key: tuple[int, int]) -> Work | None:
    return next((work for work in results.works if (work.clients, work.rate) == key), None)


def _cpu_goals(results: Results, key: tuple[int, int], shares: dict[str, float]) -> Iterator[Goal]:
    work = _find(results, key)
    for name, share in shares.items():
        peer = results.get(name)
        ratio = results.cpu_ratio(peer, work) if peer and work else None
        if peer is None or work is None or not ratio:
            continue
        failure = peer.failure(work)
        beside = f" (it fails: {failure})" if failure else ""
        goal = f"CPU per delivery ≤ {share:g} x {peer.peer.title}"
        yield Goal(work.name, goal, f"{1 / ratio:.2f} x{beside}", 1 / ratio <= share)


def _bounds(results: Results, key: tuple[int, int], **bounds: float) -> Iterator[Goal]:
    work, ours = _find(results, key), results.get(REFERENCE)
    outcome = ours.outcome(work) if ours and work else None
    if work is None or ours is None or outcome is None:
        return
    failure = ours.failure(work)
    yield Goal(
        work.name, "all delivered", failure or f"{outcome.delivered:,} of {outcome.delivered:,}", failure is None
    )
    figures: dict[str, tuple[str, Callable[[Outcome], float]]] = {
        "p50": ("p50", lambda one: one.latency["p50"]),
        "p99": ("p99", lambda one: one.latency["p99"]),
        "ping": ("a ping meanwhile, p99", lambda one: one.probe["p99"]),
    }
    for name, bound in bounds.items():
        words, figure = figures[name]
        yield Goal(work.name, f"{words} ≤ {bound:g} ms", f"{figure(outcome):.1f} ms", figure(outcome) <= bound)


def _memory(results: Results) -> Goal:
    ours = results.get(REFERENCE)
    memory = ours.idle_memory if ours else None
    measured = "not measured" if memory is None else f"{memory / 1024:.1f} KB"
    met = None if memory is None else memory <= 4096
    return Goal("idle, two subscriptions", "≤ 4 KB a connection", measured, met)
