"""Connections that begin a request and never end it, on a real uvicorn."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from tests.agents.serving import make_settings
from trunkline.agents.server import bind
from trunkline.agents.unfinished import UnfinishedRequests
from trunkline.testing import until

WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: web"


class Page:
    """An application that answers when it is allowed to."""

    def __init__(self) -> None:
        self.allowed = asyncio.Event()
        self.allowed.set()
        self.asked = 0

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.asked += 1
        await self.allowed.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


class Peer:
    """A connection with its reader."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self) -> None:
        self.writer.write(WHOLE)
        assert b" 204 " in await self.reader.readuntil(b"\r\n\r\n")

    async def ended(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 5.0)


@asynccontextmanager
async def served(page: Page, tmp_path: Any) -> AsyncIterator[tuple[uvicorn.Server, Any]]:
    config = uvicorn.Config(page, lifespan="off", log_config=None, timeout_keep_alive=3_600)
    server = uvicorn.Server(config)
    with bind(make_settings(tmp_path, port=0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        connected: list[Peer] = []

        async def connect(first: bytes = b"") -> Peer:
            before = len(server.server_state.connections)
            peer = Peer(*await asyncio.open_connection(*listener.getsockname()))
            connected.append(peer)
            await until(lambda: len(server.server_state.connections) > before)
            peer.writer.write(first)
            return peer

        try:
            yield server, connect
        finally:
            page.allowed.set()
            server.should_exit = server.force_exit = True
            await serving
            for peer in connected:
                peer.writer.close()


async def test_who_never_ends_a_request_is_closed_at_the_second_look_and_nobody_else(tmp_path: Any) -> None:
    page = Page()
    async with served(page, tmp_path) as (server, connect):
        unfinished = UnfinishedRequests(server.server_state.connections, server.config.http_protocol_class)
        silent, half, resting, half_again = await connect(), await connect(HALF), await connect(), await connect()
        await resting.ask()
        await half_again.ask()
        half_again.writer.write(HALF)
        page.allowed.clear()
        waiting = await connect(WHOLE)
        await until(lambda: page.asked == 3 and not connection_of(server, half_again).timeout_keep_alive_task)
        unfinished.look()
        late = await connect(HALF)
        unfinished.look()
        for peer in (silent, half, half_again):
            assert await peer.ended() == b""
        page.allowed.set()
        assert b" 204 " in await waiting.reader.readuntil(b"\r\n\r\n")
        await resting.ask()
        late.writer.write(b"\r\n\r\n")
        assert b" 204 " in await late.reader.readuntil(b"\r\n\r\n")
        unfinished.look()
        unfinished.look()
        await resting.ask()


def connection_of(server: uvicorn.Server, peer: Peer) -> Any:
    name = peer.writer.get_extra_info("sockname")
    connections: Iterable[Any] = server.server_state.connections
    (found,) = (one for one in connections if one.client == name)
    return found
