"""Which server a command talks to, and with which token."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from trunkline.agents.login import TOKEN_FILE
from trunkline.agents.settings import Settings, load_settings
from trunkline.cli.failures import CommandFailed
from trunkline.cli.server_file import find_server

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True)
class Target:
    """A server.

    Attributes:
        url: `http://host:port`, without a path.
        token: the access token; never shown.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return _is_loopback(urlsplit(self.url).hostname or "")


def find_target(url: str | None, token: str | None, data_dir: Path | None) -> Target:
    """Work out the server and the token from what was given, the data directory and the settings.

    The token of the data directory goes to a server on another machine only if the directory was named.

    Raises:
        CommandFailed: the URL is none.
        BadSettings: the settings file is not usable.
    """
    if url and token:
        return Target(_clean(url), token)
    settings = load_settings(data_dir=data_dir)
    running = find_server(settings.data_dir)
    found = _clean(url) if url else running.url if running else configured_url(settings)
    target = Target(found, token)
    if token is None and (target.is_local or data_dir is not None):
        return Target(found, _read_token(settings.data_dir))
    return target


def configured_url(settings: Settings) -> str:
    """The address where a server with these settings listens, as this machine reaches it."""
    return address(settings.host, settings.port)


def address(host: str, port: int) -> str:
    """The URL of a server bound to `host`; one bound to all addresses is on this machine too."""
    try:
        bound = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if bound.is_unspecified:
        bound = ipaddress.ip_address("127.0.0.1" if bound.version == 4 else "::1")
    return f"http://[{bound}]:{port}" if bound.version == 6 else f"http://{bound}:{port}"


def _clean(url: str) -> str:
    """The scheme and the host of a URL; a path or a query of it are not the caller's business."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        scheme, host, port = _SCHEMES.get(parts.scheme), parts.hostname, _port(parts)
    except ValueError:
        scheme, host, port = None, None, ""
    if scheme is None or not host:
        raise CommandFailed(f"{url!r} is no address of a server: write it as http://127.0.0.1:8765")
    return f"{scheme}://[{host}]{port}" if ":" in host else f"{scheme}://{host}{port}"


def _port(parts: SplitResult) -> str:
    return "" if parts.port is None else f":{parts.port}"


def _read_token(data_dir: Path) -> str | None:
    try:
        return (data_dir / TOKEN_FILE).read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
