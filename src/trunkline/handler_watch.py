"""Notices an application's function that keeps the event loop, and logs which one it was.

While a handler computes, or waits without `await`, nobody else is served. So the time between two of its awaits is
looked at, with two readings of the clock and nothing else.
"""

import functools
import inspect
import logging
import time
import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

_MOST_KNOWN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """When a handler is told of; times in seconds.

    Attributes:
        threshold: how long it may run between two awaits.
        quiet: the same function is logged again no sooner than this.
    """

    threshold: float = 0.1
    quiet: float = 60.0


class HandlerWatch:
    """Runs handlers, and logs those that keep the event loop.

    Args:
        options: times.
        clock: seconds, monotonic.
    """

    def __init__(self, options: WatchOptions | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options or WatchOptions()
        self._threshold = self._options.threshold
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}

    async def run(self, kind: str, handler: Callable[..., Any], *args: Any, **fields: Any) -> Any:
        """Call a handler, sync or async, and return what it returns.

        Args:
            kind: what it is to the line, for the log.
        """
        began = self._clock()
        try:
            result = handler(*args, **fields)
        finally:
            if (took := self._clock() - began) > self._threshold:
                self._tell(kind, handler, took)
        if inspect.iscoroutine(result):
            return await self._step(kind, handler, result)
        return await result if inspect.isawaitable(result) else result

    @types.coroutine
    def _step(
        self, kind: str, handler: Callable[..., Any], coroutine: Coroutine[Any, Any, Any]
    ) -> Generator[Any, None, Any]:
        """Drive a coroutine as `await` would (PEP 380), one look at the clock before and after each step."""
        clock = self._clock
        failure: BaseException | None = None
        while True:
            began = clock()
            try:
                waits_for = coroutine.send(None) if failure is None else coroutine.throw(failure)
            except StopIteration as end:
                return end.value
            finally:
                if (took := clock() - began) > self._threshold:
                    self._tell(kind, handler, took)
            try:
                yield waits_for
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001 - it is thrown into the coroutine, as `await` would
                failure = error
            else:
                failure = None

    def _tell(self, kind: str, handler: Callable[..., Any], took: float) -> None:
        """Log it, unless it was logged a moment ago."""
        name, now = describe(handler), self._clock()
        told_at, times = self._told.get(name, (float("-inf"), 0))
        if now - told_at < self._options.quiet:
            self._told[name] = (told_at, times + 1)
            return
        if len(self._told) >= _MOST_KNOWN:
            self._told.clear()
        self._told[name] = (now, 0)
        logger.warning(
            "%s %s kept the event loop for %.0f ms, and nobody was served meanwhile%s. "
            "Let it await what it waits for, or give its work to a thread with asyncio.to_thread",
            kind, name, took * 1000, f" (and did so {times} times more since it was last told)" if times else "",
        )  # fmt: skip


def describe(handler: Callable[..., Any]) -> str:
    """A function by its name and the place in the source where it begins; of an object that is called, its class."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    found = inspect.unwrap(handler)
    of_call = getattr(vars(type(found)).get("__call__"), "__code__", None)
    code = getattr(found, "__code__", of_call)
    name = getattr(found, "__qualname__", None) or type(found).__qualname__
    return name if code is None else f"{name} ({code.co_filename}:{code.co_firstlineno})"
