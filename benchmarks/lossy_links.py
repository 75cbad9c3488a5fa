"""Cut every client's link again and again while events are published, and count what reached the application.

The line runs under uvicorn, each client connects through a proxy of its own, and each proxy cuts its link at random,
about every `every` seconds, and refuses new connections for `down` seconds. Every client must have every event of its
topics: once, in order.

python benchmarks/lossy_links.py --seconds 180
"""

import argparse
import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import uvicorn

from trunkline import (
    EventBus,
    EventType,
    LineState,
    Notice,
    Position,
    ReceivedEvent,
    ReceivedReset,
    StateChanged,
    TopicManager,
    TopicOpened,
    Trunkline,
    WsClient,
    allow_all,
    anonymous,
)
from trunkline.hub.manager import HubOptions
from trunkline.line import LineOptions
from trunkline.testing import FaultProxy


class Tick(msgspec.Struct, frozen=True):
    """One of the events: the `n`th of its topic, published at a time of `time.monotonic`."""

    topic: int
    n: int
    at: float


TICKED = EventType("ticked", Tick, topic="tick:{topic}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much, how often, how long; times in seconds."""

    clients: int = 200
    topics: int = 10
    rate: float = 20.0
    seconds: float = 180.0
    every: float = 15.0
    down: float = 2.0
    seed: int = 1


@dataclass
class Outcome:
    """What reached the applications. `replay` is the seconds from a link's return to the last missed event."""

    published: int = 0
    expected: int = 0
    delivered: int = 0
    doubled: int = 0
    disordered: int = 0
    resets: int = 0
    cuts: int = 0
    replay: list[float] = field(default_factory=list)


class Watcher:
    """One client's application: it counts what it is handed."""

    def __init__(self, outcome: Outcome, topics: int) -> None:
        self.next = [1] * topics
        self._outcome = outcome
        self._open_again_at: float | None = None
        self._missed: dict[str, int] = {}

    def take(self, update: object) -> None:
        """Take an update of a topic."""
        if isinstance(update, ReceivedReset):
            self._outcome.resets += 1
        if not isinstance(update, ReceivedEvent):
            return
        tick = msgspec.json.decode(update.body, type=Tick)
        expected, self.next[tick.topic] = self.next[tick.topic], max(self.next[tick.topic], tick.n + 1)
        self._outcome.delivered += tick.n >= expected
        self._outcome.doubled += tick.n < expected
        self._outcome.disordered += tick.n > expected
        self._count_replay(update)

    def _count_replay(self, event: ReceivedEvent) -> None:
        left = self._missed.get(event.topic, 0)
        if not left or self._open_again_at is None:
            return
        self._missed[event.topic] = left - 1
        if not any(self._missed.values()):
            self._outcome.replay.append(time.monotonic() - self._open_again_at)

    def watch(self, notice: Notice) -> None:
        """Note when the line is back, and how much it missed."""
        if isinstance(notice, StateChanged) and notice.state is LineState.CONNECTED:
            self._open_again_at, self._missed = time.monotonic(), {}
        elif isinstance(notice, TopicOpened) and notice.recovered:
            self._missed[notice.topic] = notice.recovered


@asynccontextmanager
async def serving(line: Trunkline) -> AsyncIterator[int]:
    """Serve the line alone on a free port."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        config = uvicorn.Config(
            line, ws="websockets-sansio", ws_per_message_deflate=False, log_level="error", timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def cut_again_and_again(proxy: FaultProxy, plan: Plan, chance: random.Random, outcome: Outcome) -> None:
    """Be one bad link."""
    while True:
        await asyncio.sleep(chance.uniform(0.2, 1.8) * plan.every)
        proxy.refusing = True
        proxy.cut()
        outcome.cuts += 1
        await asyncio.sleep(plan.down)
        proxy.refusing = False


async def publish(line: Trunkline, plan: Plan, outcome: Outcome) -> None:
    """Publish at the planned rate, one topic after the other."""
    started, counts = time.monotonic(), [0] * plan.topics
    for n in range(int(plan.rate * plan.seconds)):
        await asyncio.sleep(max(0.0, started + n / plan.rate - time.monotonic()))
        topic = n % plan.topics
        counts[topic] += 1
        await line.publish(TICKED, Tick(topic, counts[topic], time.monotonic()))
        outcome.published += 1


async def run(plan: Plan) -> Outcome:
    """Run the plan and return what came of it."""
    chance, outcome = random.Random(plan.seed), Outcome()
    options = LineOptions(hub=HubOptions(max_connections_per_principal=plan.clients + 100))
    line = Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus(), options=options)
    async with serving(line) as port, AsyncExitStack() as stack:
        proxies: list[FaultProxy] = []
        for _ in range(plan.clients):
            proxies.append(await stack.enter_async_context(FaultProxy(port)))
            await stack.enter_async_context(await watching(line, proxies[-1], Watcher(outcome, plan.topics)))
        links = [asyncio.create_task(cut_again_and_again(proxy, plan, chance, outcome)) for proxy in proxies]
        await publish(line, plan, outcome)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)
        for proxy in proxies:
            proxy.refusing = False
        outcome.expected = outcome.published * plan.clients
        await settle(outcome)
    return outcome


async def watching(line: Trunkline, proxy: FaultProxy, watcher: Watcher) -> WsClient:
    """Make a client that wants every topic from its first event on."""
    client = WsClient(f"ws://127.0.0.1:{proxy.port}/")
    client.add_listener(watcher.watch)
    topics = TopicManager(client)
    for topic in range(len(watcher.next)):
        view = await line.broker.read(f"tick:{topic}")
        topics.subscribe(f"tick:{topic}", watcher.take, since=Position(view.epoch, 0))
    return client


async def settle(outcome: Outcome, patience: float = 60.0) -> None:
    """Give every client time to come back a last time."""
    deadline = time.monotonic() + patience
    while outcome.delivered < outcome.expected and time.monotonic() < deadline:
        await asyncio.sleep(0.1)


def main() -> None:
    """Run the plan of the command line and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("clients", int), ("topics", int), ("rate", float), ("seconds", float), ("every", float)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Plan(), name))
    outcome = asyncio.run(run(Plan(**vars(parser.parse_args()))))
    share = outcome.delivered / outcome.expected
    print(f"{outcome.cuts} cuts, {outcome.published} events, {outcome.delivered} of {outcome.expected} delivered")
    print(
        f"delivered {share:.2%}, doubled {outcome.doubled}, out of order {outcome.disordered}, resets {outcome.resets}"
    )
    replay = sorted(outcome.replay)
    p50, p99 = replay[len(replay) // 2], replay[int(len(replay) * 0.99)]
    print(f"{len(replay)} replays after the link was back: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")


if __name__ == "__main__":
    main()
