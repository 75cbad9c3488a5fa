"""`@publish_event` and the unit of work: an event exists if, and only if, the change that caused it was committed.

A storage layer opens a unit with `recording()` inside its transaction, writes `unit.events` into its outbox table
before it commits, and lets a relay publish them afterwards (`OutboxRelay`). Nothing here knows a database.
"""

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, Protocol, cast, overload

from trunkline.bus import event_bus
from trunkline.errors import TrunklineError
from trunkline.events import D, Event, EventType

logger = logging.getLogger(__name__)

P = ParamSpec("P")


class UnitOfWork:
    """The events of one transaction, in the order they were recorded.

    Attributes:
        scope: the owner or tenant in whose name the unit acts; its events carry it.
        events: what was recorded so far.
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self.events: list[Event[Any]] = []
        self._open = True

    def record(self, event: Event[Any]) -> None:
        """Add an event to the transaction.

        Raises:
            TrunklineError: the unit has ended; a task that outlived it tries to record.
        """
        if not self._open:
            raise TrunklineError(f"The unit of work has ended; {event.type.name} needs one of its own")
        self.events.append(event)

    @property
    def is_open(self) -> bool:
        """Whether it takes events."""
        return self._open

    def end(self) -> None:
        """Take no more events."""
        self._open = False


_current: ContextVar[UnitOfWork | None] = ContextVar("trunkline_unit_of_work", default=None)


def current_unit() -> UnitOfWork | None:
    """The innermost open unit of work of this task, if any."""
    unit = _current.get()
    return unit if unit is not None and unit.is_open else None


@contextmanager
def recording(scope: str | None = None) -> Iterator[UnitOfWork]:
    """Open a unit of work; `@publish_event` inside it records into it.

    Nested units join the outer one: on success their events go to it, in order; when they raise, their events are
    gone with their savepoint. A task that outlived the unit it was started in opens one of its own. `scope` defaults
    to the outer unit's, or "".
    """
    outer = current_unit()
    unit = UnitOfWork(scope if scope is not None else outer.scope if outer else "")
    token = _current.set(unit)
    try:
        yield unit
        if outer is not None:
            for event in unit.events:
                outer.record(event)
    finally:
        _current.reset(token)
        unit.end()


class _Publishing(Protocol[D]):
    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, D]]) -> Callable[P, Coroutine[Any, Any, D]]: ...
    @overload
    def __call__(self, function: Callable[P, D]) -> Callable[P, D]: ...


def publish_event(event_type: EventType[D]) -> _Publishing[D]:
    """Make a service function publish what it returns as an event.

    Inside a unit of work the event is recorded with the transaction and published after its commit, never on
    rollback. Without one, an async function publishes on `event_bus` when it has returned; a plain function needs a
    unit, because there is nothing it could wait with, and raises TrunklineError.
    """

    def decorate(function: Callable[P, Any]) -> Callable[P, Any]:
        if inspect.iscoroutinefunction(function):
            return _wrap_async(event_type, function)
        return _wrap_plain(event_type, function)

    return cast("_Publishing[D]", decorate)


def _wrap_async(
    event_type: EventType[D], function: Callable[P, Coroutine[Any, Any, D]]
) -> Callable[P, Coroutine[Any, Any, D]]:
    @functools.wraps(function)
    async def publishing(*args: P.args, **kwargs: P.kwargs) -> D:
        result = await function(*args, **kwargs)
        unit = _current.get()
        if unit is None:
            await event_bus.publish(event_type.event(result))
        else:
            unit.record(event_type.event(result, scope=unit.scope))
        return result

    return publishing


def _wrap_plain(event_type: EventType[D], function: Callable[P, D]) -> Callable[P, D]:
    @functools.wraps(function)
    def publishing(*args: P.args, **kwargs: P.kwargs) -> D:
        unit = _current.get()
        if unit is None:
            raise TrunklineError(
                f"{function.__qualname__} publishes {event_type.name} and is not async: call it in a unit of work"
            )
        result = function(*args, **kwargs)
        unit.record(event_type.event(result, scope=unit.scope))
        return result

    return publishing


class OutboxStore(Protocol):
    """The outbox table as the relay sees it; the application's storage implements it."""

    async def pending(self, limit: int) -> list[tuple[int, Event[Any]]]:
        """The oldest committed rows that are there, in commit order, with their row numbers.

        Fewer than `limit` means that there are no more. A row number is never used again.
        """
        ...

    async def forget(self, rows: list[int]) -> None:
        """Delete rows that the broker has taken."""
        ...


Publisher = Callable[[Event[Any]], Awaitable[object]]
"""Publishes one event, returns its receipt once the broker has it, and raises BrokerError if it could not."""


class Receipt:
    """Tells when all events of one unit of work have been published, and what the publisher returned for each."""

    def __init__(self, events: list[Event[Any]]) -> None:
        self._missing = {event.id for event in events}
        self._results: list[object] = []
        self._done = asyncio.Event()
        if not self._missing:
            self._done.set()

    def lacks(self, event_id: str) -> bool:
        """Whether this event is still to be published."""
        return event_id in self._missing

    def settle(self, event_id: str, result: object) -> None:
        """Note that one event was published."""
        self._missing.discard(event_id)
        self._results.append(result)
        if not self._missing:
            self._done.set()

    async def wait(self) -> list[object]:
        """Wait until every event was published and return the publisher's results, in order."""
        await self._done.wait()
        return list(self._results)


class OutboxRelay:
    """Publishes committed outbox rows, in commit order, each at least once and never before its commit.

    What this process committed is published from memory (`committed`); the table is read where memory does not hold
    everything: at the start, after `wake`, and after more than `batch` rows waited. Rows are deleted in batches, after
    the broker took their events: a crash in between publishes them again under the same ids, which the broker takes
    once. One task (`run`) owns the work.

    Args:
        store: the outbox table.
        publish: hands one event to the bus and the broker.
        sleep: waits that many seconds: before what failed is tried again, and before rows are deleted.
        batch: rows read or deleted at a time, and rows that wait in memory.
        linger: seconds that published rows wait for others to be deleted with.
    """

    def __init__(
        self,
        store: OutboxStore,
        publish: Publisher,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        batch: int = 500,
        linger: float = 0.1,
    ) -> None:
        self._store = store
        self._publish = publish
        self._sleep = sleep
        self._batch = batch
        self._linger = linger
        self._awake = asyncio.Event()
        self._awake.set()
        # Whether the table may hold rows that are neither in `_ready` nor in `_published`.
        self._behind = True
        self._ready: dict[int, Event[Any]] = {}
        self._published: set[int] = set()
        self._publishes = asyncio.Event()
        # A row must not leave `_published` while a read that found it is worked on.
        self._table = asyncio.Lock()
        self._receipts: dict[str, Receipt] = {}

    def wake(self) -> None:
        """Say that rows were committed, or may have been; they are read from the table."""
        self._behind = True
        self._awake.set()

    def committed(self, receipt: Receipt, rows: Sequence[tuple[int, Event[Any]]]) -> None:
        """Say that these rows, expected before, were committed. To be called for all commits, in their order."""
        if not self._behind:
            # The table may have been read, and what was found there published, since the commit.
            self._ready.update((row, event) for row, event in rows if receipt.lacks(event.id))
            if len(self._ready) > self._batch:
                self._ready.clear()
                self._behind = True
        self._awake.set()

    def expect(self, events: list[Event[Any]]) -> Receipt:
        """Ask, before the commit, to be told when these events have been published."""
        receipt = Receipt(events)
        self._receipts.update((event.id, receipt) for event in events)
        return receipt

    def forget(self, events: list[Event[Any]]) -> None:
        """Withdraw `expect` after a rollback."""
        for event in events:
            self._receipts.pop(event.id, None)

    async def run(self) -> None:
        """Relay for ever; cancel to stop. What was committed and not yet published stays in the table."""
        tidying = asyncio.get_running_loop().create_task(self._tidy())
        try:
            while True:
                await self._awake.wait()
                self._awake.clear()
                try:
                    await self._relay()
                except Exception:
                    logger.exception("The outbox could not be relayed; trying again in a second")
                    self._awake.set()
                    await self._sleep(1.0)
        finally:
            tidying.cancel()
            await asyncio.gather(tidying, return_exceptions=True)
            await self._try_to_delete()

    async def drain(self) -> None:
        """Publish every row that is committed now, and delete all that were published. Not while `run` runs.

        Raises:
            BrokerError: the broker took some and refused one; that one and all after it stay in the table.
        """
        self._behind = True
        try:
            await self._relay()
        finally:
            await self._delete_published()

    async def _relay(self) -> None:
        while self._behind or self._ready:
            if self._behind:
                await self._relay_table()
            else:
                await self._take(*next(iter(self._ready.items())))

    async def _relay_table(self) -> None:
        """Publish the oldest rows of the table. What is committed from here on comes to memory as well."""
        async with self._table:
            self._behind = False
            try:
                rows = await self._store.pending(self._batch)
                for row, event in rows:
                    if row not in self._published:
                        await self._take(row, event)
            except BaseException:
                self._behind = True
                raise
        if len(rows) >= self._batch:
            self._behind = True
            await self._delete_published()

    async def _take(self, row: int, event: Event[Any]) -> None:
        result = await self._publish(event)
        self._published.add(row)
        self._ready.pop(row, None)
        self._publishes.set()
        if receipt := self._receipts.pop(event.id, None):
            receipt.settle(event.id, result)
        await asyncio.sleep(0)  # a broker in memory never waits, and subscribers must be written to

    async def _tidy(self) -> None:
        while True:
            await self._publishes.wait()
            await self._sleep(self._linger)
            self._publishes.clear()
            if not await self._try_to_delete():
                self._publishes.set()
                await self._sleep(1.0)

    async def _try_to_delete(self) -> bool:
        try:
            await self._delete_published()
        except Exception:
            logger.exception("Published events could not be deleted from the outbox; they stay there for now")
            return False
        return True

    async def _delete_published(self) -> None:
        async with self._table:
            while rows := sorted(self._published)[: self._batch]:
                await self._store.forget(rows)
                self._published.difference_update(rows)
