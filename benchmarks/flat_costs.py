"""What a publish, a subscription and a disconnect cost as topics, connections, tenants and patterns become many.

One process, the whole public way without sockets: typed event, `line.publish`, bus, broker, log, hub, sessions; only
the last step, the write, is counted instead of done. CPU time of this process. All sizes of a kind are there at once
and take turns, each warmed up first, so what else happens on the machine meets all of them; of the turns the lower
quartile counts.

python -m benchmarks.flat_costs --largest 1000000
"""

import argparse
import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from statistics import quantiles

import msgspec

from benchmarks.part import Goal, Part, table
from trunkline import (
    AdmissionOptions,
    EventBus,
    EventType,
    FlushOptions,
    Frame,
    Handshake,
    HubOptions,
    LineOptions,
    LogLimits,
    MemoryBroker,
    Principal,
    SessionLimits,
    TopicConnectionManager,
    Trunkline,
    allow_all,
    anonymous,
)
from trunkline.hub.connection import Connection

_BATCH, _WARMING, _TURNS = 1_000, 1_000, 15
_ONE = Principal("one")
FLAT = 1.5
"""Times the cost at a thousand that a flat cost may be at the largest number: caches of the processor do miss."""


class Thing(msgspec.Struct, frozen=True):
    """What the events carry."""

    key: int
    text: str = "x" * 80


THING_CHANGED = EventType("thing_changed", Thing, topic="thing:{key}")


class Sink:
    """A transport that takes everything at once, and counts."""

    def __init__(self, hub: TopicConnectionManager) -> None:
        self._hub = hub
        self.writes = 0
        self.connection: Connection | None = None

    def wake(self) -> None:
        """Take what is queued."""
        if self.connection is not None:
            frames: list[Frame] = self.connection.outbox.take(1 << 20)
            self.connection.outbox.wrote(sum(map(len, frames)))

    def close(self, code: int, reason: str) -> None:
        """End the connection, as a peer does that answers."""
        if self.connection is not None:
            asyncio.get_running_loop().call_soon(self._hub.disconnect, self.connection, code)

    def write_now(self, data: bytes) -> int:
        """Take finished frames."""
        self.writes += 1
        return len(data)

    def write_later(self, data: bytes) -> None:
        """Nothing is left over."""

    def give_up(self) -> None:
        """Nothing is open."""

    def taken(self) -> int:
        """It is not counted."""
        return 0


@dataclass(frozen=True)
class Costs:
    """Microseconds of CPU for one of each, beside `size` of `what`."""

    what: str
    size: int
    publish: float
    subscribe: float
    disconnect: float


class Crowd:
    """A line with many of something."""

    def __init__(self) -> None:
        # Every topic keeps its last event, as the logs of a large server do once they are trimmed.
        broker = MemoryBroker(limits=LogLimits(events=1), idle_after=1e9, total_size=1 << 40)
        hub = HubOptions(
            max_connections=1 << 30,
            max_connections_per_principal=1 << 30,
            admission=AdmissionOptions(rate=1e9, burst=1 << 30),
            flush=FlushOptions(factor=0.0),  # a publish waits for its own write, and pays for no pause
            session=SessionLimits(messages_per_second=1e9, message_burst=1 << 30, max_subscriptions=1 << 30),
        )
        options = LineOptions(hub=hub)
        self.line = Trunkline(
            authenticate=anonymous, authorize=allow_all, bus=EventBus(), broker=broker, options=options
        )
        self.published = 0

    def connect(self, principal: Principal = _ONE) -> Connection:
        """Open a connection that the fan-out may write to."""
        sink = Sink(self.line.hub)
        connection = self.line.hub.connect(sink, Handshake(), principal)
        sink.connection = connection
        connection.direct, connection.write_now = sink, sink.write_now
        return connection

    async def subscribe(self, connection: Connection, *topics: str) -> None:
        """Subscribe, and wait for the answers."""
        self.line.hub.receive(connection, msgspec.json.encode({"type": "subscribe", "topics": topics}).decode())
        while connection.tasks:
            await asyncio.sleep(0)

    async def publish(self, key: int, scope: str = "") -> None:
        """Publish an event, and wait until it was written."""
        await self.line.publish(THING_CHANGED, Thing(key), scope=scope)
        self.published += 1
        await asyncio.sleep(0)


@dataclass
class Beside:
    """A crowd to measure beside: events and subscriptions spread over its keys, and events over its tenants."""

    what: str
    size: int
    crowd: Crowd
    keys: int
    tenants: int = 0

    def __post_init__(self) -> None:
        self._at = _spread()

    async def turn(self) -> Costs:
        """Measure each operation in a batch of its own."""
        await self._publish(_WARMING)
        publish = await self._publish(_BATCH)
        await self._come_and_go(_WARMING)
        subscribe, disconnect = await self._come_and_go(_BATCH)
        return Costs(self.what, self.size, publish, subscribe, disconnect)

    async def _publish(self, count: int) -> float:
        began = time.process_time()
        for _ in range(count):
            number = self._at()
            scope = f"tenant-{number % self.tenants}" if self.tenants else ""
            await self.crowd.publish(number % self.keys, scope)
        return (time.process_time() - began) / count * 1e6

    async def _come_and_go(self, count: int) -> tuple[float, float]:
        connections = [self.crowd.connect() for _ in range(count)]
        began = time.process_time()
        for connection in connections:
            await self.crowd.subscribe(connection, f"thing:{self._at() % self.keys}", f"thing:{self._at() % self.keys}")
        middle = time.process_time()
        for connection in connections:
            self.crowd.line.hub.disconnect(connection, 1001)
        return (middle - began) / count * 1e6, (time.process_time() - middle) / count * 1e6


def _spread() -> Callable[[], int]:
    """Numbers that are spread over any range (Knuth's multiplicative hashing)."""
    state = 1

    def following() -> int:
        nonlocal state
        state += 1
        return state * 2_654_435_761 % 4_294_967_296

    return following


@asynccontextmanager
async def many_topics(size: int) -> AsyncIterator[Beside]:
    """Many topics that have a log, a thousandth of them with a subscriber besides."""
    crowd = Crowd()
    async with crowd.line:
        for key in range(size):
            await crowd.line.publish(THING_CHANGED, Thing(key))
        reader = crowd.connect()
        await crowd.subscribe(reader, *(f"thing:{key}" for key in range(0, size, 1_000)))
        yield Beside("topics", size, crowd, size)


@asynccontextmanager
async def many_connections(size: int) -> AsyncIterator[Beside]:
    """Many connections with two topics each, ten subscribers to a topic."""
    crowd = Crowd()
    async with crowd.line:
        for number in range(size):
            await crowd.subscribe(crowd.connect(), f"thing:{number // 10}", f"thing:{size + number}")
        yield Beside("connections", size, crowd, size // 10)


@asynccontextmanager
async def many_feeds(size: int) -> AsyncIterator[Beside]:
    """Many tenants, each with a feed that one connection follows."""
    crowd = Crowd()
    async with crowd.line:
        for number in range(size):
            await crowd.subscribe(crowd.connect(Principal("one", scope=f"tenant-{number}")), "thing:*")
        yield Beside("feeds", size, crowd, 1_000, tenants=size)


@asynccontextmanager
async def many_patterns(size: int) -> AsyncIterator[Beside]:
    """Many kinds of events, and providers of snapshots, in as many namespaces."""
    crowd = Crowd()
    for number in range(size):
        EventType(f"flat_{number}_of_{size}", Thing, topic=f"flat_{number}_of_{size}:{{key}}")
        crowd.line.snapshot(f"flat_{number}_of_{size}:{{key}}")(lambda _principal, key: key)
    async with crowd.line:
        yield Beside("patterns", size, crowd, 1_000)


_KINDS: tuple[tuple[Callable[[int], AbstractAsyncContextManager[Beside]], int], ...] = (
    (many_topics, 1_000_000), (many_connections, 100_000), (many_feeds, 100_000), (many_patterns, 10_000),
)  # fmt: skip


def run(largest: int) -> Part:
    """Measure everything up to a number, and tell how flat it is."""
    measured: list[Costs] = []
    for kind, most in _KINDS:
        sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= min(most, largest)]
        measured += asyncio.run(_side_by_side(kind, sizes))
    return _report(measured)


async def _side_by_side(kind: Callable[[int], AbstractAsyncContextManager[Beside]], sizes: list[int]) -> list[Costs]:
    gc.disable()  # until everything is there
    async with AsyncExitStack() as stack:
        crowds = [await stack.enter_async_context(kind(size)) for size in sizes]
        gc.enable()
        gc.collect()
        gc.freeze()  # as a server does that has loaded its data
        turns = [[await crowd.turn() for crowd in crowds] for _ in range(_TURNS)]
        gc.unfreeze()
    usual = [_lower_quartile(of_one) for of_one in zip(*turns, strict=True)]
    for costs in usual:
        print(f"  {costs.size:>9,} {costs.what}: publish {costs.publish:.1f} µs", flush=True)
    return usual


def _lower_quartile(turns: Sequence[Costs]) -> Costs:
    """Of each operation by itself; less is luck with the caches, more is what else ran."""
    publish, subscribe, disconnect = (
        quantiles((getattr(one, name) for one in turns), n=4)[0] for name in ("publish", "subscribe", "disconnect")
    )
    return replace(turns[0], publish=publish, subscribe=subscribe, disconnect=disconnect)


def _report(measured: list[Costs]) -> Part:
    ratios: dict[str, float] = {}
    goals: list[Goal] = []
    for what in dict.fromkeys(one.what for one in measured):
        rows = [one for one in measured if one.what == what]
        for name in ("publish", "subscribe", "disconnect"):
            ratios[f"{name}, {rows[-1].size:,} {what} over 1,000"] = getattr(rows[-1], name) / getattr(rows[0], name)
        ratio = rows[-1].publish / rows[0].publish
        words = f"flat from 1,000 to {rows[-1].size:,} {what} (≤ {FLAT:g} x)"
        goals.append(Goal("publish cost", words, f"{ratio:.2f} x ({rows[-1].publish:.1f} µs)", ratio <= FLAT))
    cells = (
        [f"{one.size:,} {one.what}", *(f"{value:.1f} µs" for value in (one.publish, one.subscribe, one.disconnect))]
        for one in measured
    )
    text = table(("beside", "publish to a subscriber", "subscribe to two topics", "disconnect"), cells)
    return Part(
        name="flat_costs",
        markdown=f"### Flat costs: CPU of one operation\n\n{text}",
        goals=goals,
        ratios=ratios,
        figures=[asdict(one) for one in measured],
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=1_000_000)
    part = run(parser.parse_args().largest)
    print(part.markdown)
    print("\n".join(f"{goal.goal}: {goal.measured}, {'met' if goal.met else 'missed'}" for goal in part.goals))


if __name__ == "__main__":
    main()
