"""Ctrl-C in a command that waits on an event loop."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from trunkline.cli.failures import Interrupted


@asynccontextmanager
async def interruptible() -> AsyncIterator[None]:
    """Let Ctrl-C cancel the block.

    The loop itself takes the signal: Python's own handler is run only when the loop wakes, and a signal that comes just
    before it goes to sleep does not wake it, so that one Ctrl-C in some hundreds would be noticed at the next event.

    Raises:
        Interrupted: the person pressed Ctrl-C.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    was_interrupted = False

    def interrupt() -> None:
        nonlocal was_interrupted
        was_interrupted = True
        if task is not None:
            task.cancel()

    with suppress(NotImplementedError):  # Windows: Python's handler has to do
        loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        yield
    except asyncio.CancelledError:
        if was_interrupted:
            raise Interrupted from None
        raise
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
