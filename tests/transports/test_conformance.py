"""RFC 6455 on the fast path, frame by frame, beside the server of `websockets`: the same answers to the same bytes."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.transports.servers import uvicorn_server
from trunkline.bus import EventBus
from trunkline.hub.access import allow_all, anonymous
from trunkline.line import Trunkline
from trunkline.testing.clock import until
from trunkline.transports.uvicorn import DetachingProtocol

pytestmark = pytest.mark.timeout(60)

LIMIT = 70_000
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MESSAGE = '{"type":"ping","timestamp":7,"word":"Übergröße"}'.encode()
ANSWER = {"type": "pong", "timestamp": 7}


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, mask: bytes | None = b"\1\2\3\4"
) -> bytes:
    """A frame of a client."""
    size = len(payload)
    head = bytes([opcode | 0x80 * fin | reserved << 4])
    bit = 0 if mask is None else 0x80
    if size < 126:
        head += bytes([bit | size])
    elif size < 1 << 16:
        head += bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


END = closing(1000)


@dataclass
class Heard:
    """What a server said until it ended the connection.

    Attributes:
        code: of its close frame; 1005 for one without, None for no close frame.
    """

    messages: list[bytes] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    code: int | None = None


async def converse(port: int, *pieces: bytes, answers: int = 0) -> Heard:
    """Send bytes behind a handshake, each piece by itself, and listen until the end; close after so many answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = Heard()
    try:
        writer.write(HANDSHAKE)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        while True:
            head = await reader.readexactly(2)
            size = head[1]
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2), "big")
            payload = await reader.readexactly(size)
            match head[0]:
                case 0x81 | 0x82:
                    heard.messages.append(payload)
                    if len(heard.messages) == answers:
                        writer.write(END)
                case 0x8A:
                    heard.pongs.append(payload)
                case 0x88:
                    heard.code = int.from_bytes(payload[:2], "big") if payload else 1005
                case other:
                    pytest.fail(f"a frame of a server begins with {other:#x}")
    except (asyncio.IncompleteReadError, ConnectionError):
        return heard
    finally:
        writer.close()


@asynccontextmanager
async def fast_path() -> AsyncIterator[tuple[Trunkline, int]]:
    line = Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=DetachingProtocol, ws_max_size=LIMIT):
            yield line, listener.getsockname()[1]


@asynccontextmanager
async def reference() -> AsyncIterator[int]:
    async def answer(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send(json.dumps(ANSWER))

    async with serve(answer, "127.0.0.1", 0, max_size=LIMIT, ping_interval=None, compression=None) as server:
        yield next(iter(server.sockets)).getsockname()[1]


WHOLE = frame(TEXT, MESSAGE)
HALF = len(MESSAGE) - 4  # inside of a character of two bytes

GOOD: dict[str, tuple[bytes, ...]] = {
    "a message": (WHOLE,),
    "in one byte after the other": tuple(WHOLE[n : n + 1] for n in range(len(WHOLE))),
    "two messages in one piece": (WHOLE * 2,),
    "in two fragments, cut inside of a character": (
        frame(TEXT, MESSAGE[:HALF], fin=False), frame(CONTINUATION, MESSAGE[HALF:]),
    ),
    "in fragments with empty ones between": (
        frame(TEXT, b"", fin=False), frame(CONTINUATION, MESSAGE, fin=False), frame(CONTINUATION, b""),
    ),
    "with control frames between fragments": (
        frame(TEXT, MESSAGE[:9], fin=False), frame(PING, b"now"), frame(PONG, b"unasked"),
        frame(CONTINUATION, MESSAGE[9:HALF], fin=False), frame(PING, b""), frame(CONTINUATION, MESSAGE[HALF:]),
    ),
    "a ping of the largest size": (frame(PING, b"x" * 125), WHOLE),
    "a length of two bytes": (frame(TEXT, MESSAGE[:-1] + b" " * 200 + b"}"),),
    "a length of eight bytes": (frame(TEXT, MESSAGE[:-1] + b" " * (65_536 - len(MESSAGE)) + b"}"),),
    "a mask of zeros": (frame(TEXT, MESSAGE, mask=b"\0\0\0\0"),),
}  # fmt: skip

BAD: dict[str, tuple[bytes, ...]] = {
    "reserved bit 1": (frame(TEXT, MESSAGE, reserved=4),),
    "reserved bit 2": (frame(TEXT, MESSAGE, reserved=2),),
    "reserved bit 3": (frame(TEXT, MESSAGE, reserved=1),),
    "a reserved bit of a ping": (frame(PING, reserved=4),),
    "opcode 3": (frame(0x3, MESSAGE),),
    "opcode 11": (frame(0xB),),
    "no mask": (frame(TEXT, MESSAGE, mask=None),),
    "a ping in fragments": (frame(PING, b"x", fin=False),),
    "a ping that is too long": (frame(PING, b"x" * 126),),
    "a continuation of nothing": (frame(CONTINUATION, MESSAGE),),
    "a message within another": (frame(TEXT, b"{", fin=False), WHOLE),
    "invalid UTF-8": (frame(TEXT, b'"\xff"'),),
    "UTF-8 of a surrogate": (frame(TEXT, b'"\xed\xa0\x80"'),),
    "UTF-8 that does not end": (frame(TEXT, MESSAGE[:HALF]),),
    "UTF-8 that breaks in a later fragment": (frame(TEXT, b'"', fin=False), frame(CONTINUATION, b"\xc3\x28")),
    "a frame over the limit": (frame(TEXT, b"x" * (LIMIT + 1)),),
    "a frame that says it is huge": (bytes([0x81, 0x80 | 127]) + (1 << 62).to_bytes(8, "big") + b"\1\2\3\4",),
    "a length with its highest bit": (bytes([0x81, 0x80 | 127]) + (1 << 63).to_bytes(8, "big") + b"\1\2\3\4",),
    "fragments over the limit": (
        frame(TEXT, b"x" * (LIMIT // 2), fin=False), frame(CONTINUATION, b"x" * (LIMIT // 2 + 1)),
    ),
    "a close of one byte": (frame(CLOSE, b"\x03"),),
    "a close with a reason that is no UTF-8": (closing(1000, b"\xff"),),
    "a close that is too long": (closing(1000, b"x" * 124),),
    **{f"close code {code}": (closing(code),) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)},
}  # fmt: skip

CLOSES: dict[str, tuple[bytes, ...]] = {
    "without a code": (frame(CLOSE),),
    **{f"with {code}": (closing(code, "Grüße".encode()),) for code in (1000, 1001, 1003, 1011, 3000, 4000, 4999)},
    "between two fragments": (frame(TEXT, b"{", fin=False), END),
    "before a message that comes too late": (END, WHOLE),
}


@pytest.mark.parametrize("case", GOOD)
async def test_what_is_right_is_taken_as_websockets_takes_it(case: str) -> None:
    async with fast_path() as (line, port), reference() as other:
        answers = b"".join(GOOD[case]).count(WHOLE) or 1
        heard = await converse(port, *GOOD[case], answers=answers)
        expected = await converse(other, *GOOD[case], answers=answers)
        assert [json.loads(message) for message in heard.messages] == [ANSWER] * answers
        assert len(expected.messages) == answers
        assert heard.pongs == expected.pongs
        assert heard.code == expected.code == 1000
        await until(lambda: not line.hub.connections)


@pytest.mark.parametrize("case", BAD)
async def test_what_is_wrong_ends_the_connection_with_the_code_of_websockets(case: str) -> None:
    async with fast_path() as (line, port), reference() as other:
        heard, expected = await converse(port, *BAD[case]), await converse(other, *BAD[case])
        assert heard.messages == []
        assert heard.code == expected.code
        assert heard.code in (1002, 1007, 1009)
        await until(lambda: not line.hub.connections)


@pytest.mark.parametrize("case", CLOSES)
async def test_a_close_is_answered_as_websockets_answers_it(case: str) -> None:
    async with fast_path() as (line, port), reference() as other:
        heard, expected = await converse(port, *CLOSES[case]), await converse(other, *CLOSES[case])
        assert heard.messages == expected.messages == []
        assert heard.code == expected.code is not None
        await until(lambda: not line.hub.connections)


async def test_a_close_while_events_wait_is_answered() -> None:
    async with fast_path() as (line, port):
        heard = await converse(port, WHOLE * 20, closing(4001))
        assert heard.code == 4001
        await until(lambda: not line.hub.connections)
        assert line.hub.stats.connections_closed == {"4001": 1}
