"""Whatever happens to the whole line, each subscription receives what was published after its cursor, in order, once.

Or it is told: by a snapshot, or a reset. Broker, hub and client sessions are the real ones; the state machine chooses
when each of their steps is taken, and what befalls them in between.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.hub.stepped_world import IDLE_AFTER, Outcome, What
from tests.hub.whole_line import FEW, NAMES, PEOPLE, SCOPES, WholeLine
from trunkline.positions import Position
from trunkline.protocol.client_effects import LineState

T = TypeVar("T")
Thing = tuple[str, dict[str, Any]]
End = Literal["close", "drain", "revoke", "crash"]

topics = st.sampled_from(sorted(SCOPES))
names = st.sampled_from(NAMES)
people = st.integers(0, len(PEOPLE) - 1)
indexes = st.integers(0, 7)
ends: st.SearchStrategy[End] = st.sampled_from(["close", "drain", "revoke", "crash"])
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(["yes", "yes", "yes", "no", "passing", "broken", "cancelled"])
waits: st.SearchStrategy[frozenset[What]] = st.sampled_from(
    [frozenset(), frozenset({"snapshot"}), frozenset({"log", "snapshot"}), frozenset({"leave", "log", "snapshot"})]
)


def thing(name: str, /, **how: st.SearchStrategy[Any]) -> st.SearchStrategy[Thing]:
    """A method of `Trouble`, and with what it is called."""
    return st.tuples(st.just(name), st.fixed_dictionaries(how))


def publish() -> st.SearchStrategy[Thing]:
    return thing(
        "publish",
        topic=topics,
        times=st.integers(1, 5),
        in_feed=st.sampled_from([True, True, False]),
        size=st.sampled_from([0, 0, 300]),
        arrival=st.sampled_from(["in order", "in order", "backwards", "all but one", "late"]),
        stepping=st.booleans(),
    )


def go_on() -> st.SearchStrategy[Thing]:
    return thing("go_on", times=st.integers(1, 40), answers=st.sampled_from([False, False, True]))


def subscribe(name: str = "subscribe") -> st.SearchStrategy[Thing]:
    return thing(name, person=people, name=names, back=st.none() | st.integers(0, 3))


# What is there several times happens more often.
things = st.one_of(
    *(publish() for _ in range(8)),
    *(go_on() for _ in range(8)),
    *(subscribe() for _ in range(3)),
    subscribe("subscribe_after_a_silence"),
    thing("unsubscribe", person=people, name=names),
    thing("refresh", person=people, name=names),
    # The way from the node that publishes
    thing("publish_again", index=indexes),
    thing("arrive", index=indexes),
    thing("arrive_again", index=indexes),
    # What the hub does, and waits for
    thing("step", times=st.integers(1, 4)),
    thing("answer", index=indexes, outcome=outcomes),
    thing("answer", index=indexes, outcome=outcomes),
    thing("be_slow", waits=waits),
    thing("time_passes", seconds=st.sampled_from([0.4, 0.4, 1.0, 1.0, 3.0, IDLE_AFTER + 0.5, IDLE_AFTER + 0.5, 30.0])),
    # The network
    thing("write", index=indexes, size=st.sampled_from([1, 150, 600, 2_000])),
    thing("hear", index=indexes),
    thing("read", index=indexes, frames=st.integers(1, 4)),
    thing("cut_or_connect", person=people),
    thing("cut_unseen_by_the_client", index=indexes),
    thing("hear_of_an_end", index=indexes, flush=st.booleans()),
    # Ends
    thing("end_something", what=ends, person=people, name=names),
)


DISORDER = "disorder"
DISTURBANCES = (
    DISORDER,
    "be_slow",
    "cut_or_connect",
    "cut_unseen_by_the_client",
    "end_something",
    "publish_again",
    "unsubscribe",
)


def pick(items: Sequence[T], index: int) -> T | None:
    """One of what there is, whatever that is."""
    return items[index % len(items)] if items else None


class Trouble(RuleBasedStateMachine):
    """Three clients on one server, four names, and everything that can go wrong.

    It has one rule and not twenty: Hypothesis leaves a random part of the rules out of each run, and in most runs
    nobody would publish, or nobody would listen. So it is disturbances alone that a run may do without.
    """

    @initialize(
        snapshots=st.frozensets(names),
        subscribed=st.tuples(*[st.frozensets(names)] * len(PEOPLE)),
        held=st.sampled_from([FEW, 1_000]),
        waits=waits,
        spared=st.frozensets(st.sampled_from(DISTURBANCES)),
    )
    def begin(
        self,
        snapshots: frozenset[str],
        subscribed: tuple[frozenset[str], ...],
        held: int,
        waits: frozenset[What],
        spared: frozenset[str],
    ) -> None:
        self.spared = spared
        self.line = WholeLine(snapshots, held)
        for client, wanted in zip(self.line.clients, subscribed, strict=True):
            for name in sorted(wanted):
                client.subscribe(name)
        self.line.settle()
        self.line.world.waits = waits

    @rule(thing=things)
    def happen(self, thing: Thing) -> None:
        name, how = thing
        if name in self.spared:
            self.line.go_on(answers=False)
        else:
            getattr(self, name)(**how)

    # The server's life

    def publish(self, topic: str, times: int, in_feed: bool, size: int, arrival: str, stepping: bool) -> None:
        """Publish; where `stepping`, the hub does a step of something else between any two events."""
        broker = self.line.server.broker
        arrival = "in order" if DISORDER in self.spared else arrival
        for _ in range(times):
            self.line.server.publish(topic, in_feed=in_feed, size=size)
            while arrival == "in order" and broker.waiting:
                broker.arrive(0)
            self.step(times=int(stepping))
        left = {"late": len(broker.waiting), "all but one": 1}.get(arrival, 0)
        while len(broker.waiting) > left:
            broker.arrive(-1)

    def publish_again(self, index: int) -> None:
        if event := pick(self.line.server.events[-8:], index):
            self.line.server.send(event)

    def arrive(self, index: int) -> None:
        if waiting := self.line.server.broker.waiting:
            self.line.server.broker.arrive(index % len(waiting))

    def arrive_again(self, index: int) -> None:
        arrived = self.line.server.broker.arrived
        if arrived and DISORDER not in self.spared:
            self.line.server.broker.arrive(index % len(arrived), again=True)

    def time_passes(self, seconds: float) -> None:
        self.line.advance(seconds)

    def be_slow(self, waits: frozenset[What]) -> None:
        self.line.world.waits = waits

    def answer(self, index: int, outcome: Outcome) -> None:
        if question := pick(self.line.world.questions, index):
            question.end(outcome)

    def step(self, times: int) -> None:
        for _ in range(times):
            if self.line.world.loop.has_work:
                self.line.world.loop.step()

    def end_something(self, what: End, person: int, name: str) -> None:
        client = self.line.clients[person]
        match what:
            case "close":
                client.close_or_start()
            case "drain":
                self.line.drain()
            case "revoke":
                self.line.revoke(client, name)
            case "crash":
                self.line.crash()

    # The network

    def write(self, index: int, size: int) -> None:
        if wire := pick([wire for wire in self.line.server.wires if wire.has_output], index):
            wire.write(size)

    def hear(self, index: int) -> None:
        if wire := pick([wire for wire in self.line.server.wires if wire.to_server], index):
            wire.hear()

    def read(self, index: int, frames: int) -> None:
        client = pick([client for client in self.line.clients if client.wire and client.wire.to_client], index)
        for _ in range(frames):
            if client and client.wire and client.wire.to_client:
                client.read()

    def cut_unseen_by_the_client(self, index: int) -> None:
        if wire := pick(self.line.server.wires, index):
            self.line.end_one(wire, flush=False)

    def hear_of_an_end(self, index: int, flush: bool) -> None:
        if wire := pick(self.line.over(), index):
            self.line.end_one(wire, flush=flush)

    def cut_or_connect(self, person: int) -> None:
        """Cut a client's connection, unseen by the server; let one that has none connect, or fail to."""
        client = self.line.clients[person]
        if client.wire is not None or (client.state is LineState.CONNECTING and self.line.now % 2 > 1):
            client.lose()
        else:
            self.line.go_back(client)

    def go_on(self, times: int, answers: bool) -> None:
        for _ in range(times):
            if not self.line.go_on(answers=answers):
                break
        else:
            return
        if answers:
            self.line.check_that_all_have_caught_up()

    def come_to_rest(self) -> None:
        self.line.settle()
        self.line.check_that_all_have_caught_up()

    # The applications

    def subscribe(self, person: int, name: str, back: int | None) -> None:
        client = self.line.clients[person]
        end = self.line.server.broker.end(client.channel(name))
        since = Position("elsewhere", 1) if end is None else Position(end.epoch, max(0, end.seq - (back or 0)))
        client.subscribe(name, None if back is None else since)

    def subscribe_after_a_silence(self, person: int, name: str, back: int | None) -> None:
        """By then a topic that nobody is subscribed to has been forgotten."""
        self.time_passes(IDLE_AFTER + 0.5)
        self.subscribe(person, name, back)
        self.go_on(times=40, answers=False)

    def unsubscribe(self, person: int, name: str) -> None:
        self.line.clients[person].unsubscribe(name)

    def refresh(self, person: int, name: str) -> None:
        self.line.clients[person].refresh(name)

    # What holds

    @invariant()
    def sessions_know_what_was_handed_over(self) -> None:
        if hasattr(self, "line"):
            for client in self.line.clients:
                for name, position in client.session.positions().items():
                    assert client.readers[name].cursor == position

    @invariant()
    def only_disorder_is_left_to_the_clients_to_repair(self) -> None:
        """As long as events arrive in order, each is sent once, and none without the one before it."""
        if hasattr(self, "line") and DISORDER in self.spared:
            assert not any(client.had_to_repair for client in self.line.clients)

    def teardown(self) -> None:
        """Once the trouble is over everyone has caught up, and once everyone has left nothing remains."""
        if not hasattr(self, "line"):
            return
        try:
            self.come_to_rest()
            for topic in SCOPES:
                self.line.server.publish(topic, in_feed=True, size=0)
            self.come_to_rest()
            self.line.close()
        finally:
            self.line.world.loop.cancel_all()


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Failures that are meant are logged with their tracebacks, thousands of times."""
    logger = logging.getLogger("trunkline.hub.openings")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


# A failure is worth the five minutes for which Hypothesis looks for a shorter one.
pytestmark = pytest.mark.timeout(6 * settings().max_examples)

TestTrouble = Trouble.TestCase
TestTrouble.settings = settings(max_examples=5 * settings().max_examples, stateful_step_count=50)
