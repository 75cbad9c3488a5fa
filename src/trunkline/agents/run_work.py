"""One run in this process: what it is doing, and giving that up."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from trunkline import Receipt
    from trunkline.agents.answer import Answer

T = TypeVar("T")


class Interrupted(Exception):
    """What the run was doing has been given up, on request."""


class Work:
    """One run in this process."""

    def __init__(self, scope: str, run_id: int) -> None:
        self.scope = scope
        self.run_id = run_id
        self.answer: Answer | None = None
        self.receipt: Receipt | None = None
        self.reason: Literal["cancelled", "stopped"] | None = None
        self.task: asyncio.Task[None] | None = None
        self.retrying = False
        self._part: asyncio.Task[Any] | None = None

    async def interruptible(self, part: Coroutine[Any, Any, T]) -> T:
        """Do a part of the work that `interrupt` ends at once.

        Raises:
            Interrupted: it was interrupted, now or before.
        """
        if self.reason is not None:
            part.close()
            raise Interrupted
        doing: asyncio.Task[T] = asyncio.get_running_loop().create_task(part)
        self._part = doing
        try:
            await asyncio.wait([doing])
        finally:
            self._part = None
            doing.cancel()
        try:
            return doing.result()
        except asyncio.CancelledError:
            raise self._interruption() from None

    def _interruption(self) -> Exception:
        return Interrupted() if self.reason else RuntimeError(f"A part of run {self.run_id} cancelled itself")

    def interrupt(self, reason: Literal["cancelled", "stopped"]) -> None:
        """Give up what is interruptible; the end of the run, once it is being written down, is not."""
        self.reason = self.reason or reason
        if self._part is not None:
            self._part.cancel()
        if reason == "stopped" and self.retrying and self.task is not None:
            self.task.cancel()
