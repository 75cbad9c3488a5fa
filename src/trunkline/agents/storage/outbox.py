"""The outbox table: events written with their change, in commit order, and read by the relay after a crash."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline import Event, EventType, Stamp
from trunkline.agents.storage.tables import OutboxRow

logger = logging.getLogger(__name__)

OpenSession = Callable[[], AbstractAsyncContextManager[AsyncSession]]


async def write_events(session: AsyncSession, events: Sequence[Event[Any]]) -> list[tuple[int, Event[Any]]]:
    """Add events to the transaction, in order; return them with their row numbers."""
    if not events:
        return []
    rows = [
        {"event_id": e.id, "type": e.type.name, "topic": e.topic, "scope": e.scope, "time": e.time, "body": e.body}
        for e in events
    ]
    adding = insert(OutboxRow).returning(OutboxRow.id, sort_by_parameter_order=True)
    return list(zip(await session.scalars(adding, rows), events, strict=True))


class OutboxTable:
    """The table as `trunkline.OutboxStore`.

    Args:
        reading: opens a session to read.
        writing: opens a session whose transaction is committed when the block ends.
    """

    def __init__(self, reading: OpenSession, writing: OpenSession) -> None:
        self._reading = reading
        self._writing = writing

    async def pending(self, limit: int) -> list[tuple[int, Event[Any]]]:
        """The oldest rows. One that this version cannot read is logged and dropped: it would stop all after it.

        Raises:
            StorageUnavailable: the database cannot serve.
        """
        rows: Sequence[OutboxRow] = ()
        events: list[tuple[int, Event[Any]]] = []
        unreadable: list[int] = []
        async with self._reading() as session:
            rows = (await session.scalars(select(OutboxRow).order_by(OutboxRow.id).limit(limit))).all()
        for row in rows:
            event = _restore(row)
            if event is None:
                unreadable.append(row.id)
            else:
                events.append((row.id, event))
        await self.forget(unreadable)
        # Fewer than `limit` would look like the end.
        return events if not unreadable else await self.pending(limit)

    async def forget(self, rows: list[int]) -> None:
        """Delete rows.

        Raises:
            StorageUnavailable: the database cannot serve.
        """
        if rows:
            async with self._writing() as session:
                await session.execute(delete(OutboxRow).where(OutboxRow.id.in_(rows)))


def _restore(row: OutboxRow) -> Event[Any] | None:
    event_type = EventType.registered().get(row.type)
    if event_type is None:
        logger.error("Dropped event %s: no event type %r is declared here", row.event_id, row.type)
        return None
    try:
        stamp = Stamp(row.event_id, row.time)
        return event_type.restore(topic=row.topic, scope=row.scope, stamp=stamp, body=row.body)
    except msgspec.MsgspecError:
        logger.exception("Dropped event %s: its data is not that of %s", row.event_id, row.type)
        return None
