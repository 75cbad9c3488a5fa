"""Who connects, and what they may do: the two doors, both shut unless the application opens them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Literal

from trunkline.errors import Forbidden
from trunkline.handler_watch import HandlerWatch


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who connects.

    Attributes:
        id: who it is; connections are counted by it.
        scope: the owner or tenant whose feeds it sees; "" unless the application has several.
        expires_at: Unix time in seconds when its credentials run out, or None.
    """

    id: str
    scope: str = ""
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Handshake:
    """What is known of a connection when it opens.

    Attributes:
        headers: by lower-case name; of a repeated header, the last. Those of the handshake itself are left out.
        query: the query parameters that the library does not use itself.
        client: address of the peer, or "".
        token: the bearer token of `Authorization`, or of an `authenticate` message.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    client: str = ""
    token: str | None = None

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies, empty if the header cannot be read."""
        try:
            return {name: morsel.value for name, morsel in SimpleCookie(self.headers.get("cookie", "")).items()}
        except CookieError:
            return {}


Action = Literal["subscribe", "call"]

Authenticate = Callable[[Handshake], Awaitable[Principal | None] | Principal | None]
"""Tells who connects, or None. Called with the handshake, and again with `token` set for each `authenticate`.

After None the connection may still send `authenticate`, for a few seconds; raise `Unauthenticated` where there is no
use in waiting for that, and it is refused at once, with that sentence.
"""

Authorize = Callable[[Principal, Action, str], Awaitable[bool] | bool]
"""Tells whether a principal may subscribe to a topic, or call a method. May raise `NotFound` or `Forbidden`."""


def nobody(_handshake: Handshake) -> Principal | None:
    """Authenticate no one: the default."""
    return None


_ANYONE = Principal("anonymous")


def anonymous(_handshake: Handshake) -> Principal | None:
    """Take everyone as the one principal `anonymous`, for public streams and first steps."""
    return _ANYONE


def deny_all(_principal: Principal, _action: Action, _topic: str) -> bool:
    """Allow nothing: the default."""
    return False


def allow_all(_principal: Principal, _action: Action, _topic: str) -> bool:
    """Allow every principal everything."""
    return True


class Access:
    """Asks the application who connects, and what they may do.

    Args:
        authenticate: tells who connects.
        authorize: tells what they may do.
        watch: runs both.
        wall_clock: Unix time in seconds.
    """

    def __init__(
        self, authenticate: Authenticate, authorize: Authorize, watch: HandlerWatch, wall_clock: Callable[[], float]
    ) -> None:
        self._authenticate = authenticate
        self._authorize = authorize
        self._watch = watch
        self._wall_clock = wall_clock

    async def identify(self, handshake: Handshake) -> Principal | None:
        """Ask who this is; None for nobody, and for credentials that have run out."""
        principal: Principal | None = await self._watch.run("`authenticate`", self._authenticate, handshake)
        return None if principal is None or self.has_expired(principal) else principal

    def has_expired(self, principal: Principal) -> bool:
        """Whether the credentials of a principal have run out."""
        return principal.expires_at is not None and principal.expires_at <= self._wall_clock()

    async def require(self, principal: Principal, action: Action, target: str) -> None:
        """Ask for permission.

        Raises:
            Forbidden: the application said no.
        """
        if not await self._watch.run("`authorize`", self._authorize, principal, action, target):
            raise Forbidden(target)
