"""A TCP proxy on this machine that breaks connections on command."""

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self

_BLOCK = 64 * 1024
# On, with no time to linger: closing sends RST instead of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Pipe:
    """One client's connection and the one to the server behind it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.is_half_closed = False

    def cut(self) -> None:
        """End both connections at once; what is unsent is lost."""
        for writer in (self.client, self.server):
            writer.transport.abort()

    def reset(self) -> None:
        """End the client's connection by RST, and the server's with it."""
        connection: socket.socket = self.client.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.cut()


class FaultProxy:
    """Forwards connections to a server on this machine until it is told to break them.

    ```python
    async with FaultProxy(server_port) as proxy:
        async with connect(f"http://127.0.0.1:{proxy.port}") as line: ...; proxy.cut()
    ```

    Attributes:
        port: where it listens.
        delay: seconds that each block of bytes is held up, either way.
        throttle: bytes a second let through to the client, or None.
        refusing: new connections are ended at once.
        accepted: connections that came.
        most_open: the most connections that were open at the same time.
    """

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.delay = 0.0
        self.throttle: float | None = None
        self.refusing = False
        self.accepted = 0
        self.most_open = 0
        self._server_port = server_port
        self._pipes: set[_Pipe] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._left: int | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """Stop listening and cut everything."""
        if self._listener is not None:
            self._listener.close()
        self.cut()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def cut(self) -> None:
        """End every connection."""
        while self._pipes:
            self._pipes.pop().cut()

    def reset(self) -> None:
        """End every connection, the clients' by RST."""
        while self._pipes:
            self._pipes.pop().reset()

    def freeze(self) -> None:
        """Let nothing through and end nothing, as a network does that has gone away without a word."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let through what was held, and all that follows."""
        self._flowing.set()

    def half_close(self) -> None:
        """Tell every client that nothing more comes, while what it sends still arrives."""
        for pipe in self._pipes:
            pipe.client.write_eof()
            pipe.is_half_closed = True

    def reset_after(self, size: int) -> None:
        """Let `size` more bytes through to the clients, and then reset, most likely in the middle of a frame."""
        self._left = size

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing:
            writer.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            return
        pipe = _Pipe(writer, to_server)
        self._pipes.add(pipe)
        self.most_open = max(self.most_open, len(self._pipes))
        try:
            await self._forward_both(reader, from_server, pipe)
        finally:
            self._pipes.discard(pipe)
            pipe.cut()

    async def _forward_both(
        self, from_client: asyncio.StreamReader, from_server: asyncio.StreamReader, pipe: _Pipe
    ) -> None:
        """Forward until either side ends."""
        loop = asyncio.get_running_loop()
        ways = [
            loop.create_task(self._forward(from_client, pipe.server)),
            loop.create_task(self._forward_counted(from_server, pipe)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_BLOCK):
            await self._hold_up()
            writer.write(data)
            await writer.drain()

    async def _forward_counted(self, reader: asyncio.StreamReader, pipe: _Pipe) -> None:
        while data := await reader.read(_BLOCK if self.throttle is None else max(1, int(self.throttle / 10))):
            await self._hold_up()
            if self.throttle is not None:
                await asyncio.sleep(len(data) / self.throttle)
            if pipe.is_half_closed:
                continue
            pipe.client.write(data if self._left is None else data[: self._left])
            await pipe.client.drain()
            if self._used_up(len(data)):
                pipe.reset()
                return

    async def _hold_up(self) -> None:
        await self._flowing.wait()
        if self.delay:
            await asyncio.sleep(self.delay)

    def _used_up(self, size: int) -> bool:
        """Count bytes against what `reset_after` still lets through."""
        if self._left is None:
            return False
        self._left -= size
        if self._left > 0:
            return False
        self._left = None
        return True
