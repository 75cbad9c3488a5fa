import asyncio
import logging

import msgspec
import pytest

from trunkline.bus import EventBus
from trunkline.events import Event, EventType
from trunkline.testing.clock import until


class Step(msgspec.Struct, frozen=True):
    n: int


STEPPED = EventType("test_stepped", Step, topic="step:{n}")
OTHER = EventType("test_other", Step, topic="step:{n}")


def step(n: int) -> Event[Step]:
    return STEPPED.event(Step(n))


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


class Recorder:
    """Notes the numbers of the events it gets; holds each one until `go_on`, if it was made to."""

    def __init__(self, *, holding: bool = False) -> None:
        self.seen: list[int] = []
        self.finished: list[int] = []
        self.gate = asyncio.Event()
        if not holding:
            self.gate.set()

    async def __call__(self, event: Event[Step]) -> None:
        self.seen.append(event.data.n)
        await self.gate.wait()
        await asyncio.sleep(0)
        self.finished.append(event.data.n)


async def test_handlers_are_called_by_type_in_the_order_they_subscribed(bus: EventBus) -> None:
    calls: list[str] = []
    bus.subscribe(STEPPED, lambda event: calls.append(f"first {event.data.n}"))
    bus.subscribe(None, lambda event: calls.append(f"every {event.type.name}"))
    bus.subscribe(OTHER, lambda event: calls.append(f"other {event.data.n}"))
    await bus.publish(step(1))
    await bus.publish(OTHER.event(Step(2)))
    assert calls == ["first 1", "every test_stepped", "every test_other", "other 2"]


async def test_every_handler_sees_one_order_with_many_publishers_and_a_slow_handler(bus: EventBus) -> None:
    slow, quick = Recorder(), Recorder()
    bus.subscribe(STEPPED, slow)
    bus.subscribe(STEPPED, quick)
    async with asyncio.TaskGroup() as group:
        for n in range(50):
            group.create_task(bus.publish(step(n)))
    assert slow.seen == quick.seen == list(range(50))
    assert slow.finished == slow.seen


async def test_an_event_begins_when_the_one_before_has_been_handled(bus: EventBus) -> None:
    recorder = Recorder(holding=True)
    bus.subscribe(STEPPED, recorder)
    async with asyncio.TaskGroup() as group:
        for n in range(3):
            group.create_task(bus.publish(step(n)))
        await until(lambda: recorder.seen)
        assert (recorder.seen, recorder.finished) == ([0], [])
        recorder.gate.set()
    assert recorder.finished == [0, 1, 2]


async def test_a_failing_handler_is_logged_and_hurts_no_other(bus: EventBus, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event: Event[Step]) -> None:
        raise ZeroDivisionError("the handler's own fault")

    async def fail_later(_event: Event[Step]) -> None:
        await asyncio.sleep(0)
        raise LookupError("another one")

    recorder = Recorder()
    for handler in (fail, fail_later, recorder):
        bus.subscribe(STEPPED, handler)
    await bus.publish(step(1))
    await bus.publish(step(2))
    assert recorder.seen == [1, 2]
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(failures) == 4
    assert all(record.exc_info for record in failures)
    assert "test_stepped" in failures[0].getMessage()


async def test_a_handler_that_waited_for_something_cancelled_is_a_failing_handler(
    bus: EventBus, caplog: pytest.LogCaptureFixture
) -> None:
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel()

    async def wait(_event: Event[Step]) -> None:
        await cancelled

    recorder = Recorder()
    bus.subscribe(STEPPED, wait)
    bus.subscribe(STEPPED, recorder)
    await bus.publish(step(1))
    assert recorder.seen == [1]
    assert "cancelled" in caplog.text


async def test_an_event_of_a_handler_follows_the_one_being_handled(bus: EventBus) -> None:
    order: list[str] = []

    async def first(event: Event[Step]) -> None:
        if event.data.n == 1:
            await bus.publish(step(2))
            await bus.publish(step(3))
        order.append(f"first {event.data.n}")

    bus.subscribe(STEPPED, first)
    bus.subscribe(STEPPED, lambda event: order.append(f"second {event.data.n}"))
    await asyncio.gather(bus.publish(step(1)), bus.publish(step(9)))
    assert order == [f"{who} {n}" for n in (1, 2, 3, 9) for who in ("first", "second")]


async def test_a_handler_may_wait_for_helpers_that_publish(bus: EventBus) -> None:
    seen: list[int] = []

    async def spread(event: Event[Step]) -> None:
        seen.append(event.data.n)
        if event.data.n == 1:
            await asyncio.gather(*(bus.publish(step(n)) for n in (2, 3)))

    bus.subscribe(STEPPED, spread)
    await bus.publish(step(1))
    assert seen == [1, 2, 3]


async def test_a_handler_knows_that_it_is_one(bus: EventBus) -> None:
    inside: list[bool] = []

    async def look() -> None:
        inside.append(bus.in_handler)

    async def handle(_event: Event[Step]) -> None:
        await look()
        await asyncio.create_task(look())

    bus.subscribe(STEPPED, handle)
    await bus.publish(step(1))
    assert inside == [True, False]
    assert not bus.in_handler


async def test_cancelling_a_waiter_publishes_nothing_and_breaks_no_chain(bus: EventBus) -> None:
    recorder = Recorder(holding=True)
    bus.subscribe(STEPPED, recorder)
    publishing = [asyncio.create_task(bus.publish(step(n))) for n in range(5)]
    await until(lambda: recorder.seen)
    publishing[1].cancel()
    publishing[3].cancel()
    await until(lambda: publishing[1].done() and publishing[3].done())
    assert recorder.seen == [0]
    recorder.gate.set()
    await asyncio.gather(publishing[0], publishing[2], publishing[4])
    assert recorder.finished == [0, 2, 4]
    await bus.publish(step(5))
    assert recorder.finished == [0, 2, 4, 5]


async def test_cancelling_the_last_in_line_leaves_the_bus_usable_from_tasks_of_handlers(bus: EventBus) -> None:
    """Such a task inherits the handler's context; nobody dispatches any more when it publishes."""
    recorder, may_publish = Recorder(holding=True), asyncio.Event()
    helpers: list[asyncio.Task[None]] = []

    async def publish_later() -> None:
        await may_publish.wait()
        await bus.publish(step(7))

    def start_helper(event: Event[Step]) -> None:
        if event.data.n == 0:
            helpers.append(asyncio.create_task(publish_later()))

    bus.subscribe(STEPPED, start_helper)
    bus.subscribe(STEPPED, recorder)
    first, second = (asyncio.create_task(bus.publish(step(n))) for n in (0, 1))
    await until(lambda: recorder.seen)
    second.cancel()
    await asyncio.wait([second])
    recorder.gate.set()
    await first
    may_publish.set()
    await asyncio.gather(*helpers)
    assert recorder.finished == [0, 7]


async def test_cancelling_a_publisher_cancels_its_handler_and_the_next_event_follows(bus: EventBus) -> None:
    recorder = Recorder(holding=True)
    bus.subscribe(STEPPED, recorder)
    publishing = [asyncio.create_task(bus.publish(step(n))) for n in range(2)]
    await until(lambda: recorder.seen)
    publishing[0].cancel()
    recorder.gate.set()
    await asyncio.wait(publishing)
    assert publishing[0].cancelled()
    assert (recorder.seen, recorder.finished) == ([0, 1], [1])


@pytest.mark.parametrize("others_wait", [False, True])
async def test_what_a_handler_published_outlives_its_cancelled_publisher(bus: EventBus, others_wait: bool) -> None:
    recorder = Recorder(holding=True)

    async def publish_more(event: Event[Step]) -> None:
        if event.data.n == 0:
            await bus.publish(step(10))
            await bus.publish(step(11))

    bus.subscribe(STEPPED, publish_more)
    bus.subscribe(STEPPED, recorder)
    publishing = asyncio.create_task(bus.publish(step(0)))
    await until(lambda: recorder.seen)
    waiting = [asyncio.create_task(bus.publish(step(1)))] if others_wait else []
    publishing.cancel()
    recorder.gate.set()
    await asyncio.wait([publishing, *waiting])
    await until(lambda: 11 in recorder.finished)
    assert recorder.finished == [*([1] if others_wait else []), 10, 11]


async def test_one_of_two_equal_handlers_is_unsubscribed_alone(bus: EventBus) -> None:
    recorder = Recorder()
    first, second = bus.subscribe(STEPPED, recorder), bus.subscribe(STEPPED, recorder)
    bus.unsubscribe(first)
    bus.unsubscribe(first)
    await bus.publish(step(1))
    assert recorder.seen == [1]
    bus.unsubscribe(second)
    await bus.publish(step(2))
    assert recorder.seen == [1]


async def test_a_handler_may_subscribe_and_unsubscribe_for_the_events_after(bus: EventBus) -> None:
    late = Recorder()
    once = bus.subscribe(STEPPED, lambda _event: change())

    def change() -> None:
        bus.unsubscribe(once)
        bus.subscribe(STEPPED, late)

    await bus.publish(step(1))
    await bus.publish(step(2))
    await bus.publish(step(3))
    assert late.seen == [2, 3]
