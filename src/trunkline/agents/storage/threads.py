"""Rows of threads."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.agents.events import Thread
from trunkline.agents.storage.clock import Clock
from trunkline.agents.storage.newest import Bound, take_newest
from trunkline.agents.storage.tables import ThreadRow


class ThreadRows:
    """Reads and writes threads, each call within one owner."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def page(self, owner: str, agent_id: int | None, after: int, limit: int) -> list[Thread]:
        """Threads (of one agent) with ids above `after`, lowest first."""
        query = select(ThreadRow).where(ThreadRow.owner == owner, ThreadRow.id > after)
        if agent_id is not None:
            query = query.where(ThreadRow.agent_id == agent_id)
        return [_thread(row) for row in await self._session.scalars(query.order_by(ThreadRow.id).limit(limit))]

    async def newest(self, owner: str, bound: Bound) -> tuple[list[Thread], bool]:
        """See `take_newest`."""

        async def fetch(below: int | None, count: int) -> list[Thread]:
            query = select(ThreadRow).where(ThreadRow.owner == owner).order_by(ThreadRow.id.desc()).limit(count)
            if below is not None:
                query = query.where(ThreadRow.id < below)
            return [_thread(row) for row in await self._session.scalars(query)]

        return await take_newest(fetch, lambda thread: len(thread.title), bound)

    async def of_agent(self, owner: str, agent_id: int) -> list[Thread]:
        """All threads of an agent, lowest id first."""
        query = select(ThreadRow).where(ThreadRow.owner == owner, ThreadRow.agent_id == agent_id).order_by(ThreadRow.id)
        return [_thread(row) for row in await self._session.scalars(query)]

    async def get(self, owner: str, thread_id: int) -> Thread | None:
        """One thread, if it is there and the owner's."""
        row = await self._row(owner, thread_id)
        return None if row is None else _thread(row)

    async def exists(self, owner: str, thread_id: int) -> bool:
        """Whether it is there and the owner's."""
        query = select(ThreadRow.id).where(ThreadRow.id == thread_id, ThreadRow.owner == owner)
        return await self._session.scalar(query) is not None

    async def add(self, owner: str, values: Mapping[str, Any]) -> Thread:
        """Insert a thread at version 1."""
        now = self._clock.now()
        row = ThreadRow(owner=owner, created_at=now, updated_at=now, **values)
        self._session.add(row)
        await self._session.flush()
        return _thread(row)

    async def change(self, thread_id: int, values: Mapping[str, Any]) -> Thread:
        """Set some fields of a thread that is there; its version grows by one."""
        row = await self._session.get_one(ThreadRow, thread_id)
        for name, value in values.items():
            setattr(row, name, value)
        row.version += 1
        row.updated_at = self._clock.now()
        await self._session.flush()
        return _thread(row)

    async def delete(self, owner: str, thread_id: int) -> None:
        """Delete a thread with its messages and runs."""
        row = await self._row(owner, thread_id)
        if row is not None:
            await self._session.delete(row)
            await self._session.flush()

    async def _row(self, owner: str, thread_id: int) -> ThreadRow | None:
        row = await self._session.get(ThreadRow, thread_id)
        return row if row is not None and row.owner == owner else None


def _thread(row: ThreadRow) -> Thread:
    return Thread(
        id=row.id,
        agent_id=row.agent_id,
        title=row.title,
        active=row.active,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )
