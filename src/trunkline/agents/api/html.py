"""Plain pages: no script, nothing from elsewhere, and everything that is shown is escaped."""

import base64
import hashlib
from html import escape
from typing import Final

from starlette.responses import HTMLResponse

ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#4263eb"/>'
    '<path d="M8 10h16M16 10v12" stroke="#fff" stroke-width="3.5" stroke-linecap="round" fill="none"/>'
    '<circle cx="16" cy="22.5" r="3" fill="#96f2d7"/></svg>'
)
# In a page no namespace is needed.
_LOGO: Final = ICON.replace(' xmlns="http://www.w3.org/2000/svg"', ' width="36" height="36" aria-hidden="true"')
# The console's colours and measures.
_STYLE: Final = (
    ":root{color-scheme:light dark;--body:#fbfbfd;--surface:#fff;--text:#000;--dimmed:#495057;--line:#dee2e6;"
    "--link:#4263eb}"
    "@media(prefers-color-scheme:dark){:root{--body:#161b22;--surface:#1f262f;--text:#d5dae2;--dimmed:#aab3c0;"
    "--line:#39424f;--link:#91a7ff}}"
    "body{font:16px/1.55 Inter,system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;margin:0;background:var(--body);"
    "color:var(--text)}"
    "main{max-width:52rem;margin:0 auto;padding:2rem 1rem}main:has(form){max-width:26rem;padding-top:12vh}"
    "header{display:flex;gap:.75rem;align-items:center}h1{font-size:1.6rem;font-weight:650;margin:.5rem 0}"
    "h2{margin-top:2rem}a{color:var(--link)}code,input{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}"
    "form{display:grid;gap:.5rem;padding:1.25rem;background:var(--surface);border:1px solid var(--line);"
    "border-radius:8px}label{font-weight:500}small{color:var(--dimmed)}"
    "input{padding:.6rem .75rem;border:1px solid var(--line);border-radius:8px;background:var(--body);color:inherit}"
    "button{font:inherit;font-weight:600;margin-top:.5rem;padding:.55rem 1rem;border:0;border-radius:8px;"
    "background:#4263eb;color:#fff;cursor:pointer}button:hover{background:#3b5bdb}"
    ":focus-visible{outline:2px solid #4263eb;outline-offset:2px}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}"
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
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        "<style>{style}</style></head>"
        "<body><main><header>{logo}<h1>{title}</h1></header>{body}</main></body></html>",
        title=title,
        logo=Safe(_LOGO),
        style=Safe(_STYLE),
        body=body,
    )
    return HTMLResponse(text, status, {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})
