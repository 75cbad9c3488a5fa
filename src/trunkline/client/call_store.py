"""Where a client's unanswered calls are kept, so that they outlive its process."""

import sqlite3
from pathlib import Path
from typing import Protocol

import msgspec

from trunkline.protocol.call_queue import QueuedCall, make_call

_CREATE = """
CREATE TABLE IF NOT EXISTS calls (
    place INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, method TEXT NOT NULL, params BLOB NOT NULL
)
"""


class CallStore(Protocol):
    """Keeps calls in order. Each method returns when the change will survive the process."""

    def load(self) -> list[QueuedCall]:
        """The calls that were kept, in order."""
        ...

    def add(self, call: QueuedCall) -> None:
        """Keep a call after all others."""
        ...

    def remove(self, key: str) -> None:
        """Forget an answered call."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...


class MemoryCallStore:
    """Keeps nothing beyond the process: the default."""

    def load(self) -> list[QueuedCall]:
        """Nothing."""
        return []

    def add(self, call: QueuedCall) -> None:
        """The queue itself holds it."""

    def remove(self, key: str) -> None:
        """The queue itself forgets it."""

    def close(self) -> None:
        """Nothing to release."""


class SqliteCallStore:
    """Keeps calls in a SQLite file. One client at a time; a write takes a fraction of a millisecond.

    Args:
        path: the file; made where it is missing.

    Raises:
        sqlite3.Error: the file cannot be opened or is no database.
    """

    def __init__(self, path: Path | str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(_CREATE)

    def load(self) -> list[QueuedCall]:
        """The calls that were kept, in order."""
        rows = self._database.execute("SELECT key, method, params FROM calls ORDER BY place")
        return [make_call(key, method, msgspec.json.decode(params)) for key, method, params in rows]

    def add(self, call: QueuedCall) -> None:
        """Keep a call after all others."""
        params = msgspec.json.encode(call.params)
        self._database.execute(
            "INSERT OR IGNORE INTO calls (key, method, params) VALUES (?, ?, ?)", (call.key, call.method, params)
        )

    def remove(self, key: str) -> None:
        """Forget an answered call."""
        self._database.execute("DELETE FROM calls WHERE key = ?", (key,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()
