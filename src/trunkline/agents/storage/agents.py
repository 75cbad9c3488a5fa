"""Rows of agents."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.agents.events import Agent
from trunkline.agents.storage.clock import Clock
from trunkline.agents.storage.newest import Bound, take_newest
from trunkline.agents.storage.tables import AgentRow, RunRow


class AgentRows:
    """Reads and writes agents, each call within one owner."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def page(self, owner: str, after: int, limit: int) -> list[Agent]:
        """Agents with ids above `after`, lowest first."""
        query = select(AgentRow).where(AgentRow.owner == owner, AgentRow.id > after).order_by(AgentRow.id).limit(limit)
        return [_agent(row) for row in await self._session.scalars(query)]

    async def newest(self, owner: str, bound: Bound) -> tuple[list[Agent], bool]:
        """See `take_newest`."""

        async def fetch(below: int | None, count: int) -> list[Agent]:
            query = select(AgentRow).where(AgentRow.owner == owner).order_by(AgentRow.id.desc()).limit(count)
            if below is not None:
                query = query.where(AgentRow.id < below)
            return [_agent(row) for row in await self._session.scalars(query)]

        return await take_newest(fetch, _size, bound)

    async def get(self, owner: str, agent_id: int) -> Agent | None:
        """One agent, if it is there and the owner's."""
        row = await self._row(owner, agent_id)
        return None if row is None else _agent(row)

    async def exists(self, owner: str, agent_id: int) -> bool:
        """Whether it is there and the owner's."""
        query = select(AgentRow.id).where(AgentRow.id == agent_id, AgentRow.owner == owner)
        return await self._session.scalar(query) is not None

    async def add(self, owner: str, values: Mapping[str, Any]) -> Agent:
        """Insert an agent, idle, at version 1."""
        now = self._clock.now()
        row = AgentRow(owner=owner, status="idle", created_at=now, updated_at=now, **_stored(values))
        self._session.add(row)
        await self._session.flush()
        return _agent(row)

    async def change(self, agent_id: int, values: Mapping[str, Any]) -> Agent:
        """Set some fields of an agent that is there; its version grows by one."""
        row = await self._session.get_one(AgentRow, agent_id)
        for name, value in _stored(values).items():
            setattr(row, name, value)
        row.version += 1
        row.updated_at = self._clock.now()
        await self._session.flush()
        return _agent(row)

    async def delete(self, owner: str, agent_id: int) -> None:
        """Delete an agent with its threads, messages and runs."""
        row = await self._row(owner, agent_id)
        if row is not None:
            await self._session.delete(row)
            await self._session.flush()

    async def stuck(self) -> list[tuple[str, int]]:
        """Owner and id of every agent that counts as running while no run of it is active."""
        active = exists().where(RunRow.agent_id == AgentRow.id, RunRow.status.in_(("queued", "running")))
        query = select(AgentRow.owner, AgentRow.id).where(AgentRow.status == "running", ~active)
        return [(owner, agent_id) for owner, agent_id in (await self._session.execute(query)).all()]

    async def _row(self, owner: str, agent_id: int) -> AgentRow | None:
        row = await self._session.get(AgentRow, agent_id)
        return row if row is not None and row.owner == owner else None


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn `config` into the text it is stored as."""
    stored = dict(values)
    if "config" in stored:
        stored["config"] = msgspec.json.encode(stored["config"]).decode()
    return stored


def _agent(row: AgentRow) -> Agent:
    return Agent(
        id=row.id,
        name=row.name,
        status=row.status,
        model=row.model,
        system_instructions=row.system_instructions,
        task_instructions=row.task_instructions,
        config=msgspec.json.decode(row.config),
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def _size(agent: Agent) -> int:
    """Characters of an agent's long texts; its config counts as what it may be at most only when it is there."""
    config = len(msgspec.json.encode(agent.config)) if agent.config else 0
    return len(agent.system_instructions) + len(agent.task_instructions) + config
