"""Agents: create, change, delete."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from trunkline.agents.events import Agent
from trunkline.agents.services.paging import Page


class AgentDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a person writes of an agent. See `Agent` for the fields."""

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
    """The agents of all owners; every call sees those of its `scope` alone.

    All methods raise `StorageUnavailable` when the database cannot serve. All may be called inside a
    `database.unit_of_work(scope)`, which they then join.
    """

    def __init__(self, database: "Database", stopper: "RunStopper") -> None: ...

    async def list(self, scope: str, *, after: int | None = None, limit: int = 100) -> Page[Agent]:
        """Agents with an id above `after`, lowest first; `limit` is 1 to 500."""
        raise NotImplementedError

    async def get(self, scope: str, agent_id: int) -> Agent:
        """Raises: NotFound."""
        raise NotImplementedError

    async def create(self, scope: str, draft: AgentDraft) -> Agent:
        """Publishes agent_created. Raises: RequestError (invalid_message, too_large) naming the field."""
        raise NotImplementedError

    async def replace(self, scope: str, agent_id: int, draft: AgentDraft, *, version: int | None = None) -> Agent:
        """Publishes agent_updated. Raises: NotFound; Conflict when `version` is given and is not the present one."""
        raise NotImplementedError

    async def patch(self, scope: str, agent_id: int, changes: AgentChanges, *, version: int | None = None) -> Agent:
        """As `replace`, for some fields. No field at all changes nothing and publishes nothing."""
        raise NotImplementedError

    async def delete(self, scope: str, agent_id: int, *, version: int | None = None) -> None:
        """Delete with threads, messages and runs; publishes thread_deleted for each thread, then agent_deleted.

        Answers in progress are cancelled first: who deletes an agent wants it to stop.
        """
        raise NotImplementedError
