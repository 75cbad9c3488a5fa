"""One peer that floods the fast path: others have their turns, memory stays flat, and the end comes by a code."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.transports.servers import uvicorn_server
from tests.transports.test_uvicorn import SAID, Word, make_line, masked
from trunkline.bus import EventBus
from trunkline.hub.access import allow_all, anonymous
from trunkline.hub.manager import HubOptions
from trunkline.line import LineOptions, Trunkline
from trunkline.protocol.server_session import SessionLimits
from trunkline.testing.clock import until
from trunkline.transports import uvicorn as fast_path
from trunkline.transports.uvicorn import DetachingProtocol

pytestmark = pytest.mark.timeout(60)

HANDSHAKE = (
    b"GET /?initial_topics=word:1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
PING, CONT, TEXT = 9, 0, 1


def line_with(**limits: Any) -> Trunkline:
    options = LineOptions(hub=HubOptions(session=replace(SessionLimits(), **limits)))
    return Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus(), options=options)


@asynccontextmanager
async def peer_of(line: Trunkline) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw socket whose handshake is done, at a server of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
            writer.write(HANDSHAKE + b"\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            await until(lambda: line.hub.connections)
            yield reader, writer
            writer.transport.abort()
            await until(lambda: not line.hub.connections)


async def close_code(reader: asyncio.StreamReader) -> int:
    """Read frames until one says why it ends."""
    while True:
        first, length = await reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        payload = await reader.readexactly(length)
        if first & 0x0F == 8:
            return int.from_bytes(payload[:2], "big")


async def test_of_many_bytes_a_turn_of_the_loop_takes_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    line = line_with(refusals=10**9)
    turn, taken = 0, Counter[int]()
    take = line.hub.receive_control

    def count(connection: Any) -> None:
        taken[turn] += 1
        take(connection)

    async def turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(line.hub, "receive_control", count)
    counting = asyncio.create_task(turns())
    async with peer_of(line) as (_, writer):
        writer.write(masked(b"", opcode=PING) * 20_000)
        await until(lambda: taken.total() == 20_000)
    counting.cancel()
    assert max(taken.values()) <= fast_path._READ_SLICE // 6 + 1


async def test_messages_larger_than_a_slice_arrive_whole_and_in_order() -> None:
    line = make_line()
    async with peer_of(line) as (_, writer):
        message = json.dumps({"type": "ping", "pad": "x" * 80}).encode()
        writer.write(masked(message) * 150)
        await until(lambda: line.hub.stats.messages_received == 150)
    assert not line.hub.stats.errors


async def test_pings_of_the_websocket_count_against_the_rate() -> None:
    async with peer_of(line_with(refusals=10)) as (reader, writer):
        writer.write(masked(b"", opcode=PING) * 1_000)
        assert await close_code(reader) == 4505


async def test_a_message_of_endless_fragments_is_too_large() -> None:
    async with peer_of(make_line()) as (reader, writer):
        writer.write(masked(b"", opcode=TEXT, fin=False) + masked(b"", opcode=CONT, fin=False) * 2_000)
        assert await close_code(reader) == 4504


@pytest.mark.parametrize("refusals", [10, 10**9], ids=["banned", "tolerated"])
async def test_pongs_that_nobody_reads_take_no_memory(refusals: int) -> None:
    line, most = line_with(refusals=refusals), 0
    async with peer_of(line) as (reader, writer):
        transport: Any = next(iter(line.hub.connections.values())).direct
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # The peer reads nothing any more.
        chunk = masked(b"x" * 125, opcode=PING) * 500
        for _ in range(200):
            writer.write(chunk)
            await asyncio.sleep(0)
            most = max(most, transport._transport.get_write_buffer_size())
        await until(lambda: transport._unread is None or transport._transport.is_closing())
        most = max(most, transport._transport.get_write_buffer_size())
    assert most < 2 * 1024 * 1024


@asynccontextmanager
async def deaf_peer_of(line: Trunkline, listener: socket.socket) -> AsyncIterator[socket.socket]:
    """A peer that reads nothing, and for whom more waits than its socket takes."""
    loop = asyncio.get_running_loop()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        peer.setblocking(False)
        await loop.sock_connect(peer, listener.getsockname())
        await loop.sock_sendall(peer, HANDSHAKE + b"\r\n")
        await until(lambda: line.hub.topics)
        connection = next(iter(line.hub.connections.values()))
        fast: Any = connection.direct
        while not fast._transport.get_write_buffer_size():
            await line.publish(SAID, Word("x" * 200_000))
            await asyncio.sleep(0.001)
        yield peer


async def test_a_peer_that_stops_reading_does_not_keep_the_server_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_path, "_CLOSE_GRACE", 0.2)
    line = make_line()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, AsyncExitStack() as peers:
            async with uvicorn_server(line, listener, ws=DetachingProtocol):
                await peers.enter_async_context(deaf_peer_of(line, listener))
            assert not line.hub.connections


@pytest.mark.parametrize(
    "goodbye",
    [masked(b"\x03\xe8", opcode=8), masked(b"\xff"), masked(b"", opcode=11), None],
    ids=["closes", "breaks UTF-8", "breaks framing", "sends no more"],
)
async def test_a_peer_that_stops_reading_and_says_goodbye_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, goodbye: bytes | None
) -> None:
    monkeypatch.setattr(fast_path, "_CLOSE_GRACE", 0.2)
    line = make_line()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol), deaf_peer_of(line, listener) as peer:
            if goodbye is None:
                peer.shutdown(socket.SHUT_WR)
            else:
                await asyncio.get_running_loop().sock_sendall(peer, goodbye)
            await until(lambda: not line.hub.connections)


@pytest.mark.parametrize(
    "headers", [b"Cookie: " + b"x" * 9_000 + b"\r\n", b"X: y\r\n" * 200], ids=["a long line", "many lines"]
)
async def test_a_request_with_too_many_headers_is_answered(headers: bytes) -> None:
    line = make_line()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
            writer.write(HANDSHAKE + headers + b"\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 431")
            writer.close()


async def test_nothing_after_a_frame_that_is_no_utf_8_is_taken() -> None:
    line = make_line()
    async with peer_of(line) as (reader, writer):
        writer.write(masked(b"\xff\xfe") + masked(b'{"type":"ping"}'))
        assert await close_code(reader) == 1007
        assert not line.hub.stats.messages_received


async def test_a_message_is_refused_before_more_of_it_is_kept_than_the_session_takes() -> None:
    line = line_with(max_message_bytes=1_000)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol):
            async with connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/", compression=None) as websocket:
                await websocket.send("x" * 20_000)
                await websocket.wait_closed()
            assert websocket.close_code == 1009
