"""The database: units of work whose events go out if, and only if, they are committed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from trunkline import Event, OutboxRelay, Receipt, TrunklineError, recording
from trunkline.agents.storage.clock import Clock
from trunkline.agents.storage.completion import complete
from trunkline.agents.storage.engines import Engines
from trunkline.agents.storage.errors import closed, driver_errors_converted, gone
from trunkline.agents.storage.migrate import upgrade
from trunkline.agents.storage.outbox import OutboxTable, write_events
from trunkline.agents.storage.rows import Rows

logger = logging.getLogger(__name__)

Publish = Callable[[Event[Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """Settings of a database.

    Attributes:
        clock: makes the timestamps of rows.
        busy_timeout: seconds to wait for other writers before a call fails.
        sleep: waits that many seconds before the relay tries again what failed.
    """

    clock: Clock = field(default_factory=Clock)
    busy_timeout: float = 10.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Unit:
    """One transaction, with its events.

    Attributes:
        scope: the owner in whose name it acts.
        rows: what it reads and writes.
    """

    def __init__(self, scope: str, session: AsyncSession, clock: Clock) -> None:
        self.scope = scope
        self.session = session
        self.rows = Rows(session, clock)
        self.task = asyncio.current_task()
        self.callbacks: list[Callable[[], None]] = []
        self._receipt: Receipt | None = None

    @property
    def receipt(self) -> Receipt:
        """Tells when the events of the unit have been published. To be asked for after its end.

        Raises:
            TrunklineError: the unit goes on, or was rolled back.
        """
        if self._receipt is None:
            raise TrunklineError("A unit of work has a receipt when it has been committed")
        return self._receipt

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call this when the whole unit has been committed, and never if it is rolled back. It must not raise."""
        self.callbacks.append(callback)

    def committed(self, receipt: Receipt) -> None:
        """Note that the transaction is final."""
        self._receipt = receipt
        for callback in self.callbacks:
            callback()


_open_unit: ContextVar[Unit | None] = ContextVar("trunkline_agents_unit", default=None)


class Database:
    """Engines, units of work and the outbox relay of one database.

    No session is held while anything but the database is awaited: do not wait for a receipt, a model or a socket in a
    unit of work, for it keeps all other writers out.

    Args:
        url: `sqlite:///path/to/file.db`.
        publish: publishes one committed event, such as `line.send`.
        options: clock and timeouts.
    """

    def __init__(self, url: str, *, publish: Publish, options: DatabaseOptions | None = None) -> None:
        self._options = options or DatabaseOptions()
        self._engines = Engines(url, self._options.busy_timeout)
        self._file: tuple[int, int] | None = None
        self._closed = False
        self._sessions = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._relaying: asyncio.Task[None] | None = None
        self.outbox = OutboxTable(self._read, self._write)
        self.relay = OutboxRelay(self.outbox, publish, sleep=self._options.sleep)

    # Life

    async def migrate(self) -> None:
        """Make or change the tables to those of this version. The event loop goes on meanwhile.

        Raises:
            StorageUnavailable: the database cannot be opened or written, or is of a newer version.
        """
        await complete(asyncio.to_thread(upgrade, self._engines))
        self._file = self._engines.find_file()

    async def start(self) -> None:
        """Begin to relay events, those that an earlier process left first. The publisher must be ready."""
        if self._relaying is None:
            self._relaying = asyncio.get_running_loop().create_task(self.relay.run())

    async def stop(self) -> None:
        """Publish what is committed, then close every connection; calls fail from now on.

        Open transactions are waited for. Events that cannot be published stay in the outbox for the next start.
        """
        if self._relaying is not None:
            self._relaying.cancel()
            await asyncio.gather(self._relaying, return_exceptions=True)
            self._relaying = None
            await self._publish_the_rest()
        self._closed = True
        await self._idle.wait()
        await self._engines.close()

    async def _publish_the_rest(self) -> None:
        try:
            await self.relay.drain()
        except (TrunklineError, OSError) as error:
            logger.warning("Events stay in the outbox until the next start: %s", error)

    async def probe(self) -> None:
        """Write a row as it is and commit that, which shows a full disk; and see that the file is still there.

        Raises:
            StorageUnavailable: the database cannot serve, or what it writes would be lost.
        """
        if self._engines.find_file() != self._file:
            raise gone()
        async with self._write() as session:
            await session.execute(text("UPDATE alembic_version SET version_num = version_num"))

    # Sessions

    @asynccontextmanager
    async def unit_of_work(self, scope: str) -> AsyncIterator[Unit]:
        """Open a transaction whose events are published after its commit, in the order of commits.

        Inside another one of this task it joins it, with a savepoint: an error takes back only the inner changes and
        events. Cancelled before the commit begins, nothing happened; a commit that began is finished first.

        Raises:
            StorageUnavailable: the database cannot serve; nothing was changed.
            TrunklineError: the outer unit belongs to another task, scope or time.
        """
        outer = _open_unit.get()
        opened = self._begin(scope) if outer is None else _join(outer, scope)
        async with opened as unit:
            yield unit

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Rows]:
        """Read rows, all of one moment; inside a unit of work of this task, what that unit sees.

        Raises:
            StorageUnavailable: the database cannot serve.
        """
        unit = _open_unit.get()
        if unit is not None and unit.task is asyncio.current_task():
            yield unit.rows
        else:
            async with self._read() as session:
                yield Rows(session, self._options.clock)

    @asynccontextmanager
    async def _session(self, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
        """Open a session; what it has not committed at the end is rolled back. Cancelling waits for that."""
        if self._closed:
            raise closed()
        session = AsyncSession(engine, expire_on_commit=False)
        self._sessions += 1
        self._idle.clear()
        try:
            with driver_errors_converted():
                try:
                    yield session
                finally:
                    await complete(session.close())
        finally:
            self._sessions -= 1
            if not self._sessions:
                self._idle.set()

    def _read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self._session(self._engines.reader)

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncSession]:
        async with self._session(self._engines.writer) as session:
            yield session
            await complete(session.commit())

    @asynccontextmanager
    async def _begin(self, scope: str) -> AsyncIterator[Unit]:
        async with self._session(self._engines.writer) as session:
            unit = Unit(scope, session, self._options.clock)
            with recording(scope) as recorded:
                token = _open_unit.set(unit)
                try:
                    yield unit
                finally:
                    _open_unit.reset(token)
            await complete(self._commit(unit, recorded.events))

    async def _commit(self, unit: Unit, events: list[Event[Any]]) -> None:
        """Commit the changes with their events, then let these go out."""
        receipt = self.relay.expect(events)
        try:
            rows = await write_events(unit.session, events)
            await unit.session.commit()
        except BaseException:
            self.relay.forget(events)
            # Should the failed commit have taken effect after all, the table says so.
            self.relay.wake()
            raise
        if rows:
            # No other commit comes between: the session still has the one connection that writes.
            self.relay.committed(receipt, rows)
        unit.committed(receipt)


@asynccontextmanager
async def _join(outer: Unit, scope: str) -> AsyncIterator[Unit]:
    if outer.task is not asyncio.current_task():
        raise TrunklineError("The open unit of work belongs to another task; start tasks after its end")
    if outer.scope != scope:
        raise TrunklineError(f"A unit of work of scope {outer.scope!r} cannot act for {scope!r}")
    mark = len(outer.callbacks)
    with driver_errors_converted():
        try:
            with recording(scope):
                async with outer.session.begin_nested():
                    yield outer
        except BaseException:
            del outer.callbacks[mark:]
            raise
