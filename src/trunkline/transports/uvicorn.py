"""The fast path under uvicorn: a connection of its own class, without a task, a queue or an ASGI message.

`uvicorn --ws trunkline.transports.uvicorn:DetachingProtocol app:app`, or `Config(ws=DetachingProtocol)`. Handshake,
middleware, cookies and dependencies are uvicorn's and the framework's as before, and so are all other WebSocket routes.
Once the line's endpoint has accepted, the socket is taken over: the framework's call returns, and what it held for the
connection is freed. RFC 6455 framing of what comes in stays with `websockets`.
"""

import asyncio
import logging
import os
import socket
import struct
import sys
from types import MethodType
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import CloseCode as Standard
from websockets.frames import Frame as IncomingFrame
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN, SERVER, Protocol
from websockets.streams import StreamReader

from trunkline.codes import CloseCode
from trunkline.protocol.codec import DEFLATE_WINDOW_BITS
from trunkline.transports.asgi import DETACH, Open

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.hub.connection import Connection
    from trunkline.hub.manager import TopicConnectionManager

logger = logging.getLogger(__name__)
_parser_logger = logging.getLogger("trunkline.websockets")

_WRITE_CHUNK = 256 * 1024
# Linux counts in `struct tcp_info` what a peer has acknowledged (`tcpi_bytes_acked`).
_TCP_INFO = getattr(socket, "TCP_INFO", -1) if sys.platform == "linux" else -1
_TCP_INFO_SIZE = 128
_ACKNOWLEDGED = struct.Struct("=Q")
# Bytes that TLS may have waiting, beside one write, before they count as such; by default it is half a megabyte.
_TLS_BUFFER = 64 * 1024
# Bytes of one peer that are parsed in a turn of the loop: of the smallest frames a few milliseconds.
_READ_SLICE = 4 * 1024
_MOST_FRAGMENTS = 1_024
# Room for the message that is just over the limit, so that the session refuses it by its own code.
_MESSAGE_MARGIN = 4 * 1024
_CLOSE_GRACE = 5.0
_ABNORMAL = 1006


class DetachingProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket protocol, with an ASGI extension by which the line's endpoint takes the socket over."""

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request that cannot be read, as one whose headers are too large, is answered and ended."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.handshake_initiated = self.handshake_complete = self.close_sent = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Offer the extension for a handshake that can be accepted."""
        super().handle_connect(event)
        if not self.close_sent:
            cast("dict[str, Any]", self.scope["extensions"])[DETACH] = self.detach

    async def send(self, message: Any) -> None:
        """Send; a refusal with a status of its own ends the handshake too, which uvicorn would log as an error."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def detach(self, hub: "TopicConnectionManager", open_connection: Open) -> None:
        """Hand the open socket to a `FastTransport`. To be called once, after `websocket.accept` was sent."""
        if self.disconnected:
            return
        self.stop_keepalive()
        transport, self.transport = self.transport, _Released()  # type: ignore[assignment]
        fast = FastTransport(hub, transport, self.conn, cast("set[Any]", self.connections))
        self.connections.discard(self)
        self.connections.add(fast)  # type: ignore[arg-type]
        transport.set_protocol(fast)
        fast.begin(open_connection)
        self._hand_over(fast)
        if self.read_paused:
            transport.resume_reading()

    def _hand_over(self, fast: "FastTransport") -> None:
        """What came since the handshake, in order."""
        while not self.queue.empty():
            message = self.queue.get_nowait()
            if message["type"] == "websocket.receive":
                text, data = message.get("text"), message.get("bytes")
                fast.take(text if text is not None else data or b"")
        if self.frames:
            fast.take_fragments(self.frames, is_text=self.curr_msg_data_type == "text")


class DeflatingProtocol(DetachingProtocol):
    """The same with permessage-deflate (RFC 7692) for those who offer it, each frame compressed once and shared.

    `--ws trunkline.transports.uvicorn:DeflatingProtocol`. Neither side keeps a compressor or a window between two
    messages (`server_no_context_takeover`, `client_no_context_takeover`), so the same bytes go to all, and a connection
    needs no more memory than without. It saves bytes on slow networks, and costs CPU and memory for each event.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.conn.available_extensions = [
            ServerPerMessageDeflateFactory(
                server_no_context_takeover=True,
                client_no_context_takeover=True,
                server_max_window_bits=DEFLATE_WINDOW_BITS,
                client_max_window_bits=DEFLATE_WINDOW_BITS,
            )
        ]


class _Released:
    """Stands where a transport was that belongs to someone else now: uvicorn closes it when its call returns."""

    def close(self) -> None:
        """Close nothing."""

    def is_closing(self) -> bool:
        """It is gone."""
        return True


class FastTransport(asyncio.Protocol):
    """One detached connection: reads with `websockets`' parser, writes finished frames.

    Frames are written at the end of the turn of the loop in which they were queued, in one system call while the
    socket takes them. What it does not take waits in the asyncio transport, and nothing more is taken from the outbox
    until that has gone: so the outbox sees what a slow peer costs.
    """

    __slots__ = (
        "_closing_at", "_code", "_connection", "_connections", "_deflate", "_fragments", "_grace", "_hub", "_in_flight",
        "_is_text", "_max_size", "_parser", "_paused", "_pong", "_queued_at", "_scheduled", "_transport", "_unread",
        "_write_now",
    )  # fmt: skip

    def __init__(
        self, hub: "TopicConnectionManager", transport: asyncio.Transport, parser: Protocol, connections: set[Any]
    ) -> None:
        self._hub = hub
        self._transport = transport
        self._max_size = _message_bound(parser.max_message_size, hub.options.session.max_message_bytes)
        parser.max_message_size = self._max_size
        self._deflate = next((one for one in parser.extensions if _keeps_nothing(one)), None)
        self._parser = None if _is_at_rest(parser) else parser
        self._connections = connections
        self._connection: Connection = None  # type: ignore[assignment]
        self._fragments: list[bytes] | None = None
        self._is_text = True
        self._code = _ABNORMAL
        self._in_flight = 0
        self._queued_at = 0.0
        self._scheduled = False
        self._closing_at: tuple[int, str] | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._paused = False
        self._pong: bytes | None = None
        self._unread: memoryview | None = None
        self._write_now: Callable[[bytes], int] | None = None
        # Any byte that the socket does not take at once pauses the writing, and the last one that goes resumes it.
        transport.set_write_buffer_limits(high=0)
        if not transport.get_extra_info("ssl_object"):
            self._write_now = MethodType(os.write, transport.get_extra_info("socket").fileno())

    def begin(self, open_connection: Open) -> None:
        """Let the hub take the connection."""
        self._connection = open_connection(self)
        self._connection.direct = self
        self._connection.deflates = (
            self._deflate is not None and self._deflate.local_max_window_bits >= DEFLATE_WINDOW_BITS
        )
        # What an earlier answer left in the transport paused the protocol that was here before.
        self._paused = self._transport.get_write_buffer_size() > 0
        if self._write_now is None:
            self._transport.set_write_buffer_limits(high=_TLS_BUFFER)
        self._may_write()

    # Writing

    def wake(self) -> None:
        """Write what the outbox has at the end of this turn of the loop."""
        if not self._scheduled:
            self._scheduled = True
            if self._connection is not None:
                self._connection.write_now = None
            asyncio.get_running_loop().call_soon(self._flush)

    def close(self, code: int, reason: str) -> None:
        """Write what is queued, then close; a peer that does not take that in a few seconds is given up."""
        self._closing_at = (code, reason)
        self._grace = asyncio.get_running_loop().call_later(_CLOSE_GRACE, self._transport.abort)
        self.wake()

    def _flush(self) -> None:
        self._scheduled = False
        if self._pong is not None and not self._paused:
            pong, self._pong = self._pong, None
            self._transport.write(pong)
        outbox, clock, deflates = self._connection.outbox, self._hub.options.clock, self._connection.deflates
        while outbox and not (self._in_flight or self._paused or self._transport.is_closing()):
            self._queued_at = outbox.oldest_at or clock()
            frames = outbox.take(_WRITE_CHUNK)
            size = sum([len(frame.payload) for frame in frames])
            pieces = [frame.deflated if deflates else frame.wire for frame in frames]
            if self._write(pieces[0] if len(pieces) == 1 else b"".join(pieces)):
                self._hub.wrote(self._connection, size, clock() - self._queued_at)
            else:
                self._in_flight = size
        if self._closing_at is not None and not (outbox or self._in_flight):
            self._send_close(*self._closing_at)
        self._may_write()

    def _may_write(self) -> None:
        """Let the fan-out write to the socket while nothing waits before it."""
        connection = self._connection
        if not (
            self._scheduled
            or connection.outbox
            or self._in_flight
            or self._paused
            or connection.closing
            or self._transport.is_closing()
        ):
            connection.write_now = self._write_now

    def taken(self) -> int:
        """Bytes that the peer has acknowledged, where the kernel says so; else less for each that waits here.

        How much waits under TLS, and in the kernel, the transport does not tell.
        """
        try:
            told = self._transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _TCP_INFO_SIZE)
            acknowledged: int = _ACKNOWLEDGED.unpack_from(told, _TCP_INFO_SIZE - _ACKNOWLEDGED.size)[0]
        except (OSError, ValueError, struct.error):
            return -self._transport.get_write_buffer_size()
        return acknowledged

    def write_later(self, data: bytes) -> None:
        """Keep what the socket did not take; it comes before all else."""
        self._queued_at = self._hub.options.clock()
        self._in_flight += len(data)
        self._transport.write(data)
        if not self._paused:
            self.resume_writing()

    def give_up(self) -> None:
        """The peer has gone, as `connection_lost` will say."""
        self._transport.abort()

    def _write(self, data: bytes) -> bool:
        """Write bytes; False if some of them wait in the transport, whose `resume_writing` tells that they went."""
        try:
            written = 0 if self._write_now is None else self._write_now(data)
        except BlockingIOError:
            written = 0
        except OSError:
            self._transport.abort()  # the peer has gone, as `connection_lost` will say
            return True
        if written == len(data):
            return True
        self._transport.write(data[written:])
        return not self._paused

    def pause_writing(self) -> None:
        """Bytes wait in the transport: of TLS more than it likes, else any. Nothing may be written past them."""
        self._paused = True
        self._connection.write_now = None

    def resume_writing(self) -> None:
        """They have gone. What is next is written in a later step: asyncio's transport calls this in one of its own."""
        self._paused = False
        size, self._in_flight = self._in_flight, 0
        if size:
            self._hub.wrote(self._connection, size, self._hub.options.clock() - self._queued_at)
        self.wake()

    def _send_close(self, code: int, reason: str) -> None:
        self._closing_at = None
        parser = self._take_parser()
        if parser.state is OPEN and not self._transport.is_closing():
            parser.send_close(code, reason)
            self._write_control(parser)

    def _write_control(self, parser: Protocol) -> None:
        """Write what the parser has to say: pongs and close frames, which may overtake what is queued.

        A peer that does not read gets no more pongs than one, the answer to its newest ping (RFC 6455, 5.5.3).
        """
        pieces = [data for data in parser.data_to_send() if data]
        if self._paused and parser.state is OPEN:
            self._pong = pieces[-1] if pieces else self._pong
            return
        for data in pieces:
            self._transport.write(data)

    # Reading

    def data_received(self, data: bytes) -> None:
        """Take bytes of the peer: of many some now and the rest in later turns of the loop, which others have too."""
        if self._unread is not None:
            self._unread = memoryview(bytes(self._unread) + data)
        elif len(data) > _READ_SLICE:
            self._unread = memoryview(data)
            self._transport.pause_reading()
            self._read_on()
        else:
            self._parse(data)

    def _read_on(self) -> None:
        unread, self._unread = self._unread, None
        if unread is None or self._transport.is_closing():
            return
        left = unread[_READ_SLICE:]
        self._unread = left if left.nbytes else None
        self._parse(bytes(unread[:_READ_SLICE]))
        if self._unread is not None:
            asyncio.get_running_loop().call_soon(self._read_on)
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def _parse(self, data: bytes) -> None:
        parser = self._take_parser()
        has_said_goodbye = parser.close_sent is not None
        parser.receive_data(data)
        for event in parser.events_received():
            self._take_frame(parser, cast("IncomingFrame", event))
            if self._transport.is_closing():
                break
        if has_said_goodbye:
            parser.data_to_send()  # Pings are not answered any more.
        else:
            self._write_control(parser)
        if parser.parser_exc is not None:
            self._code = self._code if parser.close_sent is None else int(parser.close_sent.code)
            self._end()
        elif _is_at_rest(parser):
            self._parser = None

    def _take_parser(self) -> Protocol:
        """The parser. It is made when something comes: most connections say nothing most of the time."""
        if self._parser is None:
            self._parser = Protocol(SERVER, state=OPEN, max_size=self._max_size, logger=_parser_logger)
            if (agreed := self._deflate) is not None:
                bits = agreed.remote_max_window_bits, agreed.local_max_window_bits
                self._parser.extensions = [PerMessageDeflate(True, True, *bits)]
        return self._parser

    def _take_frame(self, parser: Protocol, frame: IncomingFrame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY:
                self._is_text, self._fragments = frame.opcode is Opcode.TEXT, [bytes(frame.data)]
            case Opcode.CONT if self._fragments is not None:
                self._fragments.append(bytes(frame.data))
                if len(self._fragments) > _MOST_FRAGMENTS:
                    self._fragments = None
                    self._connection.close(CloseCode.MESSAGE_TOO_LARGE, CloseCode.MESSAGE_TOO_LARGE.sentence)
                    return
            case Opcode.PING | Opcode.PONG:
                self._hub.receive_control(self._connection)
                return
            case Opcode.CLOSE:
                self._take_close(parser)
                return
            case _:
                return
        if frame.fin:
            self._take_message(parser)

    def _take_message(self, parser: Protocol) -> None:
        fragments, self._fragments = self._fragments or [], None
        data = fragments[0] if len(fragments) == 1 else b"".join(fragments)
        if not self._is_text:
            self.take(data)
            return
        try:
            self.take(data.decode())
        except UnicodeDecodeError:
            self._code = int(Standard.INVALID_DATA)
            parser.fail(Standard.INVALID_DATA, "A text frame was not UTF-8")
            self._write_control(parser)
            self._end()

    def take(self, message: str | bytes) -> None:
        """Take a whole message."""
        if isinstance(message, str):
            self._hub.receive(self._connection, message)
        else:
            self._hub.receive_binary(self._connection)

    def take_fragments(self, fragments: list[bytes], *, is_text: bool) -> None:
        """Take the beginning of a message that has not ended yet."""
        self._fragments, self._is_text = fragments, is_text

    def _take_close(self, parser: Protocol) -> None:
        """The peer closes, or answers our close."""
        received = parser.close_rcvd
        self._code = 1005 if received is None else int(received.code)
        self._write_control(parser)
        self._end()

    # The end

    def eof_received(self) -> bool:
        """The peer sends no more: that is the end of a WebSocket."""
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._connection.write_now = self._write_now = None
        if self._grace is not None:
            self._grace.cancel()
        self._connections.discard(self)
        self._hub.disconnect(self._connection, self._code)

    def shutdown(self) -> None:
        """Uvicorn stops: say so as it does itself, and close."""
        self._send_close(int(CloseCode.SERVICE_RESTART), CloseCode.SERVICE_RESTART.sentence)
        self._code = int(CloseCode.SERVICE_RESTART)
        self._end()

    def _end(self) -> None:
        """Close once what waits has gone; a peer that does not take it in a few seconds is given up."""
        self._connection.write_now = self._pong = None
        self._transport.close()
        if self._grace is None:
            self._grace = asyncio.get_running_loop().call_later(_CLOSE_GRACE, self._transport.abort)


def _message_bound(parser: int | None, session: int) -> int:
    """How many bytes of a message may come before anybody looks at it."""
    return min(parser or session + _MESSAGE_MARGIN, session + _MESSAGE_MARGIN)


def _keeps_nothing(extension: Extension) -> TypeGuard[PerMessageDeflate]:
    """Whether an extension knows nothing between two messages."""
    return (
        isinstance(extension, PerMessageDeflate)
        and extension.remote_no_context_takeover
        and extension.local_no_context_takeover
    )


def _is_at_rest(parser: Protocol) -> bool:
    """Whether a parser knows nothing that a new one would not: it is between two messages, open, and inflates none."""
    return (
        parser.state is OPEN
        and all(map(_keeps_nothing, parser.extensions))
        and not parser.expect_continuation_frame
        and parser.current_size is None
        and _is_between_frames(parser)
    )


def _is_between_frames(parser: Protocol) -> bool:
    """Whether nothing of a frame has come: an empty buffer alone does not say that its header was not read already."""
    innermost: Any = parser.parser
    while (deeper := getattr(innermost, "gi_yieldfrom", None)) is not None:
        innermost = deeper
    return bool(innermost.__name__ == StreamReader.at_eof.__name__)
