"""An event loop that takes one step when it is told to, so that a test decides what happens between any two."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class SteppedLoop(asyncio.AbstractEventLoop):
    """Tasks and futures in the order in which asyncio runs them, without timers and without sockets."""

    def __init__(self) -> None:
        self._ready: deque[asyncio.Handle] = deque()
        self._failures: list[dict[str, Any]] = []
        self._looks = 0

    # What tasks and futures ask of their loop

    def get_debug(self) -> bool:
        """Say no: what debug mode watches is time."""
        return False

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback in a step to come."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback in a step to come, however long it is until then."""
        handle = asyncio.TimerHandle(delay, callback, args, self, context)
        self._ready.append(handle)
        return handle

    def time(self) -> float:
        """Say that time passes with each look, so that whoever takes a slice of it takes the smallest."""
        self._looks += 1
        return float(self._looks)

    def create_future(self) -> asyncio.Future[Any]:
        """Make a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: Context | None = None, **_more: Any
    ) -> asyncio.Task[Any]:
        """Make a task of this loop; its first step is a step to come."""
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep a failure that nobody else hears of; the next step raises it."""
        self._failures.append(context)

    # What the test tells it

    @property
    def has_work(self) -> bool:
        """Whether a step is due."""
        return bool(self._ready)

    def step(self) -> None:
        """Run the callback that is due next."""
        handle = self._ready.popleft()
        if not handle.cancelled():
            self.do(handle._run)

    def do(self, function: Callable[[Unpack[Ts]], T], *args: *Ts) -> T:
        """Call a function as the loop would, between two steps.

        Raises:
            AssertionError: something failed and nobody was there to hear of it.
        """
        asyncio._set_running_loop(self)
        try:
            result = function(*args)
        finally:
            asyncio._set_running_loop(None)
        assert not self._failures, self._failures
        return result

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that waits for nothing but the loop."""
        task = self.create_task(coroutine)
        while not task.done():
            self.step()
        result: T = task.result()
        return result

    def tasks(self) -> set[asyncio.Task[Any]]:
        """The tasks that have not ended."""
        return asyncio.all_tasks(self)

    def cancel_all(self) -> None:
        """End every task."""
        for task in self.tasks():
            task.cancel()
        while self._ready:
            self.step()
