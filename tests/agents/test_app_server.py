"""The application under a real uvicorn: starting, serving both endpoints, stopping, and what the log shows."""

import asyncio
import io
import json
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.agents.serving import make_settings, receive_until, serving
from trunkline.agents import server
from trunkline.agents.login import open_token
from trunkline.agents.logs import configure_logs, remove_logs
from trunkline.agents.models.echo import INTRODUCTION
from trunkline.agents.server import bind, run
from trunkline.agents.settings import BadSettings

PAGE = ["trunkline.v2.json"]
"""What a page of version 2 offers."""


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    level = logging.getLogger().level
    handler = configure_logs("debug", stream)
    yield stream
    remove_logs(handler)
    logging.getLogger().setLevel(level)


async def test_the_link_it_gives_lets_a_browser_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        assert running.ready.startswith(f"{running.url}/login?once=")
        async with httpx2.AsyncClient(follow_redirects=True) as browser:
            page = await browser.get(running.ready)
            assert (page.status_code, page.url.path) == (200, "/")
            assert (await browser.get(f"{running.url}/api/session")).json()["principal"] == "local"
            cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        async with running.connect(Authorization="", Cookie=cookies, Origin=running.url) as line:
            await line.send('{"type": "subscribe", "topics": ["agent:*"]}')
            assert json.loads(await line.recv())["type"] == "agent_list"


async def test_without_auth_it_gives_the_plain_address(tmp_path: Path) -> None:
    async with serving(tmp_path, no_auth=True) as running:
        assert running.ready == f"{running.url}/"
        async with running.connect(Authorization="") as line:
            await line.send('{"type": "subscribe", "topics": ["agent:*"]}')
            assert json.loads(await line.recv())["type"] == "agent_list"


async def test_no_secret_gets_into_the_log(tmp_path: Path, log: io.StringIO) -> None:
    async with serving(tmp_path) as running:
        once = urlsplit(running.ready).query.removeprefix("once=")
        async with httpx2.AsyncClient() as browser:
            await browser.get(running.ready)
            cookies = dict(browser.cookies)
            await browser.get(f"{running.url}/api/agents?token={running.token}")
            await browser.post(f"{running.url}/login", data={"token": running.token})
        async with running.connect(f"/api/ws/v2?token={running.token}") as line:
            await line.send(json.dumps({"type": "authenticate", "token": running.token}))
            await line.recv()
    text = log.getvalue()
    assert "GET /login 303" in text
    assert "POST /login 303" in text
    assert once not in text
    assert running.token not in text
    assert not any(value in text for value in cookies.values())
    assert all(json.loads(line) for line in text.splitlines())


async def test_a_handshake_that_never_ends_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_TICKS_A_LOOK", 1)
    async with serving(tmp_path) as running, running.connect() as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(running.url).port)
        writer.write(b"GET /api/ws/v2 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n")
        assert await asyncio.wait_for(reader.read(), 5.0) == b""
        writer.close()
        await line.send('{"type": "subscribe", "topics": ["agent:*"]}')
        assert json.loads(await line.recv())["type"] == "agent_list"


async def test_stopping_says_goodbye_to_every_socket(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, running.connect() as line, running.connect("/api/ws") as old:
        await line.send('{"type": "subscribe", "topics": ["agent:*"]}')
        await line.recv()
        running.server.should_exit = True
        assert json.loads(await line.recv())["type"] == "goaway"
        for socket_ in (line, old):
            with pytest.raises(ConnectionClosed) as closed:
                await socket_.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4002


async def test_what_was_made_is_there_after_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, running.http() as client:
        made = (await client.post("/api/agents", json={"name": "Ada"})).json()
    async with serving(tmp_path) as running, running.http() as client:
        assert (await client.get(f"/api/agents/{made['id']}")).json() == made


async def begin_answer(client: httpx2.AsyncClient, line: ClientConnection, question: str) -> tuple[int, int]:
    """Ask, watch the thread, and wait for the answer's first chunk; the ids of the thread and of the run."""
    agent = (await client.post("/api/agents", json={"name": "Ada"})).json()
    thread_id: int = (await client.post("/api/threads", json={"agent_id": agent["id"]})).json()["id"]
    await client.post(f"/api/threads/{thread_id}/messages", json={"content": question})
    await line.send(json.dumps({"type": "subscribe", "topics": [f"thread:{thread_id}"]}))
    run_id: int = (await client.post(f"/api/threads/{thread_id}/run")).json()["run_id"]
    await receive_until(line, "stream_chunk")
    return thread_id, run_id


async def test_an_answer_is_finished_before_a_stopping_server_closes(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, running.http() as client, running.connect() as line:
        thread_id, run_id = await begin_answer(client, line, "word " * 200)
        running.server.should_exit = True
        assert (await receive_until(line, "goaway"))[-1]["retry_after_ms"] <= 1_000
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        with pytest.raises(InvalidStatus) as refused:
            async with running.connect():
                pass
        assert refused.value.response.status_code == 503
        assert 10 <= int(refused.value.response.headers["Retry-After"]) <= 31
        late = await client.post(f"/api/threads/{thread_id}/run")
        assert late.status_code >= 400
        told = await receive_until(line, "run_finished")
        assert told[-1]["data"]["status"] == "done"
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await line.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4002
    async with serving(tmp_path) as running, running.http() as client:
        assert (await client.get(f"/api/runs/{run_id}")).json()["status"] == "done"


async def test_an_answer_that_was_cut_by_a_stop_is_kept_as_far_as_it_got(tmp_path: Path) -> None:
    async with serving(tmp_path, drain_seconds=0.5) as running, running.http() as client, running.connect() as line:
        thread_id, run_id = await begin_answer(client, line, "word " * 2000)
        running.server.should_exit = True
        told = await receive_until(line, "run_finished")
        assert "goaway" in [frame["type"] for frame in told]
    async with serving(tmp_path) as running, running.http() as client:
        ended = (await client.get(f"/api/runs/{run_id}")).json()
        assert ended["status"] == "failed"
        messages = (await client.get(f"/api/threads/{thread_id}/messages")).json()["items"]
        assert messages[-1]["role"] == "assistant"
        assert f"{INTRODUCTION}{'word ' * 2000}".startswith(messages[-1]["content"])


# Who may open a WebSocket


@pytest.mark.parametrize("path", ["/api/ws/v2", "/api/ws"])
async def test_pages_of_other_origins_may_not_connect(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as running:
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}):
            with pytest.raises(InvalidStatus) as refused:
                async with running.connect(path, **headers):
                    pass
            assert refused.value.response.status_code == 403
        async with running.connect(path, Origin=running.url):
            pass


async def test_a_page_is_told_at_once_that_it_has_no_session_or_may_not_connect(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        forged = f"trunkline_{running.settings.port}=1.2.3"
        for headers, code in (
            ({"Origin": running.url}, 4500),
            ({"Origin": running.url, "Cookie": forged}, 4500),
            ({"Origin": "http://evil.example"}, 4501),
        ):
            async with running.connect(Authorization="", subprotocols=PAGE, **headers) as line:
                with pytest.raises(ConnectionClosed) as closed:
                    await line.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == code


@pytest.mark.parametrize("path", ["/api/ws/v2", "/api/ws"])
async def test_a_rebound_name_may_not_connect(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.settings.port)
        lines = [
            *(f"GET {path} HTTP/1.1", "Host: evil.example", f"Authorization: Bearer {running.token}"),
            *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
            *("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""),
        ]
        writer.write("\r\n".join(lines).encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 403")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(("path", "of_page"), [("/api/ws/v2", False), ("/api/ws", False), ("/api/ws", True)])
async def test_a_token_may_come_as_the_first_message(tmp_path: Path, path: str, of_page: bool) -> None:
    async with (
        serving(tmp_path) as running,
        running.connect(path, Authorization="", Origin=running.url if of_page else "") as line,
    ):
        await line.send(json.dumps({"type": "authenticate", "token": "wrong"}))
        assert json.loads(await line.recv())["type"] == "error"
        await line.send(json.dumps({"type": "authenticate", "token": running.token}))
        assert json.loads(await line.recv())["type"] == "authenticated"


async def test_a_message_over_the_limit_closes_with_its_own_code(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, running.connect() as line:
        await line.send(json.dumps({"type": "ping", "pad": "x" * 65_600}))
        with pytest.raises(ConnectionClosed) as closed:
            await line.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4504


# What stops it from starting


async def test_a_used_port_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        settings = make_settings(tmp_path, port=port)
        with pytest.raises(BadSettings, match=rf"Port {port} of 127\.0\.0\.1 cannot be bound: .*--port"):
            run(settings, lambda _: None)
    assert not os.listdir(tmp_path)


def test_a_host_that_is_not_ours_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"The host no\.such\.host\.invalid cannot be found"):
        bind(make_settings(tmp_path, host="no.such.host.invalid", port=0))


async def test_a_data_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(BadSettings, match=r"The data directory .* cannot be used"):
        async with serving(blocked / "data"):
            pass


async def test_a_database_of_another_kind_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="`database_url` is not usable: Only SQLite"):
        async with serving(tmp_path, database_url="mysql://localhost/x"):
            pass


async def test_two_servers_of_one_directory_take_one_token(tmp_path: Path) -> None:
    async with serving(tmp_path) as first, first.http() as client:
        assert (await client.get("/api/agents")).status_code == 200
        assert open_token(tmp_path) == first.token
