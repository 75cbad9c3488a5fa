"""The outbox of a server that is dead."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory


def read_outbox(data_dir: Path) -> list[tuple[int, str]]:
    """Read row numbers and event ids, oldest first, from a copy: the next server shall find what was left."""
    with TemporaryDirectory() as copy:
        for file in data_dir.glob("trunkline.db*"):
            # The index of the write-ahead log is made anew from it.
            if not file.name.endswith("-shm"):
                shutil.copy(file, copy)
        with closing(sqlite3.connect(Path(copy) / "trunkline.db")) as database:
            rows: list[tuple[int, str]] = database.execute("SELECT id, event_id FROM outbox ORDER BY id").fetchall()
            return rows
