import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.brokers.memory import MemoryBroker
from trunkline.bus import event_bus
from trunkline.errors import BrokerError, TrunklineError
from trunkline.events import Event, EventType
from trunkline.publishing import (
    OutboxRelay,
    Receipt,
    UnitOfWork,
    current_unit,
    publish_event,
    recording,
)
from trunkline.testing.clock import until


class Row(msgspec.Struct, frozen=True):
    id: int
    name: str = ""


CREATED = EventType("test_created", Row, topic="row:{id}")
RENAMED = EventType("test_renamed", Row, topic="row:{id}")


@publish_event(CREATED)
def create(row_id: int) -> Row:
    """Make a row."""
    return Row(row_id)


@publish_event(CREATED)
async def create_later(row_id: int) -> Row:
    await asyncio.sleep(0)
    return Row(row_id)


class Rows:
    def __init__(self) -> None:
        self.count = 0

    @publish_event(RENAMED)
    async def rename(self, row_id: int, *, name: str) -> Row:
        self.count += 1
        return Row(row_id, name)

    @publish_event(CREATED)
    def add(self) -> Row:
        self.count += 1
        return Row(self.count)

    @publish_event(CREATED)
    async def fail(self) -> Row:
        raise LookupError("no such row")


@pytest.fixture
def published() -> Iterator[list[Event[Row]]]:
    """What reaches the process-wide bus."""
    events: list[Event[Row]] = []
    subscription = event_bus.subscribe(None, events.append)
    yield events
    event_bus.unsubscribe(subscription)


def names(events: list[Event[Row]]) -> list[tuple[str, int]]:
    return [(event.type.name, event.data.id) for event in events]


async def test_functions_and_methods_record_in_the_unit_in_order(published: list[Event[Row]]) -> None:
    rows = Rows()
    with recording("tenant") as unit:
        assert create(7) == Row(7)
        assert await create_later(8) == Row(8)
        assert await rows.rename(8, name="x") == Row(8, "x")
        assert rows.add() == Row(2)
        assert current_unit() is unit
    assert names(unit.events) == [("test_created", 7), ("test_created", 8), ("test_renamed", 8), ("test_created", 2)]
    assert {event.scope for event in unit.events} == {"tenant"}
    assert current_unit() is None
    assert published == [], "a unit's events are the relay's to publish"


async def test_the_decorated_function_stays_what_it_was() -> None:
    assert create.__name__ == "create"
    assert create.__doc__ == "Make a row."
    assert asyncio.iscoroutinefunction(create_later)
    assert not asyncio.iscoroutinefunction(create)


async def test_outside_a_unit_an_async_function_publishes_at_once(published: list[Event[Row]]) -> None:
    await create_later(1)
    await Rows().rename(1, name="y")
    assert names(published) == [("test_created", 1), ("test_renamed", 1)]


async def test_outside_a_unit_a_plain_function_does_nothing_and_says_why(published: list[Event[Row]]) -> None:
    rows = Rows()
    with pytest.raises(TrunklineError, match=r"Rows\.add publishes test_created .* unit of work"):
        rows.add()
    assert rows.count == 0
    assert published == []


async def test_a_function_that_raises_publishes_nothing(published: list[Event[Row]]) -> None:
    with pytest.raises(LookupError):
        await Rows().fail()
    with recording() as unit, pytest.raises(LookupError):
        await Rows().fail()
    assert unit.events == []
    assert published == []


def test_nested_units_join_the_outer_one_in_order() -> None:
    with recording("tenant") as outer:
        create(1)
        with recording() as inner:
            create(2)
            with recording("other") as innermost:
                create(3)
        create(4)
        assert inner.scope == "tenant"
        assert innermost.scope == "other"
    assert [event.data.id for event in outer.events] == [1, 2, 3, 4]
    assert [event.scope for event in outer.events] == ["tenant", "tenant", "other", "tenant"]


def test_the_events_of_a_nested_unit_go_with_its_savepoint() -> None:
    with recording() as outer:
        create(1)
        with pytest.raises(ZeroDivisionError), recording():
            create(2)
            raise ZeroDivisionError
        create(3)
    assert [event.data.id for event in outer.events] == [1, 3]


def test_after_a_rollback_no_unit_is_left() -> None:
    with pytest.raises(ZeroDivisionError), recording():
        create(1)
        raise ZeroDivisionError
    assert current_unit() is None


def test_a_unit_that_has_ended_takes_no_more() -> None:
    with recording() as unit:
        pass
    with pytest.raises(TrunklineError, match="test_created needs one of its own"):
        unit.record(CREATED.event(Row(1)))
    assert not unit.is_open


async def test_a_task_that_outlived_its_unit_needs_one_of_its_own(published: list[Event[Row]]) -> None:
    ended = asyncio.Event()
    found: list[UnitOfWork | None] = []

    async def live_longer() -> UnitOfWork:
        await ended.wait()
        found.append(current_unit())
        with pytest.raises(TrunklineError, match="has ended"):
            await create_later(1)
        with recording("mine") as own:
            create(2)
        return own

    with recording("theirs") as unit:
        task = asyncio.create_task(live_longer())
    ended.set()
    own = await task
    assert found == [None]
    assert names(own.events) == [("test_created", 2)]
    assert own.events[0].scope == "mine"
    assert unit.events == published == []


async def test_units_of_concurrent_tasks_do_not_mix() -> None:
    async def work(row_id: int) -> list[int]:
        with recording() as unit:
            for n in range(3):
                await create_later(row_id * 10 + n)
        return [event.data.id for event in unit.events]

    assert await asyncio.gather(*(work(n) for n in range(1, 4))) == [[10, 11, 12], [20, 21, 22], [30, 31, 32]]


class Outbox:
    """An outbox table, and a broker that can be made to refuse."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Event[Row]]] = []
        self.numbers = itertools.count(1)
        self.published: list[int] = []
        self.refusing: set[int] = set()
        self.reading_fails = 0
        self.forgetting_fails = 0
        self.largest_batch = 0
        self.reads = 0
        self.read_gate = asyncio.Event()
        self.read_gate.set()
        self.deletions: list[int] = []

    def tell(self, relay: OutboxRelay, *ids: int) -> None:
        """Commit events as an application does, and tell the relay."""
        rows = self.add(*ids)
        relay.committed(relay.expect([event for _, event in rows]), rows)

    def commit(self, *ids: int) -> list[Event[Row]]:
        return [event for _, event in self.add(*ids)]

    def add(self, *ids: int) -> list[tuple[int, Event[Row]]]:
        """Commit events; the rows, as `committed` wants to be told of them."""
        rows = [(next(self.numbers), CREATED.event(Row(n))) for n in ids]
        self.rows += rows
        return rows

    async def pending(self, limit: int) -> list[tuple[int, Event[Row]]]:
        self.reads += 1
        if self.reading_fails:
            self.reading_fails -= 1
            raise OSError("the database is closed")
        found = self.rows[:limit]
        self.largest_batch = max(self.largest_batch, len(found))
        await self.read_gate.wait()
        return found

    async def forget(self, rows: list[int]) -> None:
        if self.forgetting_fails and rows:
            self.forgetting_fails -= 1
            raise OSError("the disk is full")
        self.rows = [row for row in self.rows if row[0] not in rows]
        self.deletions.append(len(rows))

    async def publish(self, event: Event[Row]) -> object:
        await asyncio.sleep(0)
        if event.data.id in self.refusing:
            raise BrokerError("not now")
        self.published.append(event.data.id)
        return f"receipt {event.data.id}"


LINGER = 0.1


class Pauses:
    """Stands in for the relay's sleep, and lets a test end it: before a new try, and before rows are deleted."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()
        self.lingering = 0
        self.lingered = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        if seconds == LINGER:
            self.lingering += 1
            await self.lingered.wait()
        else:
            self.asked.append(seconds)
            await self.over.wait()


@asynccontextmanager
async def running(relay: OutboxRelay) -> AsyncIterator[None]:
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_the_relay_publishes_in_commit_order_in_batches() -> None:
    outbox = Outbox()
    outbox.commit(*range(7))
    await OutboxRelay(outbox, outbox.publish, batch=3).drain()
    assert outbox.published == list(range(7))
    assert outbox.rows == []
    assert outbox.largest_batch == 3


async def test_a_refused_event_and_all_after_it_stay_in_the_outbox() -> None:
    outbox = Outbox()
    outbox.commit(1, 2, 3)
    outbox.refusing = {2}
    relay = OutboxRelay(outbox, outbox.publish)
    with pytest.raises(BrokerError):
        await relay.drain()
    assert outbox.published == [1]
    assert [event.data.id for _, event in outbox.rows] == [2, 3]
    outbox.refusing = set()
    await relay.drain()
    assert outbox.published == [1, 2, 3]


async def test_the_running_relay_tries_again_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    outbox, pauses = Outbox(), Pauses()
    relay = OutboxRelay(outbox, outbox.publish, sleep=pauses, linger=LINGER)
    outbox.refusing = {2}
    receipt = relay.expect(outbox.commit(1, 2, 3))
    async with running(relay):
        await until(lambda: pauses.asked)
        assert outbox.published == [1]
        assert "trying again" in caplog.text
        outbox.refusing, outbox.reading_fails = set(), 1
        pauses.over.set()
        assert await receipt.wait() == ["receipt 1", "receipt 2", "receipt 3"]
        assert pauses.asked == [1.0, 1.0]

        receipt = relay.expect(outbox.commit(4))
        relay.wake()
        assert await receipt.wait() == ["receipt 4"]
    assert outbox.published == [1, 2, 3, 4]


async def test_rows_that_could_not_be_deleted_are_deleted_later_and_not_published_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox, pauses = Outbox(), Pauses()
    pauses.lingered.set()
    outbox.forgetting_fails = 1
    outbox.commit(1, 2)
    async with running(OutboxRelay(outbox, outbox.publish, sleep=pauses, linger=LINGER)):
        await until(lambda: pauses.asked)
        assert "could not be deleted" in caplog.text
        assert [row for row, _ in outbox.rows] == [1, 2]
        pauses.over.set()
        await until(lambda: not outbox.rows)
    assert outbox.published == [1, 2]


async def test_rows_that_a_dead_process_published_and_did_not_delete_are_taken_once_by_the_broker() -> None:
    outbox, broker = Outbox(), MemoryBroker()
    await broker.start(lambda _: None)
    outbox.forgetting_fails = 1
    outbox.commit(1, 2)
    with pytest.raises(OSError, match="full"):
        await OutboxRelay(outbox, broker.publish).drain()
    assert len(outbox.rows) == 2
    receipts: list[object] = []

    async def publish(event: Event[Row]) -> None:
        receipts.append(await broker.publish(event))

    await OutboxRelay(outbox, publish).drain()
    assert outbox.rows == []
    assert len(receipts) == 2
    for topic in ("row:1", "row:2"):
        assert (await broker.read(topic)).seq == 1


async def test_what_this_process_committed_is_published_without_reading_the_table() -> None:
    outbox, pauses = Outbox(), Pauses()
    relay = OutboxRelay(outbox, outbox.publish, sleep=pauses, linger=LINGER)
    receipt = relay.expect(outbox.commit(1))
    async with running(relay):
        await receipt.wait()
        assert outbox.reads == 1
        for ids in ((2,), (3, 4, 5), (6,)):
            outbox.tell(relay, *ids)
        await until(lambda: len(outbox.published) == 6)
    assert outbox.published == [1, 2, 3, 4, 5, 6]
    assert outbox.reads == 1


async def test_published_rows_are_deleted_together_after_a_while() -> None:
    outbox, pauses = Outbox(), Pauses()
    relay = OutboxRelay(outbox, outbox.publish, sleep=pauses, linger=LINGER)
    async with running(relay):
        await until(lambda: outbox.reads)
        for n in range(5):
            outbox.tell(relay, n)
        await until(lambda: len(outbox.published) == 5)
        assert pauses.lingering == 1
        assert len(outbox.rows) == 5
        pauses.lingered.set()
        await until(lambda: not outbox.rows)
    assert outbox.deletions == [5]


async def test_what_waits_in_memory_is_bounded_and_the_rest_comes_from_the_table() -> None:
    outbox, pauses = Outbox(), Pauses()
    outbox.refusing = {0}
    relay = OutboxRelay(outbox, outbox.publish, sleep=pauses, batch=3)
    async with running(relay):
        await until(lambda: outbox.reads)
        for n in range(10):
            outbox.tell(relay, n)
        await until(lambda: pauses.asked)
        outbox.refusing = set()
        pauses.over.set()
        await until(lambda: len(outbox.published) == 10)
    assert outbox.published == list(range(10))
    assert outbox.largest_batch == 3
    assert outbox.reads > 1


async def test_a_row_that_was_read_before_its_commit_was_told_of_is_published_once() -> None:
    outbox = Outbox()
    relay = OutboxRelay(outbox, outbox.publish)
    rows = outbox.add(1)
    receipt = relay.expect([event for _, event in rows])
    async with running(relay):
        await until(lambda: outbox.published)
        relay.committed(receipt, rows)
        outbox.tell(relay, 2)
        await until(lambda: len(outbox.published) == 2)
    assert outbox.published == [1, 2]


async def test_what_is_committed_while_the_table_is_read_comes_after_it_from_memory() -> None:
    outbox = Outbox()
    outbox.read_gate.clear()
    relay = OutboxRelay(outbox, outbox.publish)
    outbox.tell(relay, 1)
    async with running(relay):
        await until(lambda: outbox.reads)
        outbox.tell(relay, 2)
        outbox.read_gate.set()
        await until(lambda: len(outbox.published) == 2)
    assert outbox.published == [1, 2]
    assert outbox.reads == 1


async def test_rows_are_not_deleted_under_a_read_that_would_take_them_for_new_ones() -> None:
    outbox, pauses = Outbox(), Pauses()
    relay = OutboxRelay(outbox, outbox.publish, sleep=pauses, linger=LINGER)
    async with running(relay):
        await until(lambda: outbox.reads)
        outbox.tell(relay, 1)
        await until(lambda: outbox.published)
        outbox.read_gate.clear()
        relay.wake()
        await until(lambda: outbox.reads == 2)
        pauses.lingered.set()
        for _ in range(20):
            await asyncio.sleep(0)
        outbox.read_gate.set()
        outbox.tell(relay, 2)
        await until(lambda: 2 in outbox.published and not outbox.rows)
    assert outbox.published == [1, 2]


class Life(Outbox):
    """An outbox whose relay meets commits, failures and crashes at any moment; `steps` say which, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[int] = []
        self.doubled = 0
        self.committed = 0
        self._untold: list[tuple[Receipt, list[tuple[int, Event[Row]]]]] = []
        self._start()

    def _start(self) -> None:
        self._once: set[str] = set()
        self._relay = OutboxRelay(self, self.publish, sleep=lambda _: asyncio.sleep(0), batch=3)
        self._task = asyncio.get_running_loop().create_task(self._relay.run())

    async def publish(self, event: Event[Row]) -> object:
        result = await super().publish(event)
        self.doubled += event.id in self._once
        self._once.add(event.id)
        if event.data.id not in self.told:
            self.told.append(event.data.id)
        return result

    async def pending(self, limit: int) -> list[tuple[int, Event[Row]]]:
        found = await super().pending(limit)
        await asyncio.sleep(0)
        return found

    async def forget(self, rows: list[int]) -> None:
        await asyncio.sleep(0)
        await super().forget(rows)
        await asyncio.sleep(0)

    async def step(self, step: str) -> None:
        match step:
            case "commit" | "commit two":
                count = 1 if step == "commit" else 2
                rows = self.add(*range(self.committed, self.committed + count))
                self._untold.append((self._relay.expect([event for _, event in rows]), rows))
                self.committed += count
            case "tell":
                if self._untold:
                    self._relay.committed(*self._untold.pop(0))
            case "wake":
                self._relay.wake()
            case "refuse":
                self.refusing = {self.committed - 1}
            case "accept":
                self.refusing = set()
            case "reading fails":
                self.reading_fails += 1
            case "deleting fails":
                self.forgetting_fails += 1
            case "crash":
                await self._crash()
            case _:
                raise ValueError(step)

    async def _crash(self) -> None:
        """End the process at this moment: what it would still have deleted on its way out stays."""
        self.forgetting_fails, before = 1_000, self.forgetting_fails
        self._task.cancel()
        await asyncio.wait([self._task])
        self.forgetting_fails = before
        self._untold.clear()
        self._start()

    async def finish(self) -> None:
        """Let all be told and deleted, and end."""
        self.refusing, self.reading_fails, self.forgetting_fails = set(), 0, 0
        while self._untold:
            self._relay.committed(*self._untold.pop(0))
        await until(lambda: not self.rows)
        self._task.cancel()
        await asyncio.wait([self._task])


# fmt: off
STEPS = st.sampled_from(
    ["commit", "commit", "commit two", "tell", "tell", "tell", "wake", "refuse", "accept", "reading fails",
     "deleting fails", "crash"]
)
# fmt: on
TURNS = st.integers(0, 5)


@settings(max_examples=300)
@given(st.lists(st.tuples(STEPS, TURNS), max_size=60))
def test_whatever_happens_all_is_told_in_the_order_of_commits(steps: list[tuple[str, int]]) -> None:
    async def live() -> None:
        life = Life()
        for step, turns in steps:
            await life.step(step)
            for _ in range(turns):
                await asyncio.sleep(0)
        await life.finish()
        assert life.told == list(range(life.committed))
        assert life.doubled == 0, "one process publishes an event once"

    asyncio.run(live())


async def test_a_cancelled_relay_deletes_what_was_taken_and_keeps_the_rest() -> None:
    outbox = Outbox()
    outbox.commit(1, 2, 3)
    stuck = asyncio.Event()

    async def publish(event: Event[Row]) -> None:
        if event.data.id == 2:
            stuck.set()
            await asyncio.Event().wait()
        outbox.published.append(event.data.id)

    async with running(OutboxRelay(outbox, publish)):
        await stuck.wait()
    assert outbox.published == [1]
    assert [event.data.id for _, event in outbox.rows] == [2, 3]


async def test_a_receipt_of_nothing_is_there_at_once() -> None:
    assert await Receipt([]).wait() == []


async def test_a_receipt_waits_for_every_event_and_others_do_not_touch_it() -> None:
    outbox = Outbox()
    relay = OutboxRelay(outbox, outbox.publish)
    receipt = relay.expect(outbox.commit(1, 2))
    waiting = asyncio.create_task(receipt.wait())
    outbox.refusing = {2}
    with pytest.raises(BrokerError):
        await relay.drain()
    assert not waiting.done()
    outbox.refusing = set()
    await relay.drain()
    assert await waiting == ["receipt 1", "receipt 2"]


async def test_what_was_rolled_back_is_expected_no_more() -> None:
    outbox = Outbox()
    relay = OutboxRelay(outbox, outbox.publish)
    events = outbox.commit(1)
    receipt = relay.expect(events)
    relay.forget(events)
    await relay.drain()
    waiting = asyncio.create_task(receipt.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
