"""Signals that end a process, held back from its server until the line has drained."""

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

logger = logging.getLogger(__name__)

_ENDING = (signal.SIGTERM, signal.SIGINT)


class DrainSignals:
    """Takes SIGTERM and SIGINT before the server does, drains, and then lets the server have them.

    The handlers that were there before are called, as uvicorn's are; it is made for servers that handle signals so. A
    second signal goes to them at once. Nothing happens outside the main thread, where Python takes no signals.

    Args:
        drain: what is to be done first; it sees to its own time limit.
    """

    def __init__(self, drain: Callable[[], Awaitable[None]]) -> None:
        self._drain = drain
        self._before: dict[int, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def take(self) -> None:
        """Begin to hold the signals back. To be called on the event loop that is to drain."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._loop = asyncio.get_running_loop()
        for number in _ENDING:
            self._before[number] = signal.signal(number, self._on_signal)

    def give_back(self) -> None:
        """Hold nothing back any more."""
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, handler)
        self._before = {}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._task is not None or self._loop is None:
            self._pass_on(number, frame)
        else:
            self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        if self._task is None and self._loop is not None:
            self._task = self._loop.create_task(self._drain_first(number))

    async def _drain_first(self, number: int) -> None:
        try:
            await self._drain()
        except Exception:
            logger.exception("The drain failed; the server ends without it")
        self._pass_on(number, None)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        handler = self._before.get(number)
        if callable(handler):
            handler(number, frame)
        else:
            self.give_back()
            signal.raise_signal(number)
