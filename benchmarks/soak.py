"""Connect, subscribe, publish and disconnect again and again, and see that the server keeps nothing of it.

The line runs under uvicorn in a process of its own (`benchmarks/soak_server.py`). Each client subscribes to a topic of
its own and to the feed, has an event published by a call, waits for it, and leaves: by a close frame, by closing its
socket without one, or by a reset. Now and then the clients pause, until the broker has forgotten their topics, and the
server counts what it holds: it must be what it held before the first of them, and its resident memory what it was
after a warm-up.

python -m benchmarks.soak --cycles 200000
"""

import argparse
import asyncio
import base64
import itertools
import json
import os
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from benchmarks.soak_server import ADDRESSES, IDLE_AFTER

FAST = "trunkline.transports.uvicorn:DetachingProtocol"
GOAL = 0.02
_PATIENCE = 20.0 + IDLE_AFTER
_RESET = struct.pack("ii", 1, 0)
_PAGE = os.sysconf("SC_PAGE_SIZE")
_NOT_COMPARED = frozenset({"objects", "traced bytes"})
"""Shown and not compared: caches of the interpreter and of libraries are objects too. Bytes are traced where
`PYTHONTRACEMALLOC=1` says so, at half the speed."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much.

    Attributes:
        cycles: connections in all; a row of the curve each `every`, the first `warm_up` of them before the first row.
            By then the allocator has had its arenas, of 1 MiB each, at their most: one alone is 2 % of this server.
        clients: connections at a time.
        ws: the WebSocket implementation under the line, as uvicorn's `--ws` names it.
    """

    cycles: int = 200_000
    every: int = 10_000
    warm_up: int = 50_000
    clients: int = 16
    ws: str = FAST


@dataclass(frozen=True)
class Row:
    """The server at rest after some cycles: resident bytes, and what it counted."""

    cycles: int
    seconds: float
    resident: int
    counts: dict[str, int]


@dataclass
class Outcome:
    """What came of it: the server before the first cycle, and at rest again and again from the end of the warm-up."""

    before: Row
    rows: list[Row] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """By how much the resident memory of the end is more than that after the warm-up, as a share of it."""
        return self.rows[-1].resident / self.rows[0].resident - 1

    @property
    def left(self) -> dict[str, int]:
        """What the server holds more of in the end than before the first cycle."""
        before, after = self.before.counts, self.rows[-1].counts
        return {name: after[name] - before[name] for name in after if name in more_than(before, after)}


def more_than(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Say what there is more of."""
    return [name for name in after if after[name] > before[name] and name not in _NOT_COMPARED]


class Server:
    """The server's process as the benchmark sees it."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.port = port
        self._process = process
        self._started = time.monotonic()

    async def ask(self) -> dict[str, int]:
        """Have it count."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        answer: dict[str, int] = json.loads(await self._process.stdout.readline())
        return answer

    async def look(self, cycles: int) -> Row:
        """Count, and read the resident memory."""
        counts = await self.ask()
        with open(f"/proc/{self._process.pid}/statm") as statm:  # noqa: ASYNC230 - it is no file on a disk
            resident = int(statm.read().split()[1]) * _PAGE
        return Row(cycles, time.monotonic() - self._started, resident, counts)

    async def look_before(self) -> Row:
        """Count a few times before the first cycle, and take the most of each."""
        rows = []
        for _ in range(5):
            await asyncio.sleep(0.05)
            rows.append(await self.look(0))
        counts = {name: max(row.counts[name] for row in rows) for name in rows[0].counts}
        return Row(0, rows[-1].seconds, rows[-1].resident, counts)

    async def look_at_rest(self, before: Row, cycles: int) -> Row:
        """Wait until it holds no more than before, or for as long as that may take, and count."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            row = await self.look(cycles)
            if not more_than(before.counts, row.counts) or time.monotonic() > deadline:
                return row
            await asyncio.sleep(0.1)


@asynccontextmanager
async def serving(plan: Plan) -> AsyncIterator[Server]:
    """Run the server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.soak_server", plan.ws, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        hello = json.loads(await process.stdout.readline())
        yield Server(process, hello["port"])
    finally:
        process.stdin.close()
        await process.wait()


class Client:
    """A WebSocket of one cycle: RFC 6455 with no more than the cycle needs, for the load is on one core as well."""

    def __init__(self, number: int, port: int) -> None:
        self._number = number
        self._address = ADDRESSES[number % len(ADDRESSES)], port
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._socket = socket.socket()
        self._socket.setblocking(False)

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._loop.sock_connect(self._socket, self._address)
        await self._shake_hands()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the socket."""
        self._socket.close()

    async def subscribe(self) -> None:
        """Subscribe to a topic of its own and to the feed."""
        await self._send({"type": "subscribe", "topics": [f"soak:{self._number}", "soak:*"]})
        for _ in range(2):
            await self._wait_for(b'"subscribed"')

    async def mark(self) -> None:
        """Have the event published, and receive it."""
        await self._send({"type": "call", "method": "mark", "message_id": "1", "params": {"n": self._number}})
        await self._wait_for(b'{"n":%d}' % self._number)

    async def leave(self) -> None:
        """Say goodbye, or prepare to reset the connection, or do nothing, in turn."""
        match self._number % 3:
            case 0:
                await self._send_frame(0x8, struct.pack(">H", 1000))
                while await self._receive():
                    pass
            case 1:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            case _:
                pass

    async def _shake_hands(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /api/ws/v2 HTTP/1.1\r\nHost: {self._address[0]}:{self._address[1]}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await self._loop.sock_sendall(self._socket, request.encode())
        while b"\r\n\r\n" not in self._received:
            await self._require_more()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"The handshake was refused: {head.decode()}")

    async def _send(self, message: dict[str, Any]) -> None:
        await self._send_frame(0x1, json.dumps(message).encode())

    async def _send_frame(self, opcode: int, payload: bytes) -> None:
        """Send one short frame, masked with zeros, which leave it as it is."""
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack(">BH", 0x80 | 126, len(payload))
        await self._loop.sock_sendall(self._socket, bytes([0x80 | opcode]) + size + bytes(4) + payload)

    async def _wait_for(self, part: bytes) -> None:
        """Take frames until one holds this."""
        while part not in await self._next_frame():
            pass

    async def _next_frame(self) -> bytes:
        while True:
            received = self._received
            if len(received) >= 2:
                short = received[1] < 126
                begin = 2 if short else 4
                if len(received) >= begin:
                    end = begin + (received[1] if short else int.from_bytes(received[2:4], "big"))
                    if len(received) >= end:
                        self._received = received[end:]
                        return received[begin:end]
            await self._require_more()

    async def _require_more(self) -> None:
        if not await self._receive():
            raise ConnectionError("The server closed the connection")

    async def _receive(self) -> bytes:
        received = await self._loop.sock_recv(self._socket, 65_536)
        self._received += received
        return received


async def cycle(server: Server, numbers: Iterator[int]) -> None:
    """One client after the other."""
    for number in numbers:
        async with asyncio.timeout(_PATIENCE):
            async with Client(number, server.port) as client:
                await client.subscribe()
                await client.mark()
                await client.leave()


async def run(plan: Plan, *, show: bool = False) -> Outcome:
    """Run the plan and return what the server held."""
    async with serving(plan) as server:
        outcome = Outcome(await server.look_before())
        if show:
            show_row(outcome, outcome.before)
        for begin, end in itertools.pairwise([0, *range(plan.warm_up, plan.cycles, plan.every), plan.cycles]):
            numbers = iter(range(begin, end))
            async with asyncio.TaskGroup() as clients:
                for _ in range(plan.clients):
                    clients.create_task(cycle(server, numbers))
            outcome.rows.append(await server.look_at_rest(outcome.before, end))
            if show:
                show_row(outcome, outcome.rows[-1])
    return outcome


def show_row(outcome: Outcome, row: Row) -> None:
    """Print one row of the curve."""
    against = f"{row.resident / outcome.rows[0].resident - 1:+.2%}" if outcome.rows else ""
    counts = ", ".join(f"{name} {number}" for name, number in row.counts.items() if number)
    print(f"{row.cycles:>7} {row.seconds:>6.0f} s {row.resident / 1024:>7.0f} KiB {against:>7}  {counts}", flush=True)


def main() -> int:
    """Run the plan of the command line, print the curve, and fail if the server grew or kept anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("cycles", int), ("every", int), ("warm_up", int), ("clients", int), ("ws", str)):
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=getattr(Plan(), name))
    plan = Plan(**vars(parser.parse_args()))
    outcome = asyncio.run(run(plan, show=True))
    print(f"grown by {outcome.growth:+.2%} after the warm-up (goal: at most {GOAL:.0%})")
    print(f"left over: {outcome.left or 'nothing'}")
    return 1 if outcome.left or outcome.growth > GOAL else 0


if __name__ == "__main__":
    raise SystemExit(main())
