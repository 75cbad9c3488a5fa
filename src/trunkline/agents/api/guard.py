"""What stands in front of every route: host, origin, who it is, how much, and what kind of body.

Everything is shut but for a short list of open pages and the files of the console. WebSockets pass here with the check
of their host alone: the line checks their origin and asks who they are.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from trunkline import Handshake, Principal, TokenBucket, origin_allowed, read_handshake
from trunkline.agents.api.console import ASSETS, is_navigation
from trunkline.agents.api.login_page import ask_who, wanted_address
from trunkline.agents.api.problems import problem
from trunkline.agents.login import LocalAccess
from trunkline.agents.settings import Settings

OPEN_PATHS: Final = frozenset(
    {"/", "/login", "/logout", "/favicon.ico", "/healthz", "/readyz", "/docs", "/openapi.json"}
)
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]*)?")
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_BUCKETS: Final = 10_000


class Guard:
    """ASGI middleware that refuses with a problem document, or lets through with `state["principal"]` set.

    Args:
        app: what is guarded.
        settings: host, origins and limits.
        access: finds the access rules once the application has started.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        access: Callable[[], LocalAccess],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._settings = settings
        self._origins = frozenset(settings.allowed_origins)
        self._access = access
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request or handshake."""
        if scope["type"] == "http":
            refusal = self._check_request(scope)
            if refusal is None:
                await self._app(scope, self._bounded(scope, receive), send)
            else:
                await refusal(scope, receive, send)
        elif scope["type"] == "websocket" and (refusal := self._check_host(read_handshake(scope))):
            await _deny(scope, receive, send, refusal)
        else:
            await self._app(scope, receive, send)

    def _check_request(self, scope: Scope) -> Response | None:
        handshake = read_handshake(scope)
        principal = self._access().authenticate(handshake)
        scope.setdefault("state", {})["principal"] = principal
        return (
            self._check_host(handshake)
            or self._check_origin(scope, handshake)
            or self._check_rate(principal)
            or self._check_principal(scope, principal)
            or self._check_body(scope, handshake)
        )

    def _check_host(self, handshake: Handshake) -> Response | None:
        """On loopback, take only names of this machine: a page whose name was rebound to 127.0.0.1 has another."""
        named = host_name(handshake.headers.get("host", ""))
        if named in _LOOPBACK_HOSTS or named == self._settings.host.lower():
            return None
        if named and not self._settings.is_local:
            return None
        return problem(403, "This server does not answer to that host name.", code="forbidden_host")

    def _check_origin(self, scope: Scope, handshake: Handshake) -> Response | None:
        if scope["method"] not in _WRITES or origin_allowed(handshake, self._origins):
            return None
        return problem(403, "Pages of this origin may not write here.", code="forbidden_origin")

    def _check_rate(self, principal: Principal | None) -> Response | None:
        """One bucket for each principal, and one for all requests without."""
        limits, now, key = self._settings.limits, self._clock(), principal.id if principal else ""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(limits.requests_per_second, limits.request_burst, now)
            if len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)
        if bucket.take(now):
            return None
        sentence = f"Too many requests: at most {limits.requests_per_second:g} a second are taken."
        seconds = max(1, round(bucket.seconds_until_next()))
        return problem(429, sentence, headers={"Retry-After": str(seconds)})

    def _check_principal(self, scope: Scope, principal: Principal | None) -> Response | None:
        """Let strangers only to what is open; a person who comes by a browser is asked to log in."""
        path = scope["path"]
        if principal is not None or path in OPEN_PATHS or path.startswith(ASSETS):
            return None
        request = Request(scope)
        if is_navigation(request):
            return ask_who(wanted_address(request))
        sentence = (
            "Give the access token as `Authorization: Bearer …`, or log in with the link that the server printed."
        )
        return problem(401, sentence, headers={"WWW-Authenticate": "Bearer"})

    def _check_body(self, scope: Scope, handshake: Handshake) -> Response | None:
        headers = handshake.headers
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > self._settings.limits.max_body_bytes:
            return problem(413, self._too_large)
        has_body = length != "0" or "transfer-encoding" in headers
        wanted = _FORM if scope["path"] == "/login" else "application/json"
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] not in _WRITES or not has_body or kind == wanted:
            return None
        return problem(415, f"Send the body as {wanted}.", headers={"Accept": wanted})

    @property
    def _too_large(self) -> str:
        return f"The body is larger than {self._settings.limits.max_body_bytes} bytes."

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Count the body while it comes, whatever its headers announced."""
        limit, size = self._settings.limits.max_body_bytes, 0

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise HTTPException(413, self._too_large)
            return message

        return bounded


def host_name(host: str) -> str:
    """The name of a `Host` header without its port, in lower case; "" if it cannot be read."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""


async def _deny(scope: Scope, receive: Receive, send: Send, refusal: Response) -> None:
    websocket = WebSocket(scope, receive, send)
    await websocket.receive()
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await websocket.send_denial_response(refusal)
    else:
        await websocket.close(1008)


class RefusingEndpoint:
    """An ASGI application for a WebSocket path that refuses every handshake with the same answer."""

    def __init__(self, refusal: Response) -> None:
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse one handshake."""
        await _deny(scope, receive, send, self._refusal)
