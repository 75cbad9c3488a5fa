"""Saying something in a thread, and having it answered."""
import msgspec
from trunkline.agents.events import Message
from trunkline.agents.services.threads import MessageDraft

class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The stored message, and the run that answers it, if one was asked for."""

    message: Message
    run_id: int | None = None

class ChatService:
    def __init__(self, database: "Database", threads: "ThreadService", runner: "Runner") -> None: ...
    async def send(self, scope: str, thread_id: int, draft: MessageDraft, *, run: bool = False) -> Sent:
        """Add a message and, with `run`, have it answered: both or neither. Conflict when the thread has a run in progress.

        The same `client_id` again returns the first message and the run that was started with it."""
        raise NotImplementedError
