"""A server that is told to end lets its answers be finished, unless it is told twice."""

import asyncio
import signal
import socket
import sys
import time

import httpx2
import pytest

from benchmarks.rest_client import RestClient
from benchmarks.rolling_restart import Plan, run
from tests.e2e.conftest import StartServer
from trunkline import ReceivedEvent, StateChanged, TopicOpened, connect

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_at_once_and_keeps_the_text(start_server: StartServer, number: int) -> None:
    server = start_server()
    async with (
        RestClient(server) as rest,
        connect(server.url, token=server.token) as line,
    ):
        _, thread_id = await rest.start_thread({"name": "Echo"})
        updates = line.subscribe(f"thread:{thread_id}")
        question = {"thread_id": thread_id, "content": "word " * 2000, "run": True}
        run_id = (await line.call("thread.send", question)).result["run_id"]
        seen = ""
        async for update in updates:
            if isinstance(update, ReceivedEvent) and update.type == "stream_chunk":
                seen = update.data["text"]
                break
        server.process.send_signal(number)
        async with httpx2.AsyncClient(base_url=server.url, headers=server.headers) as client:
            while (await client.get("/readyz")).status_code == 200:
                pass
            assert (await client.get(f"/api/runs/{run_id}")).json()["status"] == "running"
        began = time.monotonic()
        assert await asyncio.to_thread(server.stop, number) == (0 if number == signal.SIGTERM else 130)
        assert time.monotonic() - began < 5.0
    assert "Traceback" not in server.log.read_text()

    again = start_server()
    async with RestClient(again) as rest:
        assert (await rest.get(f"/api/runs/{run_id}"))["status"] == "failed"
        messages = (await rest.get(f"/api/threads/{thread_id}/messages"))["items"]
        assert messages[-1]["role"] == "assistant"
        assert messages[-1]["content"].startswith(seen)


async def test_every_client_is_back_after_a_restart_and_has_missed_nothing() -> None:
    outcome = await run(Plan(clients=500, restarts=1))
    assert outcome.violations == []
    assert outcome.back == [500]


async def test_a_line_under_plain_uvicorn_drains_before_the_server_closes_its_sockets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.e2e.draining_app", str(port))
    ended: asyncio.Queue[StateChanged] = asyncio.Queue()
    opened = asyncio.Event()
    try:
        async with connect(f"http://127.0.0.1:{port}") as line:
            line.client.on_disconnect = ended.put_nowait
            line.client.on_message = lambda notice: opened.set() if isinstance(notice, TopicOpened) else None
            updates = line.subscribe("work:1")
            await opened.wait()
            process.send_signal(signal.SIGTERM)
            steps = [update.data["n"] for _ in range(3) if isinstance(update := await anext(updates), ReceivedEvent)]
            assert steps == [0, 1, 2]
            change = await ended.get()
            assert change.code == 4002
        assert await process.wait() == -signal.SIGTERM
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
