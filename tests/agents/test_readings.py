"""Counters become samples: rates, estimated quantiles, memory."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline import Histogram, HubStats
from trunkline.agents.readings import quantile, read_counters, read_lifetimes, resident_bytes

BOUNDS = (1.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("counts", "q", "expected"),
    [
        ([0, 0, 0, 0], 0.5, None),
        ([1, 0, 0, 0], 0.5, 0.5),
        ([10, 0, 0, 0], 0.99, 0.99),
        ([0, 10, 0, 0], 0.5, 1.5),
        ([5, 5, 0, 0], 0.5, 1.0),
        ([5, 5, 0, 0], 0.75, 1.5),
        ([98, 0, 2, 0], 0.99, 3.0),
        ([0, 0, 0, 3], 0.5, 4.0),
        ([9, 0, 0, 1], 0.99, 4.0),
        ([1, 0, 0, 1], 1.0, 4.0),
    ],
)
def test_a_quantile_lies_in_its_bucket_by_proportion(counts: list[int], q: float, expected: float | None) -> None:
    found = quantile(BOUNDS, counts, q)
    assert found == (expected if expected is None else pytest.approx(expected))


@given(
    values=st.lists(st.floats(0.0001, 3.99), min_size=1, max_size=100),
    q=st.floats(0.01, 1.0),
)
def test_a_quantile_is_in_the_bucket_of_the_value_of_that_rank(values: list[float], q: float) -> None:
    histogram = Histogram(BOUNDS)
    for value in values:
        histogram.observe(value)
    ordered = sorted(values)
    exact = ordered[next(i for i in range(len(ordered)) if i + 1 >= q * len(ordered))]
    upper = next(bound for bound in BOUNDS if exact <= bound)
    lower = max((bound for bound in (0.0, *BOUNDS) if bound < exact), default=0.0)
    found = quantile(BOUNDS, histogram.counts, q)
    assert found is not None
    assert lower - 1e-9 <= found <= upper + 1e-9


def test_a_reading_is_not_moved_by_what_follows() -> None:
    stats = HubStats()
    before = read_counters(stats, 1.0)
    stats.write_latency.observe(0.002)
    stats.recoveries["resumed"] += 2
    stats.recoveries["snapshot"] += 1
    after = read_counters(stats, 2.0)
    assert sum(before.latencies) == 0
    assert (sum(after.latencies), after.recovered) == (1, 3)


def test_lifetimes_have_a_bucket_beyond_the_last_bound() -> None:
    stats = HubStats()
    for seconds in (0.5, 5, 10**6):
        stats.lifetime.observe(seconds)
    lifetimes = read_lifetimes(stats)
    assert len(lifetimes.counts) == len(lifetimes.bounds) + 1
    assert (lifetimes.counts[:2], lifetimes.counts[-1], sum(lifetimes.counts)) == ([1, 1], 1, 3)


def test_memory_is_what_linux_says_and_none_elsewhere(tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    assert resident_bytes(str(statm)) is None
    statm.write_text("nonsense")
    assert resident_bytes(str(statm)) is None
    statm.write_text("900 300 20 1 0 200 0")
    found = resident_bytes(str(statm))
    assert found is not None
    assert found % 300 == 0
