"""What a reconnect brought, in a sentence."""

from trunkline.cli.live_line import ComingBack


def test_it_is_told_when_every_topic_is_answered() -> None:
    back = ComingBack({"agent:*", "thread:1"})
    back.answered("agent:*", resumed=True, recovered=2)
    assert back.sentence is None
    back.answered("thread:1", resumed=True, recovered=1)
    assert back.sentence == "back: 3 missed events recovered"


def test_nothing_missed() -> None:
    back = ComingBack({"agent:*"})
    back.answered("agent:*", resumed=True, recovered=0)
    assert back.sentence == "back: nothing missed"


def test_one_event_and_a_fresh_state() -> None:
    back = ComingBack({"agent:*", "thread:1", "thread:2"})
    back.answered("agent:*", resumed=True, recovered=1)
    back.answered("thread:1", resumed=False, recovered=0)
    back.failed("thread:2")
    back.answered("thread:1", resumed=True, recovered=9)
    assert back.sentence == "back: 1 missed event recovered, fresh state of thread:1"
