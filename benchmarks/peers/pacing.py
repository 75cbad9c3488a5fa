"""How every server of the benchmark publishes: the same events, at the times when they are due, when it is told to.

A line on the standard input, `publish RATE SECONDS`, starts it; `{"published": N}` says that it is over. A server that
cannot keep up goes on until half as long again, and what it has published by then is what it is measured by. The end
of the input ends the server. Only the standard library is used, for some servers run in environments of their own.

An event is 128 bytes of JSON. Its stamp is the time at which it was due, not the time at which the server came to it,
so that a server which is late cannot hide that (coordinated omission).
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable

TOPIC = "bench:1"
SIZE = 128
OVERTIME = 1.5
_TICK = 0.001
_SECOND = 1_000_000_000
FILLER = "x" * (SIZE - len('{"key":"1","at":"stamp=","text":""}') - 18)


def make_stamp(due: int) -> str:
    """Write when an event is due, in nanoseconds of the monotonic clock, as the load generator reads it."""
    return f"stamp={due:018d}"


def make_event(due: int) -> dict[str, str]:
    """Make the event that is due."""
    return {"key": "1", "at": make_stamp(due), "text": FILLER}


def encode_event(due: int) -> str:
    """Make the event that is due, in JSON."""
    return json.dumps(make_event(due), separators=(",", ":"))


async def pace(rate: float, seconds: float, publish: Callable[[int], Awaitable[None]]) -> int:
    """Publish what is due, again and again; return how many events there were."""
    begin, interval = time.monotonic_ns(), _SECOND / rate
    end = begin + seconds * OVERTIME * _SECOND
    total, done = round(rate * seconds), 0
    while done < total:
        due = min(total, int((time.monotonic_ns() - begin) / interval) + 1)
        while done < due:
            if time.monotonic_ns() > end:
                return done
            await publish(begin + round(done * interval))
            done += 1
        wait = (begin + done * interval - time.monotonic_ns()) / _SECOND
        # A timer of less than a millisecond is none to some event loops, and they would spin.
        await asyncio.sleep(max(_TICK, wait) if wait > 0 else 0)
    return done


async def obey(publish: Callable[[int], Awaitable[None]]) -> None:
    """Carry out the lines of the standard input until it ends.

    What has been loaded is kept from the garbage collector first, as the documentation advises: each full collection
    would look through all modules, and nobody is served meanwhile.
    """
    gc.freeze()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        _, rate, seconds = line.split()
        done = await pace(float(rate), float(seconds), publish)
        print(json.dumps({"published": done}), flush=True)


def pace_blocking(rate: float, seconds: float, publish: Callable[[int], None]) -> int:
    """Publish what is due as `pace` does, from a process that does nothing else."""
    begin, interval = time.monotonic_ns(), _SECOND / rate
    total, done = round(rate * seconds), 0
    while done < total and time.monotonic_ns() - begin < seconds * OVERTIME * _SECOND:
        due = begin + round(done * interval)
        wait = (due - time.monotonic_ns()) / _SECOND
        if wait > 0:
            time.sleep(max(_TICK, wait))
        publish(due)
        done += 1
    return done


def obey_blocking(publish: Callable[[int], None]) -> None:
    """Carry out the lines of the standard input until it ends, in a process of its own."""
    for line in sys.stdin:
        _, rate, seconds = line.split()
        done = pace_blocking(float(rate), float(seconds), publish)
        print(json.dumps({"published": done}), flush=True)
