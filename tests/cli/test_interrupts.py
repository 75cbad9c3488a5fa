import asyncio
import os
import signal

import pytest

from trunkline.cli.failures import Interrupted
from trunkline.cli.interrupts import interruptible


async def test_ctrl_c_ends_a_wait_and_leaves_no_handler() -> None:
    with pytest.raises(Interrupted):
        async with interruptible():
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


async def test_a_cancellation_by_others_stays_one() -> None:
    async def wait() -> None:
        async with interruptible():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
