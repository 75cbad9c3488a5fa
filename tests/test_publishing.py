import asyncio
from collections.abc import Iterator

import msgspec
import pytest

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
        self.published: list[int] = []
        self.refusing: set[int] = set()
        self.reading_fails = 0
        self.forgetting_fails = 0
        self.largest_batch = 0

    def commit(self, *ids: int) -> list[Event[Row]]:
        events = [CREATED.event(Row(n)) for n in ids]
        self.rows += list(enumerate(events, start=self.rows[-1][0] + 1 if self.rows else 1))
        return events

    async def pending(self, limit: int) -> list[tuple[int, Event[Row]]]:
        if self.reading_fails:
            self.reading_fails -= 1
            raise OSError("the database is closed")
        self.largest_batch = max(self.largest_batch, len(self.rows[:limit]))
        return self.rows[:limit]

    async def forget(self, rows: list[int]) -> None:
        if self.forgetting_fails and rows:
            self.forgetting_fails -= 1
            raise OSError("the disk is full")
        self.rows = [row for row in self.rows if row[0] not in rows]

    async def publish(self, event: Event[Row]) -> object:
        await asyncio.sleep(0)
        if event.data.id in self.refusing:
            raise BrokerError("not now")
        self.published.append(event.data.id)
        return f"receipt {event.data.id}"


class Pauses:
    """Stands in for the relay's sleep, and lets a test end it."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()


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
    relay = OutboxRelay(outbox, outbox.publish, sleep=pauses)
    outbox.refusing = {2}
    receipt = relay.expect(outbox.commit(1, 2, 3))
    running = asyncio.create_task(relay.run())
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
    running.cancel()
    await asyncio.wait([running])
    assert outbox.published == [1, 2, 3, 4]


async def test_rows_that_could_not_be_deleted_are_published_again_under_the_same_id() -> None:
    outbox, pauses = Outbox(), Pauses()
    pauses.over.set()
    outbox.forgetting_fails = 1
    events = outbox.commit(1, 2)
    running = asyncio.create_task(OutboxRelay(outbox, outbox.publish, sleep=pauses).run())
    await until(lambda: not outbox.rows)
    running.cancel()
    await asyncio.wait([running])
    assert outbox.published == [1, 2, 1, 2]
    assert len({event.id for event in events}) == 2


async def test_a_cancelled_relay_deletes_what_was_taken_and_keeps_the_rest() -> None:
    outbox = Outbox()
    outbox.commit(1, 2, 3)
    stuck = asyncio.Event()

    async def publish(event: Event[Row]) -> None:
        if event.data.id == 2:
            stuck.set()
            await asyncio.Event().wait()
        outbox.published.append(event.data.id)

    running = asyncio.create_task(OutboxRelay(outbox, publish).run())
    await stuck.wait()
    running.cancel()
    await asyncio.wait([running])
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
