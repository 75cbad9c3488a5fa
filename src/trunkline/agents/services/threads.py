"""Threads and their messages."""

import msgspec
from msgspec import UNSET, UnsetType

from trunkline.agents.events import Message, Thread
from trunkline.agents.services.paging import Page


class ThreadDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a person writes of a thread. See `Thread`."""

    agent_id: int
    title: str = ""
    active: bool = True


class ThreadChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Fields to change; what is UNSET stays."""

    title: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class MessageDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a user says. `client_id` makes sending again harmless: at most 128 characters."""

    content: str
    client_id: str | None = None


class ThreadService:
    """Threads and messages of all owners; every call sees those of its `scope` alone."""

    def __init__(self, database: "Database", stopper: "RunStopper") -> None: ...

    async def list(
        self, scope: str, *, agent_id: int | None = None, after: int | None = None, limit: int = 100
    ) -> Page[Thread]: ...
    async def get(self, scope: str, thread_id: int) -> Thread: ...
    async def create(self, scope: str, draft: ThreadDraft) -> Thread:
        """Raises: NotFound("Agent", id)."""
        raise NotImplementedError
    async def replace(self, scope: str, thread_id: int, draft: ThreadDraft, *, version: int | None = None) -> Thread:
        """Raises: Conflict also when draft.agent_id is another agent."""
        raise NotImplementedError
    async def patch(self, scope: str, thread_id: int, changes: ThreadChanges, *, version: int | None = None) -> Thread: ...
    async def delete(self, scope: str, thread_id: int, *, version: int | None = None) -> None:
        """Cancels an answer in progress first."""
    async def messages(self, scope: str, thread_id: int, *, after: int | None = None, limit: int = 100) -> Page[Message]:
        """Without the message that a run is still filling."""
        raise NotImplementedError
    async def add_message(self, scope: str, thread_id: int, draft: MessageDraft) -> Message:
        """Add a user's message. The same `client_id` in a thread twice: the first message is returned, none is added."""
        raise NotImplementedError
