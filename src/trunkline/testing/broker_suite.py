"""The contract of brokers as tests: one for each sentence of `trunkline.brokers.base`.

```python
class TestMyBroker(BrokerSuite):
    def make_broker(self, clock: ManualClock, settings: BrokerSettings) -> Broker:
        return MyBroker(limits=settings.limits, clock=clock)
```
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import pytest

from trunkline.brokers.base import Broker, Delivery, LogLimits, Published
from trunkline.errors import BrokerError
from trunkline.events import Event, EventType
from trunkline.positions import Position
from trunkline.protocol.codec import Frame
from trunkline.protocol.recovery import LogView
from trunkline.testing.clock import ManualClock, until


class Note(msgspec.Struct, frozen=True):
    """What the suite publishes."""

    key: str
    text: str = ""


NOTED = EventType("suite_noted", Note, topic="suite:{key}")
WHISPERED = EventType("suite_whispered", Note, topic="suite:{key}", feed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """What a test asks of the broker it gets.

    Attributes:
        limits: what each log keeps.
        total_size: bytes that all logs together may keep.
        idle_after: seconds after which an unused channel is forgotten.
    """

    limits: LogLimits = field(default_factory=LogLimits)
    total_size: int = 256 * 1024 * 1024
    idle_after: float = 300.0


@dataclass(slots=True)
class Node:
    """A started broker, and what it delivered."""

    broker: Broker
    clock: ManualClock
    deliveries: list[Delivery] = field(default_factory=list)

    async def note(self, key: str, text: str = "", *, scope: str = "") -> Published:
        """Publish an event to `suite:{key}` and its feed."""
        return await self.broker.publish(NOTED.event(Note(key, text), scope=scope))

    async def whisper(self, key: str, text: str = "") -> Published:
        """Publish an event to `suite:{key}` alone."""
        return await self.broker.publish(WHISPERED.event(Note(key, text)))

    async def attach(self, *channels: str) -> None:
        """Attach channels and wait until that is effective."""
        for channel in channels:
            self.broker.attach(channel)
            await self.broker.read(channel)

    async def delivered(self, count: int) -> list[Delivery]:
        """Wait for that many deliveries."""
        await until(lambda: len(self.deliveries) >= count)
        return self.deliveries

    async def all_delivered(self) -> list[Delivery]:
        """Wait until what was published before has arrived, by publishing a last thing and waiting for that."""
        await self.attach("suite:marker")
        marker = await self.whisper("marker")
        await until(lambda: any(delivery.published == marker for delivery in self.deliveries))
        return [delivery for delivery in self.deliveries if delivery.published != marker]

    async def retained(self, channel: str) -> list[int]:
        """The sequence numbers a log still has."""
        view = await self.broker.read(channel)
        view = await self.broker.read(channel, Position(view.epoch, 0))
        return [entry.seq for entry in view.entries]

    async def size_of(self, *channels: str) -> int:
        """Bytes of the frames that the logs still have."""
        return sum([sum(map(len, await self.frames(channel))) for channel in channels])

    async def frames(self, channel: str) -> list[Frame]:
        """The frames a log still has."""
        view = await self.broker.read(channel)
        view = await self.broker.read(channel, Position(view.epoch, 0))
        return [entry.frame for entry in view.entries]

    def let_pass(self, seconds: float) -> None:
        """Let time pass, with the sweeps that belong to it."""
        self.clock.advance(seconds)
        self.broker.sweep()


class BrokerSuite:
    """Inherit, implement `make_broker`, and name the class `Test...`. Each test runs a broker of its own."""

    def make_broker(self, clock: ManualClock, settings: BrokerSettings) -> Broker:
        """Make a broker that is not started yet, empty, and goes by this clock."""
        raise NotImplementedError

    @asynccontextmanager
    async def node(self, settings: BrokerSettings | None = None) -> AsyncIterator[Node]:
        """Run a broker for the time of a test."""
        clock = ManualClock()
        node = Node(self.make_broker(clock, settings or BrokerSettings()), clock)
        await node.broker.start(node.deliveries.append)
        try:
            yield node
        finally:
            await node.broker.stop()

    async def test_01_publish_gives_the_next_number_in_the_topic_and_in_the_feed(self) -> None:
        async with self.node() as node:
            one, two = await node.note("a"), await node.note("b")
            quiet, three = await node.whisper("a"), await node.note("a")
            assert [p.position.seq for p in (one, two, quiet, three)] == [1, 1, 2, 3]
            assert [p.feed_position and p.feed_position.seq for p in (one, two, quiet, three)] == [1, 2, None, 3]
            assert (one.topic, one.feed, quiet.feed) == ("suite:a", "suite:*@", None)
            assert one.position.epoch == three.position.epoch
            elsewhere = await node.note("a", scope="other")
            assert elsewhere.feed == "suite:*@other"
            assert elsewhere.feed_position is not None
            assert elsewhere.feed_position.seq == 1
            written = msgspec.json.decode((await node.frames("suite:a"))[-1].payload)
            assert (written["seq"], written["feed_seq"]) == (4, 1)

    async def test_02_publish_returns_after_the_event_is_in_its_logs(self) -> None:
        async with self.node() as node:
            published = await node.note("a")
            for channel, position in (
                ("suite:a", published.position),
                ("suite:*@", published.feed_position),
            ):
                assert position is not None
                view = await node.broker.read(channel, Position(position.epoch, 0))
                assert (view.epoch, view.seq, [entry.seq for entry in view.entries]) == (position.epoch, 1, [1])

    async def test_03_an_id_published_again_gets_its_first_positions_and_changes_nothing(self) -> None:
        async with self.node() as node:
            await node.attach("suite:a", "suite:*@")
            event = NOTED.event(Note("a", "once"))
            first = await node.broker.publish(event)
            await node.note("a", "in between")
            assert await node.broker.publish(event) == first
            assert await node.retained("suite:a") == [1, 2]
            assert await node.retained("suite:*@") == [1, 2]
            assert len(await node.all_delivered()) == 2

    async def test_04_an_effective_attachment_gets_each_event_in_one_delivery(self) -> None:
        async with self.node() as node:
            await node.attach("suite:a", "suite:*@")
            both = await node.note("a")
            topic_only = await node.whisper("a")
            feed_only = await node.note("b")
            deliveries = await node.all_delivered()
            assert [delivery.published for delivery in deliveries] == [both, topic_only, feed_only]
            assert [delivery.frame.payload for delivery in deliveries[:2]] == [
                frame.payload for frame in await node.frames("suite:a")
            ]

    async def test_05_deliveries_of_a_channel_come_in_the_order_of_its_numbers(self) -> None:
        async with self.node() as node:
            await node.attach("suite:a", "suite:b", "suite:*@")
            await asyncio.gather(*(node.note("ab"[n % 2], str(n)) for n in range(100)))
            deliveries = await node.all_delivered()
            feed = [d.published.feed_position.seq for d in deliveries if d.published.feed_position is not None]
            assert _without_doubles(feed) == list(range(1, 101))
            for topic in ("suite:a", "suite:b"):
                own = [d.published.position.seq for d in deliveries if d.published.topic == topic]
                assert _without_doubles(own) == list(range(1, 51))

    async def test_06_without_an_attachment_there_is_no_delivery(self) -> None:
        async with self.node() as node:
            await node.note("a", "before")
            await node.attach("suite:a")
            await node.attach("suite:a")
            during = await node.note("a", "during")
            await node.delivered(1)
            await node.note("b", "elsewhere")
            node.broker.detach("suite:a")
            await node.note("a", "after")
            assert [delivery.published for delivery in await node.all_delivered()] == [during]

    async def test_07_read_is_one_moment_of_the_log_and_joins_the_deliveries(self) -> None:
        async with self.node(BrokerSettings(limits=LogLimits(events=3))) as node:
            for n in range(5):
                await node.whisper("a", str(n))
            view = await node.broker.read("suite:a")
            assert (view.seq, view.first, list(view.entries)) == (5, 3, [])
            assert await _read_after(node, 3) == [4, 5]
            assert await _read_after(node, 0) == [3, 4, 5]
            assert await _read_after(node, 5) == []
            assert await _read_after(node, 9) == []
            other_life = await node.broker.read("suite:a", Position("another epoch", 3))
            assert (other_life.epoch, list(other_life.entries)) == (view.epoch, [])

            node.broker.attach("suite:a")
            view, published = await asyncio.gather(
                node.broker.read("suite:a", Position(view.epoch, 5)), node.whisper("a", "meanwhile")
            )
            await until(lambda: published.position.seq in _seen(view, node.deliveries))

    async def test_08_a_log_keeps_the_newest_within_its_limits_and_trimming_changes_no_number(self) -> None:
        async with self.node(BrokerSettings(limits=LogLimits(events=3))) as by_count:
            first, *_, last = [await by_count.whisper("a") for _ in range(5)]
            assert last.position == Position(first.position.epoch, 5)
            assert await by_count.retained("suite:a") == [3, 4, 5]

        async with self.node() as unbounded:
            await unbounded.whisper("a", "x" * 100)
            size = await unbounded.size_of("suite:a")
        async with self.node(BrokerSettings(limits=LogLimits(size=3 * size))) as by_size:
            for _ in range(5):
                await by_size.whisper("a", "x" * 100)
            assert await by_size.retained("suite:a") == [3, 4, 5]
            await by_size.whisper("a", "x" * 4 * size)
            view = await by_size.broker.read("suite:a")
            assert (view.seq, view.first) == (6, 7)

        async with self.node(BrokerSettings(limits=LogLimits(age=10))) as by_age:
            await by_age.whisper("a", "old")
            by_age.let_pass(6)
            await by_age.whisper("a", "young")
            by_age.let_pass(6)
            assert await by_age.retained("suite:a") == [2]

    async def test_09_an_idle_channel_is_forgotten_and_its_next_epoch_is_new(self) -> None:
        async with self.node(BrokerSettings(idle_after=100)) as node:
            await node.attach("suite:attached")
            before = {key: (await node.whisper(key)).position for key in ("attached", "idle", "busy")}
            node.let_pass(60)
            await node.whisper("busy")
            node.let_pass(60)
            node.let_pass(0)
            after = {key: (await node.whisper(key)).position for key in ("attached", "idle", "busy")}
            assert after["attached"] == Position(before["attached"].epoch, 2)
            assert after["busy"] == Position(before["busy"].epoch, 3)
            assert after["idle"].epoch != before["idle"].epoch
            assert after["idle"].seq == 1

    async def test_10_all_logs_together_stay_within_the_total_and_the_stalest_gives_way(self) -> None:
        async with self.node() as unbounded:
            await unbounded.whisper("a", "x" * 100)
            size = await unbounded.size_of("suite:a")
        async with self.node(BrokerSettings(total_size=6 * size)) as node:
            channels = [f"suite:{key}" for key in "abc"]
            for key in "aabbc":
                await node.whisper(key, "x" * 100)
            await node.whisper("a", "x" * 100)
            assert [await node.retained(channel) for channel in channels] == [[1, 2, 3], [1, 2], [1]]
            for _ in range(3):
                await node.whisper("c", "x" * 100)
                assert await node.size_of(*channels) <= 6 * size
            assert [await node.retained(channel) for channel in channels] == [[2, 3], [], [1, 2, 3, 4]]
            assert (await node.whisper("b")).position.seq == 3

    async def test_11_reading_a_new_channel_begins_its_epoch(self) -> None:
        async with self.node() as node:
            view = await node.broker.read("suite:a")
            assert (view.seq, view.first, list(view.entries)) == (0, 1, [])
            published = await node.whisper("a")
            assert published.position == Position(view.epoch, 1)
            after = await node.broker.read("suite:a", Position(view.epoch, 0))
            assert [entry.seq for entry in after.entries] == [1]

    async def test_12_what_cannot_be_done_raises_and_publishes_nothing(self) -> None:
        event: Event[Note] = WHISPERED.event(Note("a"))
        broker = self.make_broker(ManualClock(), BrokerSettings())
        with pytest.raises(BrokerError):
            await broker.publish(event)
        deliveries: list[Delivery] = []
        await broker.start(deliveries.append)
        try:
            broker.attach("suite:a")
            assert (await broker.read("suite:a")).seq == 0
            assert (await broker.publish(event)).position.seq == 1
            await until(lambda: len(deliveries) == 1)
        finally:
            await broker.stop()
        with pytest.raises(BrokerError):
            await broker.publish(WHISPERED.event(Note("a")))
        assert len(deliveries) == 1


async def _read_after(node: Node, seq: int) -> list[int]:
    epoch = (await node.broker.read("suite:a")).epoch
    return [entry.seq for entry in (await node.broker.read("suite:a", Position(epoch, seq))).entries]


def _seen(view: LogView[Frame], deliveries: Sequence[Delivery]) -> set[int]:
    return {entry.seq for entry in view.entries} | {delivery.published.position.seq for delivery in deliveries}


def _without_doubles(numbers: Sequence[int]) -> list[int]:
    """Numbers as an at-least-once delivery gives them, with what came twice in a row once."""
    return [*numbers[:1], *(later for earlier, later in pairwise(numbers) if later != earlier)]
