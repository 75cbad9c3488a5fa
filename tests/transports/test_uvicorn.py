"""The fast path under uvicorn, on both event loops: the same sentences as for every transport."""

import asyncio
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.transports.servers import uvicorn_server
from trunkline.bus import EventBus
from trunkline.events import EventType
from trunkline.hub.access import allow_all, anonymous
from trunkline.hub.connection import Connection
from trunkline.hub.manager import HubOptions
from trunkline.line import LineOptions, Trunkline
from trunkline.testing.clock import until
from trunkline.testing.transport_suite import TransportSuite
from trunkline.transports.uvicorn import DetachingProtocol

pytestmark = pytest.mark.timeout(60)


class TestFastPath(TransportSuite):
    def serve(self, line: Trunkline, listener: socket.socket) -> AbstractAsyncContextManager[None]:
        return uvicorn_server(line, listener, ws=DetachingProtocol)


class Word(msgspec.Struct, frozen=True):
    text: str


SAID = EventType("uvicorn_said", Word, topic="word:1")


def make_line(**hub: Any) -> Trunkline:
    options = LineOptions(hub=HubOptions(**hub))
    return Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus(), options=options)


def masked(payload: bytes, *, opcode: int = 1, fin: bool = True) -> bytes:
    """A frame as a client sends it, with a mask of zeros."""
    return bytes((opcode | 0x80 * fin, 0x80 | len(payload), 0, 0, 0, 0)) + payload


@pytest.mark.parametrize("cut", [0, 1, 12, 15, 20, 41])
async def test_what_comes_before_the_socket_is_taken_over_is_not_lost(cut: int) -> None:
    line, accepted, gate = make_line(), asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        """A middleware that takes its time after the handshake."""

        async def hold(message: Any) -> None:
            await send(message)
            accepted.set()
            await gate.wait()

        await line(scope, receive, hold)

    handshake = (
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    message = b'{"type":"ping","timestamp":7}'
    frames = masked(message[:9], fin=False) + masked(message[9:], opcode=0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(slow, listener, ws=DetachingProtocol):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
            writer.write(handshake)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            await accepted.wait()
            writer.write(frames[:cut])
            await _settled()
            gate.set()
            await until(lambda: line.hub.connections)
            writer.write(frames[cut:])
            header = await reader.readexactly(2)
            assert json.loads(await reader.readexactly(header[1])) == {"type": "pong", "timestamp": 7}
            writer.close()
            await writer.wait_closed()
            await until(lambda: not line.hub.connections)


async def _settled() -> None:
    """Let the loop run for as many turns as it takes the server to read what was written on this machine."""
    for _ in range(50):
        await asyncio.sleep(0)


def certified(folder: Path) -> tuple[ssl.SSLContext, dict[str, Any]]:
    """A client that trusts a new certificate, and what tells uvicorn to show it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    trusting = ssl.create_default_context(cafile=str(certificate))
    trusting.check_hostname = False
    return trusting, {"ssl_keyfile": str(key), "ssl_certfile": str(certificate)}


async def test_over_tls_it_is_the_same(tmp_path: Path) -> None:
    line = make_line()
    trusting, files = await asyncio.to_thread(certified, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"wss://127.0.0.1:{listener.getsockname()[1]}/?initial_topics=word:1"
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol, **files):
            async with connect(url, ssl=trusting, compression=None) as websocket:
                assert json.loads(await websocket.recv())["type"] == "subscribed"
                for _ in range(20):
                    await line.publish(SAID, Word("x" * 20_000))
                received = [json.loads(await websocket.recv()) for _ in range(20)]
                assert [message["seq"] for message in received] == list(range(1, 21))
            await until(lambda: not line.hub.connections)


async def test_with_deflate_agreed_messages_are_read_and_answered() -> None:
    line = make_line()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol, ws_per_message_deflate=True):
            async with connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/", compression="deflate") as websocket:
                for n in range(3):
                    await websocket.send(json.dumps({"type": "ping", "timestamp": n, "pad": "x" * 500}))
                    assert json.loads(await websocket.recv()) == {"type": "pong", "timestamp": n}
            await until(lambda: not line.hub.connections)


async def test_a_server_that_ends_closes_its_detached_connections() -> None:
    line = make_line()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line:
            async with uvicorn_server(line, listener, ws=DetachingProtocol):
                websocket = await connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/")
                await until(lambda: line.hub.connections)
            await websocket.wait_closed()
            assert websocket.close_code == 1012
            assert not line.hub.connections
            assert line.hub.stats.connections_closed == {"1012": 1}


async def test_a_descriptor_that_is_used_again_gets_nothing_of_its_former_connection() -> None:
    line = make_line()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol):
            for _ in range(30):
                first = await connect(f"{url}?initial_topics=word:1", compression=None)
                await first.recv()
                first.transport.abort()
                async with connect(url, compression=None) as second:
                    await line.publish(SAID, Word("for the first"))
                    await second.send('{"type":"ping","timestamp":1}')
                    assert json.loads(await second.recv()) == {"type": "pong", "timestamp": 1}
            await until(lambda: not line.hub.connections)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_what_an_earlier_answer_left_unread_keeps_its_place_and_the_line_lags(
    kind: str, secure: bool, tmp_path: Path
) -> None:
    """A peer asks for a large page, reads nothing of it, and upgrades on the same connection."""
    page, line = b"p" * 8_000_000, make_line(budget=100_000)
    trusting, files = certified(tmp_path) if secure else (None, {})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await line(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8000000")]})
        await send({"type": "http.response.body", "body": page})

    async def read(reader: asyncio.StreamReader) -> tuple[bytes, list[int]]:
        """Read the page, the answer to the handshake, and the frames until the line has caught up."""
        await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(len(page))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        numbers: list[int] = []
        while len(numbers) < 30:
            _, length = await reader.readexactly(2)
            if length >= 126:
                length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
            message = json.loads(await reader.readexactly(length))
            numbers += [message["seq"]] if message["type"] == SAID.name else []
        return body, numbers

    async def converse(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024, ssl=trusting)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await _settled()
        writer.write(
            b"GET /?initial_topics=word:1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await until(lambda: line.hub.topics)
        (connection,) = line.hub.connections.values()
        for _ in range(30):
            await line.publish(SAID, Word("x" * 10_000))
            await asyncio.sleep(0)
        assert connection.lagging
        assert connection.outbox.size <= 100_000
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        body, numbers = await read(reader)
        assert body == page
        assert numbers == list(range(1, 31))
        writer.transport.abort()
        await until(lambda: not line.hub.connections)

    async def serve() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with asyncio.timeout(30), line, uvicorn_server(app, listener, ws=DetachingProtocol, **files):
                await converse(listener.getsockname()[1])

    with asyncio.Runner(loop_factory=uvicorn.Config("", loop=kind).get_loop_factory()) as runner:
        runner.run(serve())


@asynccontextmanager
async def reader_of(
    line: Trunkline, trusting: ssl.SSLContext | None = None, files: dict[str, Any] | None = None
) -> AsyncIterator[tuple[ClientConnection, Connection]]:
    """A client that has subscribed, and its connection on the fast path."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol, **files or {}):
            address = f"127.0.0.1:{listener.getsockname()[1]}/?initial_topics=word:1"
            url = f"ws://{address}" if trusting is None else f"wss://{address}"
            async with connect(url, compression=None, ssl=trusting, max_queue=None) as websocket:
                await websocket.recv()
                (connection,) = line.hub.connections.values()
                yield websocket, connection


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel is not asked")
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_what_the_peer_has_taken_is_known_under_tls_too(kind: str, secure: bool, tmp_path: Path) -> None:
    trusting, files = certified(tmp_path) if secure else (None, {})

    async def converse() -> None:
        line = make_line()
        async with reader_of(line, trusting, files) as (_, connection):
            assert connection.direct is not None
            before, taken = connection.direct.taken(), connection.direct.taken
            await line.publish(SAID, Word("x" * 1_000_000))
            await until(lambda: taken() > before + 1_000_000)

    with asyncio.Runner(loop_factory=uvicorn.Config("", loop=kind).get_loop_factory()) as runner:
        runner.run(converse())


async def test_nothing_is_written_behind_the_close_frame() -> None:
    line = make_line()
    async with reader_of(line) as (websocket, connection):
        fast: Any = connection.direct
        await until(lambda: connection.write_now)
        fast._pong = bytes((0x8A, 0))
        fast.data_received(masked(b"\x03\xe8", opcode=8))
        assert (connection.write_now, fast._pong) == (None, None)
        fast.wake()
        await line.publish(SAID, Word("too late"))
        assert connection.write_now is None
        with pytest.raises(ConnectionClosed):
            await websocket.recv()


async def test_a_reset_while_much_waits_is_the_end_and_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    def is_reset(_data: bytes) -> int:
        raise ConnectionResetError

    line = make_line()
    async with reader_of(line) as (_, connection):
        fast: Any = connection.direct
        fast.pause_writing()
        fast._in_flight, connection.outbox.size = 100, 100
        await line.publish(SAID, Word("next"))
        await until(lambda: connection.outbox)
        fast._write_now = is_reset
        # As asyncio's transport calls it, in a step of its own that goes on with the socket.
        fast.resume_writing()
        assert not fast._transport.is_closing()
        await until(lambda: not line.hub.connections)
    assert not caplog.records


async def test_a_refused_handshake_is_no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    line = make_line()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol):
            with pytest.raises(InvalidStatus, match="403"):
                await connect(
                    f"ws://127.0.0.1:{listener.getsockname()[1]}/", origin=Origin("https://elsewhere.example")
                )
    assert not caplog.records
