"""permessage-deflate (RFC 7692) on the fast path: once for a frame, the same bytes for all who agreed to it."""

import json
import socket
import zlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate

from tests.transports.servers import uvicorn_server
from trunkline.bus import EventBus
from trunkline.events import EventType
from trunkline.hub.access import allow_all, anonymous
from trunkline.line import Trunkline
from trunkline.protocol import codec
from trunkline.protocol.codec import Frame, JoinedFrames, wire_header
from trunkline.testing.clock import until
from trunkline.testing.transport_suite import TransportSuite
from trunkline.transports.uvicorn import DeflatingProtocol, DetachingProtocol

pytestmark = pytest.mark.timeout(60)


class Page(msgspec.Struct, frozen=True):
    key: str
    number: int
    text: str


PAGED = EventType("deflate_paged", Page, topic="page:{key}")
TEXT = "the same words again and again, " * 40


class TestDeflatingPath(TransportSuite):
    """Those who do not offer it are served as before."""

    def serve(self, line: Trunkline, listener: socket.socket) -> AbstractAsyncContextManager[None]:
        return uvicorn_server(line, listener, ws=DeflatingProtocol)


@asynccontextmanager
async def served(ws: Any = DeflatingProtocol, **settings: Any) -> AsyncIterator[tuple[Trunkline, str]]:
    line = Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=ws, ws_per_message_deflate=False, **settings):
            yield line, f"ws://127.0.0.1:{listener.getsockname()[1]}/"


async def subscribe(client: ClientConnection, *topics: Any) -> list[dict[str, Any]]:
    await client.send(json.dumps({"type": "subscribe", "topics": topics}))
    return [json.loads(await client.recv()) for _ in topics]


async def publish(line: Trunkline, *numbers: int, key: str = "1") -> None:
    for number in numbers:
        await line.publish(PAGED, Page(key, number, TEXT))


async def numbers(client: ClientConnection, count: int) -> list[int]:
    return [json.loads(await client.recv())["data"]["number"] for _ in range(count)]


@pytest.fixture
def compressed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The payloads that were compressed."""
    payloads: list[bytes] = []
    deflate = codec._deflate

    def counted(payload: bytes) -> bytes | None:
        payloads.append(payload)
        return deflate(payload)

    monkeypatch.setattr(codec, "_deflate", counted)
    return payloads


# Frames


def test_a_compressed_frame_says_so_and_is_its_payload() -> None:
    frame = Frame(TEXT.encode())
    header, data = frame.deflated[:2], frame.deflated[2:]
    assert header == bytes((0xC1, len(data)))
    assert zlib.decompressobj(wbits=-codec.DEFLATE_WINDOW_BITS).decompress(data + b"\x00\x00\xff\xff") == frame.payload
    assert frame.deflated is frame.deflated


def test_what_compression_does_not_make_smaller_goes_as_it_is() -> None:
    for payload in (b'{"type":"pong"}', bytes(range(256))):
        assert Frame(payload).deflated == Frame(payload).wire == wire_header(len(payload)) + payload


def test_joined_frames_are_finished_in_the_form_they_were_joined_in() -> None:
    joined = JoinedFrames(Frame(TEXT.encode()).deflated * 2)
    assert joined.wire is joined.deflated


# Real clients


async def test_a_frame_is_compressed_once_for_all_who_agreed_and_the_others_get_it_plain(
    compressed: list[bytes],
) -> None:
    async with (
        served() as (line, url),
        connect(url) as one,
        connect(url) as two,
        connect(url, compression=None) as bare,
    ):
        for client in (one, two, bare):
            await subscribe(client, "page:1")
        compressed.clear()
        await publish(line, *range(20))
        for client in (one, two, bare):
            assert await numbers(client, 20) == list(range(20))
        assert len(compressed) == 20
        assert [c.deflates for c in line.hub.connections.values()] == [True, True, False]


async def test_recovered_frames_are_those_that_were_compressed_before(compressed: list[bytes]) -> None:
    async with served() as (line, url):
        async with connect(url) as client:
            (answer,) = await subscribe(client, "page:1")
            await publish(line, *range(10))
            await numbers(client, 10)
        compressed.clear()
        since = {"epoch": answer["epoch"], "seq": answer["seq"] + 3}
        async with connect(url) as client:
            (resumed,) = await subscribe(client, {"topic": "page:1", "since": since})
            assert (resumed["type"], resumed["recovered"]) == ("resumed", 7)
            assert await numbers(client, 7) == list(range(3, 10))
        assert [payload for payload in compressed if b"deflate_paged" in payload] == []


async def test_messages_of_several_topics_and_control_frames_go_between_compressed_ones() -> None:
    async with served() as (line, url), connect(url) as client:
        await subscribe(client, "page:1", "page:2")
        for number in range(5):
            await publish(line, number, key="1")
            await publish(line, number, key="2")
            await (await client.ping())
        received = [json.loads(await client.recv()) for _ in range(10)]
        for topic in ("page:1", "page:2"):
            assert [m["data"]["number"] for m in received if m["topic"] == topic] == list(range(5))


async def test_compressed_messages_are_read_also_after_a_silence_and_in_fragments() -> None:
    async with served() as (line, url), connect(url) as client:
        for timestamp in range(3):
            await client.send(json.dumps({"type": "ping", "timestamp": timestamp, "padding": TEXT}))
            assert json.loads(await client.recv()) == {"type": "pong", "timestamp": timestamp}
            (connection,) = line.hub.connections.values()
            assert connection.direct is not None
            assert connection.direct._parser is None  # type: ignore[attr-defined]
        message = json.dumps({"type": "ping", "timestamp": 9, "padding": TEXT})
        await client.send([message[:50], message[50:100], message[100:]])
        assert json.loads(await client.recv())["timestamp"] == 9


async def test_nothing_is_kept_for_a_connection_between_two_messages() -> None:
    async with served() as (_, url), connect(url) as client:
        (agreed,) = client.protocol.extensions
        assert isinstance(agreed, PerMessageDeflate)
        assert agreed.remote_no_context_takeover
        assert agreed.local_no_context_takeover
        assert agreed.remote_max_window_bits == codec.DEFLATE_WINDOW_BITS


async def test_who_has_room_for_a_smaller_window_only_gets_frames_as_they_are() -> None:
    small = ClientPerMessageDeflateFactory(server_max_window_bits=9)
    async with served() as (line, url), connect(url, compression=None, extensions=[small]) as client:
        await subscribe(client, "page:1")
        (connection,) = line.hub.connections.values()
        assert not connection.deflates
        await publish(line, 1, 2)
        assert await numbers(client, 2) == [1, 2]


async def test_it_is_off_unless_it_was_asked_for() -> None:
    async with served(DetachingProtocol) as (line, url), connect(url) as client:
        assert client.protocol.extensions == []
        await subscribe(client, "page:1")
        assert [c.deflates for c in line.hub.connections.values()] == [False]


async def test_a_small_message_that_inflates_beyond_the_limit_ends_its_connection() -> None:
    async with served(ws_max_size=70_000) as (line, url), connect(url) as client:
        await client.send(b"\x00" * 1_000_000)
        await client.wait_closed()
        assert client.close_code == 1009
        await until(lambda: not line.hub.connections)
