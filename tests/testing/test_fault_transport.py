"""Faults of a connection in memory, seen from both ends: a real client, a real hub."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from trunkline import (
    CloseCode,
    Event,
    EventBus,
    EventType,
    HubOptions,
    LineOptions,
    LineState,
    Principal,
    ReceivedEvent,
    Trunkline,
    Update,
    WsClientOptions,
    allow_all,
    anonymous,
)
from trunkline.testing import ManualClock, PairedLine, pair, until


class Note(msgspec.Struct, frozen=True):
    key: str
    text: str = ""


NOTED = EventType("fault_test_noted", Note, topic="note:{key}")


class Seen:
    """A handler, and the numbers of the events it was handed."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __call__(self, update: Update) -> None:
        if isinstance(update, ReceivedEvent):
            self.numbers.append(update.seq)


@pytest.fixture
async def line() -> AsyncIterator[Trunkline]:
    options = LineOptions(hub=HubOptions(budget=10_000, clock=ManualClock()))
    async with Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus(), options=options) as line:
        yield line


@pytest.fixture
async def client(line: Trunkline) -> AsyncIterator[PairedLine]:
    async with pair(line) as client:
        yield client


@pytest.fixture
async def seen(client: PairedLine) -> Seen:
    seen = Seen()
    client.topics.subscribe("note:1", seen)
    await client.settle()
    return seen


async def publish(line: Trunkline, count: int, size: int = 0) -> None:
    for n in range(count):
        event: Event[Note] = NOTED.event(Note("1", f"{n:{size}}"))
        await line.send(event)


async def test_a_doubled_event_is_handed_over_once(line: Trunkline, client: PairedLine, seen: Seen) -> None:
    await publish(line, 3)
    await client.settle()
    client.link.duplicate(2)
    await client.settle()
    await publish(line, 1)
    await client.settle()
    assert seen.numbers == [1, 2, 3, 4]
    assert (client.client.stats.duplicates, client.client.stats.gaps) == (2, 0)


async def test_an_event_that_was_overtaken_is_fetched_and_dropped_when_it_comes_late(
    line: Trunkline, client: PairedLine, seen: Seen
) -> None:
    client.link.hold_back(2)
    await publish(line, 2)
    await client.settle()
    assert seen.numbers == []
    await publish(line, 2)
    await client.settle()
    assert seen.numbers == [1, 2, 3, 4]
    assert (client.client.stats.gaps, client.client.stats.recovered) == (1, 4)
    client.link.release()
    await publish(line, 1)
    await client.settle()
    assert seen.numbers == [1, 2, 3, 4, 5]
    stats = client.client.stats
    assert stats.duplicates + stats.reordered == 2


async def test_events_released_before_a_later_one_comes_are_only_late(
    line: Trunkline, client: PairedLine, seen: Seen
) -> None:
    client.link.hold_back(5)
    await publish(line, 2)
    client.link.release()
    await publish(line, 1)
    await client.settle()
    assert seen.numbers == [1, 2, 3]
    assert client.client.stats.gaps == 0


async def test_a_frozen_link_holds_both_ways_and_ends_nothing(line: Trunkline, client: PairedLine, seen: Seen) -> None:
    other = Seen()
    client.link.freeze()
    await publish(line, 2)
    client.topics.subscribe("note:2", other)
    client.link.read_some(1)
    await client.settle()
    assert (seen.numbers, line.hub.topics, client.state) == ([], 1, LineState.CONNECTED)
    client.link.thaw()
    await client.settle()
    assert (seen.numbers, line.hub.topics) == ([1, 2], 2)


async def test_a_link_frozen_one_way_carries_the_other(line: Trunkline, client: PairedLine, seen: Seen) -> None:
    client.link.freeze("to_server")
    await publish(line, 1)
    client.topics.subscribe("note:2", Seen())
    await client.settle()
    assert (seen.numbers, line.hub.topics) == ([1], 1)
    client.link.freeze("to_client")
    client.link.thaw()
    client.link.freeze("to_client")
    await until(lambda: line.hub.topics == 2)
    await publish(line, 1)
    await client.settle()
    assert seen.numbers == [1]


async def test_a_client_gives_a_frozen_line_up_and_the_server_hears_of_it_when_it_thaws(
    line: Trunkline, client: PairedLine, seen: Seen
) -> None:
    frozen = client.link
    frozen.freeze()
    await publish(line, 1)
    states = []
    for _ in range(2):
        await client.advance(60)
        states.append(client.state)
    assert states == ["connected", "waiting"]
    await client.reconnect()
    assert (seen.numbers, len(line.hub.connections)) == ([1], 2)
    frozen.thaw()
    assert len(line.hub.connections) == 1


async def test_a_hub_that_closes_a_frozen_link_is_heard_when_it_thaws(
    line: Trunkline, client: PairedLine, seen: Seen
) -> None:
    client.link.freeze()
    await publish(line, 1)
    client.link.connection.close(CloseCode.SLOW)
    await until(lambda: not line.hub.connections)
    await client.settle()
    assert client.state is LineState.CONNECTED
    client.link.thaw()
    await until(lambda: client.state is LineState.WAITING)
    assert client.link.socket.close_code == 1006
    await client.reconnect()
    assert seen.numbers == [1]


async def test_what_the_hub_closes_with_reaches_the_client_after_what_was_queued(
    line: Trunkline, client: PairedLine, seen: Seen
) -> None:
    await publish(line, 2)
    client.link.connection.close(CloseCode.DRAIN)
    await until(lambda: client.state is LineState.WAITING)
    await client.settle()
    assert (client.link.socket.close_code, seen.numbers) == (4002, [1, 2])
    assert client.link.socket.close_reason == CloseCode.DRAIN.sentence


async def test_a_slow_reader_reads_what_it_is_told_to_lags_and_catches_up(
    line: Trunkline, client: PairedLine, seen: Seen
) -> None:
    client.link.stop_reading()
    await publish(line, 40, size=1_000)
    await client.settle()
    assert (seen.numbers, client.link.connection.lagging) == ([], True)
    client.link.read_some(1)
    await client.settle()
    assert seen.numbers == [1]
    client.link.read_on()
    await client.settle()
    assert seen.numbers == list(range(1, 41))
    assert client.client.stats.resets == 0


async def test_an_application_that_takes_its_time_slows_its_own_line_alone(line: Trunkline) -> None:
    may_go_on = asyncio.Event()
    numbers: list[int] = []

    async def handle(update: Update) -> None:
        await may_go_on.wait()
        if isinstance(update, ReceivedEvent):
            numbers.append(update.seq)

    seen = Seen()
    async with pair(line, options=WsClientOptions(inbox_limit=5)) as slow, pair(line) as quick:
        slow.topics.subscribe("note:1", handle)
        quick.topics.subscribe("note:1", seen)
        await quick.settle()
        for _ in range(100):
            await publish(line, 1, size=1_000)
            await quick.settle()
        assert slow.link.connection.lagging
        assert not quick.link.connection.lagging
        await publish(line, 20, size=1_000)
        assert numbers == []
        may_go_on.set()
        await slow.settle()
        await quick.settle()
        assert numbers == seen.numbers == list(range(1, len(numbers) + 1))


async def test_a_drop_loses_what_is_underway_and_tells_both_ends(
    line: Trunkline, client: PairedLine, seen: Seen
) -> None:
    await publish(line, 1)
    client.link.read_some(1)
    await publish(line, 1)
    client.link.drop()
    assert not line.hub.connections
    await until(lambda: client.state is LineState.WAITING)
    await client.settle()
    assert (seen.numbers, client.link.socket.close_code) == ([], 1006)


async def test_a_drop_with_a_close_frame_comes_after_what_was_queued(
    line: Trunkline, client: PairedLine, seen: Seen
) -> None:
    await publish(line, 1)
    client.link.drop(4500, "Go away")
    await until(lambda: client.state is LineState.CLOSED)
    await client.settle()
    assert (seen.numbers, client.link.socket.close_reason) == ([1], "Go away")
    assert line.hub.stats.connections_closed["4500"] == 1


async def test_a_half_open_link_is_a_second_connection_of_the_same_client(
    line: Trunkline, client: PairedLine, seen: Seen
) -> None:
    old = client.link
    old.half_open()
    await client.reconnect()
    await publish(line, 1)
    await client.settle()
    assert (seen.numbers, len(line.hub.connections)) == ([1], 2)
    assert old.connection.outbox
    old.drop()
    assert list(line.hub.connections.values()) == [client.link.connection]


async def test_connections_left_half_open_count_for_their_principal(line: Trunkline) -> None:
    options = LineOptions(hub=HubOptions(max_connections_per_principal=2))
    narrow = Trunkline(authorize=allow_all, bus=EventBus(), options=options)
    async with narrow, pair(narrow, principal=Principal("ann")) as client:
        for _ in range(2):
            client.link.half_open()
            await client.reconnect()
        await until(lambda: client.state is LineState.CLOSED)
        assert client.link.socket.close_code == CloseCode.TOO_MANY_CONNECTIONS
    assert not narrow.hub.connections
