"""The fast path under uvicorn, on both event loops: the same sentences as for every transport."""

import socket
from contextlib import AbstractAsyncContextManager

import pytest

from tests.transports.servers import uvicorn_server
from trunkline.line import Trunkline
from trunkline.testing.transport_suite import TransportSuite
from trunkline.transports.uvicorn import DetachingProtocol

pytestmark = pytest.mark.timeout(60)


class TestFastPath(TransportSuite):
    def serve(self, line: Trunkline, listener: socket.socket) -> AbstractAsyncContextManager[None]:
        return uvicorn_server(line, listener, ws=DetachingProtocol)
