"""The load generator in C counts what a real WebSocket server sends it."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.fanout import generator
from benchmarks.fanout.generator import Clients
from benchmarks.fanout.line_process import LineProcess
from trunkline.testing.clock import until

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator is compiled, and there is no C compiler"),
]
STAMPS = ["100000000000000001", "100000000000000002", "100000000000000005"]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(generator, "BUILD", tmp_path)
    return generator.build()


class Server:
    """Answers a message with `ready`, and sends what a test says."""

    def __init__(self) -> None:
        self.clients: list[ServerConnection] = []
        self.asked: list[str] = []

    async def __call__(self, client: ServerConnection) -> None:
        self.clients.append(client)
        try:
            with contextlib.suppress(ConnectionClosed):
                async for message in client:
                    self.asked.append(str(message))
                    await client.send("ready")
        finally:
            self.clients.remove(client)

    async def send(self, *payloads: str) -> None:
        for client in self.clients:
            for payload in payloads:
                await client.send(payload)


@pytest.fixture
def started(program: Path) -> Iterator[list[LineProcess]]:
    processes: list[LineProcess] = []
    yield processes
    for process in processes:
        process.__exit__(None, None, None)


async def told(load: LineProcess, events: int) -> dict[str, int]:
    """The report, once so many events have come."""
    while True:
        report = await asyncio.to_thread(generator.report, load, 3)
        if report["events"] >= events:
            return report


async def test_it_counts_events_losses_and_doubles_and_brings_all_back(
    program: Path, started: list[LineProcess], tmp_path: Path
) -> None:
    server = Server()
    async with serve(server, "127.0.0.1", 0, compression=None) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        crowd = Clients(first=("hello %d",), ready="ready", modulus=100)
        load = await asyncio.to_thread(generator.start, program, port, 4, crowd)
        started.append(load)
        await asyncio.to_thread(generator.wait_connected, load)
        assert sorted(server.asked) == [f"hello {n}" for n in range(4)]

        await asyncio.to_thread(load.ask, "start")
        await server.send(*(f'{{"at":"stamp={stamp}"}}' for stamp in STAMPS))
        report = await told(load, 12)
        assert (report["events"], report["least"], report["most"]) == (12, 3, 3)
        assert (report["lost"], report["misordered"], report["gone"]) == (0, 0, 0)

        await asyncio.to_thread(load.ask, "start")
        await server.send(f"stamp={STAMPS[1]} stamp={STAMPS[1]}")
        report = await told(load, 8)
        assert (report["lost"], report["misordered"]) == (4, 4)

        assert await asyncio.to_thread(load.ask, "cut") == {"cut": 4}
        await until(lambda: not server.clients)
        server.asked.clear()
        groups = tmp_path / "groups"
        groups.write_text("even\x1fmore\nodd\n")
        await asyncio.to_thread(load.ask, f"return ready {groups}")
        await asyncio.to_thread(generator.wait_connected, load)
        assert sorted(server.asked) == ["even\nmore", "even\nmore", "odd", "odd"]
        await server.send(f"stamp={STAMPS[0]}", f"stamp={STAMPS[2]}")
        await server.clients[-1].send(f"stamp={STAMPS[2]}")
        await told(load, 9)
        sums = await asyncio.to_thread(load.ask, "sums")
        assert sums["unlike"] == 1  # the other one of its group
