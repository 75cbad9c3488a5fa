"""Joined writes to sockets that take what they have room for; the sockets are in memory, the hub is real."""

import asyncio
import zlib
from typing import Any

import msgspec
import pytest

from tests.hub.rig import ANN, NOTED, WHISPERED, Rig, started
from trunkline.codes import CloseCode
from trunkline.hub.access import Principal
from trunkline.hub.fanout import FlushOptions
from trunkline.protocol.codec import Frame, wire_header
from trunkline.protocol.server_session import SessionLimits
from trunkline.testing.clock import until
from trunkline.testing.memory import MemoryTransport


class Direct(MemoryTransport):
    """A connection whose socket the fan-out may write to.

    Attributes:
        room: bytes the socket takes.
        writes: the sizes of the direct writes, in order.
        failure: raised by the next direct write.
        compressed: how many frames came compressed.
    """

    room: int
    writes: list[int]
    failure: OSError | None
    compressed: int

    @classmethod
    def open(cls, rig: Rig, principal: Principal = ANN, *, deflates: bool = False) -> "Direct":
        made = cls.connect(rig.hub, principal)
        made.room, made.writes, made.failure = 1 << 30, [], None
        made.stream, made.compressed = b"", 0
        made.connection.deflates = deflates
        made.connection.direct = made
        made.connection.write_now = made._write_now
        return made

    stream: bytes

    def wake(self) -> None:
        if hasattr(self, "connection"):
            self.connection.write_now = None
        super().wake()

    def _write(self) -> None:
        super()._write()
        if self.is_reading and not self.connection.closing:
            self.connection.write_now = self._write_now

    def _write_now(self, data: bytes) -> int:
        if self.failure is not None:
            raise self.failure
        written = min(self.room, len(data))
        self.writes.append(written)
        self._take_bytes(data[:written])
        return written

    def write_later(self, data: bytes) -> None:
        self.is_reading = False
        self.rest = data

    rest: bytes = b""

    def go_on(self) -> None:
        """The socket has room again."""
        rest, self.rest, self.room = self.rest, b"", 1 << 30
        self._take_bytes(rest)
        self._hub.wrote(self.connection, len(rest), 0.0)
        self.read_on()

    def _arrive(self, frame: Frame) -> None:
        self._take_bytes(frame.deflated if self.connection.deflates else frame.wire)

    def give_up(self) -> None:
        self.lose()

    def taken(self) -> int:
        return -len(self.rest)

    def _take_bytes(self, data: bytes) -> None:
        """Read whole frames of what has come."""
        self.stream += data
        while len(self.stream) >= 2:
            size, start = self.stream[1], 2
            if size >= 126:
                start = 4 if size == 126 else 10
                size = int.from_bytes(self.stream[2:start], "big")
            if len(self.stream) < start + size:
                return
            payload = self.stream[start : start + size]
            if self.stream[0] & 0x40:
                payload = zlib.decompress(payload + b"\x00\x00\xff\xff\x01\x00\x00\xff\xff", wbits=-15)
                self.compressed += 1
            self.received.append(msgspec.json.decode(payload))
            self.stream = self.stream[start + size :]


@pytest.fixture
async def rig() -> Rig:
    return await started()


async def crowd(count: int, flush: FlushOptions) -> tuple[Rig, list[Direct]]:
    """A hub, and that many subscribers of one topic."""
    rig = await started(flush=flush, most=1_000)
    clients = [Direct.open(rig) for _ in range(count)]
    for client in clients:
        await client.subscribe("agent:1")
    return rig, clients


def numbers(messages: list[dict[str, Any]], field: str = "seq") -> list[int]:
    return [message[field] for message in messages if message["type"] in (NOTED.name, WHISPERED.name)]


async def test_what_one_turn_publishes_goes_out_in_one_write_of_the_same_bytes(rig: Rig) -> None:
    clients = [Direct.open(rig, Principal(f"p{n}")) for n in range(3)]
    for client in clients:
        await client.subscribe("agent:1")
    for _ in range(5):
        await rig.whisper("1")
    for client in clients:
        assert numbers(await client.take(5)) == [1, 2, 3, 4, 5]
        assert len(client.writes) == 1
    assert rig.hub.stats.events_delivered == 15


async def test_a_frame_is_made_once_however_many_read_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(size: int) -> bytes:
        made.append(size)
        return wire_header(size)

    monkeypatch.setattr("trunkline.protocol.codec.wire_header", counted)
    clients = [Direct.open(rig, Principal(f"p{n}")) for n in range(9)]
    for client in clients:
        await client.subscribe("agent:1")
    made.clear()
    await rig.whisper("1")
    for client in clients:
        await client.next()
    assert len(made) == 1


async def test_a_topic_and_its_feed_bring_an_event_once_and_in_the_order_of_both(rig: Rig) -> None:
    client = Direct.open(rig)
    await client.subscribe("agent:1")
    await client.subscribe("agent:*")
    for n in range(6):
        await (rig.note("1") if n % 2 else rig.whisper("1"))
        await rig.note("2")
    received = await client.take(12)
    assert [m["seq"] for m in received if m["topic"] == "agent:1"] == [1, 2, 3, 4, 5, 6]
    assert [m["feed_seq"] for m in received if "feed_seq" in m] == list(range(1, 10))
    assert client.pending == []


async def test_an_answer_comes_after_the_events_that_were_published_before_it(rig: Rig) -> None:
    client = Direct.open(rig)
    await client.subscribe("agent:1")
    await rig.whisper("1")
    client.send({"type": "unsubscribe", "topics": ["agent:2"]})
    await rig.whisper("1")
    assert [m["type"] for m in await client.take(3)] == ["hub_whispered", "unsubscribe_success", "hub_whispered"]


async def test_who_joins_while_events_are_pending_gets_none_of_them_twice() -> None:
    rig = await started(budget=100_000)
    first, second = Direct.open(rig), Direct.open(rig, Principal("p2"))
    await first.subscribe("agent:1")
    second.send({"type": "subscribe", "topics": ["agent:1"], "message_id": "s"})
    for n in range(40):
        await rig.whisper("1")
        if n % 3 == 2:
            await asyncio.sleep(0)
    answer = await second.next()
    assert answer["type"] == "subscribed"
    received: list[dict[str, Any]] = []
    while numbers(received)[-1:] != [40]:
        received.append(await second.next())
    assert numbers(received) == list(range(answer["seq"] + 1, 41))
    assert numbers(await first.take(40)) == list(range(1, 41))
    assert second.pending == []


@pytest.mark.parametrize("deflates", [False, True])
async def test_a_short_write_goes_on_where_it_stopped_and_disturbs_nobody(rig: Rig, deflates: bool) -> None:
    slow, other = Direct.open(rig, deflates=deflates), Direct.open(rig, Principal("p2"))
    for client in (slow, other):
        await client.subscribe("agent:1")
    slow.room = 100
    await rig.fill("1", 3)
    assert numbers(await other.take(3)) == [1, 2, 3]
    assert slow.connection.outbox.size > 0
    slow.go_on()
    assert numbers(await slow.take(3)) == [1, 2, 3]
    await until(lambda: slow.connection.outbox.size == 0)
    await rig.whisper("1")
    assert numbers(await slow.take(1)) == [4]


@pytest.mark.parametrize("deflates", [False, True])
async def test_one_that_takes_nothing_lags_within_its_budget_and_catches_up(rig: Rig, deflates: bool) -> None:
    slow, other = Direct.open(rig, deflates=deflates), Direct.open(rig, Principal("p2"))
    for client in (slow, other):
        await client.subscribe("agent:1")
    slow.failure = BlockingIOError()
    await rig.fill("1", 60)
    await until(lambda: slow.connection.lagging)
    assert slow.connection.outbox.size <= rig.hub.options.budget
    assert numbers(await other.take(60)) == list(range(1, 61))
    slow.failure = None
    slow.go_on()
    received = await slow.take(61)
    assert numbers(received) == list(range(1, 61))
    assert [m["type"] for m in received].count("resumed") == 1
    assert bool(slow.compressed) == deflates
    await until(lambda: slow.connection.outbox.size == 0)


async def test_a_peer_that_is_found_gone_while_writing_is_forgotten(rig: Rig) -> None:
    gone, other = Direct.open(rig), Direct.open(rig, Principal("p2"))
    for client in (gone, other):
        await client.subscribe("agent:1")
    gone.failure = BrokenPipeError()
    await rig.whisper("1")
    assert numbers(await other.take(1)) == [1]
    await until(lambda: len(rig.hub.connections) == 1)


async def test_events_larger_than_the_budget_of_a_connection_go_one_by_one() -> None:
    rig = await started(session=SessionLimits(), budget=600_000)
    client = Direct.open(rig)
    await client.subscribe("agent:1")
    for _ in range(4):
        await rig.whisper("1", "x" * 200_000)
    received = await client.take(5)
    assert numbers(received) == [1, 2, 3, 4]
    assert client.writes == []


async def test_a_client_of_several_topics_gets_them_together(rig: Rig) -> None:
    client = Direct.open(rig)
    await client.subscribe("agent:1", "agent:2")
    for key in "1212":
        await rig.whisper(key)
    received = await client.take(4)
    assert sorted(m["topic"] for m in received) == ["agent:1"] * 2 + ["agent:2"] * 2
    for topic in ("agent:1", "agent:2"):
        assert [m["seq"] for m in received if m["topic"] == topic] == [1, 2]


async def test_a_fault_while_writing_is_logged_and_the_next_events_come(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    client = Direct.open(rig)
    await client.subscribe("agent:1")
    client.failure = ValueError("no socket")  # type: ignore[assignment]
    await rig.whisper("1")
    await until(lambda: "could not be written" in caplog.text)
    client.failure = None
    await rig.whisper("1")
    assert numbers(await client.take(1)) == [2]


async def test_a_flush_over_many_lets_the_loop_go_on_and_answers_keep_their_place() -> None:
    rig, clients = await crowd(300, FlushOptions(slice=0.0))
    await rig.whisper("1")
    await asyncio.sleep(0)
    written = sum(bool(client.writes) for client in clients)
    assert 0 < written < 300
    for client in clients:
        client.send({"type": "unsubscribe", "topics": ["agent:9"]})
        client.send({"type": "ping"})
    await rig.whisper("1")
    for client in clients:
        received = await client.take(4)
        kinds = [m["type"] for m in received if m["type"] != "pong"]
        assert kinds == ["hub_whispered", "unsubscribe_success", "hub_whispered"]
        assert numbers(received) == [1, 2]
        assert client.pending == []


async def test_those_to_whom_a_flush_comes_later_get_what_is_published_meanwhile_in_the_same_write() -> None:
    rig, clients = await crowd(40, FlushOptions(slice=0.0, look_after=10))
    await rig.whisper("1")
    await asyncio.sleep(0)
    late = Direct.open(rig)
    await rig.whisper("1")
    await late.subscribe("agent:1")
    for client in clients:
        assert numbers(await client.take(2)) == [1, 2]
    await rig.whisper("1")
    for client in (*clients, late):
        assert numbers(await client.take(1)) == [3]
    assert [len(client.writes) for client in clients[:10] + clients[-10:]] == [3] * 10 + [2] * 10
    assert len(late.writes) == 1


async def test_who_waits_for_something_is_woken_by_it_between_two_slices() -> None:
    rig, clients = await crowd(40, FlushOptions(slice=0.0, look_after=10))
    came = asyncio.Event()

    async def publish_when_it_came() -> None:
        await came.wait()
        await rig.whisper("1")

    publishing = asyncio.create_task(publish_when_it_came())
    write = clients[0].connection.write_now
    assert write is not None

    def wakes(data: bytes) -> int:
        asyncio.get_running_loop().call_soon(came.set)
        return write(data)

    clients[0].connection.write_now = wakes
    await rig.whisper("1")
    for client in clients:
        assert numbers(await client.take(2)) == [1, 2]
    assert [len(client.writes) for client in clients] == [2] * 10 + [1] * 30
    await publishing


async def test_who_leaves_while_some_are_written_to_takes_no_event_from_those_who_come_after() -> None:
    rig, clients = await crowd(20, FlushOptions(slice=0.0, look_after=10))
    write = clients[4].connection.write_now
    assert write is not None

    def ends_ten(data: bytes) -> int:
        for client in clients[5:15]:
            client.lose()
        return write(data)

    clients[4].connection.write_now = ends_ten
    await rig.whisper("1")
    for client in (*clients[:5], *clients[15:]):
        assert numbers(await client.take(1)) == [1]


async def test_a_flush_over_many_topics_lets_the_loop_go_on() -> None:
    rig = await started(flush=FlushOptions(slice=0.0), most=1_000)
    clients = [Direct.open(rig) for _ in range(20)]
    for place, client in enumerate(clients):
        await client.subscribe(f"agent:{place}")
    for place in range(20):
        await rig.whisper(str(place))
    await asyncio.sleep(0)
    assert 0 < sum(bool(client.writes) for client in clients) < 20
    for client in clients:
        assert numbers(await client.take(1)) == [1]


async def test_who_leaves_in_the_middle_of_a_flush_gets_nothing_more() -> None:
    rig, clients = await crowd(200, FlushOptions(slice=0.0))
    await rig.whisper("1")
    await asyncio.sleep(0)
    unwritten = [client for client in clients if not client.writes]
    for client in unwritten:
        client.send({"type": "unsubscribe", "topics": ["agent:1"]})
    for client in unwritten:
        assert (await client.next())["type"] == "unsubscribe_success"
    await until(lambda: rig.hub._fanouts.is_idle)
    assert all(client.pending == [] for client in unwritten)


async def test_who_leaves_while_others_are_written_to_is_passed_over() -> None:
    rig, clients = await crowd(40, FlushOptions(slice=0.0, look_after=10))
    await rig.whisper("1")
    await asyncio.sleep(0)
    assert [bool(client.writes) for client in clients] == [True] * 10 + [False] * 30
    for client in (clients[5], clients[12], clients[25]):
        client.lose()
    rest = [client for client in clients if client.connection.id in rig.hub.connections]
    for client in rest:
        assert numbers(await client.take(1)) == [1]
    await until(lambda: rig.hub._fanouts.is_idle)
    assert not clients[12].writes
    assert not clients[25].writes
    assert all(client.pending == [] for client in rest)


async def test_a_namespace_is_flushed_at_times_of_its_own() -> None:
    rarely = FlushOptions(factor=3_600.0, longest_pause=3_600.0)
    rig = await started(namespace_flush={"price": rarely})
    client = Direct.open(rig)
    for topic in ("price:1", "price:*", "agent:1"):
        await client.subscribe(topic)
    other = Direct.open(rig, Principal("p2"))
    await other.subscribe("price:1")
    write = other.connection.write_now
    assert write is not None

    def takes_a_second(data: bytes) -> int:
        rig.clock.advance(1.0)
        return write(data)

    other.connection.write_now = takes_a_second
    await rig.price("1")
    assert (await other.next())["seq"] == 1
    await rig.price("1")
    await rig.whisper("1")
    assert (await client.take(3))[-1]["topic"] == "agent:1"
    assert other.pending == []
    assert not rig.hub._fanouts.is_idle
    other.send({"type": "unsubscribe", "topics": ["agent:9"]})
    assert [m["type"] for m in await other.take(2)] == ["hub_priced", "unsubscribe_success"]
    rig.hub._fanouts.begin()
    assert rig.hub._fanouts.is_idle


async def test_what_happens_to_others_while_one_is_written_to_disturbs_no_flush() -> None:
    """A socket's own code may close its connection, or another, in the middle of the loop over all of them."""
    rig = await started(most=20)
    clients = [Direct.open(rig) for _ in range(8)]
    for client in clients:
        await client.subscribe("agent:1")
    write = clients[2].connection.write_now
    assert write is not None

    def closes(data: bytes) -> int:
        clients[2].connection.close(CloseCode.INSUFFICIENT_STATE)
        clients[5].connection.close(CloseCode.INSUFFICIENT_STATE)
        return write(data)

    clients[2].connection.write_now = closes
    await rig.whisper("1")
    for place, client in enumerate(clients):
        if place not in (2, 5):
            assert numbers(await client.take(1)) == [1]
    await until(lambda: len(rig.hub.connections) == 6)
    await rig.whisper("1")
    for place, client in enumerate(clients):
        if place not in (2, 5):
            assert numbers(await client.take(1)) == [2]


async def test_a_drain_writes_what_is_on_its_way(rig: Rig) -> None:
    client = Direct.open(rig)
    await client.subscribe("agent:1")
    await rig.whisper("1")
    rig.hub.drain(lambda: 0)
    rig.hub.close_all()
    assert {m["type"] for m in await client.take(2)} == {"goaway", "hub_whispered"}


async def test_a_peer_that_takes_a_large_write_bit_by_bit_is_not_closed_until_it_stops() -> None:
    rig = await started()
    client = Direct.open(rig)
    await client.subscribe("agent:1")
    client.room = 10
    await rig.whisper("1", "x" * 3_000)
    await until(lambda: client.rest)
    for _ in range(20):
        rig.clock.advance(50.0)
        client.rest = client.rest[100:]
        rig.hub.sweep()
    assert not client.connection.closing
    rig.clock.advance(61.0)
    rig.hub.sweep()
    assert client.connection.closed_with == CloseCode.SLOW
