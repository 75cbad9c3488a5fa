import pytest

from tests.hub.rig import Rig, started
from trunkline.testing import MemoryTransport, until


async def test_messages_are_given_out_once_and_all_are_kept() -> None:
    rig = await started()
    client = rig.connect()
    await client.subscribe("agent:1")
    for _ in range(3):
        await rig.whisper("1")
    client.send({"type": "ping"})
    assert [message["type"] for message in await client.take_until("pong")] == ["pong"]
    assert [message["seq"] for message in await client.take(2)] == [1, 2]
    assert [message["seq"] for message in client.pending] == [3]
    assert len(client.received) == 5


async def test_a_client_that_does_not_read_gets_nothing_and_what_it_reads_it_gets_in_order() -> None:
    rig = await started()
    client = rig.connect(reading=False)
    client.send({"type": "subscribe", "topics": ["agent:1"]})
    await until(lambda: client.connection.outbox)
    await rig.fill("1", 5)
    assert client.received == []
    client.read_some(1)
    assert [message["type"] for message in client.received] == ["subscribed"]
    client.read_on()
    assert [message.get("seq") for message in await client.take(6)] == [0, 1, 2, 3, 4, 5]
    client.stop_reading()
    assert not client.is_reading


async def test_what_was_queued_before_a_close_is_read_by_who_reads_and_lost_on_who_does_not() -> None:
    rig = await started()
    reading, idle = rig.connect(), rig.connect(reading=False)
    for client in (reading, idle):
        client.send({"type": "ping"})
    rig.hub.drain(lambda: 0)
    rig.hub.close_all()
    assert [message["type"] for message in await reading.take(2)] == ["pong", "goaway"]
    assert idle.received == []
    assert not rig.hub.connections
    assert reading.closed == idle.closed


async def test_waiting_for_what_does_not_come_ends() -> None:
    client = MemoryTransport.connect(Rig().hub, None)
    client.patience = 0.01
    with pytest.raises(TimeoutError):
        await client.next()
