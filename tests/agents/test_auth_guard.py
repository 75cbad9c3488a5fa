"""Who gets in, from where, and what a browser is told."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.agents.serving import Application, application
from trunkline.agents.api.guard import OPEN_PATHS, host_name
from trunkline.agents.api.html import Safe, html
from trunkline.agents.login import open_token

OWN = "http://127.0.0.1:8765"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Application]:
    async with application(tmp_path) as api:
        yield api


async def log_in(api: Application, browser: httpx2.AsyncClient) -> httpx2.Response:
    return await browser.get("/login", params={"once": api.platform.access.make_link()})


# Tokens


async def test_everything_but_a_short_list_needs_the_token(api: Application) -> None:
    for route in api.app.openapi()["paths"]:
        path = re.sub(r"\{\w+\}", "1", route)
        answer = await api.stranger.get(path)
        if path in OPEN_PATHS:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/nothing", "/metrics", "/api/agents", "/HEALTHZ", "/healthz/"):
        assert (await api.stranger.get(path)).status_code == 401


async def test_a_wrong_token_and_one_in_the_url_do_not_help(api: Application, tmp_path: Path) -> None:
    token = open_token(tmp_path)
    for headers in ({"Authorization": f"Bearer {token}x"}, {"Authorization": f"Basic {token}"}):
        assert (await api.stranger.get("/api/agents", headers=headers)).status_code == 401
    assert (await api.stranger.get("/api/agents", params={"token": token})).status_code == 401


async def test_a_body_is_not_even_read_for_a_stranger(api: Application) -> None:
    answer = await api.stranger.post("/api/agents", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


async def test_no_auth_lets_everyone_in(tmp_path: Path) -> None:
    async with application(tmp_path, no_auth=True) as api:
        assert (await api.stranger.get("/api/agents")).status_code == 200
        assert "--no-auth" in (await api.stranger.get("/")).text
        assert not (tmp_path / "token").exists()


# Logging in


async def test_a_one_time_link_opens_a_session(api: Application, tmp_path: Path) -> None:
    answer = await log_in(api, api.stranger)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    for part in ("trunkline_8765=", "httponly", "samesite=strict", "path=/;", "max-age=2592000"):
        assert part in cookie
    assert open_token(tmp_path) not in answer.headers["set-cookie"]
    assert (await api.stranger.get("/api/agents")).status_code == 200
    assert "You are logged in." in (await api.stranger.get("/")).text


async def test_a_used_link_says_what_to_do(api: Application) -> None:
    link = {"once": api.platform.access.make_link()}
    await api.stranger.get("/login", params=link)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(api.app), base_url=OWN) as other:
        answer = await other.get("/login", params=link)
        assert answer.status_code == 403
        assert "a link works once, and for 10 minutes" in answer.text
        assert "set-cookie" not in answer.headers
        assert (await other.get("/login")).status_code == 401
    # Whoever is logged in is not stopped by an old link.
    assert (await api.stranger.get("/login", params=link)).status_code == 303


async def test_the_token_opens_a_session_by_the_form(api: Application, tmp_path: Path) -> None:
    wrong = await api.stranger.post("/login", data={"token": "wrong"})
    assert (wrong.status_code, "That is not the access token" in wrong.text) == (403, True)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"\xff", b"a=1&" * 20, b"token"):
        assert (await api.stranger.post("/login", content=body, headers=form)).status_code == 403
    right = await api.stranger.post("/login", data={"token": open_token(tmp_path)}, headers={"Origin": OWN})
    assert right.status_code == 303
    assert (await api.stranger.get("/api/agents")).status_code == 200


async def test_the_form_of_another_page_does_not_log_in(api: Application, tmp_path: Path) -> None:
    headers = {"Origin": "http://evil.example"}
    answer = await api.stranger.post("/login", data={"token": open_token(tmp_path)}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


# Where from


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8765"])
async def test_pages_of_other_origins_may_not_write(api: Application, origin: str) -> None:
    headers = {"Origin": origin}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await api.client.request(method, "/api/agents/1", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_origin")
    answer = await api.client.get("/api/agents", headers=headers)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_own_and_allowed_origins_may_write(tmp_path: Path) -> None:
    async with application(tmp_path, allowed_origins=["https://console.example"]) as api:
        for origin in (OWN, "https://console.example"):
            answer = await api.client.post("/api/agents", json={"name": "a"}, headers={"Origin": origin})
            assert answer.status_code == 201


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[", "a@[::1]:1x"])
async def test_a_name_rebound_to_this_machine_is_refused(api: Application, host: str) -> None:
    for path in ("/api/agents", "/healthz", "/"):
        answer = await api.client.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:8765", "[::1]"])
async def test_the_names_of_this_machine_are_taken(api: Application, host: str) -> None:
    assert (await api.client.get("/api/agents", headers={"Host": host})).status_code == 200


async def test_the_host_is_free_where_others_may_come(tmp_path: Path) -> None:
    async with application(tmp_path, host="0.0.0.0") as api:
        headers = {"Host": "agents.example"}
        assert (await api.client.get("/api/agents", headers=headers)).status_code == 200
        assert (await api.stranger.get("/api/agents", headers=headers)).status_code == 401


def test_host_names_are_read_without_ports() -> None:
    assert [host_name(text) for text in ("a:1", "[::1]:2", "A", "", "[")] == ["a", "::1", "a", "", ""]


def test_what_a_page_shows_is_escaped() -> None:
    assert html("<b>{a}</b>{b}", a="<&'\"", b=Safe("<i>")) == "<b>&lt;&amp;&#x27;&quot;</b><i>"


# Pages


@pytest.mark.parametrize("path", ["/", "/login", "/docs", "/openapi.json", "/healthz", "/api/agents", "/nothing"])
async def test_every_answer_carries_the_security_headers(api: Application, path: str) -> None:
    for client in (api.client, api.stranger):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/", "/login", "/docs"])
async def test_pages_have_no_script_and_nothing_from_elsewhere(api: Application, path: str) -> None:
    answer = await api.stranger.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|<img|<link|src=|https?:", answer.text)


async def test_the_first_page_says_where_to_go(api: Application) -> None:
    assert "You are not logged in." in (await api.stranger.get("/")).text
    text = (await api.client.get("/")).text
    assert "You are logged in." in text
    assert "ws://127.0.0.1:8765/api/ws/v2" in text
    assert 'href="/docs"' in text


async def test_a_host_that_is_none_is_refused_everywhere(tmp_path: Path) -> None:
    async with application(tmp_path, host="0.0.0.0") as api:
        for host in ("a&b", "<b>", "[", ""):
            assert (await api.stranger.get("/", headers={"Host": host})).status_code == 403
