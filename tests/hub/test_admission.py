"""How many handshakes are taken, and when the others come back: on a clock of the test's own."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.returning_crowd import Crowd
from trunkline.hub.admission import Admission, AdmissionOptions

OPTIONS = AdmissionOptions(rate=10, burst=5, max_lag=0.2, longest_wait=20)


def test_a_burst_is_taken_and_the_next_are_told_moments_one_after_the_other() -> None:
    admission = Admission(OPTIONS, now=100.0)
    assert [admission.ask(100.0) for _ in range(5)] == [None] * 5
    assert [admission.ask(100.0) for _ in range(3)] == pytest.approx([1.125, 1.25, 1.375])
    assert admission.ask(100.2) is None


def test_moments_that_have_passed_are_not_given_away_again() -> None:
    admission = Admission(OPTIONS, now=0.0)
    for _ in range(6):
        admission.ask(0.0)
    assert admission.postpone(50.0) == pytest.approx(1.125)


def test_a_crowd_larger_than_the_queue_is_spread_over_its_second_half() -> None:
    admission = Admission(OPTIONS, now=0.0)
    waits = [admission.postpone(0.0) for _ in range(1_000)]
    assert max(waits) <= 21.0
    late = waits[200:]
    assert min(late) >= 11.0
    tenths = Counter(int(wait - 11.0) for wait in late)
    assert max(tenths.values()) <= 1.3 * min(tenths[second] for second in range(9))


def test_nobody_is_told_to_come_back_before_a_drain_is_over() -> None:
    admission = Admission(OPTIONS, now=0.0)
    waits = [admission.postpone(0.0, not_before=30.0) for _ in range(50)]
    assert min(waits) > 30.0
    assert waits == sorted(set(waits))


def test_a_loop_that_runs_late_takes_fewer_and_in_time_more_again() -> None:
    admission = Admission(OPTIONS, now=0.0)
    admission.observe_lag(0.1, 0.0)
    assert admission.rate == 10
    admission.observe_lag(0.5, 0.0)
    assert admission.rate == 5
    assert [admission.ask(0.0) for _ in range(3)] == [None, None, pytest.approx(1.25)]
    for _ in range(20):
        admission.observe_lag(3.0, 0.0)
    assert admission.rate == pytest.approx(0.2)
    for n in range(20):
        admission.observe_lag(0.0, 1.0 + n / 10)
    assert admission.rate == 10


@given(st.lists(st.tuples(st.floats(0, 2), st.sampled_from([None, 0.0, 1.0])), max_size=80))
def test_every_wait_is_within_its_bounds_whatever_happens(steps: list[tuple[float, float | None]]) -> None:
    admission, now = Admission(OPTIONS, 0.0), 0.0
    for pause, lag in steps:
        now += pause
        if lag is not None:
            admission.observe_lag(lag, now)
        wait = admission.ask(now)
        assert wait is None or 1.0 <= wait <= OPTIONS.longest_wait + 1.0


def test_ten_thousand_clients_that_come_back_at_once_are_welcomed_at_the_rate_of_the_server() -> None:
    crowd = Crowd(10_000, AdmissionOptions(rate=500, burst=500))
    crowd.run()
    assert crowd.taken.total() == 10_000
    assert max(crowd.taken.values()) <= 1_000
    # A fifth of the rate is kept for those who come for the first time.
    assert max(crowd.taken) <= 10_000 / 400 + 5
    # Nobody knocks again and again, and after the first second nobody knocks in a crowd.
    assert crowd.asked.total() <= 2.5 * 10_000
    assert max(crowd.asked[second] for second in crowd.asked if second) <= 500
