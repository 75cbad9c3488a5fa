"""The ASGI transport under the servers it is made for."""

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


class TestHypercorn(TransportSuite):
    def serve(self, line: Trunkline, listener: socket.socket) -> AbstractAsyncContextManager[None]:
        return hypercorn_server(line, listener)
