"""A function that keeps the event loop is named; one that waits is not. Time passes only where a test says so."""

import asyncio
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from trunkline.bus import EventBus
from trunkline.errors import NotFound
from trunkline.events import Event, EventType
from trunkline.handler_watch import HandlerWatch, WatchOptions, describe
from trunkline.hub.access import Action, Handshake, Principal
from trunkline.hub.calls import CallContext
from trunkline.hub.manager import HubOptions
from trunkline.line import LineOptions, Trunkline
from trunkline.testing.clock import ManualClock
from trunkline.testing.memory import MemoryTransport

OPTIONS = WatchOptions(threshold=0.1, quiet=60.0)


class Poke(msgspec.Struct, frozen=True):
    key: str


POKED = EventType("watch_poked", Poke, topic="poke:{key}")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def watch(clock: ManualClock) -> HandlerWatch:
    return HandlerWatch(OPTIONS, clock)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


async def test_a_function_that_runs_too_long_is_logged_with_name_place_and_time(
    watch: HandlerWatch, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def compute() -> str:
        clock.advance(0.153)
        return "done"

    assert await watch.run("Call handler", compute) == "done"
    (message,) = told(caplog)
    line = inspect.getsourcelines(compute)[1]
    assert "Call handler" in message
    assert f"compute ({Path(__file__)}:{line})" in message
    assert "153 ms" in message
    assert "asyncio.to_thread" in message


async def test_time_that_a_coroutine_waits_is_not_its_own(
    watch: HandlerWatch, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    gate = asyncio.Event()

    async def handler() -> str:
        clock.advance(0.06)
        await gate.wait()
        clock.advance(0.06)
        return "done"

    running = asyncio.ensure_future(watch.run("Call handler", handler))
    await asyncio.sleep(0)
    clock.advance(10.0)
    gate.set()
    assert await running == "done"
    assert told(caplog) == []


@pytest.mark.parametrize("step", [0, 1, 2])
async def test_each_step_between_two_awaits_is_looked_at(
    watch: HandlerWatch, clock: ManualClock, caplog: pytest.LogCaptureFixture, step: int
) -> None:
    async def handler() -> None:
        for n in range(3):
            clock.advance(0.2 if n == step else 0.0)
            await asyncio.sleep(0)

    await watch.run("Call handler", handler)
    assert len(told(caplog)) == 1
    assert "200 ms" in told(caplog)[0]


async def test_a_step_that_raises_is_looked_at_and_its_error_goes_on(
    watch: HandlerWatch, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler() -> None:
        await asyncio.sleep(0)
        clock.advance(0.2)
        raise NotFound("Order", "7")

    with pytest.raises(NotFound):
        await watch.run("Call handler", handler)
    assert len(told(caplog)) == 1


async def test_cancellation_and_errors_of_what_it_awaits_reach_the_handler(watch: HandlerWatch) -> None:
    seen: list[str] = []
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def handler() -> str:
        failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        failing.set_exception(OSError("broken"))
        try:
            await failing
        except OSError as error:
            seen.append(str(error))
        try:
            await never
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return "never"

    running = asyncio.ensure_future(watch.run("Call handler", handler))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert seen == ["broken", "cancelled"]


async def test_a_handler_that_is_dropped_unfinished_is_closed(watch: HandlerWatch) -> None:
    closed: list[bool] = []

    async def handler() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    running = watch.run("Call handler", handler)
    running.send(None)
    running.close()
    assert closed == [True]


async def test_what_is_awaitable_and_no_coroutine_is_awaited(watch: HandlerWatch) -> None:
    def handler() -> "asyncio.Future[int]":
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.set_result(3)
        return future

    assert await watch.run("Call handler", handler) == 3


async def test_the_same_function_is_not_logged_again_for_a_while_and_then_with_its_count(
    watch: HandlerWatch, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def compute() -> None:
        clock.advance(0.2)

    def other() -> None:
        clock.advance(0.2)

    for _ in range(5):
        await watch.run("Call handler", compute)
    await watch.run("Call handler", other)
    assert len(told(caplog)) == 2
    clock.advance(60.0)
    await watch.run("Call handler", compute)
    assert "4 times more" in told(caplog)[2]


async def test_what_is_known_of_functions_is_bounded(
    watch: HandlerWatch, clock: ManualClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.handler_watch._MOST_KNOWN", 2)

    def make(name: str) -> Callable[[], None]:
        def compute() -> None:
            clock.advance(0.2)

        compute.__qualname__ = name
        return compute

    for name in ("a", "b", "c", "a"):
        await watch.run("Call handler", make(name))
    assert len(told(caplog)) == 4


def test_functions_are_described_through_what_wraps_them() -> None:
    class Service:
        async def send(self) -> None: ...

        def __call__(self) -> None: ...

    async def plain() -> None: ...

    @functools.wraps(plain)
    async def wrapped() -> None: ...

    assert describe(functools.partial(plain)).startswith(f"{plain.__qualname__} (")
    assert describe(wrapped) == describe(plain)
    assert "Service.send (" in describe(Service().send)
    assert "Service (" in describe(Service())
    assert describe(print) == "print"


# Every place where a line runs the application's functions


class Application:
    """Functions of an application, one of which keeps the loop when its turn comes."""

    def __init__(self, clock: ManualClock, slow: str) -> None:
        self._clock = clock
        self._slow = slow

    def _work(self, name: str) -> None:
        if name == self._slow:
            self._clock.advance(0.2)

    async def authenticate(self, _handshake: Handshake) -> Principal | None:
        await asyncio.sleep(0)
        self._work("authenticate")
        return Principal("ann")

    def authorize(self, _principal: Principal, _action: Action, _topic: str) -> bool:
        self._work("authorize")
        return True

    async def provide(self, _principal: Principal, key: str) -> object:
        self._work("provide")
        return key

    async def answer(self, _context: CallContext, _params: dict[str, object]) -> object:
        self._work("answer")
        return 1

    def hear(self, _event: Event[Poke]) -> None:
        self._work("hear")


@pytest.fixture
async def slow_line(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[Trunkline]:
    application = Application(clock, request.param)
    options = LineOptions(hub=HubOptions(watch=OPTIONS, clock=clock, wall_clock=clock))
    line = Trunkline(
        authenticate=application.authenticate, authorize=application.authorize, bus=EventBus(), options=options
    )
    line.snapshot("poke:{key}")(application.provide)
    line.call("answer")(application.answer)
    line.bus.subscribe(POKED, application.hear)
    async with line:
        yield line


@pytest.mark.parametrize(
    ("slow_line", "words"),
    [
        ("authenticate", "`authenticate` Application.authenticate"),
        ("authorize", "`authorize` Application.authorize"),
        ("provide", "Snapshot provider Application.provide"),
        ("answer", "Call handler Application.answer"),
        ("hear", "Subscriber of the bus Application.hear"),
        ("nothing", ""),
    ],
    indirect=["slow_line"],
)
async def test_a_line_names_what_keeps_its_loop(
    slow_line: Trunkline, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    principal = await slow_line.hub.authenticate(Handshake())
    assert principal is not None
    client = MemoryTransport.connect(slow_line.hub, principal)
    await client.subscribe("poke:1")
    client.send({"type": "call", "method": "answer", "message_id": "c"})
    assert (await client.next())["type"] == "reply"
    await slow_line.publish(POKED, Poke("1"))
    assert (await client.next())["type"] == "watch_poked"
    assert [words in message for message in told(caplog)] == ([True] if words else [])
