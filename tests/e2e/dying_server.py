"""`trunkline serve` that is killed while the events of a deletion are published: `DIES` before or after `AT_EVENT`."""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from trunkline import Event, Published, Trunkline
from trunkline.cli import main

Send = Callable[[Trunkline, Event[Any]], Awaitable[Published]]


def dying(send: Send, moment: str, number: int) -> Send:
    """Wrap `Trunkline.send`, by which the outbox relay publishes."""
    deletions = 0

    async def send_or_die(line: Trunkline, event: Event[Any]) -> Published:
        nonlocal deletions
        deletions += event.type.name.endswith("_deleted")
        if deletions == number and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        published = await send(line, event)
        if deletions == number and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return published

    return send_or_die


if __name__ == "__main__":
    wrapped = dying(Trunkline.send, os.environ["DIES"], int(os.environ["AT_EVENT"]))
    Trunkline.send = wrapped  # type: ignore[assignment, method-assign]  # what follows is the production server
    main()
