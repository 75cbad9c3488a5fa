"""A TCP proxy on this machine that breaks connections on command."""

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self

from trunkline.testing.fault_transport import Way

_BLOCK = 64 * 1024
# On, with no time to linger: closing sends RST instead of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Pipe:
    """One client's connection, the one to the server behind it, and the task that forwards between them."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.task: asyncio.Task[None] | None = None
        self.is_half_closed = False
        self.is_half_open = False

    def abort(self) -> None:
        """End both connections at once; what is unsent is lost."""
        for writer in (self.client, self.server):
            if writer is not None:
                writer.transport.abort()

    def cut(self) -> None:
        """End both connections and the forwarding."""
        self.abort()
        if self.task is not None:
            self.task.cancel()

    def reset(self) -> None:
        """End the client's connection by RST, and the server's with it."""
        if not self.client.transport.is_closing():
            connection: socket.socket = self.client.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.cut()

    def half_close(self) -> None:
        """Tell the client that nothing more comes."""
        if not self.client.transport.is_closing():
            self.client.write_eof()
            self.is_half_closed = True

    def half_open(self) -> None:
        """End the client's connection alone."""
        self.is_half_open = True
        self.client.transport.abort()


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
        self._flowing: dict[Way, asyncio.Event] = {"to_client": asyncio.Event(), "to_server": asyncio.Event()}
        self.thaw()
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

    def freeze(self, way: Way | None = None) -> None:
        """Let nothing through and tell of no end, as a network does that has gone away without a word.

        Args:
            way: the direction; both unless named.
        """
        for name, flowing in self._flowing.items():
            if way in (name, None):
                flowing.clear()

    def thaw(self) -> None:
        """Let through what was held, and all that follows."""
        for flowing in self._flowing.values():
            flowing.set()

    def half_close(self) -> None:
        """Tell every client that nothing more comes, while what it sends still arrives."""
        for pipe in self._pipes:
            pipe.half_close()

    def half_open(self) -> None:
        """End every client's connection alone: the server's stays open and silent until `cut`, or until the proxy ends.

        A client that connects again meanwhile is there twice: a duplicate connect.
        """
        for pipe in self._pipes:
            pipe.half_open()

    def reset_after(self, size: int) -> None:
        """Let `size` more bytes through to the clients, and then reset, most likely in the middle of a frame."""
        self._left = size

    # Forwarding

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing:
            writer.transport.abort()
            return
        pipe = _Pipe(writer)
        self._pipes.add(pipe)
        self.most_open = max(self.most_open, len(self._pipes))
        task = pipe.task = asyncio.get_running_loop().create_task(self._serve(reader, pipe))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, pipe: _Pipe) -> None:
        """Forward until both sides have ended, or one by an error."""
        try:
            from_server, pipe.server = await asyncio.open_connection("127.0.0.1", self._server_port)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._forward_to_server(reader, pipe.server, pipe))
                ways.create_task(self._forward_to_client(from_server, pipe))
            for writer in (pipe.client, pipe.server):
                writer.close()
                await writer.wait_closed()
        except* OSError:
            pass  # a side that was reset, or no server: the other one sees the end
        finally:
            self._pipes.discard(pipe)
            pipe.abort()

    async def _forward_to_server(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pipe: _Pipe) -> None:
        while data := await self._read(reader, _BLOCK, pipe, "to_server"):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def _forward_to_client(self, reader: asyncio.StreamReader, pipe: _Pipe) -> None:
        while data := await self._read(reader, self._block, pipe, "to_client"):
            if self.throttle is not None:
                await asyncio.sleep(len(data) / self.throttle)
            if not pipe.is_half_closed:
                await self._bring(data, pipe)
        pipe.half_close()

    async def _bring(self, data: bytes, pipe: _Pipe) -> None:
        """Give bytes to the client, as many as `reset_after` still lets through."""
        pipe.client.write(data if self._left is None else data[: self._left])
        try:
            await pipe.client.drain()
        except OSError:
            await self._hold_up(pipe, "to_server")
            raise
        if self._used_up(len(data)):
            pipe.reset()

    @property
    def _block(self) -> int:
        return _BLOCK if self.throttle is None else max(1, int(self.throttle / 10))

    async def _read(self, reader: asyncio.StreamReader, size: int, pipe: _Pipe, way: Way) -> bytes:
        """Read what goes one way, and hold it up, whether it is bytes, the end or an error."""
        try:
            data = await reader.read(size)
        except OSError:
            await self._hold_up(pipe, way)
            raise
        await self._hold_up(pipe, way)
        return data

    async def _hold_up(self, pipe: _Pipe, way: Way) -> None:
        """Wait as long as nothing flows that way; through a half-open connection nothing ever does."""
        await self._flowing[way].wait()
        if self.delay:
            await asyncio.sleep(self.delay)
        if pipe.is_half_open:
            await asyncio.get_running_loop().create_future()

    def _used_up(self, size: int) -> bool:
        """Count bytes against what `reset_after` still lets through."""
        if self._left is None:
            return False
        self._left -= size
        if self._left > 0:
            return False
        self._left = None
        return True
