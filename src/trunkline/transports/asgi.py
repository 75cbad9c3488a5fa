"""WebSockets through any ASGI server (uvicorn, hypercorn, granian, daphne): one writer task per connection.

ASGI 3, "HTTP & WebSocket ASGI Message Format", with its WebSocket denial response extension where the server has it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from trunkline.codes import CloseCode
from trunkline.errors import Unauthenticated
from trunkline.hub.access import Handshake, Principal
from trunkline.hub.connection import Connection, Transport
from trunkline.hub.manager import TopicConnectionManager
from trunkline.protocol.codec import Frame, encode
from trunkline.protocol.messages import PROTOCOL, Goaway

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Open = Callable[[Transport], Connection]
"""Lets the hub take a connection whose socket is written to by this transport."""

Detach = Callable[[TopicConnectionManager, Open], None]
"""What a server offers that can take the socket over from ASGI."""

DETACH = "trunkline.detach"
"""The name of that extension in the ASGI scope."""

_NO_QUERY: dict[str, str] = {}
_WRITE_CHUNK = 64 * 1024
_CLOSE_GRACE = 5.0
_REASON_BYTES = 123
"""What a close frame has room for (RFC 6455, 5.5)."""


class Dialect(Protocol):
    """Another protocol at the socket, version 2 inside; one object per connection."""

    def opening(self) -> Sequence[str]:
        """Version 2 frames to act upon when the connection opens."""
        ...

    def incoming(self, text: str) -> Sequence[str]:
        """Turn a frame of the peer into version 2 frames. What is no frame of the dialect becomes one that the
        session refuses, so that its `error` comes back through `outgoing`."""
        ...

    def outgoing(self, frame: Frame) -> Sequence[str]:
        """Turn a version 2 frame into frames for the peer, none if it has no use for it."""
        ...


class _VersionTwo:
    """The protocol itself, as a dialect."""

    def opening(self) -> Sequence[str]:
        return ()

    def incoming(self, text: str) -> Sequence[str]:
        return (text,)

    def outgoing(self, frame: Frame) -> Sequence[str]:
        return (frame.text,)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """How one WebSocket path behaves.

    Attributes:
        allowed_origins: origins whose pages may connect, `scheme://host[:port]`; pages of the server's own host always
            may, and `"*"` allows all. Clients that send no `Origin` are no browsers and pass.
        dialect: makes the dialect of a connection from its handshake; version 2 unless given.
        headers: name and value of headers to answer the handshake with.
    """

    allowed_origins: Sequence[str] = ()
    dialect: Callable[[Handshake], Dialect] | None = None
    headers: Sequence[tuple[str, str]] = ()


class AsgiTransport:
    """Writes one connection's outbox through ASGI `send`, in a task of its own.

    `send` may block for as long as the peer does not read; the hub then finds the connection lagging and closes it,
    and `close` gives the writer a few seconds more before the endpoint ends it.
    """

    def __init__(self, hub: TopicConnectionManager, send: Send, dialect: Dialect, deadline: asyncio.Timeout) -> None:
        self._hub = hub
        self._send = send
        self._dialect = dialect
        self._deadline = deadline
        self._awake = asyncio.Event()
        self._close: Message | None = None

    def wake(self) -> None:
        """Let the writer run soon."""
        self._awake.set()

    def close(self, code: int, reason: str) -> None:
        """Write what is queued, then close; after a few seconds the socket is given up."""
        self._close = {"type": "websocket.close", "code": code, "reason": reason}
        self._deadline.reschedule(asyncio.get_running_loop().time() + _CLOSE_GRACE)
        self._awake.set()

    async def run(self, connection: Connection) -> None:
        """Write until the connection is closed or the peer has gone. Cancel to give up what is queued."""
        try:
            await self._write_until_closed(connection)
        except Exception as error:
            # A server raises OSError when the peer has gone, and frameworks put errors of their own around it.
            if isinstance(error, OSError) or isinstance(error.__context__, OSError):
                logger.debug("The peer of %r has gone, as `receive` will say: %r", connection, error)
                return
            logger.exception("Writing to %r failed", connection)
            connection.close(CloseCode.INSUFFICIENT_STATE)

    async def _write_until_closed(self, connection: Connection) -> None:
        outbox = connection.outbox
        while True:
            await self._awake.wait()
            self._awake.clear()
            while outbox:
                await self._write(connection)
            if self._close is not None:
                await self._send(self._close)
                return

    async def _write(self, connection: Connection) -> None:
        outbox, clock = connection.outbox, self._hub.options.clock
        oldest_at = outbox.oldest_at or clock()
        written = 0
        for frame in outbox.take(_WRITE_CHUNK):
            for text in self._dialect.outgoing(frame):
                await self._send({"type": "websocket.send", "text": text})
            written += len(frame)
        self._hub.wrote(connection, written, clock() - oldest_at)


class AsgiEndpoint:
    """The ASGI application behind one WebSocket path.

    Args:
        hub: takes the connections.
        options: origins, dialect, headers.
    """

    def __init__(self, hub: TopicConnectionManager, options: EndpointOptions) -> None:
        self._hub = hub
        self._options = options
        self._allowed_origins = frozenset(options.allowed_origins)
        self._headers = [(name.lower().encode(), value.encode()) for name, value in options.headers]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one WebSocket; plain HTTP gets 426."""
        if scope["type"] != "websocket":
            await _answer_http(send, 426, "This address takes WebSocket connections only.")
            return
        await self.serve(scope, receive, send)

    async def serve(self, scope: Message, receive: Receive, send: Send, principal: Principal | None = None) -> None:
        """Serve one WebSocket; with `principal` the application has already authenticated it."""
        await receive()
        handshake = read_handshake(scope)
        if not origin_allowed(handshake, self._allowed_origins):
            self._hub.stats.refused["origin"] += 1
            await self._refuse(scope, send, CloseCode.FORBIDDEN_ORIGIN, CloseCode.FORBIDDEN_ORIGIN.sentence)
            return
        retry_after = self._hub.retry_after()
        if retry_after is not None:
            self._hub.stats.refused["busy"] += 1
            await self._turn_away(scope, send, handshake, retry_after)
            return
        try:
            principal = principal or await self._authenticate(handshake)
        except Unauthenticated as error:
            self._hub.stats.refused["token"] += 1
            await self._refuse(scope, send, CloseCode.UNAUTHENTICATED, error.sentence)
            return
        await send({"type": "websocket.accept", "subprotocol": self._subprotocol(scope), "headers": self._headers})
        detach: Detach | None = (scope.get("extensions") or {}).get(DETACH)
        if detach is None or self._options.dialect is not None:
            await self._converse(scope, receive, send, handshake, principal)
            return
        greet, initial = self._subprotocol(scope) is not None, _initial_topics(scope)
        detach(
            self._hub,
            lambda transport: self._hub.connect(transport, handshake, principal, greet=greet, initial_topics=initial),
        )

    async def _authenticate(self, handshake: Handshake) -> Principal | None:
        """Ask who connects; None may still say so in a first message.

        Raises:
            Unauthenticated: there is no use in waiting for that.
        """
        try:
            principal = await self._hub.authenticate(handshake)
        except Unauthenticated:
            if self._options.dialect is None:
                raise
            principal = None
        if principal is None and handshake.token is not None:
            raise Unauthenticated("The token is not valid or has expired.")
        return principal

    async def _refuse(self, scope: Message, send: Send, code: CloseCode, sentence: str) -> None:
        """Refuse a handshake for good. A page cannot read the answer to one, so it gets the code on an open socket."""
        subprotocol = self._subprotocol(scope)
        if subprotocol is None or not any(name.lower() == b"origin" for name, _ in scope["headers"]):
            await _deny(scope, send, 401 if code is CloseCode.UNAUTHENTICATED else 403, sentence)
            return
        await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": self._headers})
        reason = sentence.encode()[:_REASON_BYTES].decode(errors="ignore")
        await send({"type": "websocket.close", "code": int(code), "reason": reason})

    async def _turn_away(self, scope: Message, send: Send, handshake: Handshake, retry_after: float) -> None:
        """Refuse a handshake for now. A page cannot read the answer to one, so it gets `goaway` on an open socket."""
        draining = self._hub.draining
        sentence = "The server stops." if draining else "The server is busy; try again later."
        if "origin" not in handshake.headers:
            await _deny(scope, send, 503, sentence, retry_after)
            return
        code = CloseCode.DRAIN if draining else CloseCode.OVERLOADED
        await send({"type": "websocket.accept", "subprotocol": self._subprotocol(scope), "headers": self._headers})
        if self._options.dialect is None:
            goaway = encode(Goaway(reason=sentence, retry_after_ms=round(retry_after * 1000)))
            await send({"type": "websocket.send", "text": goaway.text})
        await send({"type": "websocket.close", "code": int(code), "reason": code.sentence})

    def _subprotocol(self, scope: Message) -> str | None:
        offered = scope.get("subprotocols", ()) if self._options.dialect is None else ()
        return PROTOCOL if PROTOCOL in offered else None

    async def _converse(
        self, scope: Message, receive: Receive, send: Send, handshake: Handshake, principal: Principal | None
    ) -> None:
        dialect = _VersionTwo() if self._options.dialect is None else self._options.dialect(handshake)
        greet = self._subprotocol(scope) is not None
        initial = _initial_topics(scope)
        code = 1006
        deadline = asyncio.timeout(None)
        transport = AsgiTransport(self._hub, send, dialect, deadline)
        try:
            async with deadline:
                connection = self._hub.connect(transport, handshake, principal, greet=greet, initial_topics=initial)
                writer = asyncio.get_running_loop().create_task(transport.run(connection))
                try:
                    for text in dialect.opening():
                        self._hub.receive(connection, text)
                    code = await self._read(connection, dialect, receive)
                finally:
                    self._hub.disconnect(connection, code)
                    writer.cancel()
                    await asyncio.gather(writer, return_exceptions=True)
        except TimeoutError:
            if not deadline.expired():
                raise
            logger.info("A peer did not take its close frame in time; its socket is given up")

    async def _read(self, connection: Connection, dialect: Dialect, receive: Receive) -> int:
        """Feed the hub until the peer has gone; return the close code."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return int(message.get("code") or 1005)
            text = message.get("text")
            if text is None:
                self._hub.receive_binary(connection)
            else:
                for frame in dialect.incoming(text):
                    self._hub.receive(connection, frame)


def read_handshake(scope: Message) -> Handshake:
    """Read what an ASGI scope says about who connects."""
    headers = {
        intern(name.decode("latin-1").lower()): _shared(value.decode("latin-1"))
        for name, value in scope["headers"]
        if not name.startswith(b"sec-websocket-")
    }
    kind, _, token = headers.get("authorization", "").partition(" ")
    client = scope.get("client")
    query = {name: value for name, value in _query(scope).items() if name != "initial_topics"}
    bearer = token.strip() if kind.lower() == "bearer" and token else None
    return Handshake(headers=headers, query=query or _NO_QUERY, client=client[0] if client else "", token=bearer)


def _shared(value: str) -> str:
    """One string for all connections whose header says the same, as most headers of most browsers do."""
    return intern(value) if len(value) <= 256 else value


def _initial_topics(scope: Message) -> list[str]:
    return [topic for topic in _query(scope).get("initial_topics", "").split(",") if topic]


def _query(scope: Message) -> dict[str, str]:
    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))


def origin_allowed(handshake: Handshake, allowed: frozenset[str]) -> bool:
    """Tell whether a browser's page may connect; a missing `Origin` means that no page is involved."""
    origin = handshake.headers.get("origin")
    if origin is None or "*" in allowed or origin in allowed:
        return True
    try:
        return urlsplit(origin).netloc == handshake.headers.get("host") != ""
    except ValueError:
        return False


async def _deny(scope: Message, send: Send, status: int, sentence: str, retry_after: float | None = None) -> None:
    """Refuse a handshake: with a body where the server can, with its plain 403 elsewhere."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": int(CloseCode.FORBIDDEN_ORIGIN), "reason": sentence})
        return
    await _answer_http(send, status, sentence, retry_after, prefix="websocket.http.response")


async def _answer_http(
    send: Send, status: int, sentence: str, retry_after: float | None = None, prefix: str = "http.response"
) -> None:
    body = sentence.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if status == 426:
        headers.append((b"upgrade", b"websocket"))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if retry_after is not None:
        # Whole seconds are all that this header can say; clients spread themselves over the second they were told.
        headers.append((b"retry-after", str(max(1, int(retry_after))).encode()))
    await send({"type": f"{prefix}.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": body})
