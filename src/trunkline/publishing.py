"""`@publish_event` and the unit of work: an event exists if, and only if, the change that caused it was committed.

A storage layer opens a unit with `recording()` inside its transaction, writes `unit.events` into its outbox table
before it commits, and lets a relay publish them afterwards (`OutboxRelay`). Nothing here knows a database.
"""

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
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
        """The oldest committed rows that were not yet published, in commit order, with their row numbers."""
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

    One task (`run`) owns the work; `wake` after each commit. A row is deleted after the broker took its event, so a
    crash in between publishes it again under the same id, which the broker takes once.

    Args:
        store: the outbox table.
        publish: hands one event to the bus and the broker.
        sleep: waits that many seconds before a failed batch is tried again.
        batch: rows read at a time.
    """

    def __init__(
        self,
        store: OutboxStore,
        publish: Publisher,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        batch: int = 500,
    ) -> None:
        self._store = store
        self._publish = publish
        self._sleep = sleep
        self._batch = batch
        self._awake = asyncio.Event()
        self._awake.set()
        self._receipts: dict[str, Receipt] = {}

    def wake(self) -> None:
        """Say that rows were committed."""
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
        while True:
            await self._awake.wait()
            self._awake.clear()
            try:
                await self.drain()
            except Exception:
                logger.exception("The outbox could not be relayed; trying again in a second")
                self._awake.set()
                await self._sleep(1.0)

    async def drain(self) -> None:
        """Publish every row that is committed now.

        Raises:
            BrokerError: the broker took some and refused one; that one and all after it stay in the table.
        """
        while rows := await self._store.pending(self._batch):
            taken: list[int] = []
            try:
                for row, event in rows:
                    result = await self._publish(event)
                    taken.append(row)
                    await asyncio.sleep(0)  # a broker in memory never waits, and subscribers must be written to
                    if receipt := self._receipts.pop(event.id, None):
                        receipt.settle(event.id, result)
            finally:
                await self._store.forget(taken)
