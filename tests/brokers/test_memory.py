import itertools

import pytest

from tests.hub.test_flat_costs import count_calls
from trunkline.brokers.base import Broker, Delivery, LogLimits, Published
from trunkline.brokers.memory import MemoryBroker
from trunkline.events import Stamp
from trunkline.positions import Position
from trunkline.testing.broker_suite import NOTED, WHISPERED, BrokerSettings, BrokerSuite, Note
from trunkline.testing.clock import ManualClock


class TestMemoryBroker(BrokerSuite):
    def make_broker(self, clock: ManualClock, settings: BrokerSettings) -> Broker:
        return MemoryBroker(
            limits=settings.limits, total_size=settings.total_size, idle_after=settings.idle_after, clock=clock
        )


async def started(broker: MemoryBroker) -> list[Delivery]:
    deliveries: list[Delivery] = []
    await broker.start(deliveries.append)
    return deliveries


async def note(broker: MemoryBroker, key: str, text: str = "") -> Published:
    return await broker.publish(NOTED.event(Note(key, text)))


async def test_a_namespace_has_limits_of_its_own() -> None:
    broker = MemoryBroker(limits=LogLimits(events=5), namespace_limits={"suite": LogLimits(events=2)})
    await started(broker)
    for _ in range(4):
        await note(broker, "a")
    for channel in ("suite:a", "suite:*@"):
        view = await broker.read(channel)
        assert (view.seq, view.first) == (4, 3)


async def test_size_is_what_all_logs_keep() -> None:
    clock = ManualClock()
    broker = MemoryBroker(clock=clock, limits=LogLimits(events=3, age=10), idle_after=20)
    await started(broker)
    for _ in range(5):
        await note(broker, "a", "x" * 50)
    kept = 0
    for channel in ("suite:a", "suite:*@"):
        epoch = (await broker.read(channel)).epoch
        kept += sum(len(entry.frame) for entry in (await broker.read(channel, Position(epoch, 0))).entries)
    assert broker.size == kept > 0
    clock.advance(15)
    broker.sweep()
    assert (broker.size, broker.channels) == (0, 2)
    clock.advance(6)
    broker.sweep()
    assert (broker.size, broker.channels) == (0, 0)


async def test_a_frame_is_shared_by_the_topic_the_feed_and_the_delivery() -> None:
    broker = MemoryBroker()
    deliveries = await started(broker)
    broker.attach("suite:*@")
    published = await note(broker, "a")
    assert published.feed_position is not None
    of_topic = await broker.read("suite:a", Position(published.position.epoch, 0))
    of_feed = await broker.read("suite:*@", Position(published.feed_position.epoch, 0))
    assert of_topic.entries[0].frame is of_feed.entries[0].frame is deliveries[0].frame


async def test_a_log_larger_than_everything_that_is_allowed_is_kept_empty() -> None:
    broker = MemoryBroker(total_size=100)
    await started(broker)
    published = await note(broker, "a", "x" * 1_000)
    assert published.position.seq == 1
    assert broker.size == 0
    assert (await broker.read("suite:a")).first == 2


async def test_only_the_newest_ids_are_remembered() -> None:
    broker = MemoryBroker(remembered_ids=2)
    await started(broker)
    events = [WHISPERED.event(Note("a")) for _ in range(3)]
    for event in events:
        await broker.publish(event)
    assert (await broker.publish(events[1])).position.seq == 2
    assert (await broker.publish(events[0])).position.seq == 4


async def test_an_event_that_cannot_be_encoded_takes_no_number() -> None:
    broker = MemoryBroker()
    await started(broker)
    with pytest.raises(UnicodeEncodeError):
        await broker.publish(WHISPERED.event(Note("a"), stamp=Stamp("\ud800", "now")))
    assert (await broker.publish(WHISPERED.event(Note("a")))).position.seq == 1


async def test_a_sweep_forgets_a_bounded_number_of_channels() -> None:
    clock, numbers = ManualClock(), itertools.count()
    broker = MemoryBroker(clock=clock, idle_after=10, new_epoch=lambda: f"e{next(numbers)}")
    for n in range(25_000):
        await broker.read(f"suite:{n}")
    clock.advance(11)
    left = []
    for _ in range(2):
        broker.sweep()
        left.append(broker.channels)
    assert left == [5_000, 0]


async def test_channels_that_come_and_go_do_not_pile_up() -> None:
    clock = ManualClock()
    broker = MemoryBroker(clock=clock, idle_after=5)
    names = itertools.cycle(range(20_000))
    for _ in range(40):
        for _ in range(1_500):
            await broker.read(f"suite:{next(names)}")
        clock.advance(1)
        broker.sweep()
    assert broker.channels <= 7 * 1_500


async def test_old_entries_of_a_log_that_is_used_by_nobody_are_trimmed_in_their_turn() -> None:
    clock = ManualClock()
    broker = MemoryBroker(clock=clock, limits=LogLimits(age=10))
    await started(broker)
    for n in range(1_500):
        await note(broker, str(n))
    before = broker.size
    clock.advance(11)
    broker.sweep()
    assert 0 < broker.size < before
    broker.sweep()
    assert broker.size == 0


async def test_channels_that_are_used_do_not_keep_the_sweep_from_those_that_are_not() -> None:
    clock = ManualClock()
    broker = MemoryBroker(clock=clock, idle_after=10)
    for n in range(15_000):
        broker.attach(f"suite:{n}")
        await broker.read(f"suite:{n}")
    await broker.read("suite:unused")
    for _ in range(20):
        clock.advance(1)
        broker.sweep()
    assert broker.channels == 15_000


async def test_reading_and_detaching_start_the_idle_time_anew() -> None:
    clock = ManualClock()
    broker = MemoryBroker(clock=clock, idle_after=10)
    broker.attach("suite:a")
    epoch = (await broker.read("suite:a")).epoch
    clock.advance(100)
    broker.sweep()
    assert broker.channels == 1
    broker.detach("suite:a")
    clock.advance(9)
    broker.sweep()
    assert (await broker.read("suite:a")).epoch == epoch
    clock.advance(9)
    broker.sweep()
    assert broker.channels == 1


async def test_after_a_restart_of_the_broker_the_logs_go_on() -> None:
    broker = MemoryBroker()
    await started(broker)
    before = await note(broker, "a")
    await broker.stop()
    await started(broker)
    assert (await note(broker, "a")).position == Position(before.position.epoch, 2)


async def test_a_publish_where_no_room_is_left_looks_at_no_empty_log() -> None:
    broker = MemoryBroker(total_size=3_000)
    await started(broker)
    for n in range(500):
        await note(broker, f"idle{n}", "x" * 400)
    calls = await count_calls(lambda: note(broker, "hot", "x" * 400))
    assert broker.size <= 3_000
    assert calls < 300


async def test_a_position_beyond_all_numbers_is_beyond_the_end() -> None:
    broker = MemoryBroker()
    await started(broker)
    epoch = (await note(broker, "a")).position.epoch
    view = await broker.read("suite:a", Position(epoch, 1 << 70))
    assert (view.seq, view.entries) == (1, [])
