"""As little as a WebSocket server in Python can do: shake hands, and write each frame to every socket.

With a pause, frames are collected for as long and written together.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import struct
import sys
from typing import cast

import uvloop

from benchmarks.peers.pacing import encode_event, obey

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Socket(asyncio.Protocol):
    """One connection. What a client sends after its handshake is thrown away, but for pings."""

    __slots__ = ("_sockets", "fd", "paused", "transport")

    def __init__(self, sockets: "dict[Socket, None]") -> None:
        self._sockets = sockets
        self.fd = -1
        self.paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake."""
        self.transport = cast("asyncio.Transport", transport)
        # Any byte that the socket does not take at once pauses, and the last one that goes resumes.
        self.transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """Answer the handshake, or a ping whose mask is zero, as the load generator's is."""
        if self.fd >= 0:
            if data[0] == 0x89:
                self.transport.write(bytes([0x8A, len(data) - 6]) + data[6:])
            return
        key = next(line[19:] for line in data.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.transport.write(head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        self.fd = self.transport.get_extra_info("socket").fileno()
        self._sockets[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._sockets.pop(self, None)

    def pause_writing(self) -> None:
        """Bytes wait in the transport, and come before all that follow."""
        self.paused = True

    def resume_writing(self) -> None:
        """They have gone."""
        self.paused = False


def write_to_all(sockets: dict[Socket, None], data: bytes) -> None:
    """Write to every socket that nothing waits for, and queue for the others."""
    size = len(data)
    for socket in sockets:
        written = 0
        if not socket.paused:
            with contextlib.suppress(BlockingIOError):
                written = os.write(socket.fd, data)
        if written < size:
            socket.transport.write(data[written:])


async def serve(port: int, pause: float) -> None:
    """Serve and publish until the standard input ends."""
    loop = asyncio.get_running_loop()
    sockets: dict[Socket, None] = {}
    pending: list[bytes] = []
    server = await loop.create_server(lambda: Socket(sockets), "127.0.0.1", port, backlog=4096)

    def flush() -> None:
        write_to_all(sockets, b"".join(pending))
        pending.clear()

    async def publish(due: int) -> None:
        payload = encode_event(due).encode()
        frame = struct.pack(">BBH", 0x81, 126, len(payload)) + payload
        if pause and not pending:
            loop.call_later(pause, flush)
        pending.append(frame)
        if not pause:
            flush()

    await obey(publish)
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))
