"""What a person sees in a browser: the console, or a plain page where it was not built, and logging in."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from trunkline import ENDPOINT
from trunkline.agents.api.console import HOW_TO_BUILD, Console
from trunkline.agents.api.dependencies import Platform, platform_of
from trunkline.agents.api.html import ICON, Safe, html, page
from trunkline.agents.api.login_page import ask_who, own_address, refuse_link, refuse_token
from trunkline.agents.login import SESSION_LIFETIME

router = APIRouter(include_in_schema=False)

_FOUND = ("GET", "HEAD")


@router.api_route("/", methods=list(_FOUND))
async def index(request: Request, platform: Platform) -> Response:
    """Show the console to whoever is logged in."""
    if request.state.principal is None:
        return ask_who("/", 200)
    console: Console = request.app.state.console
    return console.page(request) if console.is_built else _plain_page(request, is_open=platform.access.is_open)


def _plain_page(request: Request, *, is_open: bool) -> Response:
    """Say that the server runs, why there is no more to see, and where to go on."""
    scheme = "wss" if request.url.scheme == "https" else "ws"
    everyone = Safe("<p>Everyone who reaches this server is its user: it runs with <code>--no-auth</code>.</p>")
    body = html(
        "<p>The agents platform runs, but its web console was not built. Run <code>{how}</code> in the folder of the "
        "source code, which says why if it cannot be, and start the server again. Until then there is the command "
        "line, <code>trunkline --help</code>, and</p>{state}"
        '<p>REST: <a href="/docs">/docs</a>, and <a href="/openapi.json">/openapi.json</a> for programs.<br>'
        "WebSocket: <code>{socket}</code></p>",
        how=HOW_TO_BUILD,
        state=everyone if is_open else Safe("<p>You are logged in.</p>"),
        socket=f"{scheme}://{request.url.netloc}{ENDPOINT}",
    )
    return page("Trunkline", body)


@router.api_route("/favicon.ico", methods=list(_FOUND))
async def favicon() -> Response:
    """The icon of pages that name none."""
    return Response(ICON, headers={"Content-Type": "image/svg+xml", "Cache-Control": "public, max-age=86400"})


@router.get("/login")
async def login_by_link(
    request: Request,
    platform: Platform,
    once: Annotated[str, Query()] = "",
    wanted: Annotated[str, Query(alias="next")] = "/",
) -> Response:
    """Open a session for the holder of a one-time link. Whoever has a session already needs none."""
    if platform.access.redeem_link(once):
        return _open_session(request, wanted)
    if request.state.principal is not None:
        return RedirectResponse(own_address(wanted), 303)
    return refuse_link() if once else ask_who(wanted)


@router.post("/login")
async def login_by_token(request: Request, platform: Platform) -> Response:
    """Open a session for the holder of the token."""
    try:
        fields = parse_qs((await request.body()).decode("ascii"), max_num_fields=8)
    except ValueError:
        fields = {}
    wanted = fields.get("next", ["/"])[0]
    if platform.access.is_token(fields.get("token", [""])[0].strip()):
        return _open_session(request, wanted)
    return refuse_token(wanted)


def _open_session(request: Request, wanted: str) -> Response:
    access = platform_of(request).access
    response = RedirectResponse(own_address(wanted), 303, {"Cache-Control": "no-store"})
    response.set_cookie(
        access.cookie,
        access.open_session(),
        max_age=int(SESSION_LIFETIME),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response
