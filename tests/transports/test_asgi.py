"""The ASGI transport against a server made of queues: what a real server does not do on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from trunkline.bus import EventBus
from trunkline.errors import Unauthenticated
from trunkline.hub.access import Handshake, Principal, allow_all, anonymous
from trunkline.hub.admission import AdmissionOptions
from trunkline.hub.manager import HubOptions, TopicConnectionManager
from trunkline.line import Trunkline
from trunkline.protocol.codec import Frame
from trunkline.protocol.messages import PROTOCOL
from trunkline.testing.clock import until
from trunkline.transports.asgi import AsgiEndpoint, EndpointOptions, origin_allowed, read_handshake


def scope(**changes: Any) -> dict[str, Any]:
    return {
        "type": "websocket",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"example.com")],
        "client": ("10.0.0.1", 1234),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
        **changes,
    }


class Server:
    """The server's half of ASGI: `say` what the peer does, read `sent` for what the application did."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.writable = asyncio.Event()
        self.writable.set()
        self.failure: Exception | None = None
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.say(type="websocket.connect")

    def say(self, **message: Any) -> None:
        self._incoming.put_nowait(message)

    async def receive(self) -> dict[str, Any]:
        return await self._incoming.get()

    async def send(self, message: Any) -> None:
        await self.writable.wait()
        if self.failure is not None and message["type"] == "websocket.send":
            raise self.failure
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self.say(type="websocket.disconnect", code=1000)

    @property
    def texts(self) -> list[Any]:
        return [json.loads(message["text"]) for message in self.sent if message["type"] == "websocket.send"]


def hub(**how: Any) -> TopicConnectionManager:
    line = Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus(), **how)
    return line.hub


@asynccontextmanager
async def conversation(
    of: TopicConnectionManager, options: EndpointOptions | None = None, **changes: Any
) -> AsyncIterator[Server]:
    """One connection from accept to its end."""
    server, endpoint = Server(), AsgiEndpoint(of, options or EndpointOptions())
    running = asyncio.create_task(endpoint(scope(**changes), server.receive, server.send))
    await until(lambda: of.connections or running.done())
    yield server
    if not running.done():
        server.say(type="websocket.disconnect", code=1001)
    await running
    assert not of.connections


async def test_a_conversation_from_accept_to_close() -> None:
    of = hub()
    async with conversation(of, subprotocols=["other", "trunkline.v2.json"]) as server:
        server.say(type="websocket.receive", text='{"type":"ping","timestamp":1}')
        server.say(type="websocket.receive", bytes=b"x", text=None)
        server.say(type="websocket.receive", bytes=b"x")
        await until(lambda: len(server.texts) == 4)
        assert server.sent[0] == {"type": "websocket.accept", "subprotocol": "trunkline.v2.json", "headers": []}
        assert [text["type"] for text in server.texts] == ["connected", "pong", "error", "error"]
    assert of.stats.connections_closed == {"1001": 1}


async def test_the_code_the_server_closed_with_is_counted_whatever_the_peer_answered() -> None:
    of = hub()
    async with conversation(of) as server:
        of.drain(lambda: 5)
        of.close_all()
        await until(lambda: not of.connections)
        assert [message["type"] for message in server.sent] == [
            "websocket.accept", "websocket.send", "websocket.close",
        ]  # fmt: skip
        assert server.sent[-1]["code"] == 4002
    assert of.stats.connections_closed == {"4002": 1}


async def test_a_peer_that_has_gone_ends_the_writer_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    of = hub()
    async with conversation(of) as server:
        server.failure = BrokenPipeError()
        server.say(type="websocket.receive", text='{"type":"ping"}')
        await until(lambda: of.stats.messages_received == 1)
    assert of.stats.connections_closed == {"1001": 1}
    assert not [record for record in caplog.records if record.levelname != "DEBUG"]


async def test_a_writer_that_fails_is_logged_and_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    of = hub()
    async with conversation(of) as server:
        (connection,) = of.connections.values()
        server.failure = ZeroDivisionError()
        server.say(type="websocket.receive", text='{"type":"ping"}')
        await until(lambda: connection.closing)
    assert f"Writing to {connection!r} failed" in caplog.text
    assert of.stats.connections_closed == {"4004": 1}


async def test_a_cancelled_endpoint_leaves_nothing_behind() -> None:
    of, server = hub(), Server()
    running = asyncio.create_task(AsgiEndpoint(of, EndpointOptions())(scope(), server.receive, server.send))
    await until(lambda: of.connections)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert not of.connections
    await until(lambda: len(asyncio.all_tasks()) == 1)
    assert of.stats.connections_closed == {"1006": 1}


async def test_an_error_of_the_application_is_not_taken_for_a_late_close() -> None:
    class Failing:
        def __init__(self, _handshake: Handshake) -> None: ...

        def opening(self) -> Sequence[str]:
            raise TimeoutError("its own")

        def incoming(self, text: str) -> Sequence[str]:
            return (text,)

        def outgoing(self, frame: Frame) -> Sequence[str]:
            return (frame.text,)

    of, server = hub(), Server()
    with pytest.raises(TimeoutError, match="its own"):
        await AsgiEndpoint(of, EndpointOptions(dialect=Failing))(scope(), server.receive, server.send)
    assert not of.connections


async def test_a_dialect_translates_both_ways() -> None:
    class Shouting:
        def __init__(self, handshake: Handshake) -> None:
            self.name = handshake.query["name"]

        def opening(self) -> Sequence[str]:
            return ('{"type":"ping","timestamp":1}', '{"type":"ping","timestamp":2}')

        def incoming(self, text: str) -> Sequence[str]:
            return () if text == "nothing" else (text.lower(),)

        def outgoing(self, frame: Frame) -> Sequence[str]:
            return (json.dumps(self.name), frame.text.upper().replace("TRUE", "true"))

    of = hub()
    options = EndpointOptions(dialect=Shouting, headers=[("Deprecation", "@1")])
    async with conversation(
        of, options, query_string=b"name=bob&initial_topics=", subprotocols=["trunkline.v2.json"]
    ) as server:
        server.say(type="websocket.receive", text="nothing")
        server.say(type="websocket.receive", text='{"TYPE":"PING","TIMESTAMP":3}')
        await until(lambda: len(server.texts) == 6)
        assert server.sent[0] == {
            "type": "websocket.accept", "subprotocol": None, "headers": [(b"deprecation", b"@1")],
        }  # fmt: skip
        assert server.texts[1::2] == [{"TYPE": "PONG", "TIMESTAMP": n} for n in (1, 2, 3)]
        assert server.texts[::2] == ["bob"] * 3


async def test_the_application_s_own_principal_needs_no_authentication() -> None:
    of = TopicConnectionManager(Trunkline().broker, authorize=allow_all)
    server, endpoint = Server(), AsgiEndpoint(of, EndpointOptions())
    running = asyncio.create_task(endpoint.serve(scope(), server.receive, server.send, Principal("ann")))
    await until(lambda: of.connections)
    (connection,) = of.connections.values()
    assert connection.principal == Principal("ann")
    server.say(type="websocket.disconnect")
    await running
    assert of.stats.connections_closed == {"1005": 1}


async def test_plain_http_is_told_to_upgrade() -> None:
    server = Server()
    await AsgiEndpoint(hub(), EndpointOptions())({"type": "http"}, server.receive, server.send)
    start, body = server.sent
    assert (start["status"], dict(start["headers"])[b"upgrade"]) == (426, b"websocket")
    assert body == {"type": "http.response.body", "body": b"This address takes WebSocket connections only."}


async def test_a_refusal_has_a_body_where_the_server_can_send_one() -> None:
    of, foreign = hub(), [(b"host", b"example.com"), (b"origin", b"https://evil.example")]
    with_body, without = Server(), Server()
    endpoint = AsgiEndpoint(of, EndpointOptions())
    await endpoint(scope(headers=foreign), with_body.receive, with_body.send)
    await endpoint(scope(headers=foreign, extensions=None), without.receive, without.send)
    assert with_body.sent[0]["status"] == 403
    assert with_body.sent[1]["body"] == b"Pages of this origin may not connect."
    assert [message["type"] for message in without.sent] == ["websocket.close"]


SESSION_ENDED = "The session has ended: log in again."


def no_session(handshake: Handshake) -> Principal | None:
    raise Unauthenticated(SESSION_ENDED if handshake.token is None else "é" * 100)


@pytest.mark.parametrize(
    ("headers", "code", "reason"),
    [
        ([(b"origin", b"https://evil.example")], 4501, "Pages of this origin may not connect."),
        ([(b"Origin", b"https://example.com")], 4500, SESSION_ENDED),
        ([(b"origin", b"https://example.com"), (b"authorization", b"Bearer x")], 4500, "é" * 61),
    ],
)
async def test_a_page_is_told_on_an_open_socket_that_it_may_not_connect(
    headers: list[tuple[bytes, bytes]], code: int, reason: str
) -> None:
    of, server = TopicConnectionManager(Trunkline().broker, authenticate=no_session), Server()
    of_page = scope(headers=[(b"host", b"example.com"), *headers], subprotocols=[PROTOCOL])
    await AsgiEndpoint(of, EndpointOptions())(of_page, server.receive, server.send)
    assert server.sent == [
        {"type": "websocket.accept", "subprotocol": PROTOCOL, "headers": []},
        {"type": "websocket.close", "code": code, "reason": reason},
    ]
    assert not of.connections


@pytest.mark.parametrize("subprotocols", [[], ["other"], [PROTOCOL]])
async def test_what_is_no_page_of_the_protocol_gets_a_status(subprotocols: list[str]) -> None:
    of, server = TopicConnectionManager(Trunkline().broker, authenticate=no_session), Server()
    page = [(b"origin", b"https://example.com")] if PROTOCOL not in subprotocols else []
    given = scope(headers=[(b"host", b"example.com"), *page], subprotocols=subprotocols)
    await AsgiEndpoint(of, EndpointOptions())(given, server.receive, server.send)
    assert server.sent[0]["status"] == 401
    assert server.sent[1]["body"] == SESSION_ENDED.encode()


async def test_a_busy_hub_says_when_to_return() -> None:
    of = TopicConnectionManager(
        Trunkline().broker,
        options=HubOptions(admission=AdmissionOptions(rate=0.125, burst=1), clock=lambda: 0.0),
    )
    assert of.retry_after() is None
    server = Server()
    await AsgiEndpoint(of, EndpointOptions())(scope(), server.receive, server.send)
    assert server.sent[0]["status"] == 503
    assert dict(server.sent[0]["headers"])[b"retry-after"] == b"11"
    assert of.stats.refused == {"busy": 1}


@pytest.mark.parametrize(("drains", "code"), [(False, 4003), (True, 4002)])
async def test_a_page_is_told_on_an_open_socket_when_to_return(drains: bool, code: int) -> None:
    of = TopicConnectionManager(
        Trunkline().broker,
        options=HubOptions(admission=AdmissionOptions(rate=0.125, burst=1), clock=lambda: 0.0),
    )
    assert of.retry_after() is None
    if drains:
        of.drain(lambda: 0)
    server = Server()
    of_page = scope(headers=[(b"host", b"example.com"), (b"origin", b"https://example.com")])
    await AsgiEndpoint(of, EndpointOptions())(of_page, server.receive, server.send)
    assert [message["type"] for message in server.sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert (server.texts[0]["type"], server.texts[0]["retry_after_ms"]) == ("goaway", 11_000)
    assert server.sent[-1]["code"] == code
    assert not of.connections


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("https://example.com", True),
        ("http://example.com:8000", False),
        ("https://friend.example", True),
        ("http://friend.example", False),
        ("https://evil.example", False),
        ("https://example.com.evil.example", False),
        ("null", False),
        ("", False),
        ("http://[", False),
        ("https://evil.example/example.com", False),
    ],
)
def test_origins(origin: str | None, allowed: bool) -> None:
    headers = {"host": "example.com"} | ({} if origin is None else {"origin": origin})
    assert origin_allowed(Handshake(headers=headers), frozenset({"https://friend.example"})) is allowed
    assert origin_allowed(Handshake(headers=headers), frozenset("*"))


def test_without_a_host_no_page_is_the_server_s_own() -> None:
    assert not origin_allowed(Handshake(headers={"origin": "https://example.com"}), frozenset())
    assert not origin_allowed(Handshake(headers={"origin": "null", "host": ""}), frozenset())


def test_a_handshake_is_read_from_the_scope() -> None:
    handshake = read_handshake(
        scope(
            headers=[(b"Host", b"\xe4"), (b"AUTHORIZATION", b"Bearer  abc "), (b"x", b"1"), (b"X", b"2")],
            query_string=b"initial_topics=agent:*&page=3&empty=&name=J%C3%B6rg",
        )
    )
    assert handshake.token == "abc"
    assert (handshake.headers["x"], handshake.headers["host"]) == ("2", "ä")
    assert handshake.query == {"page": "3", "name": "Jörg"}
    assert handshake.client == "10.0.0.1"


@pytest.mark.parametrize("value", [b"", b"Basic abc", b"Bearer", b"abc"])
def test_what_is_no_bearer_token_is_none(value: bytes) -> None:
    assert read_handshake(scope(headers=[(b"authorization", value)], client=None)).token is None
