"""The ways in which streams break in practice, one by one, on a real broker, hub and client sessions.

Whatever is received is checked by the readers of `whole_line.py`: in order, once, without a hole. What the tests here
add is by which way it came. Their combinations are those of test_recovery_machine.py.
"""

import pytest

from tests.hub.stepped_world import IDLE_AFTER, LOG, Outcome
from tests.hub.whole_line import FEW, Application, WholeLine
from trunkline.codes import ErrorCode
from trunkline.protocol import client_effects as e
from trunkline.protocol import messages as m
from trunkline.protocol.client_effects import LineState


def line_with(*snapshots: str, held: int = FEW) -> tuple[WholeLine, Application]:
    """A line on which these have snapshots, and the first of its clients, connected."""
    line = WholeLine(frozenset(snapshots), held)
    line.settle()
    return line, line.clients[0]


def publish(line: WholeLine, topic: str, times: int = 1) -> None:
    for _ in range(times):
        line.server.publish(topic, in_feed=True, size=0)


def told(client: Application, name: str = "agent:1") -> list[object]:
    """What the application heard of a subscription, shortly: numbers of events, and words for all else."""
    return [_short(effect) for effect in client.heard if name in _names(effect)]


def _names(effect: e.Effect) -> tuple[str, ...]:
    match effect:
        case e.ReceivedEvent(subscriptions=names):
            return names
        case e.TopicOpened() | e.ReceivedSnapshot() | e.ReceivedReset() | e.TopicFailed():
            return (effect.topic,)
        case _:
            return ()


def _short(effect: e.Effect) -> object:
    match effect:
        case e.ReceivedEvent(seq=seq):
            return seq
        case e.TopicOpened(resumed=resumed):
            return "resumed" if resumed else "opened"
        case e.ReceivedSnapshot(data=data):
            return f"state {data}"
        case e.ReceivedReset(reason=reason):
            return f"reset {reason}"
        case e.TopicFailed(code=code):
            return str(code)
        case _:
            raise AssertionError(effect)


def subscribed(*names: str, snapshots: tuple[str, ...] = (), held: int = FEW) -> tuple[WholeLine, Application]:
    """The same, subscribed and live."""
    line, client = line_with(*snapshots, held=held)
    for name in names:
        client.subscribe(name)
    at_rest(line)
    return line, client


def at_rest(line: WholeLine) -> None:
    line.settle()
    line.check_that_all_have_caught_up()


# Drops


def test_two_drops_in_a_row() -> None:
    line, ann = subscribed("agent:1")
    publish(line, "agent:1")
    at_rest(line)
    ann.lose()
    publish(line, "agent:1", 2)
    while ann.state is not LineState.CONNECTED:
        line.go_back(ann)
    ann.lose()
    publish(line, "agent:1")
    at_rest(line)
    assert told(ann) == ["opened", 1, "resumed", 2, 3, 4]


@pytest.mark.parametrize("read", [0, 1, 2, 3, 4])
def test_a_drop_during_recovery(read: int) -> None:
    line, ann = subscribed("agent:1")
    ann.lose()
    publish(line, "agent:1", 3)
    while ann.wire is None or len(ann.wire.to_client) < 5:
        line.go_on()
    for _ in range(1 + read):  # the greeting, and as many as are to be read of `resumed` and its three events
        ann.read()
    ann.lose()
    publish(line, "agent:1")
    at_rest(line)
    first = ["resumed", 1, 2, 3][:read]
    assert told(ann) == ["opened", *first, "resumed", *range(max(read, 1), 5)]


def test_a_drop_before_the_first_event() -> None:
    line, ann = subscribed("agent:1")
    ann.lose()
    publish(line, "agent:1", 2)
    at_rest(line)
    assert told(ann) == ["opened", "resumed", 1, 2]


def test_a_drop_before_the_first_answer() -> None:
    line, ann = line_with()
    ann.subscribe("agent:1")
    publish(line, "agent:1")
    ann.lose()
    at_rest(line)
    publish(line, "agent:1")
    at_rest(line)
    assert told(ann) == ["opened", 2]


# Logs that have moved on


def test_an_epoch_change() -> None:
    line, ann = subscribed("agent:1", "agent:2", snapshots=("agent:2",))
    publish(line, "agent:1", 2)
    at_rest(line)
    line.crash()
    at_rest(line)
    publish(line, "agent:1")
    publish(line, "agent:2")
    at_rest(line)
    assert told(ann, "agent:1") == ["opened", 1, 2, "reset epoch", "opened", 1]
    assert told(ann, "agent:2") == ["opened", "state 0", "reset epoch", "opened", "state 0", 1]


def test_the_epoch_of_a_topic_that_was_forgotten_in_silence() -> None:
    line, ann = subscribed("agent:1")
    publish(line, "agent:1", 2)
    at_rest(line)
    ann.close_or_start()
    line.end_one(line.over()[0], flush=False)
    line.advance(IDLE_AFTER + 0.5)
    publish(line, "agent:1", 2)
    at_rest(line)
    assert told(ann) == ["opened", 1, 2, "reset epoch", "opened"]


@pytest.mark.parametrize("way", ["events", "age"])
def test_a_log_trimmed_past_the_position(way: str) -> None:
    line, ann = subscribed("agent:1", "agent:2", snapshots=("agent:2",))
    for topic in ("agent:1", "agent:2"):
        line.clients[1].subscribe(topic)  # whose topics are attached, and so not forgotten
        publish(line, topic)
        at_rest(line)
    ann.lose()
    for topic in ("agent:1", "agent:2"):
        publish(line, topic, LOG.events + 1 if way == "events" else 1)
    if way == "age":
        line.advance(LOG.age + 0.1)
    at_rest(line)
    last = LOG.events + 2 if way == "events" else 2
    assert told(ann, "agent:1") == ["opened", 1, "reset gap", "opened"]
    assert told(ann, "agent:2") == ["opened", "state 0", 1, "reset gap", "opened", f"state {last}"]


# Snapshots and races


@pytest.mark.parametrize(
    ("by_second", "what_follows"),
    [
        pytest.param([0, 1, 1, 1, 1], ["resumed", 1, 2, 3, 4], id="as many as are held back"),
        pytest.param([0, 2, 2, 1, 1], ["resumed", 1, 2, 3, 4, 5, 6], id="more than are held back"),
        pytest.param([4, 4, 4, 4, 4], ["reset gap", "opened", "state 20"], id="more than the log keeps"),
    ],
)
def test_a_snapshot_that_takes_five_seconds_while_events_pour_in(
    by_second: list[int], what_follows: list[object]
) -> None:
    line, ann = line_with("agent:1")
    line.world.waits = frozenset({"snapshot"})
    ann.subscribe("agent:1")
    for count in by_second:
        while line.go_on(answers=False):
            pass
        publish(line, "agent:1", count)
        line.advance(1.0)
    assert told(ann) == []
    at_rest(line)
    assert told(ann) == ["opened", "state 0", *what_follows]


def test_each_attempt_has_its_message_id_and_stale_answers_are_ignored() -> None:
    line, ann = line_with("agent:1")
    line.world.waits = frozenset({"snapshot"})
    for _ in range(2):
        ann.subscribe("agent:1")
        ann.unsubscribe("agent:1")
    ann.subscribe("agent:1")
    asked = [message["message_id"] for message in ann.sent]
    assert len(set(asked)) == len(asked) == 5
    while line.go_on(answers=False):
        pass
    assert len(line.world.questions) == 1
    publish(line, "agent:1", 2)
    at_rest(line)
    assert told(ann) == ["opened", "state 0", 1, 2]
    stale = [effect.message for effect in ann.heard if isinstance(effect, e.Noticed)]
    assert [(error.code, error.message_id) for error in stale if isinstance(error, m.Error)] == [
        (ErrorCode.CONFLICT, asked[0]),
        (ErrorCode.CONFLICT, asked[2]),
    ]


def test_an_answer_on_its_way_is_not_that_of_the_next_attempt() -> None:
    line, ann = line_with("agent:1")
    ann.subscribe("agent:1")
    while ann.wire is None or not ann.wire.to_client:
        line.go_on()
    ann.unsubscribe("agent:1")
    publish(line, "agent:1")
    ann.subscribe("agent:1")
    at_rest(line)
    assert told(ann) == ["opened", "state 1"]


# Several at once


def test_the_same_topic_through_feed_and_name() -> None:
    line, ann = subscribed("agent:1", "agent:*")
    publish(line, "agent:1")
    at_rest(line)
    ann.lose()
    publish(line, "agent:1")
    publish(line, "agent:2")
    at_rest(line)
    publish(line, "agent:1")
    at_rest(line)
    assert told(ann, "agent:1") == ["opened", 1, "resumed", 2, 3]
    assert told(ann, "agent:*") == ["opened", 1, "resumed", 2, 1, 3]
    handed_over = [effect.subscriptions for effect in ann.heard if isinstance(effect, e.ReceivedEvent)]
    both, feed, topic = ("agent:1", "agent:*"), ("agent:*",), ("agent:1",)
    assert handed_over == [both, topic, feed, feed, both]


def test_one_subscribe_carries_all_topics_after_a_reconnect_and_each_gets_its_verdict() -> None:
    line, ann = subscribed("agent:1", "agent:2", "agent:*", "agent:9", snapshots=("agent:*",))
    publish(line, "agent:1")
    at_rest(line)
    ann.sent.clear()
    ann.lose()
    publish(line, "agent:1", LOG.events + 1)
    publish(line, "agent:2", 2)
    line.world.waits = frozenset({"leave"})
    while line.go_on(answers=False):
        pass
    verdicts: list[Outcome] = ["yes", "yes", "yes", "no"]
    for question, outcome in zip(line.world.questions, verdicts, strict=True):
        question.end(outcome)
    at_rest(line)
    (subscribe,) = ann.sent
    assert [(item["topic"], item["since"]["seq"]) for item in subscribe["topics"]] == [
        ("agent:1", 1),
        ("agent:2", 0),
        ("agent:*", 1),
        ("agent:9", 0),
    ]
    assert told(ann, "agent:1") == ["opened", 1, "reset gap", "opened"]
    assert told(ann, "agent:2") == ["opened", "resumed", 1, 2]
    assert told(ann, "agent:*") == ["opened", "state 0", 1, "reset gap", "opened", f"state {LOG.events + 4}"]
    assert told(ann, "agent:9") == ["opened", "forbidden"]


# Who reads slowly, of a topic and its feed


def fall_behind(line: WholeLine, *, in_feed: bool) -> None:
    """Have more published than the network takes, and let it take it; the log is not there yet."""
    for _ in range(5):
        arrive(line, in_feed=in_feed, size=300)
    assert any(wire.connection.lagging for wire in line.server.wires)
    line.world.waits = frozenset({"log"})
    while line.go_on(answers=False):
        pass


def arrive(line: WholeLine, *, in_feed: bool = True, size: int = 0) -> None:
    line.server.publish("agent:1", in_feed=in_feed, size=size)
    line.server.broker.arrive(0)


@pytest.mark.parametrize("in_feed", [True, False], ids=["both are behind", "the topic alone is"])
def test_a_laggard_of_a_topic_and_its_feed_sees_no_hole_and_nothing_twice(in_feed: bool) -> None:
    line, ann = subscribed("agent:1", "agent:*", held=1_000)
    fall_behind(line, in_feed=in_feed)
    while line.world.questions:
        arrive(line)
        line.world.questions[0].end("yes")
        arrive(line)
        while line.go_on(answers=False):
            pass
    line.world.waits = frozenset()
    arrive(line)
    at_rest(line)
    assert not ann.had_to_repair
    everything = list(range(1, len(line.server.events) + 1))
    assert [one for one in told(ann, "agent:1") if isinstance(one, int)] == everything
    assert [one for one in told(ann, "agent:*") if isinstance(one, int)] == everything[0 if in_feed else 5 :]


def test_events_of_a_topic_that_could_not_be_resumed_come_with_its_feed_and_are_no_holes() -> None:
    line, ann = subscribed("agent:1", "agent:*", held=1_000)
    fall_behind(line, in_feed=True)
    line.world.questions[0].end("broken")
    line.world.waits = frozenset()
    while line.world.loop.has_work:
        line.world.loop.step()
    while writing := [wire for wire in line.server.wires if wire.has_output]:
        writing[0].write(500)
    arrive(line)
    at_rest(line)
    assert not ann.had_to_repair
    assert [one for one in told(ann) if isinstance(one, int)] == list(range(1, 7))
