"""Let one client stop reading for a minute, and see what that costs the server, its neighbours and the client itself.

The line runs in a process of its own and publishes at a steady rate. Neighbours read on and note how old each event is;
the slow client's application takes nothing for a while, and then goes on. What it missed is in the log, which is made
large enough for that.

python -m benchmarks.slow_reader
"""

import argparse
import asyncio
import multiprocessing
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn

from trunkline import (
    CallContext,
    ClientLine,
    EventBus,
    EventType,
    LogLimits,
    MemoryBroker,
    ReceivedEvent,
    ReceivedReset,
    TopicManager,
    Trunkline,
    Update,
    WsClient,
    allow_all,
    anonymous,
    connect,
)

_TOPIC = "tick:1"
_LOG = LogLimits(events=200_000, size=256 * 1024 * 1024, age=900.0)


class Tick(msgspec.Struct, frozen=True):
    """An event, published at a time of `time.monotonic`, which all processes of this machine share."""

    key: str
    at: float
    text: str


TICKED = EventType("slow_ticked", Tick, topic="tick:{key}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Events a second, bytes of each, readers, seconds of the pause, and seconds before and after it."""

    rate: float = 200.0
    size: int = 1_000
    neighbours: int = 20
    pause: float = 60.0
    around: float = 10.0


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        latencies: seconds from publishing to a neighbour, in each phase.
        queued: the most bytes that the server held for the slow client, socket buffers of the system left out.
        lagged: times it went over its budget.
        received: the numbers of the events it was handed.
        published: how many there were to be handed.
        resets: how often it was told that events are lost.
        caught_up: seconds from reading on to the last event that had been missed.
    """

    latencies: dict[str, list[float]] = field(default_factory=dict)
    queued: int = 0
    lagged: int = 0
    received: list[int] = field(default_factory=list)
    published: int = 0
    resets: int = 0
    caught_up: float = 0.0


# The server's process


def serve(listener: socket.socket, plan: Plan) -> None:
    """Serve the line and publish until the process is ended."""
    broker = MemoryBroker(limits=_LOG, total_size=2 * _LOG.size)
    line = Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus(), broker=broker)
    most_queued = 0

    @line.call("state")
    async def state(_context: CallContext, _params: dict[str, Any]) -> dict[str, int]:
        position = (await broker.read(_TOPIC)).seq
        return {"queued": most_queued, "lagged": line.hub.stats.lag_started, "published": position}

    async def run() -> None:
        nonlocal most_queued
        config = uvicorn.Config(line, ws="websockets-sansio", ws_per_message_deflate=False, log_level="error")
        serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[listener]))
        text, next_at = "x" * plan.size, time.monotonic()
        while not serving.done():
            next_at += 1 / plan.rate
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))
            if line.hub.connections:
                await line.publish(TICKED, Tick("1", time.monotonic(), text))
                most_queued = max(most_queued, *(c.outbox.size for c in line.hub.connections.values()))

    asyncio.run(run())


@asynccontextmanager
async def server(plan: Plan) -> AsyncIterator[str]:
    """Run the server in a process of its own; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.get_context("fork").Process(target=serve, args=(listener, plan), daemon=True)
        process.start()
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            process.kill()
            process.join()


# The clients


class Neighbour:
    """Notes how old events are when they reach it."""

    def __init__(self) -> None:
        self.latencies: list[float] = []

    def take(self, update: Update) -> None:
        """Take an update."""
        if isinstance(update, ReceivedEvent):
            self.latencies.append(time.monotonic() - msgspec.json.decode(update.body, type=Tick).at)


class Slow:
    """An application that can be made to take nothing."""

    def __init__(self, outcome: Outcome) -> None:
        self.reading = asyncio.Event()
        self.reading.set()
        self._outcome = outcome

    async def take(self, update: Update) -> None:
        """Take an update, when it is time."""
        await self.reading.wait()
        if isinstance(update, ReceivedEvent):
            self._outcome.received.append(update.seq)
        self._outcome.resets += isinstance(update, ReceivedReset)


async def measure(neighbours: list[Neighbour], seconds: float) -> list[float]:
    """Wait, and return what the neighbours noted meanwhile, sorted."""
    for neighbour in neighbours:
        neighbour.latencies.clear()
    await asyncio.sleep(seconds)
    return sorted(latency for neighbour in neighbours for latency in neighbour.latencies)


async def state_of(line: ClientLine) -> dict[str, int]:
    """What the server says of itself."""
    told: dict[str, int] = (await line.call("state")).result
    return told


async def run(plan: Plan) -> Outcome:
    """Run the plan and return what came of it."""
    outcome, neighbours = Outcome(), [Neighbour() for _ in range(plan.neighbours)]
    slow = Slow(outcome)
    async with server(plan) as url, AsyncExitStack() as stack:
        line = await stack.enter_async_context(connect(url))
        for take in (*(neighbour.take for neighbour in neighbours), slow.take):
            client = await stack.enter_async_context(WsClient(url))
            TopicManager(client).subscribe(_TOPIC, take)
        await asyncio.sleep(1.0)
        outcome.latencies["before"] = await measure(neighbours, plan.around)
        slow.reading.clear()
        outcome.latencies["during the pause"] = await measure(neighbours, plan.pause)
        slow.reading.set()
        began, missed_until = time.monotonic(), (await state_of(line))["published"]
        while outcome.received[-1] < missed_until and time.monotonic() < began + plan.pause:
            await asyncio.sleep(0.01)
        outcome.caught_up = time.monotonic() - began
        outcome.latencies["after"] = await measure(neighbours, plan.around)
        told = await state_of(line)
        outcome.queued, outcome.lagged, outcome.published = told["queued"], told["lagged"], missed_until
    return outcome


def main() -> None:
    """Run the plan of the command line and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neighbours", type=int, default=Plan().neighbours)
    for name in ("rate", "pause", "around"):
        parser.add_argument(f"--{name}", type=float, default=getattr(Plan(), name))
    plan = Plan(**vars(parser.parse_args()))
    outcome = asyncio.run(run(plan))
    first, last = outcome.received[0], outcome.received[-1]
    whole = outcome.received == list(range(first, last + 1))
    print(f"{plan.rate:g} events a second of {plan.size:,} bytes; one client takes nothing for {plan.pause:g} s")
    print(f"the most that the server held for a client: {outcome.queued:,} bytes; it lagged {outcome.lagged} times")
    print(f"caught up in {outcome.caught_up:.1f} s; whole and in order: {whole}; resets: {outcome.resets}")
    for phase, latencies in outcome.latencies.items():
        p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
        print(f"neighbours {phase}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    raise SystemExit(not whole or last < outcome.published or bool(outcome.resets))


if __name__ == "__main__":
    main()
