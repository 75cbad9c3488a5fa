"""Rows of messages. A draft, the message that a run still fills, is seen by nobody but its run."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.agents.events import Message, MessageRole
from trunkline.agents.storage.clock import Clock
from trunkline.agents.storage.newest import Bound, take_newest
from trunkline.agents.storage.tables import MessageRow


class MessageCount(NamedTuple):
    """How many messages a thread has, and which is the newest."""

    messages: int
    last_id: int | None
    last_role: MessageRole | None


NO_MESSAGES = MessageCount(0, None, None)


class MessageRows:
    """Reads and writes the messages of threads; whose thread it is was checked before."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def page(self, thread_id: int, after: int, limit: int) -> list[Message]:
        """Messages with ids above `after`, lowest first."""
        shown = select(MessageRow).where(MessageRow.thread_id == thread_id, ~MessageRow.draft)
        query = shown.where(MessageRow.id > after).order_by(MessageRow.id).limit(limit)
        return [_message(row) for row in await self._session.scalars(query)]

    async def page_before(self, thread_id: int, before: int, limit: int) -> list[Message]:
        """The newest messages with ids below `before`, highest first."""
        shown = select(MessageRow).where(MessageRow.thread_id == thread_id, ~MessageRow.draft)
        query = shown.where(MessageRow.id < before).order_by(MessageRow.id.desc()).limit(limit)
        return [_message(row) for row in await self._session.scalars(query)]

    async def newest(self, thread_id: int, bound: Bound, *, up_to: int | None = None) -> tuple[list[Message], bool]:
        """The newest messages, ids up to `up_to`; see `take_newest`."""

        async def fetch(below: int | None, count: int) -> list[Message]:
            query = select(MessageRow).where(MessageRow.thread_id == thread_id, ~MessageRow.draft)
            if below is not None:
                query = query.where(MessageRow.id < below)
            elif up_to is not None:
                query = query.where(MessageRow.id <= up_to)
            rows = await self._session.scalars(query.order_by(MessageRow.id.desc()).limit(count))
            return [_message(row) for row in rows]

        return await take_newest(fetch, lambda message: len(message.content), bound)

    async def last_of_threads(self, thread_ids: Sequence[int]) -> dict[int, MessageCount]:
        """Count the messages of threads and find the newest of each; threads without any are left out."""
        counted = (
            select(MessageRow.thread_id, func.count().label("count"), func.max(MessageRow.id).label("last_id"))
            .where(MessageRow.thread_id.in_(thread_ids), ~MessageRow.draft)
            .group_by(MessageRow.thread_id)
            .subquery()
        )
        query = select(counted.c.thread_id, counted.c.count, counted.c.last_id, MessageRow.role)
        rows = await self._session.execute(query.join(MessageRow, MessageRow.id == counted.c.last_id))
        return {thread_id: MessageCount(count, last_id, role) for thread_id, count, last_id, role in rows}

    async def newest_unprocessed(self, thread_id: int) -> int | None:
        """Id of the newest user message that no answer took into account."""
        query = select(MessageRow.id).where(
            MessageRow.thread_id == thread_id, MessageRow.role == "user", ~MessageRow.processed
        )
        return await self._session.scalar(query.order_by(MessageRow.id.desc()).limit(1))

    async def by_client_id(self, thread_id: int, client_id: str) -> Message | None:
        """The message to which its sender gave this name."""
        query = select(MessageRow).where(MessageRow.thread_id == thread_id, MessageRow.client_id == client_id)
        row = await self._session.scalar(query)
        return None if row is None else _message(row)

    async def add(
        self, owner: str, thread_id: int, role: MessageRole, content: str, *, client_id: str | None = None
    ) -> Message:
        """Insert a message at version 1; only a user's is still to be processed."""
        row = self._new(owner, thread_id, role, draft=False)
        row.content = content
        row.client_id = client_id
        await self._session.flush()
        return _message(row)

    async def get(self, thread_id: int, message_id: int) -> Message | None:
        """One message of the thread, if it is there and no draft."""
        row = await self._session.get(MessageRow, message_id)
        return None if row is None or row.thread_id != thread_id or row.draft else _message(row)

    async def after(self, thread_id: int, message_id: int) -> list[tuple[int, int]]:
        """Ids and versions of the messages after one, newest first."""
        query = select(MessageRow.id, MessageRow.version).where(
            MessageRow.thread_id == thread_id, MessageRow.id > message_id, ~MessageRow.draft
        )
        rows = await self._session.execute(query.order_by(MessageRow.id.desc()))
        return [(id, version) for id, version in rows]

    async def cut(self, thread_id: int, message_id: int) -> None:
        """Delete the messages after one."""
        after = (MessageRow.thread_id == thread_id, MessageRow.id > message_id)
        await self._session.execute(delete(MessageRow).where(*after))

    async def ask_anew(self, message_id: int, content: str, client_id: str | None) -> Message:
        """Set what a user's message says and have it wait for an answer; its version grows by one."""
        row = await self._session.get_one(MessageRow, message_id)
        row.content = content
        row.client_id = client_id
        row.processed = False
        row.version += 1
        await self._session.flush()
        return _message(row)

    async def add_draft(self, owner: str, thread_id: int) -> int:
        """Insert the empty message that a run is about to fill; returns its id."""
        row = self._new(owner, thread_id, "assistant", draft=True)
        await self._session.flush()
        return row.id

    def _new(self, owner: str, thread_id: int, role: MessageRole, *, draft: bool) -> MessageRow:
        row = MessageRow(
            owner=owner,
            thread_id=thread_id,
            role=role,
            content="",
            timestamp=self._clock.now(),
            processed=role != "user",
            draft=draft,
        )
        self._session.add(row)
        return row

    async def checkpoint(self, message_id: int, text: str) -> None:
        """Keep the text so far of a draft; nothing happens to a message that is none."""
        await self._session.execute(
            update(MessageRow).where(MessageRow.id == message_id, MessageRow.draft).values(content=text)
        )

    async def draft_text(self, message_id: int) -> str:
        """The text of the last checkpoint, or "" if there is no such draft."""
        query = select(MessageRow.content).where(MessageRow.id == message_id, MessageRow.draft)
        return await self._session.scalar(query) or ""

    async def publish_draft(self, message_id: int, text: str) -> Message:
        """Make a draft that is there a message like others, with this text."""
        row = await self._session.get_one(MessageRow, message_id)
        row.draft = False
        row.content = text
        await self._session.flush()
        return _message(row)

    async def drop_draft(self, message_id: int) -> None:
        """Delete a draft that came to nothing."""
        row = await self._session.get(MessageRow, message_id)
        if row is not None and row.draft:
            await self._session.delete(row)
            await self._session.flush()

    async def unprocessed(self, thread_id: int, up_to: int) -> list[int]:
        """Ids, up to `up_to`, of the user messages that no answer took into account."""
        query = select(MessageRow.id).where(
            MessageRow.thread_id == thread_id, MessageRow.id <= up_to, MessageRow.role == "user", ~MessageRow.processed
        )
        return list(await self._session.scalars(query.order_by(MessageRow.id)))

    async def mark_processed(self, message_id: int) -> Message:
        """Note that an answer took a message into account; its version grows by one."""
        row = await self._session.get_one(MessageRow, message_id)
        row.processed = True
        row.version += 1
        await self._session.flush()
        return _message(row)


def _message(row: MessageRow) -> Message:
    return Message(
        id=row.id,
        thread_id=row.thread_id,
        role=row.role,
        content=row.content,
        timestamp=row.timestamp,
        processed=row.processed,
        version=row.version,
        client_id=row.client_id,
    )
