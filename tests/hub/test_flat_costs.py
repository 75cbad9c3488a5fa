"""What an operation costs does not depend on how much else there is: counted in calls of functions, never in time."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable

from benchmarks.flat_costs import Crowd
from trunkline.hub.access import Principal

Operation = Callable[[], Awaitable[object]]


async def count_calls(operation: Operation) -> int:
    """Functions called while an operation runs, of Python and of C; the least of some tries, for timers come due."""
    counts = []
    for _ in range(20):
        calls = 0

        def count(_frame: object, event: str, _arg: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        gc.disable()
        sys.setprofile(count)
        try:
            await operation()
        finally:
            sys.setprofile(None)
            gc.enable()
        counts.append(calls)
    return min(counts)


async def fill(crowd: Crowd, *, topics: int, connections: int, feeds: int) -> None:
    for key in range(topics):
        await crowd.publish(key)
    for number in range(connections):
        await crowd.subscribe(crowd.connect(), f"thing:{1_000 + number}", f"thing:{number % 100}")
    for number in range(feeds):
        await crowd.subscribe(crowd.connect(Principal("one", scope=f"tenant-{number}")), "thing:*")


async def costs(*, topics: int = 10, connections: int = 10, feeds: int = 10) -> dict[str, int]:
    """Calls of each operation beside so many of everything."""
    crowd = Crowd()
    async with crowd.line:
        await crowd.subscribe(crowd.connect(Principal("two", scope="mine")), "thing:777777")
        await crowd.subscribe(crowd.connect(Principal("two", scope="mine")), "thing:*")
        await fill(crowd, topics=topics, connections=connections, feeds=feeds)
        comer = crowd.connect()

        async def come_and_go() -> None:
            one = crowd.connect()
            await crowd.subscribe(one, "thing:777777", "thing:*")
            crowd.line.hub.disconnect(one, 1001)

        async def resubscribe() -> None:
            await crowd.subscribe(comer, "thing:777777", "thing:888888")

        return {
            "publish": await count_calls(lambda: crowd.publish(777_777, "mine")),
            "subscribe": await count_calls(resubscribe),
            "connect, subscribe, disconnect": await count_calls(come_and_go),
        }


def test_no_operation_calls_more_beside_a_hundred_times_as_much() -> None:
    few = asyncio.run(costs())
    assert all(calls > 10 for calls in few.values())
    for much in ({"topics": 1_000}, {"connections": 1_000}, {"feeds": 1_000}):
        many = asyncio.run(costs(**much))
        # A turn of the event loop more or less is a handful of calls; one for each of the others would be a thousand.
        assert all(many[name] <= few[name] + 20 for name in few), (much, few, many)


def test_a_publish_costs_its_subscribers_and_nobody_else() -> None:
    async def publish_to(subscribers: int) -> int:
        crowd = Crowd()
        async with crowd.line:
            for _ in range(subscribers):
                await crowd.subscribe(crowd.connect(), "thing:1")
            return await count_calls(lambda: crowd.publish(1))

    one, eleven, twenty_one = (asyncio.run(publish_to(count)) for count in (1, 11, 21))
    assert eleven - one == twenty_one - eleven
    assert (eleven - one) / 10 <= 3  # the write itself, and what little is around it
