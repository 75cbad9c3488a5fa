"""The console: its page, its files, and who gets them, as a browser asks."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.agents.serving import Application, application
from trunkline.agents.api.console import Console
from trunkline.agents.api.login_page import own_address
from trunkline.agents.login import open_token

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = b"export const line = 'one';\n" * 100
PAGE = '<meta name="csp-nonce" content="__CSP_NONCE__"><script type="module" src="/assets/main-1.js"></script>'


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Application]:
    async with application(tmp_path / "data", console=build(tmp_path / "console")) as api:
        yield api


def build(folder: Path) -> Console:
    """What the build leaves: files, compressed copies of those worth it, and the page."""
    (folder / "assets" / "fonts").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "assets" / "main-1.js").write_bytes(SCRIPT)
    (folder / "assets" / "main-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    # Nothing here unpacks it: httpx2 knows no brotli, and so shows the bytes as they came.
    (folder / "assets" / "main-1.js.br").write_bytes(b"brotli")
    (folder / "assets" / "fonts" / "sans-2.woff2").write_bytes(b"wOF2")
    return Console(folder)


async def ask(api: Application, path: str, **headers: str) -> httpx2.Response:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.client.get(path, headers={**BROWSER, **shown})


# The page


@pytest.mark.parametrize("path", ["/", "/agents", "/agents/12", "/threads/45?at=7", "/operations", "/nothing/here.txt"])
async def test_the_page_answers_at_every_address_of_the_console(api: Application, path: str) -> None:
    answer = await ask(api, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "/assets/main-1.js" in answer.text


async def test_programs_and_the_api_are_not_given_a_page(api: Application) -> None:
    for path, headers in (("/nothing", {"Accept": "*/*"}), ("/api/nothing", BROWSER), ("/assets/nothing.js", BROWSER)):
        answer = await api.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for method in ("POST", "DELETE", "OPTIONS"):
        assert (await api.client.request(method, "/agents", headers=BROWSER)).status_code == 404
    assert "Agents, their threads" in (await ask(api, "/docs")).text
    assert (await ask(api, "/healthz")).json() == {"status": "ok"}


async def test_the_nonce_of_the_page_is_that_of_its_policy_and_new_each_time(api: Application) -> None:
    nonces = set()
    for _ in range(2):
        answer = await ask(api, "/")
        (nonce,) = re.findall(r'content="([\w-]{22})"', answer.text)
        assert f"style-src 'self' 'nonce-{nonce}'" in answer.headers["content-security-policy"]
        assert "etag" not in answer.headers
        nonces.add(nonce)
    assert len(nonces) == 2


async def test_the_policy_of_the_page_lets_in_nothing_from_elsewhere(api: Application) -> None:
    answer = await ask(api, "/")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy.pop("style-src").startswith("'self' 'nonce-")
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self' ws://127.0.0.1:8765",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
    }
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


async def test_head_tells_what_get_would(api: Application) -> None:
    for path in ("/", "/threads/1", "/assets/main-1.js", "/favicon.ico"):
        head = await api.client.head(path, headers={**BROWSER, "Accept-Encoding": "identity"})
        get = await ask(api, path, Accept_Encoding="identity")
        assert (head.status_code, head.headers["content-length"]) == (200, get.headers["content-length"])


# Files


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("*", "br"),
        ("br;q=0, *;q=0", None),
        ("identity", None),
        ("", None),
        ("gzip;q=.", None),
        ("gzip;q=1.2.3, br ; q=0.25", "br"),
        ("*;q=2, gzip;q=1.000", "gzip"),
        ("gzip;q=..,,;", None),
    ],
)
async def test_files_come_in_the_best_coding_the_browser_takes(
    api: Application, accepted: str, coding: str | None
) -> None:
    answer = await ask(api, "/assets/main-1.js", Accept_Encoding=accepted)
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.content == (b"brotli" if coding == "br" else SCRIPT)


async def test_files_are_kept_for_ever_and_not_sent_twice(api: Application) -> None:
    first = await ask(api, "/assets/main-1.js", Accept_Encoding="gzip")
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = await ask(api, "/assets/main-1.js", Accept_Encoding="gzip", If_None_Match=first.headers["etag"])
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = await ask(api, "/assets/main-1.js", Accept_Encoding="br", If_None_Match=first.headers["etag"])
    assert other.status_code == 200


async def test_a_worker_may_open_the_line(api: Application) -> None:
    policy = (await ask(api, "/assets/main-1.js")).headers["content-security-policy"]
    assert "connect-src 'self' ws://127.0.0.1:8765" in policy


async def test_files_are_named_below_the_folder_and_copies_are_none_of_them(api: Application) -> None:
    assert (await ask(api, "/assets/fonts/sans-2.woff2")).headers["content-type"] == "font/woff2"
    for path in ("main-1.js.gz", "../index.html", "%2e%2e/index.html", "..%2findex.html", ""):
        answer = await api.client.get(f"/assets/{path}")
        assert answer.status_code == 404


# Who


async def test_strangers_get_the_files_and_the_login_page_instead_of_the_console(api: Application) -> None:
    assert (await api.stranger.get("/assets/main-1.js")).status_code == 200
    for path in ("/", "/threads/45", "/metrics"):
        answer = await api.stranger.get(path, headers=BROWSER)
        assert answer.status_code == (200 if path == "/" else 401)
        assert "You are not logged in." in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert "/assets/main-1.js" not in answer.text
    answer = await api.stranger.get("/api/agents", headers=BROWSER)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_logging_in_leads_back_to_where_one_wanted_to_go(api: Application, tmp_path: Path) -> None:
    page = await api.stranger.get("/threads/45", params={"at": "a&b"}, headers=BROWSER)
    (wanted,) = re.findall(r'name="next" type="hidden" value="([^"]*)"', page.text)
    assert wanted == "/threads/45?at=a%26b"
    wrong = await api.stranger.post("/login", data={"token": "wrong", "next": wanted})
    assert f'value="{wanted}"' in wrong.text
    right = await api.stranger.post("/login", data={"token": open_token(tmp_path / "data"), "next": wanted})
    assert (right.status_code, right.headers["location"]) == (303, wanted)


async def test_a_page_whose_session_ended_asks_for_a_new_one(api: Application) -> None:
    answer = await api.stranger.get("/login", params={"next": "/threads/45"})
    assert (answer.status_code, 'value="/threads/45"' in answer.text) == (401, True)
    assert "a link works once" not in answer.text
    link = {"once": api.platform.access.make_link(), "next": "/threads/45"}
    assert (await api.stranger.get("/login", params=link)).headers["location"] == "/threads/45"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "evil",
        "/a\r\nb",
        "/\t/e",
        "",
    ],
)
def test_logging_in_never_leads_elsewhere(elsewhere: str) -> None:
    assert own_address(elsewhere) == "/"


# Without a console


async def test_without_a_console_the_first_page_says_how_to_build_it(tmp_path: Path) -> None:
    async with application(tmp_path) as api:
        text = (await api.client.get("/", headers=BROWSER)).text
        assert "its web console was not built. Run <code>make console</code>" in text
        assert (await api.client.get("/threads/1", headers=BROWSER)).status_code == 404
        assert (await api.client.get("/assets/main-1.js")).status_code == 404
