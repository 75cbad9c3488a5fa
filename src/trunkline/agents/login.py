"""Who may use the server: the holder of the local token, and browsers that came in through a one-time link."""

import hashlib
import hmac
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from trunkline import Handshake, Principal
from trunkline.agents.settings import BadSettings

LOCAL = Principal("local", scope="local")

TOKEN_FILE = "token"
_TOKEN_BYTES = 32
_SHORTEST_TOKEN = 32

LINK_LIFETIME = 600.0
SESSION_LIFETIME = 30 * 24 * 3600.0
_OPEN_LINKS = 32


class LocalAccess:
    """Tells who connects, by token, session cookie, or not at all where everyone is welcome.

    A session is `expiry.nonce.signature`, signed with a key made from the token: it holds across restarts, and
    deleting the token file ends all of them.

    Args:
        token: the local access token, or None to take everyone as the local principal.
        cookie: name of the session cookie. Browsers send cookies to every port of a host, so it names the port.
        clock: Unix time in seconds.
    """

    def __init__(self, token: str | None, *, cookie: str, clock: Callable[[], float] = time.time) -> None:
        self.cookie = cookie
        self._token = None if token is None else token.encode()
        self._key = hashlib.sha256(b"trunkline session\0" + (self._token or b"")).digest()
        self._clock = clock
        self._links: dict[bytes, float] = {}

    @property
    def is_open(self) -> bool:
        """Whether everyone is the local principal."""
        return self._token is None

    def authenticate(self, handshake: Handshake) -> Principal | None:
        """Tell who connects: by bearer token if there is one, else by session cookie."""
        if self._token is None:
            return LOCAL
        if handshake.token is not None:
            return LOCAL if self.is_token(handshake.token) else None
        session = handshake.cookies.get(self.cookie)
        return None if session is None else self.read_session(session)

    def is_token(self, given: str) -> bool:
        """Compare with the token, in constant time."""
        return self._token is not None and hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

    # Sessions

    def open_session(self) -> str:
        """Make the value of a session cookie, good for `SESSION_LIFETIME` seconds."""
        content = f"{int(self._clock() + SESSION_LIFETIME)}.{secrets.token_urlsafe(16)}"
        return f"{content}.{self._sign(content)}"

    def read_session(self, session: str) -> Principal | None:
        """The principal of a session, or None if it is not ours or has run out."""
        content, _, signature = session.rpartition(".")
        given = signature.encode("utf-8", "replace")
        if not content or not hmac.compare_digest(given, self._sign(content).encode()):
            return None
        expires_at = float(content.partition(".")[0])
        return Principal(LOCAL.id, LOCAL.scope, expires_at) if expires_at > self._clock() else None

    def _sign(self, content: str) -> str:
        return hmac.new(self._key, content.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    # One-time links

    def make_link(self) -> str:
        """Make the `once` of a login link: good once, for `LINK_LIFETIME` seconds. Old ones give way to many new."""
        once = secrets.token_urlsafe(_TOKEN_BYTES)
        while len(self._links) >= _OPEN_LINKS:
            del self._links[next(iter(self._links))]
        self._links[_digest(once)] = self._clock() + LINK_LIFETIME
        return once

    def redeem_link(self, once: str) -> bool:
        """Use a link up; False if it was used before, is too old, or never was one."""
        now, wanted = self._clock(), _digest(once)
        self._links = {digest: until for digest, until in self._links.items() if until > now}
        found = [digest for digest in self._links if hmac.compare_digest(digest, wanted)]
        for digest in found:
            del self._links[digest]
        return bool(found)


def _digest(once: str) -> bytes:
    return hashlib.sha256(once.encode("utf-8", "replace")).digest()


def open_token(data_dir: Path) -> str:
    """Read the access token of a data directory; make it (256 bits, mode 600) at the first start.

    Raises:
        BadSettings: the file cannot be used.
    """
    path = data_dir / TOKEN_FILE
    try:
        if not path.exists():
            _create(path, secrets.token_urlsafe(_TOKEN_BYTES))
        if os.name == "posix" and path.stat().st_mode & 0o077:
            path.chmod(0o600)
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"The access token {path} cannot be used: {error}") from error
    if len(token) < _SHORTEST_TOKEN:
        raise BadSettings(f"The access token in {path} is too short to be one; delete the file and start again")
    return token


def _create(path: Path, token: str) -> None:
    """Put a whole file at `path`, or leave the one that another process put there in the meantime."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".token-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces what is there.
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)
