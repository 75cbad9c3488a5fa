import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from trunkline.testing import FaultProxy, until

Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that says everything back, and notes what it has heard in all.

    Attributes:
        ended: for how many connections it heard the end.
        goodbye: what it says when it has heard the end.
        writers: to say more to each connection.
    """

    def __init__(self) -> None:
        self.heard = b""
        self.ended = 0
        self.goodbye = b""
        self.writers: list[asyncio.StreamWriter] = []
        self._talks = True

    def say_no_more(self) -> None:
        self._talks = False
        for writer in self.writers:
            writer.write_eof()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while data := await reader.read(1024):
                self.heard += data
                if self._talks:
                    writer.write(data)
                await writer.drain()
            writer.write(self.goodbye)
        except ConnectionError:
            pass
        finally:
            self.ended += 1
            writer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[FaultProxy, Echo, Link]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with FaultProxy(server.sockets[0].getsockname()[1]) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        try:
            yield proxy, echo, (reader, writer)
        finally:
            writer.transport.abort()
    server.close()
    await server.wait_closed()


async def turns() -> None:
    """Let the event loop turn often enough for a proxy that forwards to have forwarded."""
    for _ in range(100):
        await asyncio.sleep(0)


def vanish(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_a_cut_ends_the_connection_and_a_new_one_works() -> None:
    async with proxied() as (proxy, _, (reader, _writer)):
        proxy.cut()
        assert await reader.read() == b""
        again, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"back")
        assert await again.readexactly(4) == b"back"
        writer.transport.abort()
        assert (proxy.accepted, proxy.most_open) == (2, 1)


async def test_a_reset_is_an_error_at_the_client() -> None:
    async with proxied() as (proxy, _, (reader, _writer)):
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)


async def test_a_reset_after_some_bytes_lets_those_through() -> None:
    async with proxied() as (proxy, _, (reader, writer)):
        proxy.reset_after(3)
        writer.write(b"abcdef")
        assert await reader.readexactly(3) == b"abc"
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)


async def test_a_frozen_link_ends_nothing_and_loses_nothing() -> None:
    async with proxied() as (proxy, echo, (reader, writer)):
        proxy.freeze()
        writer.write(b"held")
        reading = asyncio.create_task(reader.readexactly(4))
        await turns()
        assert (echo.heard, reading.done()) == (b"hello", False)
        proxy.thaw()
        assert await reading == b"held"


async def test_a_link_frozen_one_way_carries_the_other() -> None:
    async with proxied() as (proxy, echo, (reader, writer)):
        proxy.freeze("to_client")
        writer.write(b"heard")
        await until(lambda: echo.heard.endswith(b"heard"))
        reading = asyncio.create_task(reader.readexactly(5))
        await turns()
        assert not reading.done()
        proxy.thaw()
        assert await reading == b"heard"
        proxy.freeze("to_server")
        writer.write(b"held")
        await turns()
        assert echo.heard == b"hello" + b"heard"
        proxy.thaw()
        assert await reader.readexactly(4) == b"held"


@pytest.mark.parametrize("by_reset", [False, True])
async def test_a_frozen_link_tells_nobody_that_the_other_side_has_gone(by_reset: bool) -> None:
    async with proxied() as (proxy, echo, (_, writer)):
        proxy.freeze()
        if by_reset:
            vanish(writer)
        else:
            writer.transport.abort()
        await turns()
        assert echo.ended == 0
        proxy.thaw()
        await until(lambda: echo.ended == 1)


async def test_a_server_that_goes_on_talking_is_not_told_either() -> None:
    async with proxied() as (proxy, echo, (_, writer)):
        proxy.freeze("to_server")
        vanish(writer)
        for _ in range(10):
            echo.writers[0].write(b"still there?")
            await turns()
        assert echo.ended == 0
        proxy.thaw()
        await until(lambda: echo.ended == 1)


async def test_a_proxy_ends_with_both_ways_frozen_and_full() -> None:
    async with proxied() as (proxy, echo, (_, writer)):
        proxy.freeze("to_client")
        writer.write(b"echoed, and held on its way back")
        await until(lambda: echo.heard.endswith(b"back"))
        proxy.freeze()
        writer.write(b"held on its way there")
        await turns()
    assert echo.heard.endswith(b"back")


async def test_a_client_that_has_said_everything_still_hears_the_answer() -> None:
    async with proxied() as (_, echo, (reader, writer)):
        echo.goodbye = b"x" * 1_000_000
        writer.write_eof()
        assert await reader.read() == echo.goodbye


async def test_a_half_closed_link_still_carries_what_the_client_says() -> None:
    async with proxied() as (proxy, echo, (reader, writer)):
        proxy.half_close()
        assert await reader.read() == b""
        writer.write(b"still here")
        await until(lambda: echo.heard.endswith(b"still here"))


async def test_a_server_that_has_said_everything_still_hears_the_client() -> None:
    async with proxied() as (_, echo, (reader, writer)):
        echo.say_no_more()
        assert await reader.read() == b""
        writer.write(b"one more thing")
        await until(lambda: echo.heard.endswith(b"thing"))


async def test_a_half_open_link_has_ended_for_the_client_and_not_for_the_server() -> None:
    async with proxied() as (proxy, echo, (reader, _writer)):
        proxy.half_open()
        assert await reader.read() == b""
        again, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"back")
        assert await again.readexactly(4) == b"back"
        assert (echo.ended, proxy.most_open) == (0, 2)
        writer.transport.abort()
        await until(lambda: echo.ended == 1)
        proxy.cut()
        await until(lambda: echo.ended == 2)


async def test_half_open_links_end_with_the_proxy() -> None:
    async with proxied() as (proxy, echo, (reader, _writer)):
        proxy.freeze("to_server")
        proxy.half_open()
        assert await reader.read() == b""
        proxy.thaw()
        await turns()
        assert echo.ended == 0
    await until(lambda: echo.ended == 1)


async def test_delay_and_throttle_change_when_not_what() -> None:
    async with proxied() as (proxy, _, (reader, writer)):
        proxy.delay, proxy.throttle = 0.001, 20_000.0
        writer.write(b"x" * 1_000)
        assert await reader.readexactly(1_000) == b"x" * 1_000


async def test_without_a_server_a_client_is_ended() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with FaultProxy(unused.getsockname()[1]) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            assert await reader.read() == b""
            writer.transport.abort()


async def test_a_refusing_proxy_ends_new_connections_at_once() -> None:
    async with proxied() as (proxy, _, _link):
        proxy.refusing = True
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await reader.read() == b""
        writer.transport.abort()
