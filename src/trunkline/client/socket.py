"""The WebSocket under a client: `websockets` behind the few calls a client needs."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from trunkline.codes import CloseCode
from trunkline.errors import TrunklineError
from trunkline.protocol.messages import PROTOCOL

_MAX_MESSAGE = 64 * 1024 * 1024
_BY_STATUS = {401: CloseCode.UNAUTHENTICATED, 403: CloseCode.FORBIDDEN_ORIGIN}


class ConnectFailed(TrunklineError):
    """No socket could be opened.

    Args:
        code: the close code that says whether to try again; 1006 where the server gave none.
        reason: a sentence.
        retry_after: seconds the server asked to wait, if it did.
    """

    def __init__(self, code: int, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after


class Socket(Protocol):
    """An open WebSocket. Iterating gives text frames until it has closed."""

    def __aiter__(self) -> AsyncIterator[str]: ...

    async def send(self, text: str) -> None:
        """Send a text frame; a closed socket swallows it, because its end is reported by the iteration."""
        ...

    async def close(self, code: int) -> None:
        """Close with the closing handshake."""
        ...

    def abort(self) -> None:
        """Drop the connection without waiting for the peer."""
        ...

    @property
    def close_code(self) -> int:
        """The close code once closed; 1006 where no close frame came."""
        ...

    @property
    def close_reason(self) -> str:
        """What came with the close code."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where and how to connect.

    Attributes:
        url: `ws://` or `wss://`.
        headers: sent with the handshake, `Authorization` among them.
        open_timeout: seconds for the handshake.
        ssl_context: for `wss://`; the system's certificates unless given.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    open_timeout: float = 10.0
    ssl_context: ssl.SSLContext | None = None


class _WebSocketsSocket:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[str]:
        try:
            async for message in self._connection:
                yield message if isinstance(message, str) else message.decode()
        except ConnectionClosed:
            return

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed:
            return

    async def close(self, code: int) -> None:
        await self._connection.close(code)

    def abort(self) -> None:
        self._connection.transport.abort()

    @property
    def close_code(self) -> int:
        return self._connection.close_code or 1006

    @property
    def close_reason(self) -> str:
        return self._connection.close_reason or ""


async def open_socket(endpoint: Endpoint) -> Socket:
    """Open a WebSocket that speaks version 2. The library's own pings are off: the session has its own.

    Raises:
        ConnectFailed: it could not be opened; says whether trying again makes sense.
    """
    try:
        connection = await websockets_connect(
            endpoint.url,
            subprotocols=[Subprotocol(PROTOCOL)],
            additional_headers=dict(endpoint.headers),
            open_timeout=endpoint.open_timeout,
            close_timeout=2.0,
            ping_interval=None,
            compression=None,
            max_size=_MAX_MESSAGE,
            ssl=endpoint.ssl_context if endpoint.url.startswith("wss:") else None,
            # A proxy of the environment reaches itself under that address, not this machine.
            proxy=None if _is_loopback(endpoint.url) else True,
        )
    except InvalidURI as error:
        raise ConnectFailed(int(CloseCode.PROTOCOL_ERROR), f"Not a WebSocket address: {endpoint.url}") from error
    except InvalidStatus as error:
        raise _refused(error) from error
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise ConnectFailed(1006, f"Could not connect to {endpoint.url}: {error}") from error
    return _WebSocketsSocket(connection)


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(error: InvalidStatus) -> ConnectFailed:
    status = error.response.status_code
    wait = error.response.headers.get("Retry-After", "")
    retry_after = float(wait) if wait.isdecimal() else None
    said = (error.response.body or b"").decode(errors="replace").strip()[:200]
    reason = f"The server refused the connection ({status}){': ' + said if said else ''}"
    return ConnectFailed(int(_BY_STATUS.get(status, 1006)), reason, retry_after)
