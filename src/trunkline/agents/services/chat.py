"""Saying something in a thread, and having it answered."""

from typing import Protocol

import msgspec

from trunkline.agents.events import Message, Run
from trunkline.agents.services.threads import MessageDraft, Resend, ThreadService
from trunkline.agents.storage import Database


class Sent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The stored message, and the run that answers it if one was asked for."""

    message: Message
    run_id: int | None = None


class Resent(msgspec.Struct, frozen=True, kw_only=True):
    """The message as it is asked now, and the run that answers it."""

    message: Message
    run_id: int


class RunSubmitter(Protocol):
    """Starts runs; the runner does."""

    async def submit(self, scope: str, thread_id: int) -> Run:
        """Queue a run of a thread, within the open unit of work if there is one."""
        ...


class ChatService:
    """Messages and the runs that answer them, together or not at all.

    Args:
        database: the database of `threads` and `runner`.
        threads: takes the messages.
        runner: answers them.
    """

    def __init__(self, database: Database, threads: ThreadService, runner: RunSubmitter) -> None:
        self._database = database
        self._threads = threads
        self._runner = runner

    async def send(self, scope: str, thread_id: int, draft: MessageDraft, *, run: bool = False) -> Sent:
        """Add what a user says and, with `run`, have it answered.

        A `client_id` that the thread knows returns the first message, and the run that answered it: nothing happens
        twice.

        Raises:
            NotFound: there is no thread of this id for the scope.
            Conflict: the thread has a run in progress; the message was not added.
            RequestError: the message is not as it must be, or too many runs wait; it was not added.
            StorageUnavailable: the database cannot serve.
        """
        async with self._database.unit_of_work(scope) as unit:
            message = await self._threads.add_message(scope, thread_id, draft)
            if not run:
                return Sent(message=message)
            answering = await unit.rows.runs.answering(thread_id, message.id)
            if answering is None:
                answering = await self._runner.submit(scope, thread_id)
            return Sent(message=message, run_id=answering.id)

    async def resend(self, scope: str, thread_id: int, message_id: int, resend: Resend) -> Resent:
        """Cut a thread after a user's message, change its words if others are given, and have it answered.

        Raises:
            NotFound: there is no such thread for the scope, or no such message in it.
            Conflict: the thread has a run in progress, the message is not a user's, or the client_id is another's.
            RequestError: the content is not as it must be, or too many runs wait.
            StorageUnavailable: the database cannot serve.
        """
        async with self._database.unit_of_work(scope):
            message = await self._threads.ask_anew(scope, thread_id, message_id, resend)
            return Resent(message=message, run_id=(await self._runner.submit(scope, thread_id)).id)
