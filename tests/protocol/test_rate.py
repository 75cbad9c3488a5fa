from hypothesis import given
from hypothesis import strategies as st

from trunkline.protocol.rate import TokenBucket


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=2.0, burst=3, now=10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.seconds_until_next() == 0.5
    assert not bucket.take(10.25)
    assert bucket.take(10.5)
    assert not bucket.take(10.5)


def test_a_long_rest_gives_no_more_than_the_burst() -> None:
    bucket = TokenBucket(rate=100.0, burst=2, now=0.0)
    assert [bucket.take(1_000.0) for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(min_value=0, max_value=5), min_size=1, max_size=60))
def test_never_more_than_the_burst_and_the_rate_together(pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(rate=3.0, burst=5, now=0.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= 5 + 3.0 * now + 1e-6
