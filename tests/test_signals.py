"""Signals are held back until the line has drained, and reach the server then."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from trunkline.signals import DrainSignals
from trunkline.testing.clock import until


class Server:
    """Takes signals as uvicorn does."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def handle_exit(self, number: int, _frame: object) -> None:
        self.told.append(number)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    before = {number: signal.signal(number, made.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_server_is_told_when_the_drain_is_over(server: Server, number: int) -> None:
    drained = asyncio.Event()

    async def drain() -> None:
        assert server.told == []
        await drained.wait()

    signals = DrainSignals(drain)
    signals.take()
    signal.raise_signal(number)
    await asyncio.sleep(0)
    assert server.told == []
    drained.set()
    await until(lambda: server.told == [number])
    signals.give_back()
    assert signal.getsignal(number) == server.handle_exit


async def test_a_second_signal_reaches_the_server_at_once(server: Server) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def drain() -> None:
        begun.set()
        await never.wait()

    signals = DrainSignals(drain)
    signals.take()
    signal.raise_signal(signal.SIGTERM)
    await begun.wait()
    signal.raise_signal(signal.SIGINT)
    assert server.told == [signal.SIGINT]
    signals.give_back()


async def test_a_drain_that_fails_keeps_no_server_from_ending(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    async def drain() -> None:
        raise ValueError("broken")

    signals = DrainSignals(drain)
    signals.take()
    signal.raise_signal(signal.SIGTERM)
    await until(lambda: server.told == [signal.SIGTERM])
    assert "The drain failed" in caplog.text
    signals.give_back()


async def test_outside_the_main_thread_signals_are_left_alone(server: Server) -> None:
    async def drain() -> None:
        raise AssertionError

    def take_in_thread() -> None:
        async def take() -> None:
            DrainSignals(drain).take()

        asyncio.run(take())

    await asyncio.to_thread(take_in_thread)
    assert signal.getsignal(signal.SIGTERM) == server.handle_exit
