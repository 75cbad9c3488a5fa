"""Who asks, and leaving."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from tests.agents.serving import Application, application
from trunkline.agents.login import SESSION_LIFETIME


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Application]:
    async with application(tmp_path) as api:
        yield api


async def log_in(api: Application) -> httpx2.AsyncClient:
    await api.stranger.get("/login", params={"once": api.platform.access.make_link()})
    return api.stranger


async def test_a_stranger_is_told_to_log_in(api: Application) -> None:
    answer = await api.stranger.get("/api/session")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_holder_of_the_token_has_no_end(api: Application) -> None:
    answer = await api.client.get("/api/session")
    assert answer.json() == {"principal": "local", "expires_at": None, "no_auth": False}
    assert answer.headers["cache-control"] == "no-store"


async def test_a_browser_s_session_tells_its_end(api: Application) -> None:
    browser = await log_in(api)
    session = (await browser.get("/api/session")).json()
    ends_in = datetime.fromisoformat(session["expires_at"]) - datetime.now(UTC)
    assert abs(ends_in - timedelta(seconds=SESSION_LIFETIME)) < timedelta(minutes=1)
    assert session["expires_at"].endswith("Z")


async def test_without_accounts_everyone_is_told_so(tmp_path: Path) -> None:
    async with application(tmp_path, no_auth=True) as api:
        session = (await api.stranger.get("/api/session")).json()
    assert session == {"principal": "local", "expires_at": None, "no_auth": True}


async def test_logging_out_forgets_the_session_and_can_be_repeated(api: Application) -> None:
    browser = await log_in(api)
    for _ in range(2):
        assert (await browser.post("/logout")).status_code == 204
        assert not browser.cookies
    assert (await browser.get("/api/session")).status_code == 401


async def test_another_page_cannot_log_anyone_out(api: Application) -> None:
    browser = await log_in(api)
    answer = await browser.post("/logout", headers={"Origin": "http://evil.example"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert (await browser.get("/api/session")).status_code == 200
