"""`trunkline serve` that notes when each event's transaction was final, and writes the notes down when it ends.

The notes are taken by the hook that every unit of work has for its commit; nothing else is other than in production.
Each line of the file that `STAMPS` names is an event's id and a time of `time.monotonic`, which on Linux is the same
for all processes.
"""

import atexit
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import _AsyncGeneratorContextManager, asynccontextmanager
from pathlib import Path

from trunkline import current_unit
from trunkline.agents.storage import Database, Unit
from trunkline.cli import main

VARIABLE = "STAMPS"

_OpenUnit = _AsyncGeneratorContextManager[Unit, None]

_stamps: list[tuple[float, list[str]]] = []


def stamping(
    unit_of_work: Callable[[Database, str], _OpenUnit],
) -> Callable[[Database, str], _OpenUnit]:
    """Wrap `Database.unit_of_work`."""

    @asynccontextmanager
    async def stamped(database: Database, scope: str) -> AsyncIterator[Unit]:
        async with unit_of_work(database, scope) as unit:
            recorded = current_unit()
            if recorded is not None:
                events = recorded.events
                unit.after_commit(lambda: _stamps.append((time.monotonic(), [event.id for event in events])))
            yield unit

    return stamped


def write_down(path: Path) -> None:
    """Write all notes to a file."""
    lines = (f"{event_id} {moment}\n" for moment, event_ids in _stamps for event_id in event_ids)
    path.write_text("".join(lines))


if __name__ == "__main__":
    Database.unit_of_work = stamping(Database.unit_of_work)  # type: ignore[assignment, method-assign]
    atexit.register(write_down, Path(os.environ[VARIABLE]))
    main()
