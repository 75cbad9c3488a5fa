"""What a person sees in a browser until the console comes: the state of things, and logging in."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from trunkline import ENDPOINT
from trunkline.agents.api.dependencies import Platform, platform_of
from trunkline.agents.api.html import Safe, html, page
from trunkline.agents.login import LINK_LIFETIME, SESSION_LIFETIME

router = APIRouter(include_in_schema=False)

_LOGIN_FORM = Safe(
    '<form method="post" action="/login"><label>Access token <input name="token" type="password" size="48" '
    'autocomplete="off" required></label> <button>Log in</button></form>'
)
_HOW_TO_LOG_IN = Safe(
    "<p>Open the link that <code>trunkline serve</code> printed when it started, or give the access token, which "
    "stands in the file <code>token</code> of the server's data directory:</p>"
)


@router.get("/")
async def index(request: Request, platform: Platform) -> Response:
    """Say that the server runs, who is here, and where to go on."""
    if platform.access.is_open:
        state = Safe("<p>Everyone who reaches this server is its user: it runs with <code>--no-auth</code>.</p>")
    elif request.state.principal is not None:
        state = Safe("<p>You are logged in.</p>")
    else:
        state = html("<p>You are not logged in.</p>{how}{form}", how=_HOW_TO_LOG_IN, form=_LOGIN_FORM)
    scheme = "wss" if request.url.scheme == "https" else "ws"
    body = html(
        "<p>The agents platform runs.</p>{state}"
        '<p>REST: <a href="/docs">/docs</a>, and <a href="/openapi.json">/openapi.json</a> for programs.<br>'
        "WebSocket: <code>{socket}</code></p>",
        state=state,
        socket=f"{scheme}://{request.url.netloc}{ENDPOINT}",
    )
    return page("Trunkline", body)


@router.get("/login")
async def login_by_link(request: Request, platform: Platform, once: Annotated[str, Query()] = "") -> Response:
    """Open a session for the holder of a one-time link. Whoever has a session already needs none."""
    if platform.access.redeem_link(once):
        return _open_session(request)
    if request.state.principal is not None:
        return RedirectResponse("/", 303)
    minutes = f"{LINK_LIFETIME / 60:g}"
    body = html(
        "<p>This link does not let you in: a link works once, and for {minutes} minutes. Start "
        "<code>trunkline serve</code> again for a new one, or give the access token, which stands in the file "
        "<code>token</code> of the server's data directory:</p>{form}",
        minutes=minutes,
        form=_LOGIN_FORM,
    )
    return page("Log in", body, 403)


@router.post("/login")
async def login_by_token(request: Request, platform: Platform) -> Response:
    """Open a session for the holder of the token."""
    try:
        fields = parse_qs((await request.body()).decode("ascii"), max_num_fields=8)
    except ValueError:
        fields = {}
    if platform.access.is_token(fields.get("token", [""])[0].strip()):
        return _open_session(request)
    return page("Log in", html("<p>That is not the access token.</p>{form}", form=_LOGIN_FORM), 403)


def _open_session(request: Request) -> Response:
    access = platform_of(request).access
    response = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
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
