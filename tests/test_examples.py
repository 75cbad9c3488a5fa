"""The examples run as they stand, each in a process of its own."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parent.parent

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def read_until(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stdout is not None
    seen = ""
    while text not in seen:
        line = await process.stdout.readline()
        assert line, f"ended without printing {text!r}: {seen}"
        seen += line.decode()
    return seen


async def test_a_watcher_sees_every_change_of_a_price() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with running("-m", "uvicorn", "examples.prices:app", "--port", str(port)) as server:
        await read_until(server, "Uvicorn running")
        async with running("examples/watch.py", url) as watcher, httpx2.AsyncClient(base_url=url) as http:
            watching = asyncio.create_task(read_until(watcher, "EUR 0.0"))
            while not watching.done():
                await http.put("/prices/EUR", params={"price": 0})
            for price in range(1, 100):
                await http.put("/prices/EUR", params={"price": price})
            seen = await read_until(watcher, "EUR 99.0")
    changes = [line for line in seen.splitlines() if line != "EUR 0.0"]
    assert changes == [f"EUR {price:.1f}" for price in range(1, 100)]


async def test_a_portfolio_shows_what_it_is_worth() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with running("-m", "uvicorn", "examples.prices:app", "--port", str(port)) as server:
        await read_until(server, "Uvicorn running")
        async with httpx2.AsyncClient(base_url=url) as http:
            await http.put("/prices/EUR", params={"price": 1.07})
            async with running("examples/portfolio.py", url, "EUR=100") as portfolio:
                assert await read_until(portfolio, "107.00") == "107.00\n"
                await http.put("/prices/EUR", params={"price": 1.08})
                assert await read_until(portfolio, "108.00") == "108.00\n"


async def test_the_test_of_the_portfolio_passes() -> None:
    async with running("-m", "pytest", "-p", "no:cacheprovider", "examples/test_portfolio.py") as tests:
        seen, _ = await tests.communicate()
    assert tests.returncode == 0, seen.decode()
    assert b" 3 passed" in seen
