"""Whatever happens to a line, each subscription receives what was published after its cursor, in order and once.

Or it is told: by a snapshot, or a reset. The state machine chooses the order of everything that can happen on both
sides and in between: publishing, deliveries lost, doubled and late, trimming and forgetting of logs, steps of several
subscriptions at once, lagging, errors, cuts, restarts, and what the application asks for.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.spec_runner.model_line import ModelClient, ModelServer, Told
from trunkline.positions import Position

TOPICS = ("a:1", "a:2")
NAMES = (*TOPICS, "a:*")

topics = st.sampled_from(TOPICS)
names = st.sampled_from(NAMES)
indexes = st.integers(0, 7)


class Line(RuleBasedStateMachine):
    """One client on one connection at a time, three subscriptions, two topics and their feed."""

    @initialize(snapshots=st.frozensets(names), subscribed=st.frozensets(names))
    def begin(self, snapshots: frozenset[str], subscribed: frozenset[str]) -> None:
        self.server = ModelServer(TOPICS, snapshots)
        self.client = ModelClient(self.server)
        self.client.connect()
        for name in sorted(subscribed):
            self.client.subscribe(name)
        self.settle()

    # The server's life

    @rule(topic=topics, how=st.sampled_from(["once", "once", "lost", "twice", "late"]), times=st.integers(1, 3))
    def publish(self, topic: str, how: str, times: int) -> None:
        for _ in range(times):
            told = self.server.publish(topic)
            if how == "late":
                self.server.late.append(told)
            for _ in range({"once": 1, "twice": 2}.get(how, 0)):
                self.server.deliver(told)

    @precondition(lambda self: self.server.late)
    @rule(index=indexes)
    def arrive_late(self, index: int) -> None:
        self.server.deliver(self.server.late.pop(index % len(self.server.late)))

    @rule(name=names, keep=st.integers(0, 2))
    def trim(self, name: str, keep: int) -> None:
        self.server.trim(name, keep)

    @rule(name=names)
    def forget(self, name: str) -> None:
        self.server.forget(name)

    @rule()
    def restart(self) -> None:
        self.server.restart()
        self.client.cut()

    @precondition(lambda self: self.server.work)
    @rule(index=indexes, fails=st.sampled_from([False, False, False, True]))
    def work(self, index: int, fails: bool) -> None:
        if fails:
            self.server.fail(index)
        else:
            self.server.do(index)

    @rule()
    def lag_or_catch_up(self) -> None:
        if self.server.lagging:
            self.server.catch_up()
        else:
            self.server.lagging = True

    # The line

    @precondition(lambda self: self.server.to_client)
    @rule(frames=st.integers(1, 4))
    def client_reads(self, frames: int) -> None:
        for _ in range(min(frames, len(self.server.to_client))):
            self.client.receive(self.server.to_client.popleft())

    @precondition(lambda self: self.client.to_server)
    @rule()
    def server_reads(self) -> None:
        self.server.receive(self.client.to_server.popleft())

    @rule(steps=st.integers(1, 12))
    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.advance_one()

    @rule()
    def cut_or_connect(self) -> None:
        if self.client.is_connected:
            self.client.cut()
        else:
            self.client.connect()

    # The application

    @rule(name=names, back=st.none() | st.integers(-1, 3))
    def subscribe(self, name: str, back: int | None) -> None:
        log = self.server.logs[name]
        since = None if back is None else Position(log.epoch, max(0, log.seq - back))
        self.client.subscribe(name, since)

    @rule(name=names)
    def unsubscribe(self, name: str) -> None:
        self.client.unsubscribe(name)

    @rule(name=names)
    def refresh(self, name: str) -> None:
        self.client.take(self.client.session.refresh(name))

    @rule()
    def time_passes(self) -> None:
        self.client.advance(1.0)

    # What holds

    @invariant()
    def the_session_knows_what_was_handed_over(self) -> None:
        if not hasattr(self, "client"):
            return
        for name, position in self.client.session.positions().items():
            assert self.client.readers[name].cursor == position

    def teardown(self) -> None:
        """Once the trouble is over everyone catches up: nothing is missing at the end, and nothing goes on for ever."""
        if not hasattr(self, "client"):
            return
        self.client.connect()
        self.settle()
        for topic in TOPICS:
            told: Told = self.server.publish(topic)
            self.server.deliver(told)
        self.settle()
        for name, reader in self.client.readers.items():
            log = self.server.logs[name]
            assert not reader.is_broken
            assert reader.cursor == Position(log.epoch, log.seq), name
        assert self.client.session.stats.connects >= 1

    def settle(self) -> None:
        for _ in range(200 + 50 * len(self.server.published)):
            if self.server.lagging:
                self.server.catch_up()
            if self.server.late:
                self.server.deliver(self.server.late.pop(0))
            elif not self.advance_one():
                return
        raise AssertionError("the line does not come to rest")

    def advance_one(self) -> bool:
        """Do the next thing that is due, in the order in which it came; False if nothing is."""
        if self.client.to_server:
            self.server.receive(self.client.to_server.popleft())
        elif self.server.work:
            self.server.do(0)
        elif self.server.to_client:
            self.client.receive(self.server.to_client.popleft())
        elif self.client.wants_to_retry:
            self.client.advance(1.0)
        else:
            return False
        return True


pytestmark = pytest.mark.timeout(settings().max_examples)

TestLine = Line.TestCase
TestLine.settings = settings(max_examples=3 * settings().max_examples // 2, stateful_step_count=40)
