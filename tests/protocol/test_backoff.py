from hypothesis import given
from hypothesis import strategies as st

from trunkline.protocol.backoff import Backoff, BackoffOptions

CHANCES = st.floats(min_value=0, max_value=1, exclude_max=True)


def test_the_bounds_of_the_waits() -> None:
    low, high = Backoff(), Backoff()
    assert [low.next_delay(0.0) for _ in range(4)] == [0.0, 0.5, 0.5, 0.5]
    assert [high.next_delay(1.0) for _ in range(8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]


@given(st.lists(CHANCES, min_size=1, max_size=100))
def test_only_the_first_retry_is_quicker_than_the_floor_and_none_is_later_than_the_cap(chances: list[float]) -> None:
    options = BackoffOptions(floor=0.2, cap=3.0)
    backoff = Backoff(options)
    delays = [backoff.next_delay(chance) for chance in chances]
    assert 0 <= delays[0] <= options.floor
    assert all(options.floor <= delay <= options.cap for delay in delays[1:])


def test_a_stable_connection_starts_the_count_anew_and_a_short_one_does_not() -> None:
    backoff = Backoff(BackoffOptions(stable_after=60))
    for _ in range(5):
        backoff.next_delay(1.0)
    backoff.connection_ended(59.9)
    assert backoff.next_delay(1.0) == 16.0
    backoff.connection_ended(60.0)
    assert backoff.next_delay(1.0) == 0.5


def test_a_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff()
    assert max(backoff.next_delay(0.999) for _ in range(5_000)) <= 20.0
