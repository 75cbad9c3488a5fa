import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from trunkline.testing import FaultProxy, until

Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that says everything twice back: as it came, and what it has heard in all."""

    def __init__(self) -> None:
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1024):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
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
        for _ in range(100):
            await asyncio.sleep(0)
        assert (echo.heard, reading.done()) == (b"hello", False)
        proxy.thaw()
        assert await reading == b"held"


async def test_a_half_closed_link_still_carries_what_the_client_says() -> None:
    async with proxied() as (proxy, echo, (reader, writer)):
        proxy.half_close()
        assert await reader.read() == b""
        writer.write(b"still here")
        await until(lambda: echo.heard.endswith(b"still here"))


async def test_delay_and_throttle_change_when_not_what() -> None:
    async with proxied() as (proxy, _, (reader, writer)):
        proxy.delay, proxy.throttle = 0.001, 20_000.0
        writer.write(b"x" * 1_000)
        assert await reader.readexactly(1_000) == b"x" * 1_000


async def test_a_refusing_proxy_ends_new_connections_at_once() -> None:
    async with proxied() as (proxy, _, _link):
        proxy.refusing = True
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await reader.read() == b""
        writer.transport.abort()
