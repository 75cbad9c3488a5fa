"""Noticing that nobody reads stdout any more, before there is something to write."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def ended_without_reader() -> AsyncIterator[None]:
    """End the block when the reading end of the pipe behind stdout is closed, as in `trunkline tail ... | head -1`.

    Raises:
        BrokenPipeError: it was.
    """
    descriptor = _stdout_pipe()
    task = asyncio.current_task()
    if descriptor is None or task is None:
        yield
        return
    loop = asyncio.get_running_loop()
    is_gone = False

    def gone() -> None:
        nonlocal is_gone
        is_gone = True
        loop.remove_reader(descriptor)
        task.cancel()

    # Nothing can be read there: what makes it readable is the error that nobody reads the other end.
    loop.add_reader(descriptor, gone)
    try:
        yield
    except asyncio.CancelledError:
        if is_gone:
            raise BrokenPipeError from None
        raise
    finally:
        loop.remove_reader(descriptor)


def _stdout_pipe() -> int | None:
    """The descriptor of stdout if it is a pipe that the event loop can watch."""
    if sys.platform == "win32":
        return None
    try:
        descriptor = sys.stdout.fileno()
    except OSError:
        return None
    return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
