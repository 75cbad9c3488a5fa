import asyncio

import pytest

from trunkline.testing import ManualClock, until


def test_a_manual_clock_goes_when_it_is_told() -> None:
    clock = ManualClock(5.0)
    assert (clock(), clock()) == (5.0, 5.0)
    clock.advance(2.5)
    assert clock() == 7.5


async def test_until_lets_others_work_and_returns_when_the_condition_holds() -> None:
    done: list[int] = []

    async def work() -> None:
        for n in range(3):
            await asyncio.sleep(0)
            done.append(n)

    task = asyncio.create_task(work())
    await until(lambda: len(done) == 3)
    await task
    await until(lambda: "anything true")


async def test_until_gives_up() -> None:
    with pytest.raises(TimeoutError):
        await until(lambda: False, within=0.01)
