"""The ASGI transport under the servers it is made for."""

import asyncio
import socket
from contextlib import AbstractAsyncContextManager

import pytest

from tests.transports.servers import hypercorn_server, uvicorn_server
from trunkline.line import Trunkline
from trunkline.testing.transport_suite import TransportSuite

pytestmark = pytest.mark.timeout(60)


class TestUvicorn(TransportSuite):
    def serve(self, line: Trunkline, listener: socket.socket) -> AbstractAsyncContextManager[None]:
        return uvicorn_server(line, listener)

    async def test_a_message_too_large_for_the_server_itself_closes_the_connection(self) -> None:
        async with self.served() as served, served.client() as client:
            sending = asyncio.create_task(client.websocket.send("x" * 17 * 1024 * 1024))
            assert (await client.closed())[0] in (1009, 1006)
            await asyncio.wait([sending])
            sending.exception()


class TestHypercorn(TransportSuite):
    def serve(self, line: Trunkline, listener: socket.socket) -> AbstractAsyncContextManager[None]:
        return hypercorn_server(line, listener)
