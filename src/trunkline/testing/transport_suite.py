"""What every transport has to do, over a real loopback socket with a real WebSocket client.

```python
class TestMyServer(TransportSuite):
    @asynccontextmanager
    async def serve(self, line: Trunkline, listener: socket.socket) -> AsyncIterator[None]:
        ...  # accept connections of `listener` and give them to `line` until the block ends
        yield
```
"""

import asyncio
import json
import logging
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from trunkline.bus import EventBus
from trunkline.codes import CloseCode
from trunkline.events import EventType
from trunkline.hub.access import Principal, allow_all
from trunkline.hub.connection import Connection
from trunkline.hub.manager import HubOptions
from trunkline.line import LineOptions, Trunkline
from trunkline.protocol.messages import PROTOCOL
from trunkline.protocol.server_session import SessionLimits
from trunkline.testing.clock import ManualClock, until

_SOCKET_BUFFER = 16 * 1024
_EVENT_SIZE = 1_000
# What the socket buffers, the server's write buffer and the client's read buffer hold, with room to spare.
_IN_FLIGHT = 400


class Tick(msgspec.Struct, frozen=True):
    """What the suite publishes."""

    key: str
    text: str = ""


TICKED = EventType("suite_ticked", Tick, topic="tick:{key}")


@dataclass
class Served:
    """A line that is being served, and where."""

    line: Trunkline
    clock: ManualClock
    port: int

    @asynccontextmanager
    async def client(self, query: str = "", *, greet: bool = False, **how: Any) -> AsyncIterator["Client"]:
        """Connect a client that reads no further ahead than it must."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        async with websockets_connect(
            f"ws://127.0.0.1:{self.port}/{query}",
            sock=sock,
            subprotocols=[Subprotocol(PROTOCOL)] if greet else None,
            compression=None,
            ping_interval=None,
            max_queue=1,
            max_size=None,
            close_timeout=1,
            **how,
        ) as websocket:
            yield Client(websocket)

    async def connection(self) -> Connection:
        """The server's side of the newest connection."""
        await until(lambda: self.line.hub.connections)
        return list(self.line.hub.connections.values())[-1]

    async def tick(self, key: str, count: int, size: int = _EVENT_SIZE) -> None:
        """Publish events of that many bytes, and let the server write after each."""
        for n in range(count):
            await self.line.publish(TICKED, Tick(key, f"{n:{size}}"))
            await asyncio.sleep(0)

    async def all_gone(self) -> None:
        """Wait until the hub has forgotten every connection."""
        await until(lambda: not self.line.hub.connections, within=15)
        assert self.line.hub.topics == 0


@dataclass
class Client:
    """A WebSocket that speaks the protocol as plain dictionaries."""

    websocket: ClientConnection
    received: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, **message: Any) -> None:
        """Send a message."""
        await self.websocket.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        """Wait for a message."""
        message: dict[str, Any] = json.loads(await self.websocket.recv())
        self.received.append(message)
        return message

    async def subscribe(self, topic: str) -> dict[str, Any]:
        """Subscribe, and wait for the answer."""
        await self.send(type="subscribe", topics=[topic], message_id="s")
        return await self.next()

    async def ticks(self, last: int) -> list[int]:
        """Read until the event with that number; return the numbers of all events that came."""
        numbers: list[int] = []
        while not numbers or numbers[-1] != last:
            message = await self.next()
            if message["type"] == TICKED.name:
                numbers.append(message["seq"])
        return numbers

    async def closed(self) -> tuple[int, str]:
        """Read on until the connection is closed; return the code and the reason."""
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await self.next()
        close = caught.value.rcvd
        return (1006, "") if close is None else (close.code, close.reason)

    def vanish(self) -> None:
        """Reset the connection (RST), as a crashed or unplugged peer's system does."""
        transport = self.websocket.transport
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()


class TransportSuite:
    """Inherit, implement `serve`, and name the class `Test...`."""

    def serve(self, line: Trunkline, listener: socket.socket) -> AbstractAsyncContextManager[None]:
        """Serve a started line on a listening socket; any path and query are the line's endpoint."""
        raise NotImplementedError

    @asynccontextmanager
    async def served(self, *, budget: int = 64 * 1024) -> AsyncIterator[Served]:
        """Run a server for the time of a test, and see to it that every connection and task ends."""
        clock = ManualClock()
        hub = HubOptions(
            session=SessionLimits(message_burst=50, refusals=20),
            budget=budget,
            lag_timeout=60,
            max_connections_per_principal=3,
            clock=clock,
            wall_clock=clock,
        )
        line = Trunkline(
            authenticate=lambda handshake: None if "stranger" in handshake.query else Principal("ann"),
            authorize=allow_all,
            bus=EventBus(),
            options=LineOptions(hub=hub),
        )
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
            async with line, self.serve(line, listener):
                served = Served(line, clock, listener.getsockname()[1])
                yield served
                await served.all_gone()

    async def test_the_greeting_comes_with_the_subprotocol(self) -> None:
        async with self.served() as served, served.client(greet=True) as client:
            assert client.websocket.subprotocol == PROTOCOL
            greeting = await client.next()
            assert (greeting["type"], greeting["protocol"]) == ("connected", PROTOCOL)
            assert greeting["connection_id"] == (await served.connection()).id

    async def test_without_the_subprotocol_there_is_no_greeting(self) -> None:
        async with self.served() as served, served.client() as client:
            assert client.websocket.subprotocol is None
            await client.send(type="ping", timestamp=1)
            assert await client.next() == {"type": "pong", "timestamp": 1}

    async def test_events_arrive_in_order(self) -> None:
        async with self.served() as served, served.client("?initial_topics=tick:1,bad") as client:
            answers = [await client.next(), await client.next()]
            assert {answer["type"] for answer in answers} == {"subscribed", "error"}
            publishing = asyncio.create_task(served.tick("1", 500))
            assert await client.ticks(last=500) == list(range(1, 501))
            await publishing
            await client.send(type="unsubscribe", topics=["tick:1"])
            assert (await client.next())["type"] == "unsubscribe_success"
            assert served.line.hub.topics == 0

    async def test_a_large_snapshot_arrives_whole(self) -> None:
        async with self.served() as served, served.client() as client:
            text = "ä" * 1_000_000
            served.line.snapshot("tick:{key}")(lambda _principal, key: text)
            assert (await client.subscribe("tick:1"))["data"] == text

    async def test_a_pong_goes_ahead_of_the_events_that_wait(self) -> None:
        async with self.served(budget=1024 * 1024) as served, served.client() as client:
            await client.subscribe("tick:1")
            await served.tick("1", _IN_FLIGHT + 200)
            connection = await served.connection()
            waiting, heard = len(connection.outbox), served.line.hub.stats.messages_received
            assert waiting > 0
            await client.send(type="ping")
            await until(lambda: served.line.hub.stats.messages_received > heard)
            before = await _until_type(client, "pong")
            after = await client.ticks(last=_IN_FLIGHT + 200)
            assert len(after) > waiting // 2
            assert before + after == list(range(1, _IN_FLIGHT + 201))

    async def test_a_slow_reader_costs_its_budget_and_misses_nothing(self) -> None:
        async with self.served() as served, served.client() as slow:
            await slow.subscribe("tick:1")
            connection = await served.connection()
            async with served.client() as neighbour:
                await neighbour.subscribe("tick:1")
                for last in range(100, 900, 100):
                    publishing = asyncio.create_task(served.tick("1", 100))
                    await neighbour.ticks(last=last)
                    await publishing
                    assert connection.outbox.size <= connection.outbox.budget
            assert connection.lagging
            assert await slow.ticks(last=800) == list(range(1, 801))
            assert {message["type"] for message in slow.received} == {"subscribed", TICKED.name, "resumed"}

    async def test_a_reader_too_slow_for_the_log_is_told_and_goes_on(self) -> None:
        async with self.served() as served, served.client() as client:
            await client.subscribe("tick:1")
            connection = await served.connection()
            await served.tick("1", 3_000)
            assert connection.outbox.size <= connection.outbox.budget
            before = await _until_type(client, "reset")
            assert client.received[-1] == {"type": "reset", "topic": "tick:1", "reason": "slow"}
            assert before == list(range(1, len(before) + 1))
            answer = await client.next()
            assert (answer["type"], answer["seq"]) == ("subscribed", 3_000)
            await served.tick("1", 10)
            assert await client.ticks(last=3_010) == list(range(3_001, 3_011))

    async def test_a_lost_peer_is_forgotten(self, caplog: pytest.LogCaptureFixture) -> None:
        async with self.served() as served:
            async with served.client() as client:
                await client.subscribe("tick:1")
                client.vanish()
                await served.all_gone()
            await served.tick("1", 10)
        assert not _errors(caplog)

    async def test_a_peer_that_vanishes_under_a_blocked_write_is_forgotten(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with self.served() as served, served.client() as client:
            await client.subscribe("tick:1")
            connection = await served.connection()
            await served.tick("1", _IN_FLIGHT + 200)
            assert connection.lagging
            client.vanish()
            await served.all_gone()
            await served.tick("1", 10)
        assert not _errors(caplog)

    async def test_a_peer_that_never_reads_again_is_given_up(self, caplog: pytest.LogCaptureFixture) -> None:
        async with self.served() as served, served.client() as client:
            await client.subscribe("tick:1")
            connection = await served.connection()
            await served.tick("1", _IN_FLIGHT + 200)
            assert connection.lagging
            served.clock.advance(61)
            served.line.hub.sweep()
            assert connection.closing
            await served.all_gone()
            assert served.line.hub.stats.connections_closed == {"4000": 1}
            client.vanish()
        assert not _errors(caplog)

    async def test_a_half_open_peer_is_found_by_its_silence(self, caplog: pytest.LogCaptureFixture) -> None:
        async with self.served() as served, served.client(greet=True) as client:
            await client.next()
            connection = await served.connection()
            client.websocket.transport.pause_reading()
            served.clock.advance(241)
            served.line.hub.sweep()
            assert connection.closing
            await served.all_gone()
            assert served.line.hub.stats.connections_closed == {"4001": 1}
            client.vanish()
        assert not _errors(caplog)

    async def test_a_peer_that_pings_is_kept(self) -> None:
        async with self.served() as served, served.client(greet=True) as client:
            await client.next()
            for _ in range(3):
                served.clock.advance(200)
                await client.send(type="ping")
                assert (await client.next())["type"] == "pong"
                served.line.hub.sweep()
            assert not (await served.connection()).closing

    async def test_a_peer_that_leaves_is_counted_with_its_code(self) -> None:
        async with self.served() as served:
            async with served.client() as client:
                await client.subscribe("tick:1")
                await client.websocket.close(1001)
            await served.all_gone()
            assert sum(served.line.hub.stats.connections_closed.values()) == 1

    async def test_a_close_code_and_its_sentence_arrive(self) -> None:
        async with self.served() as served:
            async with served.client("?stranger=1") as client:
                await served.connection()
                served.clock.advance(6)
                served.line.hub.sweep()
                assert await client.closed() == (4500, "No valid credentials were given.")
            async with served.client() as client:
                for _ in range(80):
                    await client.send(type="ping")
                assert (await client.closed())[0] == 4505
            await served.all_gone()
            async with served.client(), served.client(), served.client(), served.client() as fourth:
                assert (await fourth.closed())[0] == 4503

    @pytest.mark.parametrize("size", [65 * 1024, 2 * 1024 * 1024])
    async def test_a_message_too_large_closes_the_connection(self, size: int) -> None:
        async with self.served() as served, served.client() as client:
            sending = asyncio.create_task(client.websocket.send("x" * size))
            assert (await client.closed())[0] in (4504, 1009)
            await asyncio.wait([sending])
            sending.exception()

    async def test_a_binary_frame_is_answered_by_an_error(self) -> None:
        async with self.served() as served, served.client() as client:
            await client.websocket.send(b'{"type":"ping"}')
            assert (await client.next())["code"] == "invalid_message"
            await client.send(type="ping")
            assert (await client.next())["type"] == "pong"

    async def test_a_fragmented_message_is_one_message(self) -> None:
        async with self.served() as served, served.client() as client:
            await client.websocket.send(['{"type":', '"ping",', "", '"timestamp"', ":7}"])
            assert await client.next() == {"type": "pong", "timestamp": 7}

    async def test_invalid_utf8_ends_the_connection_and_no_other(self) -> None:
        async with self.served() as served, served.client() as other:
            async with served.client() as client:
                await client.websocket.send(b'{"type":"ping","x":"\xff"}', text=True)
                assert (await client.closed())[0] in (1007, 1006)
            await until(lambda: len(served.line.hub.connections) == 1)
            await other.send(type="ping")
            assert (await other.next())["type"] == "pong"

    async def test_a_page_of_another_origin_is_refused(self) -> None:
        async with self.served() as served:
            for foreign in ("https://evil.example", "null", "http://[", f"http://127.0.0.1:{served.port}.evil.example"):
                with pytest.raises(InvalidStatus) as caught:
                    async with served.client(origin=Origin(foreign)):
                        pass
                assert caught.value.response.status_code == 403
                # A page cannot read that, so one that speaks the protocol is told on an open socket.
                async with served.client(origin=Origin(foreign), greet=True) as page:
                    assert await page.closed() == (4501, CloseCode.FORBIDDEN_ORIGIN.sentence)
            async with served.client(origin=Origin(f"http://127.0.0.1:{served.port}")) as client:
                await client.send(type="ping")
                assert (await client.next())["type"] == "pong"
            assert served.line.hub.stats.refused == {"origin": 8}
            assert served.line.hub.stats.connections_opened == 1

    async def test_a_busy_server_refuses_the_handshake_and_says_when_to_return(self) -> None:
        async with self.served() as served:
            served.line.hub.drain(lambda: 0)
            with pytest.raises(InvalidStatus) as caught:
                async with served.client():
                    pass
            response = caught.value.response
            assert response.status_code in (503, 403)
            assert response.status_code == 403 or response.headers["Retry-After"] == "1"

    async def test_a_page_is_told_on_an_open_socket_when_to_return(self) -> None:
        async with self.served() as served:
            served.line.hub.drain(lambda: 0, within=20)
            async with served.client(origin=Origin(f"http://127.0.0.1:{served.port}")) as page:
                goodbye = await page.next()
                assert goodbye["type"] == "goaway"
                assert goodbye["retry_after_ms"] > 20_000
                assert (await page.closed())[0] == 4002
            assert not served.line.hub.connections

    async def test_a_drain_goes_on_serving_until_the_end_and_throws_nothing_away(self) -> None:
        async with self.served() as served, served.client() as client:
            await client.subscribe("tick:1")
            await served.connection()
            served.line.drain(20.0)
            assert (await client.next())["type"] == "goaway"
            await served.tick("1", 20)
            await client.send(type="ping")
            before = await _until_type(client, "pong")
            assert before == list(range(1, len(before) + 1))
            await served.tick("1", 30)
            stopping = asyncio.create_task(served.line.stop())
            assert (await client.closed())[0] == 4002
            await stopping
            assert [m["seq"] for m in client.received if m["type"] == TICKED.name] == list(range(1, 51))

    async def test_stop_says_goodbye_to_everyone(self) -> None:
        async with self.served() as served, served.client() as one, served.client() as two:
            await one.subscribe("tick:1")
            await until(lambda: len(served.line.hub.connections) == 2)
            await served.tick("1", 3)
            await served.line.stop()
            for client in (one, two):
                assert (await client.closed())[0] == 4002
                goodbye = [message for message in client.received if message["type"] == "goaway"]
                assert len(goodbye) == 1
                assert 0 <= goodbye[0]["retry_after_ms"] <= 5_000
            assert [message["seq"] for message in one.received if message["type"] == TICKED.name] == [1, 2, 3]


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def _until_type(client: Client, type_: str) -> list[int]:
    """Read until a message of a type; return the numbers of the events before it."""
    numbers: list[int] = []
    while (message := await client.next())["type"] != type_:
        numbers += [message["seq"]] if message["type"] == TICKED.name else []
    return numbers
