"""The text of one answer on its way from the model to the listeners: rolled up into chunks that join by arithmetic."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from trunkline import BrokerError

logger = logging.getLogger(__name__)

Tell = Callable[[int, str], Awaitable[object]]
"""Publishes a chunk: the number of characters before it, and its text."""

Sleep = Callable[[float], Awaitable[object]]


class Answer:
    """Collects the pieces of an answer and tells them, at most one chunk in each interval.

    A chunk never begins before the end of what `told` said at any moment, nor after it: who holds `told` and every
    chunk that came later has the text without a hole and without a double, if chunks with `at` below the length
    of what it holds are dropped.

    Args:
        tell: publishes one chunk.
        interval: seconds between chunks.
        sleep: waits that many seconds.
    """

    def __init__(self, tell: Tell, interval: float, sleep: Sleep) -> None:
        self._tell = tell
        self._interval = interval
        self._sleep = sleep
        self._told: list[str] = []
        self._waiting: list[str] = []
        self._half = ""
        self._ended = False
        self._awake = asyncio.Event()
        self._pause: asyncio.Future[object] | None = None
        self.length = 0
        self._told_length = 0

    @property
    def told(self) -> str:
        """What was told: the text up to the end of the latest chunk."""
        return "".join(self._told)

    @property
    def text(self) -> str:
        """All that the model said so far, what waits for the next chunk included."""
        return "".join((*self._told, *self._waiting))

    def add(self, piece: str) -> None:
        """Take a piece from the model. Halves of a character that come apart are joined."""
        piece, self._half = _split_half(self._half + piece)
        if piece := _whole(piece):
            self._waiting.append(piece)
            self.length += len(piece)
            self._awake.set()

    def end(self) -> None:
        """Say that no more pieces follow; `run` tells the rest, when its time has come, and returns."""
        self._ended = True
        self._awake.set()
        if self._pause is not None and not self._waiting:
            self._pause.cancel()

    async def run(self) -> None:
        """Tell chunks until the end. The first goes out at once, and each later one an interval after the one before.

        One that the broker did not take is logged and leaves a hole, which its readers see from the next one's `at`.
        """
        while True:
            await self._awake.wait()
            if not self._ended:
                self._awake.clear()
            if self._waiting:
                await self._tell_waiting()
            if self._ended and not self._waiting:
                return
            await self._wait_for_interval()

    async def _wait_for_interval(self) -> None:
        """Wait until the next chunk may go out, or until the end if there is none."""
        self._pause = asyncio.ensure_future(self._sleep(self._interval))
        try:
            await asyncio.wait([self._pause])
        finally:
            self._pause.cancel()
            self._pause = None

    async def _tell_waiting(self) -> None:
        chunk, self._waiting = "".join(self._waiting), []
        at = self._told_length
        # A snapshot taken while the chunk is on its way already covers it.
        self._told.append(chunk)
        self._told_length += len(chunk)
        try:
            await self._tell(at, chunk)
        except BrokerError as error:
            logger.warning("A chunk of %d characters could not be published: %s", len(chunk), error)


def _split_half(text: str) -> tuple[str, str]:
    """Take a high surrogate off the end: its other half may follow."""
    return (text[:-1], text[-1]) if text and "\ud800" <= text[-1] <= "\udbff" else (text, "")


def _whole(text: str) -> str:
    """Join surrogate halves, as some providers send them in JSON, and replace those that stand alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
