"""A line under uvicorn that says, when asked, what it still holds: the other end of `benchmarks/soak.py`.

It listens on some loopback addresses, prints its port, answers each line on its standard input with its counts as
JSON, and ends when that input does. Nothing of its own takes part in the counting: no task, no connection.
"""

import asyncio
import ctypes
import gc
import json
import os
import socket
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import uvicorn

from trunkline import (
    CallContext,
    EventBus,
    EventType,
    HubOptions,
    LineOptions,
    LogLimits,
    MemoryBroker,
    Trunkline,
    allow_all,
    anonymous,
)
from trunkline.hub.admission import AdmissionOptions

ADDRESSES = [f"127.0.0.{number}" for number in range(1, 17)]
"""Many, because a closed connection keeps its pair of ports to itself for a minute."""

IDLE_AFTER = 1.0
"""Seconds after which the broker forgets a topic that nobody uses."""

_REMEMBERED_IDS = 1_000
_COUNTED = (
    "Connection", "ServerSession", "AsgiTransport", "FastTransport", "WebSocketsSansIOProtocol", "DetachingProtocol",
    "TimerHandle",
)  # fmt: skip
"""Names of classes whose objects are counted. uvloop and asyncio name their timers alike."""


class Mark(msgspec.Struct, frozen=True):
    """The one event of a cycle."""

    n: int


MARKED = EventType("marked", Mark, topic="soak:{n}")


def _trim() -> None:
    """Have the C library give back what it holds of freed memory, where it can (glibc's `malloc_trim`)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def make_line() -> Trunkline:
    """Make a line that takes everyone, as many and as often as they come, and forgets soon."""
    admission = AdmissionOptions(rate=100_000, burst=100_000, max_lag=60.0)
    options = LineOptions(hub=HubOptions(max_connections_per_principal=10_000, admission=admission))
    broker = MemoryBroker(limits=LogLimits(age=IDLE_AFTER), idle_after=IDLE_AFTER, remembered_ids=_REMEMBERED_IDS)
    line = Trunkline(authenticate=anonymous, authorize=allow_all, broker=broker, bus=EventBus(), options=options)

    @line.call("mark")
    async def mark(_context: CallContext, params: dict[str, Any]) -> None:
        await line.publish(MARKED, Mark(int(params["n"])))

    return line


def count(line: Trunkline, server: uvicorn.Server) -> dict[str, int]:
    """Count what is there, after all garbage is collected, and what the C library keeps for later is given back."""
    gc.collect()
    _trim()
    objects = gc.get_objects()
    # A timer that was cancelled is no timer any more, wherever the loop keeps it.
    kinds = Counter(type(one).__name__ for one in objects if not _is_cancelled_timer(one))
    broker = line.broker
    assert isinstance(broker, MemoryBroker)
    return {
        "connections": len(line.hub.connections),
        "topics": line.hub.topics,
        "logs": broker.channels,
        "log bytes": broker.size,
        "tasks": len(asyncio.all_tasks()),
        "sockets": len(server.server_state.connections),
        "server tasks": len(server.server_state.tasks),
        **{kind: kinds[kind] for kind in _COUNTED},
        "objects": len(objects),
        "traced bytes": tracemalloc.get_traced_memory()[0],
    }


def _is_cancelled_timer(one: object) -> bool:
    return type(one).__name__ == "TimerHandle" and bool(one.cancelled())  # type: ignore[attr-defined]


def answer_questions(answer: Callable[[], dict[str, int]], end: Callable[[], None]) -> None:
    """Answer each line of the standard input, and end with it."""

    def read() -> None:
        asked = os.read(sys.stdin.fileno(), 4096)
        if not asked:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            end()
        for _ in range(asked.count(b"\n")):
            print(json.dumps(answer()), flush=True)

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), read)


def listen() -> list[socket.socket]:
    """Listen on one free port of every address."""
    first = socket.create_server((ADDRESSES[0], 0), backlog=2048)
    port = first.getsockname()[1]
    return [first, *(socket.create_server((address, port), backlog=2048) for address in ADDRESSES[1:])]


async def serve(line: Trunkline, server: uvicorn.Server) -> None:
    """Serve until the standard input ends."""
    listeners = listen()
    answer_questions(lambda: count(line, server), lambda: setattr(server, "should_exit", True))
    print(json.dumps({"port": listeners[0].getsockname()[1]}), flush=True)
    await server.serve(sockets=listeners)


def main(ws: str) -> None:
    """Run on the event loop that uvicorn prefers, with a WebSocket implementation that `--ws` could name."""
    line = make_line()
    config = uvicorn.Config(line, ws=ws, ws_per_message_deflate=False, log_level="error")
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve(line, uvicorn.Server(config)))


if __name__ == "__main__":
    main(sys.argv[1])
