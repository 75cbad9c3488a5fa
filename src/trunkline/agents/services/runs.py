"""Runs: their states, and what each step tells. The runner takes the steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from trunkline import Conflict, NotFound, Receipt, publish_event
from trunkline.agents.events import (
    RUN_FINISHED,
    RUN_STARTED,
    STREAM_END,
    STREAM_START,
    THREAD_MESSAGE_CREATED,
    THREAD_MESSAGE_UPDATED,
    AgentStatus,
    Message,
    Run,
    RunEnd,
    RunFinished,
    RunStarted,
    StreamEnd,
    StreamStart,
)
from trunkline.agents.services import limits
from trunkline.agents.services.agents import change_agent, require_agent
from trunkline.agents.services.stopping import in_progress
from trunkline.agents.services.threads import require_thread
from trunkline.agents.storage import Database, Rows
from trunkline.agents.storage.newest import Bound

INTERRUPTED = "The server stopped during this answer; its last words may be missing."

_CONTEXT = Bound(things=200, characters=1024 * 1024)


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What the model is asked.

    Attributes:
        run: the run, started.
        message_id: the message that the answer fills.
        model: the agent's model; "" leaves the choice to the server.
        instructions: the agent's, for the system message; "" if it has none.
        messages: the end of the conversation, oldest first, up to the newest message that needs an answer.
        config: the agent's options.
    """

    run: Run
    message_id: int
    model: str
    instructions: str
    messages: list[Message]
    config: dict[str, Any]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended.

    Attributes:
        text: what was said; None stands for the text of the last checkpoint.
        finish_reason: for `stream_end`.
        error: a sentence if it failed.
    """

    status: RunEnd
    text: str | None
    finish_reason: str
    error: str | None = None


class Begun(NamedTuple):
    """A started run: what to ask, and the receipt of the events that told its start."""

    prompt: Prompt
    receipt: Receipt


class Finished(NamedTuple):
    """An ended run, and the receipt of the events that told its end."""

    run: Run
    receipt: Receipt


class RunService:
    """The runs of all owners; every call sees those of its `scope` alone.

    Every method may raise `StorageUnavailable`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, scope: str, run_id: int) -> Run:
        """One run.

        Raises:
            NotFound: there is none of this id for the scope.
        """
        limits.check_id("Run", run_id)
        async with self._database.reading() as rows:
            run = await rows.runs.get(scope, run_id)
        if run is None:
            raise NotFound("Run", run_id)
        return run

    async def active(self, scope: str, thread_id: int) -> Run | None:
        """The thread's run in progress, if there is one.

        Raises:
            NotFound: there is no thread of this id for the scope.
        """
        async with self._database.reading() as rows:
            await require_thread(rows, scope, thread_id)
            return await rows.runs.active_of_thread(thread_id)

    async def create(self, scope: str, thread_id: int, then: Callable[[Run], None]) -> Run:
        """Queue a run and call `then` with it when that is committed.

        Raises:
            NotFound: there is no thread of this id for the scope.
            Conflict: the thread has a run in progress, or no message that needs an answer.
        """
        async with self._database.unit_of_work(scope) as unit:
            thread = await require_thread(unit.rows, scope, thread_id)
            active = await unit.rows.runs.active_of_thread(thread_id)
            if active is not None:
                raise in_progress(active)
            prompt_id = await unit.rows.messages.newest_unprocessed(thread_id)
            if prompt_id is None:
                raise Conflict(f"Thread {thread_id} has no message that needs an answer")
            run = await unit.rows.runs.add(scope, thread, prompt_id)
            unit.after_commit(lambda: then(run))
            return run

    async def begin(self, scope: str, run_id: int) -> Begun | None:
        """Start a queued run; tells `run_started`, `stream_start` and the agent's status in one transaction.

        None if it is not queued any more.
        """
        async with self._database.unit_of_work(scope) as unit:
            queued = await unit.rows.runs.get(scope, run_id)
            if queued is None or queued.status != "queued":
                return None
            prompt = await _start(unit.rows, scope, queued)
            _tell_start(prompt.run)
            _tell_stream_start(prompt.run, prompt.message_id)
            await _set_status(unit.rows, scope, queued.agent_id, "running")
        return Begun(prompt, unit.receipt)

    async def checkpoint(self, scope: str, message_id: int, text: str) -> None:
        """Keep the text so far, for the case that the server stops."""
        async with self._database.unit_of_work(scope) as unit:
            await unit.rows.messages.checkpoint(message_id, text)

    async def finish(self, scope: str, run_id: int, outcome: Outcome) -> Finished | None:
        """End a run in progress, in one transaction: answer, processed messages, run, agent's status, all told.

        An answer that failed or was cancelled before it said anything leaves no message. Messages count as processed
        when an answer to them was finished, so what failed can be run again. None if the run is not in progress.
        """
        async with self._database.unit_of_work(scope) as unit:
            run = await unit.rows.runs.get(scope, run_id)
            if run is None or run.finished_at is not None:
                return None
            message_id = await _keep_answer(unit.rows, run, outcome)
            if outcome.status == "done":
                for answered in await unit.rows.messages.unprocessed(
                    run.thread_id, await unit.rows.runs.prompt_id(run_id)
                ):
                    await _mark_processed(unit.rows, answered)
            ended = await unit.rows.runs.finish(run_id, outcome.status, outcome.error, message_id)
            _tell_end(ended, outcome)
            await _follow(unit.rows, scope, run.agent_id, outcome.status)
        return Finished(ended, unit.receipt)

    async def recover(self) -> int:
        """End the runs that an earlier process left in progress; call it before any run starts. Returns how many.

        Each is marked failed with a sentence, and the text of its last checkpoint becomes its message.
        """
        async with self._database.reading() as rows:
            left = await rows.runs.all_active()
        for scope, run_id in left:
            await self.finish(scope, run_id, interrupted(None))
        async with self._database.reading() as rows:
            stuck = await rows.agents.stuck()
        for scope, agent_id in stuck:
            async with self._database.unit_of_work(scope) as unit:
                await _set_status(unit.rows, scope, agent_id, "idle")
        return len(left)


def interrupted(text: str | None) -> Outcome:
    """The outcome of a run that the server's stop ended."""
    return Outcome(status="failed", text=text, finish_reason="error", error=INTERRUPTED)


async def _start(rows: Rows, scope: str, queued: Run) -> Prompt:
    agent = await require_agent(rows, scope, queued.agent_id)
    newest = await rows.messages.newest_unprocessed(queued.thread_id) or await rows.runs.prompt_id(queued.id)
    messages, _ = await rows.messages.newest(queued.thread_id, _CONTEXT, up_to=newest)
    message_id = await rows.messages.add_draft(scope, queued.thread_id)
    return Prompt(
        run=await rows.runs.start(queued.id, message_id, newest),
        message_id=message_id,
        model=agent.model,
        instructions="\n\n".join(filter(None, (agent.system_instructions, agent.task_instructions))),
        messages=messages,
        config=agent.config,
    )


async def _keep_answer(rows: Rows, run: Run, outcome: Outcome) -> int | None:
    """End the stream, if it had begun, and make a message of its text; return the message's id, if there is one."""
    if run.message_id is None:
        return None
    text = await rows.messages.draft_text(run.message_id) if outcome.text is None else outcome.text
    _tell_stream_end(run, run.message_id, len(text), outcome.finish_reason)
    if not text and outcome.status != "done":
        await rows.messages.drop_draft(run.message_id)
        return None
    await _publish_draft(rows, run.message_id, text)
    return run.message_id


async def _follow(rows: Rows, scope: str, agent_id: int, last: RunEnd) -> None:
    """Make an agent's status that of its runs."""
    if await rows.runs.count_running(agent_id):
        await _set_status(rows, scope, agent_id, "running")
    else:
        await _set_status(rows, scope, agent_id, "error" if last == "failed" else "idle")


async def _set_status(rows: Rows, scope: str, agent_id: int, status: AgentStatus) -> None:
    if (await require_agent(rows, scope, agent_id)).status != status:
        await change_agent(rows, agent_id, {"status": status})


@publish_event(RUN_STARTED)
def _tell_start(run: Run) -> RunStarted:
    return RunStarted(run_id=run.id, thread_id=run.thread_id, agent_id=run.agent_id, run=run)


@publish_event(STREAM_START)
def _tell_stream_start(run: Run, message_id: int) -> StreamStart:
    return StreamStart(run_id=run.id, thread_id=run.thread_id, message_id=message_id)


@publish_event(STREAM_END)
def _tell_stream_end(run: Run, message_id: int, length: int, reason: str) -> StreamEnd:
    return StreamEnd(run_id=run.id, thread_id=run.thread_id, message_id=message_id, length=length, finish_reason=reason)


@publish_event(THREAD_MESSAGE_CREATED)
async def _publish_draft(rows: Rows, message_id: int, text: str) -> Message:
    return await rows.messages.publish_draft(message_id, text)


@publish_event(THREAD_MESSAGE_UPDATED)
async def _mark_processed(rows: Rows, message_id: int) -> Message:
    return await rows.messages.mark_processed(message_id)


@publish_event(RUN_FINISHED)
def _tell_end(run: Run, outcome: Outcome) -> RunFinished:
    return RunFinished(
        run_id=run.id,
        thread_id=run.thread_id,
        agent_id=run.agent_id,
        status=outcome.status,
        run=run,
        error=outcome.error,
    )
