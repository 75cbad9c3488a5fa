"""Threads and their messages."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from trunkline import Conflict, NotFound, publish_event
from trunkline.agents.events import (
    THREAD_CREATED,
    THREAD_DELETED,
    THREAD_MESSAGE_CREATED,
    THREAD_MESSAGE_DELETED,
    THREAD_MESSAGE_UPDATED,
    THREAD_UPDATED,
    Message,
    MessageDeleted,
    Thread,
    ThreadDeleted,
)
from trunkline.agents.services import limits
from trunkline.agents.services.paging import Page, make_page, make_page_before
from trunkline.agents.services.stopping import RunStopper, cancel_runs, require_no_run
from trunkline.agents.storage import Database, Rows


class ThreadDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a person writes of a thread. See `Thread` for the fields."""

    agent_id: int
    title: str = ""
    active: bool = True


class ThreadChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Fields to change; what is UNSET stays."""

    title: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class MessageDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a user says. `client_id`, at most 128 characters, makes it harmless to say it again."""

    content: str
    client_id: str | None = None


class Resend(msgspec.Struct, frozen=True, kw_only=True):
    """How a message is asked anew: with other words if `content` is given, and named anew if `client_id` is."""

    content: str | None = None
    client_id: str | None = None


class ThreadService:
    """The threads of all owners and their messages; every call sees those of its `scope` alone.

    Every method may raise `StorageUnavailable`. Called inside a `database.unit_of_work(scope)`, they join it.

    Args:
        database: where the threads are.
        stopper: ends answers in progress; the runner.
    """

    def __init__(self, database: Database, stopper: RunStopper) -> None:
        self._database = database
        self._stopper = stopper

    async def list(
        self, scope: str, *, agent_id: int | None = None, after: int | None = None, limit: int = 100
    ) -> Page[Thread]:
        """Threads with ids above `after`, lowest first; those of one agent, or of all.

        Raises:
            NotFound: the agent is not there.
            RequestError: `limit` is not 1 to 500.
        """
        start = limits.check_page(after, limit)
        async with self._database.reading() as rows:
            if agent_id is not None:
                await _require_agent(rows, scope, agent_id)
            return make_page(await rows.threads.page(scope, agent_id, start, limit + 1), limit)

    async def get(self, scope: str, thread_id: int) -> Thread:
        """One thread.

        Raises:
            NotFound: there is none of this id for the scope.
        """
        async with self._database.reading() as rows:
            return await require_thread(rows, scope, thread_id)

    async def create(self, scope: str, draft: ThreadDraft) -> Thread:
        """Make a thread; tells `thread_created`.

        Raises:
            NotFound: the agent is not there.
            RequestError: the title is too long.
        """
        limits.check_line("title", draft.title, limits.TITLE_CHARACTERS)
        async with self._database.unit_of_work(scope) as unit:
            await _require_agent(unit.rows, scope, draft.agent_id)
            return await _create(unit.rows, scope, draft)

    async def replace(self, scope: str, thread_id: int, draft: ThreadDraft, *, version: int | None = None) -> Thread:
        """Set all that a person writes of a thread; tells `thread_updated`.

        Raises:
            NotFound: there is no thread of this id for the scope.
            Conflict: the thread is not at `version`, or the draft names another agent: threads do not move.
            RequestError: the title is too long.
        """
        async with self._database.unit_of_work(scope) as unit:
            thread = await require_thread(unit.rows, scope, thread_id)
            if draft.agent_id != thread.agent_id:
                raise Conflict(f"Thread {thread_id} belongs to agent {thread.agent_id} and cannot move to another")
            return await self.patch(
                scope, thread_id, ThreadChanges(title=draft.title, active=draft.active), version=version
            )

    async def patch(self, scope: str, thread_id: int, changes: ThreadChanges, *, version: int | None = None) -> Thread:
        """Change some fields as `replace` does. Without any, nothing changes and nothing is told."""
        given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
        limits.check_line("title", given.get("title", ""), limits.TITLE_CHARACTERS)
        async with self._database.unit_of_work(scope) as unit:
            thread = await require_thread(unit.rows, scope, thread_id)
            limits.check_version(f"Thread {thread_id}", thread.version, version)
            return await _change(unit.rows, thread_id, given) if given else thread

    async def delete(self, scope: str, thread_id: int, *, version: int | None = None) -> None:
        """Delete a thread with its messages and runs; tells `thread_deleted`.

        An answer in progress is cancelled first, as `AgentService.delete` does.

        Raises:
            NotFound: there is none of this id for the scope.
            Conflict: the thread was not at `version`, or a new run began meanwhile.
        """
        async with self._database.reading() as rows:
            thread = await require_thread(rows, scope, thread_id)
            limits.check_version(f"Thread {thread_id}", thread.version, version)
            active = await rows.runs.active_of_thread(thread_id)
        await cancel_runs(self._stopper, scope, [active] if active else [])
        async with self._database.unit_of_work(scope) as unit:
            thread = await require_thread(unit.rows, scope, thread_id)
            active = await unit.rows.runs.active_of_thread(thread_id)
            require_no_run([active] if active else [])
            await delete_thread(unit.rows, scope, thread)

    # Messages

    async def messages(
        self, scope: str, thread_id: int, *, after: int | None = None, before: int | None = None, limit: int = 100
    ) -> Page[Message]:
        """Messages in the order of ids, without the one that a run still fills: the first ones, or those next to an id.

        Raises:
            NotFound: there is no thread of this id for the scope.
            RequestError: `limit` is not 1 to 500, or both `after` and `before` are given.
        """
        start = limits.check_page(after, limit, before)
        async with self._database.reading() as rows:
            await require_thread(rows, scope, thread_id)
            if before is not None:
                found = await rows.messages.page_before(thread_id, limits.clamp_id(before), limit + 1)
                return make_page_before(found, limit)
            return make_page(await rows.messages.page(thread_id, start, limit + 1), limit)

    async def add_message(self, scope: str, thread_id: int, draft: MessageDraft) -> Message:
        """Add what a user says; tells `thread_message_created`.

        If the thread has a message of the same `client_id`, that one is returned, and none is added.

        Raises:
            NotFound: there is no thread of this id for the scope.
            RequestError: the content is blank or longer than 1 MiB, or the client_id is blank or too long.
        """
        _check_message(draft)
        async with self._database.unit_of_work(scope) as unit:
            await require_thread(unit.rows, scope, thread_id)
            if draft.client_id is not None:
                first = await unit.rows.messages.by_client_id(thread_id, draft.client_id)
                if first is not None:
                    return first
            return await _add_message(unit.rows, scope, thread_id, draft)

    async def ask_anew(self, scope: str, thread_id: int, message_id: int, resend: Resend) -> Message:
        """Cut the thread after a user's message and have that message wait for an answer.

        Tells `thread_message_deleted` for each message that goes, the newest first, then `thread_message_updated`.

        Raises:
            NotFound: there is no such thread for the scope, or no such message in it.
            Conflict: the thread has a run in progress, the message is not a user's, or the client_id is another's.
            RequestError: the content or the client_id is not as `add_message` takes it.
        """
        async with self._database.unit_of_work(scope) as unit:
            await require_thread(unit.rows, scope, thread_id)
            message = await _require_users_message(unit.rows, thread_id, message_id)
            active = await unit.rows.runs.active_of_thread(thread_id)
            require_no_run([active] if active else [])
            draft = MessageDraft(
                content=message.content if resend.content is None else resend.content,
                client_id=message.client_id if resend.client_id is None else resend.client_id,
            )
            _check_message(draft)
            for id, version in await unit.rows.messages.after(thread_id, message_id):
                _tell_deleted(thread_id, id, version)
            await unit.rows.messages.cut(thread_id, message_id)
            await unit.rows.runs.forget_answers(thread_id, message_id)
            await _check_client_id(unit.rows, thread_id, message_id, draft.client_id)
            return await _ask_anew(unit.rows, message_id, draft)


async def require_thread(rows: Rows, scope: str, thread_id: int) -> Thread:
    """Read a thread.

    Raises:
        NotFound: there is none of this id for the scope.
    """
    limits.check_id("Thread", thread_id)
    thread = await rows.threads.get(scope, thread_id)
    if thread is None:
        raise NotFound("Thread", thread_id)
    return thread


async def _require_users_message(rows: Rows, thread_id: int, message_id: int) -> Message:
    limits.check_id("Message", message_id)
    message = await rows.messages.get(thread_id, message_id)
    if message is None:
        raise NotFound("Message", message_id)
    if message.role != "user":
        raise Conflict(f"Message {message_id} is not a user's, and only those can be sent again")
    return message


async def _check_client_id(rows: Rows, thread_id: int, message_id: int, client_id: str | None) -> None:
    """Refuse the name of another message of the thread."""
    other = None if client_id is None else await rows.messages.by_client_id(thread_id, client_id)
    if other is not None and other.id != message_id:
        raise Conflict(f"The client_id {client_id} is that of message {other.id}; give another")


async def _require_agent(rows: Rows, scope: str, agent_id: int) -> None:
    limits.check_id("Agent", agent_id)
    if not await rows.agents.exists(scope, agent_id):
        raise NotFound("Agent", agent_id)


def _check_message(draft: MessageDraft) -> None:
    limits.check_text("content", draft.content, limits.MESSAGE_BYTES)
    limits.check_not_blank("content", draft.content)
    if draft.client_id is not None:
        limits.check_line("client_id", draft.client_id, limits.CLIENT_ID_CHARACTERS)
        limits.check_not_blank("client_id", draft.client_id)


@publish_event(THREAD_CREATED)
async def _create(rows: Rows, scope: str, draft: ThreadDraft) -> Thread:
    return await rows.threads.add(scope, msgspec.structs.asdict(draft))


@publish_event(THREAD_UPDATED)
async def _change(rows: Rows, thread_id: int, values: dict[str, Any]) -> Thread:
    return await rows.threads.change(thread_id, values)


@publish_event(THREAD_DELETED)
async def delete_thread(rows: Rows, scope: str, thread: Thread) -> ThreadDeleted:
    """Delete a thread that has no run in progress, within a unit of work, and tell it."""
    await rows.threads.delete(scope, thread.id)
    return ThreadDeleted(**msgspec.structs.asdict(msgspec.structs.replace(thread, version=thread.version + 1)))


@publish_event(THREAD_MESSAGE_CREATED)
async def _add_message(rows: Rows, scope: str, thread_id: int, draft: MessageDraft) -> Message:
    return await rows.messages.add(scope, thread_id, "user", draft.content, client_id=draft.client_id)


@publish_event(THREAD_MESSAGE_DELETED)
def _tell_deleted(thread_id: int, message_id: int, version: int) -> MessageDeleted:
    return MessageDeleted(id=message_id, thread_id=thread_id, version=version + 1)


@publish_event(THREAD_MESSAGE_UPDATED)
async def _ask_anew(rows: Rows, message_id: int, draft: MessageDraft) -> Message:
    return await rows.messages.ask_anew(message_id, draft.content, draft.client_id)
