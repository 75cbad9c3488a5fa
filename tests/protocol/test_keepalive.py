import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.protocol.keepalive import Due, KeepAlive, KeepAliveOptions, Learned


def idle_hours(keepalive: KeepAlive, timeout: float, hours: float) -> tuple[int, int]:
    """Let a line be idle behind a middlebox that forgets after `timeout` seconds; count pings and losses."""
    now, end, pings, losses = 0.0, hours * 3600, 0, 0
    last_traffic = 0.0
    keepalive.opened(now)
    while now < end:
        now = keepalive.deadline()
        due = keepalive.tick(now)
        if due is Due.PING:
            pings += 1
            if now - last_traffic < timeout:
                last_traffic = now
                keepalive.heard(now + 0.1)
        elif due is Due.DEAD:
            losses += 1
            last_traffic = now
            keepalive.opened(now)
    return pings, losses


def test_pings_only_after_silence() -> None:
    keepalive = KeepAlive()
    keepalive.opened(100.0)
    assert keepalive.deadline() == 125.0
    keepalive.heard(120.0)
    assert keepalive.tick(125.0) is Due.NOTHING
    assert keepalive.tick(145.0) is Due.PING
    assert keepalive.deadline() == 153.0


def test_an_unanswered_ping_means_a_dead_line() -> None:
    keepalive = KeepAlive()
    keepalive.opened(0.0)
    assert keepalive.tick(25.0) is Due.PING
    assert keepalive.tick(32.9) is Due.NOTHING
    assert keepalive.tick(33.0) is Due.DEAD


def test_the_interval_grows_to_the_cap_where_nothing_breaks() -> None:
    keepalive = KeepAlive()
    idle_hours(keepalive, timeout=float("inf"), hours=2)
    assert keepalive.interval == keepalive.options.cap


@pytest.mark.parametrize("timeout", [30.0, 60.0, 300.0])
def test_the_interval_settles_below_the_timeout_of_the_network(timeout: float) -> None:
    keepalive = KeepAlive()
    _, losses = idle_hours(keepalive, timeout, hours=6)
    settled = keepalive.interval
    _, later_losses = idle_hours(keepalive, timeout, hours=6)
    assert min(timeout, keepalive.options.cap) * 0.6 <= settled < timeout
    assert losses <= 5
    assert later_losses == 0


def test_what_was_learned_serves_the_next_line() -> None:
    first = KeepAlive()
    idle_hours(first, timeout=60.0, hours=6)
    second = KeepAlive(learned=first.learned)
    _, losses = idle_hours(second, timeout=60.0, hours=6)
    assert losses == 0
    assert second.interval == first.interval


def test_a_line_cut_while_it_was_busy_teaches_nothing() -> None:
    keepalive = KeepAlive()
    keepalive.opened(0.0)
    keepalive.heard(50.0)
    keepalive.cut(51.0)
    assert keepalive.learned == Learned()
    assert keepalive.interval == 25.0


def test_a_network_that_got_worse_is_noticed() -> None:
    keepalive = KeepAlive()
    idle_hours(keepalive, timeout=300.0, hours=3)
    _, losses = idle_hours(keepalive, timeout=20.0, hours=3)
    assert keepalive.interval < 20.0
    assert losses <= 12


@given(
    st.lists(st.tuples(st.sampled_from(["heard", "tick", "cut", "opened"]), st.floats(0.01, 400)), max_size=60),
    st.floats(0, 1000),
)
def test_the_interval_stays_within_its_bounds(steps: list[tuple[str, float]], holds: float) -> None:
    options = KeepAliveOptions()
    keepalive, now = KeepAlive(options, Learned(holds)), 0.0
    keepalive.opened(now)
    for step, wait in steps:
        now += wait
        if step == "tick":
            keepalive.tick(now)
        else:
            getattr(keepalive, step)(now)
        assert options.floor <= keepalive.interval <= options.cap


def test_a_line_on_which_much_comes_is_pinged_too_and_learns_nothing_from_it() -> None:
    keepalive, pings = KeepAlive(), []
    keepalive.opened(0.0)
    for second in range(1, 101):
        keepalive.heard(float(second))
        if keepalive.tick(second + 0.5) is Due.PING:
            pings.append(second + 0.5)
    assert pings == [37.5, 75.5]
    assert keepalive.learned == Learned()
    assert keepalive.interval == 25.0


def test_a_busy_line_that_dies_after_its_ping_does_not_blame_the_silence() -> None:
    keepalive = KeepAlive()
    keepalive.opened(0.0)
    keepalive.heard(20.0)
    keepalive.heard(37.0)
    assert keepalive.tick(37.5) is Due.PING
    assert keepalive.tick(45.5) is Due.DEAD
    assert keepalive.learned == Learned()


def test_a_line_that_is_not_read_is_pinged_and_never_given_up() -> None:
    keepalive = KeepAlive()
    keepalive.opened(0.0)
    pings = [second for second in range(1, 101) if keepalive.tick_unread(float(second)) is Due.PING]
    assert pings == [25, 50, 75, 100]
    assert keepalive.tick(101.0) is Due.NOTHING
    assert keepalive.learned == Learned()
