"""The merge of log and live entries, against a model of a log, its deliveries and one subscriber."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.positions import Position
from trunkline.protocol.recovery import (
    Hole,
    Logged,
    LogView,
    Released,
    ResetReason,
    Restart,
    Resume,
    decide,
    release,
)


def entries(*numbers: int) -> list[Logged[str]]:
    return [Logged(n, f"#{n}") for n in numbers]


@pytest.mark.parametrize(
    ("since", "view", "decision"),
    [
        (None, LogView("e", 3, 1, entries(1, 2, 3)), Restart(None)),
        (Position("e", 0), LogView("e", 0, 1, []), Resume([])),
        (Position("e", 0), LogView("e", 3, 1, entries(1, 2, 3)), Resume(entries(1, 2, 3))),
        (Position("e", 2), LogView("e", 3, 1, entries(1, 2, 3)), Resume(entries(3))),
        (Position("e", 3), LogView("e", 3, 4, []), Resume([])),
        (Position("e", 2), LogView("e", 3, 4, []), Restart(ResetReason.GAP)),
        (Position("e", 4), LogView("e", 5, 5, entries(5)), Resume(entries(5))),
        (Position("e", 3), LogView("e", 5, 5, entries(5)), Restart(ResetReason.GAP)),
        (Position("e", 6), LogView("e", 5, 5, entries(5)), Restart(ResetReason.EPOCH)),
        (Position("old", 2), LogView("e", 5, 1, entries(1, 2, 3, 4, 5)), Restart(ResetReason.EPOCH)),
        (Position("e", -7), LogView("e", 2, 1, entries(1, 2)), Restart(ResetReason.GAP)),
        (Position("e", 2**70), LogView("e", 2, 1, entries(1, 2)), Restart(ResetReason.EPOCH)),
    ],
)
def test_a_position_is_honoured_when_all_after_it_is_retained(
    since: Position | None, view: LogView[str], decision: Resume[str] | Restart
) -> None:
    assert decide(since, view) == decision


@pytest.mark.parametrize(
    ("sent", "held", "outcome"),
    [
        (3, [], Released([], 3)),
        (3, entries(4, 5), Released(["#4", "#5"], 5)),
        (3, entries(5, 4, 4, 2, 5), Released(["#4", "#5"], 5)),
        (3, entries(1, 2, 3), Released([], 3)),
        (3, entries(5), Hole(3)),
        (3, entries(4, 6), Hole(4)),
    ],
)
def test_held_entries_join_or_show_a_hole(sent: int, held: list[Logged[str]], outcome: Released[str] | Hole) -> None:
    assert release(sent, held) == outcome


@given(st.integers(0, 20), st.lists(st.integers(1, 30)))
def test_whatever_is_released_is_the_unbroken_run_after_what_was_sent(sent: int, numbers: list[int]) -> None:
    outcome = release(sent, entries(*numbers))
    newer = sorted({n for n in numbers if n > sent})
    whole = newer == list(range(sent + 1, sent + 1 + len(newer)))
    assert isinstance(outcome, Released) == whole
    if isinstance(outcome, Released):
        assert outcome.frames == [f"#{n}" for n in newer]
        assert outcome.seq == (newer[-1] if newer else sent)


@dataclass
class Model:
    """One log, its deliveries on the way to a node, and a subscriber that follows the rules of the hub.

    The subscriber's `state` is what a client knows: the epoch and the number of the last event, or of the snapshot
    that replaced all before it. `told` says which events it was handed since the last explicit fresh start.
    """

    epoch: int = 1
    seq: int = 0
    first: int = 1
    underway: list[Logged[str]] = field(default_factory=list)
    attached: bool = False
    view: LogView[str] | None = None
    held: list[Logged[str]] = field(default_factory=list)
    position: Position | None = None
    told: list[int] = field(default_factory=list)
    began_at: int = 0
    resets: int = 0

    def frame(self, n: int) -> Logged[str]:
        return Logged(n, f"{self.epoch}#{n}")

    def publish(self) -> None:
        self.seq += 1
        if self.attached:
            self.underway.append(self.frame(self.seq))

    def trim(self, keep: int) -> None:
        self.first = max(self.first, self.seq + 1 - keep)

    def new_epoch(self) -> None:
        """The log was lost. Nothing of the old life is delivered, as a node whose broker restarted attaches anew."""
        self.epoch, self.seq, self.first = self.epoch + 1, 0, 1
        self.underway.clear()
        self.disconnect()

    def attach(self) -> None:
        self.disconnect()
        self.attached = True

    def read(self) -> None:
        """Look at the log; the answer arrives later."""
        if self.attached:
            after = self.position.seq if self.position is not None else self.seq
            kept = [self.frame(n) for n in range(max(self.first, after + 1), self.seq + 1)]
            self.view = LogView(str(self.epoch), self.seq, self.first, kept)

    def deliver(self, choice: int, double: bool) -> None:
        if not self.underway:
            return
        entry = self.underway[choice % len(self.underway)]
        if not double:
            self.underway.remove(entry)
        if self.attached:
            self.held.append(entry)

    def answer(self) -> None:
        """The read returns: replay or start afresh, then join what was held."""
        if self.view is None:
            return
        view, self.view = self.view, None
        decision = decide(self.position, view)
        if isinstance(decision, Resume):
            self.hand(view.epoch, [entry.frame for entry in decision.entries])
        else:
            self.resets += decision.reason is not None
            self.position = Position(view.epoch, view.seq)
            self.began_at, self.told = view.seq, []
        self.join()

    def join(self) -> None:
        assert self.position is not None
        outcome = release(self.position.seq, self.held)
        if isinstance(outcome, Released):
            self.hand(self.position.epoch, outcome.frames)
            self.held = []

    def hand(self, epoch: str, frames: list[str]) -> None:
        for frame in frames:
            of_epoch, _, n = frame.partition("#")
            assert of_epoch == epoch
            self.told.append(int(n))
            self.position = Position(epoch, int(n))

    def disconnect(self) -> None:
        self.attached, self.view, self.held, self.underway = False, None, [], []

    def settle(self) -> None:
        """Let everything arrive, with one reconnect, as a client does."""
        self.attach()
        self.read()
        self.answer()


STEPS = st.one_of(
    st.tuples(st.just("publish")),
    st.tuples(st.just("trim"), st.integers(0, 5)),
    st.tuples(st.just("new_epoch")),
    st.tuples(st.just("attach")),
    st.tuples(st.just("read")),
    st.tuples(st.just("answer")),
    st.tuples(st.just("deliver"), st.integers(0, 7), st.booleans()),
    st.tuples(st.just("disconnect")),
)


@settings(max_examples=400)
@given(st.lists(STEPS, max_size=60))
def test_a_subscriber_has_everything_after_its_cursor_in_order_once_or_an_explicit_reset(
    steps: list[tuple[str, int, bool]],
) -> None:
    model = Model()
    for name, *arguments in steps:
        before, resets = model.position, model.resets
        getattr(model, name)(*arguments)
        assert model.told == list(range(model.began_at + 1, model.began_at + 1 + len(model.told)))
        if before is not None and model.position != before and model.resets == resets:
            assert model.position is not None
            assert model.position.epoch == before.epoch
            assert model.position.seq >= before.seq
    model.settle()
    assert model.position == Position(str(model.epoch), model.seq)
    assert model.told == list(range(model.began_at + 1, model.seq + 1))
