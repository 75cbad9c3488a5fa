"""The web console: what the build put into the package, and how its files are served.

Everything under `/assets/` is named by a hash of its content and never changes; the page that names these files is made
anew for each request, because it carries the nonce of its content policy. The page answers at every address of the
console's own router, so whatever a browser navigates to and no route knows.
"""

import functools
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

ASSETS: Final = "/assets/"
FOLDER: Final = Path(__file__).parent.parent / "console"
HOW_TO_BUILD: Final = "make console"

_PAGE = "index.html"
_NONCE = "__CSP_NONCE__"
# Best first. The build compresses; what it left alone is served as it is.
_CODINGS: Final = {"br": ".br", "gzip": ".gz"}
# RFC 9110: a coding, and a weight of at most three decimals. What is no weight is no coding that is wanted.
_CODING: Final = re.compile(r"([\w*-]+)(?:\s*;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?", re.ASCII)
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_PERMISSIONS: Final = ", ".join(
    f"{feature}=()" for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "usb")
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the console: its bytes by content coding, "identity" always among them."""

    content_type: str
    digest: str
    bodies: Mapping[str, bytes]

    def answer(self, request: Request) -> Response:
        """The file in the best coding that the browser takes, or 304 if it has it."""
        coding = _best_coding(request.headers.get("accept-encoding", ""), self.bodies)
        etag = f'"{self.digest}-{coding}"'
        headers = {"Cache-Control": _FOR_EVER, "ETag": etag, "Vary": "Accept-Encoding"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if coding != "identity":
            headers["Content-Encoding"] = coding
        # A worker keeps to the policy of its own script, not to that of the page.
        headers |= {"Content-Security-Policy": content_policy(request), "Content-Type": self.content_type}
        return Response(self.bodies[coding], headers=headers)


class Console:
    """The files of a folder that the build made, read once.

    Attributes:
        is_built: whether there is a page to show.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        page = folder / _PAGE
        self.is_built = page.is_file()
        self._page = page.read_text("utf-8") if self.is_built else ""
        self._assets = _read_assets(folder / ASSETS.strip("/")) if self.is_built else {}

    def page(self, request: Request) -> Response:
        """The page, with a nonce of its own. It is small, and no answer equals another, so it has no ETag."""
        nonce = secrets.token_urlsafe(16)
        headers = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": content_policy(request, nonce),
            "Permissions-Policy": _PERMISSIONS,
            # Its own requests are made by fetch, which keeps `Origin`; forms elsewhere are not so lucky.
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept",
        }
        return HTMLResponse(self._page.replace(_NONCE, nonce), headers=headers)

    def answer(self, request: Request) -> Response | None:
        """What the console has for a request that no route took, or None."""
        if request.method not in ("GET", "HEAD"):
            return None
        path = request.url.path
        if path.startswith(ASSETS):
            asset = self._assets.get(path.removeprefix(ASSETS))
            return None if asset is None else asset.answer(request)
        return self.page(request) if self.is_built and is_navigation(request) else None


class ConsoleFallback:
    """The end of a router: the console's answer, or what the router would have said.

    Args:
        console: what is asked.
        otherwise: answers what the console does not, WebSockets among it.
    """

    def __init__(self, console: Console, otherwise: ASGIApp) -> None:
        self._console = console
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = self._console.answer(Request(scope)) if scope["type"] == "http" else None
        await (answer or self._otherwise)(scope, receive, send)


@functools.cache
def built_console() -> Console:
    """The console of this installation."""
    return Console()


def is_navigation(request: Request) -> bool:
    """Whether a person goes to an address that is none of the API."""
    asks_for_page = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
    return asks_for_page and not request.url.path.startswith("/api/")


def content_policy(request: Request, nonce: str | None = None) -> str:
    """What the page, or a worker, may load: its own, and style elements with the nonce."""
    scheme = "wss" if request.url.scheme == "https" else "ws"
    styles = "'self'" if nonce is None else f"'self' 'nonce-{nonce}'"
    # Not every browser takes the WebSocket of the own host for 'self'. The guard has checked the host's form.
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self' {scheme}://{request.url.netloc}; worker-src 'self'; manifest-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


def _read_assets(folder: Path) -> dict[str, Asset]:
    """Every file by its path below the folder, without the compressed copies."""
    endings = tuple(_CODINGS.values())
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(endings)]
    return {path.relative_to(folder).as_posix(): _read_asset(path) for path in files}


def _read_asset(path: Path) -> Asset:
    data = path.read_bytes()
    copies = {coding: path.with_name(path.name + ending) for coding, ending in _CODINGS.items()}
    bodies = {coding: copy.read_bytes() for coding, copy in copies.items() if copy.is_file()}
    content_type = _TYPES.get(path.suffix, "application/octet-stream")
    return Asset(content_type, hashlib.sha256(data).hexdigest()[:16], {**bodies, "identity": data})


def _best_coding(accepted: str, bodies: Mapping[str, bytes]) -> str:
    """The first of our codings that `Accept-Encoding` does not exclude; RFC 9110, 12.5.3."""
    given = (_CODING.fullmatch(part.strip()) for part in accepted.split(","))
    weights = {found[1].lower(): float(found[2] or 1) for found in given if found is not None}
    for coding in _CODINGS:
        if coding in bodies and weights.get(coding, weights.get("*", 0)) > 0:
            return coding
    return "identity"
