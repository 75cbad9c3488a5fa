"""What one delivery costs by part, from the event to the socket, with 1,000 subscribers and one event a flush.

Each part is measured by itself, in CPU time of this process: publishing an event as an application does, the loop of
the fan-out with a write that does nothing, and the write itself into 1,000 TCP connections over loopback, whose other
ends a process on the other core reads. Time in the kernel includes the way through TCP to the receiver's queue.

python -m benchmarks.where_time_goes
"""

import asyncio
import os
import resource
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.fanout import machine
from benchmarks.flat_costs import THING_CHANGED, Crowd, Thing
from benchmarks.part import Part, table

_SUBSCRIBERS, _EVENTS, _ROUNDS = 1_000, 100, 5
_FRAME = b"x" * 277


@dataclass(frozen=True)
class Spent:
    """Microseconds a delivery, in the process and in the kernel."""

    user: float
    system: float


def _spend(work: Callable[[], None], deliveries: int) -> Spent:
    """Do some work a few times; the cheapest counts, for others only add to it."""
    best = Spent(float("inf"), float("inf"))
    for _ in range(_ROUNDS):
        before = resource.getrusage(resource.RUSAGE_SELF)
        work()
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = Spent(
            (after.ru_utime - before.ru_utime) / deliveries * 1e6, (after.ru_stime - before.ru_stime) / deliveries * 1e6
        )
        best = min(best, spent, key=lambda one: one.user + one.system)
    return best


@contextmanager
def _connections(core: int) -> Iterator[list[socket.socket]]:
    """Connections whose other ends a child reads, on a core of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=_SUBSCRIBERS) as listener:
        child = os.fork()
        if child == 0:
            os.sched_setaffinity(0, {core})
            _read_all([socket.create_connection(listener.getsockname()) for _ in range(_SUBSCRIBERS)])
            os._exit(0)
        accepted = [listener.accept()[0] for _ in range(_SUBSCRIBERS)]
    for one in accepted:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield accepted
    finally:
        for one in accepted:
            one.close()
        os.waitpid(child, 0)


def _read_all(connections: list[socket.socket]) -> None:
    with selectors.DefaultSelector() as selector:
        for one in connections:
            selector.register(one, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                if not os.read(key.fd, 65_536):
                    selector.unregister(key.fileobj)


def measure_writes() -> Spent:
    """The system call, in the barest loop that Python has."""
    cores = machine.choose_cores()
    with machine.pinned(cores.server), _connections(cores.load) as connections:
        descriptors, write = [one.fileno() for one in connections], os.write

        def work() -> None:
            for _ in range(_EVENTS):
                for descriptor in descriptors:
                    write(descriptor, _FRAME)
                time.sleep(0.002)

        return _spend(work, _SUBSCRIBERS * _EVENTS)


async def _measure_line(subscribers: int) -> float:
    """Microseconds of CPU for one event through the line, with writes that do nothing."""
    crowd = Crowd()
    async with crowd.line:
        for _ in range(subscribers):
            await crowd.subscribe(crowd.connect(), "thing:1")
        best = float("inf")
        for _ in range(_ROUNDS):
            began = time.process_time()
            for _ in range(_EVENTS):
                await crowd.line.publish(THING_CHANGED, Thing(1))
                await asyncio.sleep(0)
            best = min(best, (time.process_time() - began) / _EVENTS * 1e6)
        return best


def run() -> Part:
    """Measure the parts."""
    writes = measure_writes()
    alone, all_of_them = (asyncio.run(_measure_line(count)) for count in (0, _SUBSCRIBERS))
    loop = (all_of_them - alone) / _SUBSCRIBERS
    rows = {
        "publish: typed event, id, encoding, bus, broker, log, hub": Spent(alone / _SUBSCRIBERS, 0.0),
        "fan-out: a turn of the loop for each subscriber": Spent(loop, 0.0),
        "`os.write`: TCP and the way to the receiver": writes,
    }
    whole = Spent(sum(one.user for one in rows.values()), sum(one.system for one in rows.values()))
    total = whole.user + whole.system
    cells = (
        [name, f"{one.user:.3f} µs", f"{one.system:.2f} µs", f"{(one.user + one.system) / total:.1%}"]
        for name, one in {**rows, "together": whole}.items()
    )
    floor = (writes.user + writes.system) / total
    text = (
        f"### Where the time of a delivery goes: {_SUBSCRIBERS:,} subscribers, one event a flush\n\n"
        f"{table(('', 'user', 'system', 'of all'), cells)}\n"
        f"The system call alone, the floor without fewer writes, is {floor:.0%} of it.\n"
    )
    figures = {name: {"user": one.user, "system": one.system} for name, one in rows.items()}
    return Part(name="where_time_goes", markdown=text, ratios={"system call over a delivery": floor}, figures=figures)


if __name__ == "__main__":
    print(run().markdown)
