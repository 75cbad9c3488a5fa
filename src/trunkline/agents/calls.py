"""What clients may call over the line: say something, have it answered, ask it anew, stop the answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from trunkline import CallContext, Published, Receipt, Trunkline
from trunkline.agents.events import RunStatus
from trunkline.agents.runner import Runner
from trunkline.agents.services import limits
from trunkline.agents.services.chat import ChatService, Resent, Sent
from trunkline.agents.services.threads import MessageDraft, Resend
from trunkline.agents.storage import Database

logger = logging.getLogger(__name__)

_KEY_CHARACTERS = 128
_RECEIPT_PATIENCE = 5.0

R = TypeVar("R", bound=msgspec.Struct)


class SendParams(msgspec.Struct, frozen=True, kw_only=True):
    """Params of `thread.send`. `client_id` makes it harmless to send again; `run` has the message answered."""

    thread_id: int
    content: str
    client_id: str | None = None
    run: bool = False


class ResendParams(msgspec.Struct, frozen=True, kw_only=True):
    """Params of `thread.resend`: see `Resend`."""

    thread_id: int
    message_id: int
    content: str | None = None
    client_id: str | None = None


class ThreadParams(msgspec.Struct, frozen=True, kw_only=True):
    """Params of `thread.run`."""

    thread_id: int


class RunParams(msgspec.Struct, frozen=True, kw_only=True):
    """Params of `run.cancel`."""

    run_id: int


class RunStartedResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of `thread.run`."""

    run_id: int


class RunCancelledResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of `run.cancel`: how the run ended, which it may have done before."""

    run_id: int
    status: RunStatus


class AgentsCalls:
    """The methods. A call with a key takes effect once in 24 hours; later ones get the first one's result.

    Args:
        database: the database of the services.
        chat: takes messages.
        runner: answers them.
    """

    def __init__(self, database: Database, chat: ChatService, runner: Runner) -> None:
        self._database = database
        self._chat = chat
        self._runner = runner

    async def send(self, context: CallContext, params: SendParams) -> Sent:
        """`thread.send`: see `ChatService.send`."""
        draft = MessageDraft(content=params.content, client_id=params.client_id)

        async def send() -> Sent:
            return await self._chat.send(context.principal.scope, params.thread_id, draft, run=params.run)

        return await self._once(context, Sent, send)

    async def resend(self, context: CallContext, params: ResendParams) -> Resent:
        """`thread.resend`: see `ChatService.resend`."""
        how = Resend(content=params.content, client_id=params.client_id)

        async def resend() -> Resent:
            return await self._chat.resend(context.principal.scope, params.thread_id, params.message_id, how)

        return await self._once(context, Resent, resend)

    async def run(self, context: CallContext, params: ThreadParams) -> RunStartedResult:
        """`thread.run`: see `Runner.submit`."""

        async def run() -> RunStartedResult:
            return RunStartedResult(run_id=(await self._runner.submit(context.principal.scope, params.thread_id)).id)

        return await self._once(context, RunStartedResult, run)

    async def cancel(self, context: CallContext, params: RunParams) -> RunCancelledResult:
        """`run.cancel`: see `Runner.cancel`. Cancelling twice is cancelling once, with a key or without."""
        run, receipt = await self._runner.cancel(context.principal.scope, params.run_id)
        if receipt is not None:
            await _note_published(context, receipt)
        return RunCancelledResult(run_id=run.id, status=run.status)

    async def _once(self, context: CallContext, type_: type[R], effect: Callable[[], Awaitable[R]]) -> R:
        """Do what a call does and remember its result under the call's key, in one transaction."""
        scope = context.principal.scope
        limits.check_line("key", context.key or "", _KEY_CHARACTERS)
        async with self._database.unit_of_work(scope) as unit:
            keys = unit.rows.call_keys
            known = await keys.get(scope, context.method, context.key) if context.key else None
            if known is not None:
                return msgspec.json.decode(known, type=type_)
            result = await effect()
            if context.key:
                await keys.add(scope, context.method, context.key, msgspec.json.encode(result).decode())
        await _note_published(context, unit.receipt)
        return result


HANDLERS: Final[Mapping[str, Callable[[AgentsCalls, CallContext, Any], Awaitable[object]]]] = {
    "thread.send": AgentsCalls.send,
    "thread.resend": AgentsCalls.resend,
    "thread.run": AgentsCalls.run,
    "run.cancel": AgentsCalls.cancel,
}
"""The methods by name. What they take and return is what their annotations say."""


def register_calls(line: Trunkline, database: Database, chat: ChatService, runner: Runner) -> None:
    """Declare the methods on a line."""
    calls = AgentsCalls(database, chat, runner)
    for method, handler in HANDLERS.items():
        line.call(method)(getattr(calls, handler.__name__))


async def _note_published(context: CallContext, receipt: Receipt) -> None:
    """Tell the caller the positions of the events; while the broker does not take them, it gets its answer without."""
    try:
        async with asyncio.timeout(_RECEIPT_PATIENCE):
            results = await receipt.wait()
    except TimeoutError:
        logger.warning("The events of %s wait in the outbox; its reply names no positions", context.method)
        return
    context.published.extend(result for result in results if isinstance(result, Published))
