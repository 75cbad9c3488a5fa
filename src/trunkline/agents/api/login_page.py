"""The page that asks who is there, and the way back to where one wanted to go."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from trunkline.agents.api.html import Safe, html, page
from trunkline.agents.login import LINK_LIFETIME

_HOW = "open the link that <code>trunkline serve</code> printed when it started, or give the access token"
_WHERE = "It stands in the file <code>token</code> of the server's data directory."
_FIRST: Final = Safe(f"<p>You are not logged in. Please {_HOW}:</p>")
_WRONG: Final = Safe("<p role=alert>That is not the access token.</p>")
_USED: Final = (
    "<p role=alert>This link does not let you in: a link works once, and for {minutes} minutes. Start "
    "<code>trunkline serve</code> again for a new one, or give the access token:</p>"
)
_FORM: Final = (
    '<form method="post" action="/login"><label for="token">Access token</label>'
    '<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>'
    f"<small>{_WHERE}</small>"
    '<input name="next" type="hidden" value="{wanted}"><button>Log in</button></form>'
)
_OWN_ADDRESS: Final = re.compile(r"/(?!/)[!-\[\]-~]{0,2000}")


def ask_who(wanted: str, status: int = 401) -> Response:
    """The login page of somebody who wanted to go to an address here."""
    return _login_page(_FIRST, wanted, status)


def refuse_token(wanted: str) -> Response:
    """The login page after a wrong token."""
    return _login_page(_WRONG, wanted, 403)


def refuse_link() -> Response:
    """The login page after a link that was used or is too old."""
    return _login_page(html(_USED, minutes=f"{LINK_LIFETIME / 60:g}"), "/", 403)


def wanted_address(request: Request) -> str:
    """The path and the query of a request, as they were written."""
    path = request.scope.get("raw_path", b"").decode("latin-1") or request.url.path
    return own_address(f"{path}?{request.url.query}" if request.url.query else path)


def own_address(wanted: str) -> str:
    """An address of this server, as a path; what could lead to another one becomes "/"."""
    return wanted if _OWN_ADDRESS.fullmatch(wanted) else "/"


def _login_page(reason: Safe, wanted: str, status: int) -> Response:
    return page("Log in", html("{reason}{form}", reason=reason, form=html(_FORM, wanted=own_address(wanted))), status)
