"""Plain pages: no script, nothing from elsewhere, and everything that is shown is escaped."""

import base64
import hashlib
from html import escape
from typing import Final

from starlette.responses import HTMLResponse

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:3rem auto;padding:0 1rem;color:#1b1f24}"
    "code,input{font:14px ui-monospace,monospace}h2{margin-top:2rem}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}"
    "@media(prefers-color-scheme:dark){body{background:#15181c;color:#d7dbe0}a{color:#7ab7ff}}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


class Safe(str):
    """HTML that was made here and is not escaped again."""

    __slots__ = ()


def html(template: str, **values: object) -> Safe:
    """Fill a template; what is not `Safe` is escaped."""
    return Safe(template.format(**{k: v if isinstance(v, Safe) else escape(str(v)) for k, v in values.items()}))


def join(parts: list[Safe]) -> Safe:
    """Pieces one after the other."""
    return Safe("".join(parts))


def page(title: str, body: Safe, status: int = 200) -> HTMLResponse:
    """A whole page. It is never cached: it says who is logged in."""
    text = html(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>{title}</title><style>{style}</style></head>'
        "<body><h1>{title}</h1>{body}</body></html>",
        title=title,
        style=Safe(_STYLE),
        body=body,
    )
    return HTMLResponse(text, status, {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})
