"""Engines for SQLite: one connection that writes, a few that read.

Write-ahead logging lets readers go on while one writes, each on the state of its first read. Writers stand in line for
the one connection, which is fair and needs no polling; `BEGIN IMMEDIATE` keeps writers of other processes out as well,
so that the ids given out in a transaction are in the order of commits.
"""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

_READERS = 4


class Engines:
    """The engines of one database. Close with `close`.

    Args:
        url: `sqlite:///path`, the driver named or not.
        busy_timeout: seconds to wait for a lock or a connection before the database counts as busy.

    Raises:
        ValueError: the URL is none, or names another kind of database.
    """

    def __init__(self, url: str, busy_timeout: float) -> None:
        self._url = _sqlite_url(url)
        self._busy_timeout = busy_timeout
        self.writer = self._open("BEGIN IMMEDIATE", size=1)
        self.reader = self._open("BEGIN", size=_READERS)

    def _open(self, begin: str, size: int) -> AsyncEngine:
        engine = create_async_engine(
            self._url.set(drivername="sqlite+aiosqlite"),
            connect_args=_CONNECT_ARGS,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=size,
            max_overflow=0,
            pool_timeout=self._busy_timeout,
        )
        _prepare(engine.sync_engine, begin, self._busy_timeout)
        return engine

    def migrating(self) -> Engine:
        """Make an engine without an event loop, for a thread that migrates; the caller disposes of it."""
        engine = create_engine(self._url.set(drivername="sqlite"), connect_args=_CONNECT_ARGS, poolclass=NullPool)
        _prepare(engine, "BEGIN IMMEDIATE", self._busy_timeout)
        return engine

    def find_file(self) -> tuple[int, int] | None:
        """Device and inode of the database's file; None if there is none at its path."""
        try:
            found = os.stat(self._url.database or "")
        except OSError:
            return None
        return found.st_dev, found.st_ino

    async def close(self) -> None:
        """Close all connections that are not in use."""
        await self.reader.dispose()
        await self.writer.dispose()


# Transactions are begun by `_prepare`, not by the driver, which would begin them late and deferred.
_CONNECT_ARGS: dict[str, Any] = {"isolation_level": None}


def database_file(url: str) -> Path | None:
    """The file of a database; None if the URL names none, which opening it will say."""
    try:
        return Path(_sqlite_url(url).database or "")
    except ValueError:
        return None


def _sqlite_url(text: str) -> URL:
    try:
        url = make_url(text)
    except Exception as error:
        raise ValueError(f"Not a database URL: {text!r}; write it as sqlite:///path/to/file.db") from error
    if url.get_backend_name() != "sqlite":
        raise ValueError(f"Only SQLite is supported so far, and this is {url.get_backend_name()!r}")
    if not url.database or url.database == ":memory:":
        raise ValueError("The database needs a file: readers and the writer have connections of their own")
    return url


def _prepare(engine: Engine, begin: str, busy_timeout: float) -> None:
    def set_pragmas(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(busy_timeout * 1000)}")
        cursor.execute("PRAGMA journal_mode=WAL")
        # With write-ahead logging this loses nothing when the process dies, and stays consistent when the machine does.
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    def start_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", set_pragmas)
    event.listen(engine, "begin", start_transaction)
