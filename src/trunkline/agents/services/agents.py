"""Agents: create, change, delete."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from trunkline import NotFound, publish_event
from trunkline.agents.events import (
    AGENT_CREATED,
    AGENT_DELETED,
    AGENT_UPDATED,
    Agent,
    AgentDeleted,
)
from trunkline.agents.services import limits
from trunkline.agents.services.paging import Page, make_page
from trunkline.agents.services.stopping import RunStopper, cancel_runs, require_no_run
from trunkline.agents.services.threads import delete_thread
from trunkline.agents.storage import Database, Rows


class AgentDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a person writes of an agent. See `Agent` for the fields; `config` is a JSON object."""

    name: str
    model: str = ""
    system_instructions: str = ""
    task_instructions: str = ""
    config: dict[str, Any] = {}


class AgentChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Fields to change; what is UNSET stays."""

    name: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    system_instructions: str | UnsetType = UNSET
    task_instructions: str | UnsetType = UNSET
    config: dict[str, Any] | UnsetType = UNSET


class AgentService:
    """The agents of all owners; every call sees those of its `scope` alone, and for it no others exist.

    Every method may raise `StorageUnavailable`. Called inside a `database.unit_of_work(scope)`, they join it.

    Args:
        database: where the agents are.
        stopper: ends answers in progress; the runner.
        why_no_model: gives a sentence for the name of a model that cannot be here, else None; `catalog.why_not`.
    """

    def __init__(
        self,
        database: Database,
        stopper: RunStopper,
        why_no_model: Callable[[str], str | None] = lambda _name: None,
    ) -> None:
        self._database = database
        self._stopper = stopper
        self._why_no_model = why_no_model

    async def list(self, scope: str, *, after: int | None = None, limit: int = 100) -> Page[Agent]:
        """Agents with ids above `after`, lowest first.

        Raises:
            RequestError: `limit` is not 1 to 500.
        """
        start = limits.check_page(after, limit)
        async with self._database.reading() as rows:
            return make_page(await rows.agents.page(scope, start, limit + 1), limit)

    async def get(self, scope: str, agent_id: int) -> Agent:
        """One agent.

        Raises:
            NotFound: there is none of this id for the scope.
        """
        async with self._database.reading() as rows:
            return await require_agent(rows, scope, agent_id)

    async def create(self, scope: str, draft: AgentDraft) -> Agent:
        """Make an agent; tells `agent_created`.

        Raises:
            RequestError: a field is not as it must be, or too large, or there is no such model; `details` names it.
        """
        values = _checked(msgspec.structs.asdict(draft))
        limits.check_usable("model", self._why_no_model(draft.model))
        async with self._database.unit_of_work(scope) as unit:
            return await _create(unit.rows, scope, values)

    async def replace(self, scope: str, agent_id: int, draft: AgentDraft, *, version: int | None = None) -> Agent:
        """Set all that a person writes of an agent; tells `agent_updated`.

        Raises:
            NotFound: there is none of this id for the scope.
            Conflict: the agent is not at `version`. A run's start and end change the version too.
            RequestError: a field is not as it must be, or too large, or there is no such model. One that the agent has
                already is not asked about.
        """
        return await self._change(scope, agent_id, msgspec.structs.asdict(draft), version)

    async def patch(self, scope: str, agent_id: int, changes: AgentChanges, *, version: int | None = None) -> Agent:
        """Change some fields as `replace` does. Without any, nothing changes and nothing is told."""
        given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
        return await self._change(scope, agent_id, given, version)

    async def _change(self, scope: str, agent_id: int, values: dict[str, Any], version: int | None) -> Agent:
        checked = _checked(values)
        async with self._database.unit_of_work(scope) as unit:
            agent = await require_agent(unit.rows, scope, agent_id)
            limits.check_version(f"Agent {agent_id}", agent.version, version)
            if (model := checked.get("model", agent.model)) != agent.model:
                limits.check_usable("model", self._why_no_model(model))
            return await change_agent(unit.rows, agent_id, checked) if checked else agent

    async def delete(self, scope: str, agent_id: int, *, version: int | None = None) -> None:
        """Delete an agent with its threads; tells `thread_deleted` for each, then `agent_deleted`.

        Its answers in progress are cancelled first: who deletes an agent wants it to stop. That takes the time it
        takes to write them down. Inside a unit of work nothing can be waited for, and a run in progress is a conflict.

        Raises:
            NotFound: there is none of this id for the scope.
            Conflict: the agent was not at `version`, or a new run began meanwhile.
        """
        async with self._database.reading() as rows:
            agent = await require_agent(rows, scope, agent_id)
            limits.check_version(f"Agent {agent_id}", agent.version, version)
            active = await rows.runs.active_of_agent(agent_id)
        await cancel_runs(self._stopper, scope, active)
        async with self._database.unit_of_work(scope) as unit:
            agent = await require_agent(unit.rows, scope, agent_id)
            require_no_run(await unit.rows.runs.active_of_agent(agent_id))
            for thread in await unit.rows.threads.of_agent(scope, agent_id):
                await delete_thread(unit.rows, scope, thread)
            await _delete(unit.rows, scope, agent)


async def require_agent(rows: Rows, scope: str, agent_id: int) -> Agent:
    """Read an agent.

    Raises:
        NotFound: there is none of this id for the scope.
    """
    limits.check_id("Agent", agent_id)
    agent = await rows.agents.get(scope, agent_id)
    if agent is None:
        raise NotFound("Agent", agent_id)
    return agent


@publish_event(AGENT_CREATED)
async def _create(rows: Rows, scope: str, values: dict[str, Any]) -> Agent:
    return await rows.agents.add(scope, values)


@publish_event(AGENT_UPDATED)
async def change_agent(rows: Rows, agent_id: int, values: dict[str, Any]) -> Agent:
    """Change an agent that is there, within a unit of work, and tell it."""
    return await rows.agents.change(agent_id, values)


@publish_event(AGENT_DELETED)
async def _delete(rows: Rows, scope: str, agent: Agent) -> AgentDeleted:
    await rows.agents.delete(scope, agent.id)
    return AgentDeleted(id=agent.id, name=agent.name, version=agent.version + 1)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is not as it must be.

    Raises:
        RequestError: with the field in its details.
    """
    for field, value in values.items():
        match field:
            case "name":
                limits.check_line(field, value, limits.NAME_CHARACTERS)
                limits.check_not_blank(field, value)
            case "model":
                limits.check_line(field, value, limits.MODEL_CHARACTERS)
            case "config":
                limits.check_config(value)
            case _:
                limits.check_text(field, value, limits.INSTRUCTIONS_BYTES)
    return values
