"""The runner: it owns the tasks that answer, from the queue to the last event."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from trunkline import ErrorCode, EventType, NotFound, Receipt, RequestError, TrunklineError, current_unit
from trunkline.agents.answer import Answer, Sleep
from trunkline.agents.events import STREAM_CHUNK, Run, StreamChunk
from trunkline.agents.models.base import ChatMessage, ChatModel, Done, ModelError, ModelStreamCut, read_options
from trunkline.agents.run_work import Interrupted, Work
from trunkline.agents.services.limits import MESSAGE_BYTES
from trunkline.agents.services.runs import Begun, Outcome, Prompt, RunService, interrupted
from trunkline.agents.storage import StorageUnavailable

logger = logging.getLogger(__name__)

_UNEXPECTED = "The answer failed because of an error on the server; its log says more."
_LONGEST_RETRY = 30.0
_CANCEL_PATIENCE = 10.0
# In characters, each of which takes at most four bytes of what a message may have.
_LONGEST_ANSWER = MESSAGE_BYTES // 4


class Models(Protocol):
    """Where the runner gets models from; `ModelCatalog` is one."""

    async def default_name(self) -> str:
        """The model of an agent that names none."""
        ...

    def open(self, name: str) -> ChatModel:
        """The model of that name. Raises ModelError."""
        ...


class PublishChunk(Protocol):
    """Publishes without a transaction; `Trunkline.publish` does."""

    def __call__(self, event_type: EventType[StreamChunk], data: StreamChunk, *, scope: str = "") -> Awaitable[object]:
        """Return when the broker has the event. Raises BrokerError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerOptions:
    """Limits and times of a runner.

    Attributes:
        running: how many runs ask their models at the same time.
        waiting: how many more may wait for their turn.
        chunk_interval: seconds between two chunks of a stream.
        checkpoint_interval: seconds between two checkpoints of a text that grows.
        sleep: waits that many seconds.
    """

    running: int = 16
    waiting: int = 1_000
    chunk_interval: float = 0.025
    checkpoint_interval: float = 0.25
    sleep: Sleep = asyncio.sleep


class Ended(NamedTuple):
    """A run that has ended, and the receipt of the events of its end if it was this process that ended it."""

    run: Run
    receipt: Receipt | None


class Runner:
    """Answers threads: takes runs from the queue, streams from models, tells chunks, keeps texts, ends runs.

    Every task belongs to the runner, and `stop` ends them all. A client that goes away cancels nothing.

    Args:
        runs: the states of runs.
        models: opens models by name.
        publish: publishes chunks, which no transaction guards; `line.publish`.
        options: limits and times.
    """

    def __init__(
        self, runs: RunService, models: Models, publish: PublishChunk, *, options: RunnerOptions | None = None
    ) -> None:
        self._runs = runs
        self._models = models
        self._publish = publish
        self._options = options or RunnerOptions()
        self._turns = asyncio.Semaphore(self._options.running)
        self._works: dict[int, Work] = {}
        self._leaving = False
        self._stopped = False

    # Life

    async def start(self) -> None:
        """End what an earlier process left in progress; call it before anyone is served.

        Raises:
            StorageUnavailable: the database cannot serve.
        """
        ended = await self._runs.recover()
        if ended:
            logger.warning("%d answers were cut when the server stopped; their texts so far were kept", ended)

    @property
    def in_progress(self) -> int:
        """How many runs wait or are being answered."""
        return len(self._works)

    @property
    def running(self) -> int:
        """How many of those have begun to be answered and have not ended."""
        return sum(work.answer is not None for work in self._works.values())

    async def finish(self) -> None:
        """Take no more runs, and return when those in progress have ended. Cancel it to wait no longer."""
        self._leaving = True
        while tasks := self._tasks():
            await asyncio.wait(tasks)

    async def stop(self) -> None:
        """Take no more runs and end those in progress as failed, their texts kept; returns when all have ended.

        What the database does not take now, the next `start` does.
        """
        self._leaving = self._stopped = True
        for work in list(self._works.values()):
            work.interrupt("stopped")
        await self.finish()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [work.task for work in self._works.values() if work.task is not None and not work.task.done()]

    # Runs

    async def submit(self, scope: str, thread_id: int) -> Run:
        """Queue a run of a thread; inside a unit of work it starts after the commit.

        Raises:
            NotFound: there is no thread of this id for the scope.
            Conflict: the thread has a run in progress, or no message that needs an answer.
            RequestError: too many runs wait, or the server stops.
            StorageUnavailable: the database cannot serve.
        """
        if self._leaving:
            raise RequestError("The server stops; ask again when it is back", code=ErrorCode.INTERNAL)
        if len(self._works) >= self._options.running + self._options.waiting:
            raise RequestError("Too many answers are waiting; try again in a moment", code=ErrorCode.RATE_LIMITED)
        return await self._runs.create(scope, thread_id, lambda run: self._spawn(scope, run.id))

    async def cancel(self, scope: str, run_id: int) -> Ended:
        """Close the model's stream, keep the text so far, and return when the run has ended, whichever way.

        A run that had ended before is returned as it is. While the database refuses to take the end, this returns
        after 10 seconds with the run still in progress.

        Raises:
            NotFound: there is none of this id for the scope.
            StorageUnavailable: the database cannot serve.
            TrunklineError: this is inside a unit of work.
        """
        if current_unit() is not None:
            raise TrunklineError("A run cannot write its end while a unit of work waits for it")
        run = await self._runs.get(scope, run_id)
        work = self._works.get(run_id)
        if work is None:
            # Only a fault of this program leaves a run in progress that nobody works on.
            ended = await self._runs.finish(scope, run_id, _cancelled(None))
            return Ended(ended.run, ended.receipt) if ended else Ended(run, None)
        work.interrupt("cancelled")
        if work.task is not None:
            await asyncio.wait([work.task], timeout=_CANCEL_PATIENCE)
        return Ended(await self._runs.get(scope, run_id), work.receipt)

    async def cancel_all(self, scope: str, run_ids: Sequence[int]) -> None:
        """Cancel runs; return when each has ended."""
        for run_id in run_ids:
            with contextlib.suppress(NotFound):
                await self.cancel(scope, run_id)

    def told(self, run_id: int) -> str | None:
        """The text that the chunks of a run have told so far; None if it is not in progress in this process."""
        work = self._works.get(run_id)
        if work is None:
            return None
        return "" if work.answer is None else work.answer.told

    # Tasks

    def _spawn(self, scope: str, run_id: int) -> None:
        work = self._works[run_id] = Work(scope, run_id)
        if self._stopped:
            work.reason = "stopped"
        # Nothing of the caller's context: its unit of work ends before the run does.
        work.task = asyncio.get_running_loop().create_task(self._run(work), name=f"run {run_id}", context=Context())
        work.task.add_done_callback(lambda task: self._forget(run_id, task))

    def _forget(self, run_id: int, task: asyncio.Task[None]) -> None:
        del self._works[run_id]
        _log_failure(task, f"Run {run_id} was left in progress")

    async def _run(self, work: Work) -> None:
        try:
            async with self._turn(work):
                outcome = await self._answer(work)
        except Interrupted:
            outcome = _given_up(work, None)
        if outcome is not None:
            await self._finish(work, outcome)

    @contextlib.asynccontextmanager
    async def _turn(self, work: Work) -> AsyncIterator[None]:
        await work.interruptible(self._turns.acquire())
        try:
            yield
        finally:
            self._turns.release()

    async def _answer(self, work: Work) -> Outcome | None:
        """Take a run from its start to its outcome; None if there is nothing to do or to end any more."""
        try:
            begun = await self._runs.begin(work.scope, work.run_id)
        except StorageUnavailable as error:
            return _failed(None, error.sentence)
        except Exception:
            logger.exception("Run %d could not start", work.run_id)
            return _failed(None, _UNEXPECTED)
        return None if begun is None else await self._stream(work, begun)

    async def _stream(self, work: Work, begun: Begun) -> Outcome:
        """Stream an answer, telling and keeping it meanwhile; every failure becomes an outcome with the text so far."""
        answer = work.answer = self._new_answer(work, begun.prompt)
        async with self._telling(answer), self._keeping(work, begun.prompt, answer):
            try:
                reason = await work.interruptible(self._ask(begun, answer))
            except Interrupted:
                return _given_up(work, answer.text)
            except ModelError as error:
                logger.info("Run %d failed: %s", work.run_id, error)
                return _failed(answer.text, str(error))
            except Exception:
                logger.exception("Run %d failed", work.run_id)
                return _failed(answer.text, _UNEXPECTED)
            return Outcome(status="done", text=answer.text, finish_reason=reason)

    def _new_answer(self, work: Work, prompt: Prompt) -> Answer:
        async def tell(at: int, text: str) -> None:
            run = prompt.run
            chunk = StreamChunk(run_id=run.id, thread_id=run.thread_id, message_id=prompt.message_id, at=at, text=text)
            await self._publish(STREAM_CHUNK, chunk, scope=work.scope)

        return Answer(tell, self._options.chunk_interval, self._options.sleep)

    async def _ask(self, begun: Begun, answer: Answer) -> str:
        """Ask the model and collect what it says; return why it ended."""
        # The chunks must not overtake the events that tell the start.
        await begun.receipt.wait()
        prompt = begun.prompt
        model = self._models.open(prompt.model or await self._models.default_name())
        options = read_options(prompt.config)
        async with contextlib.aclosing(model.stream(_conversation(prompt), options)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Done):
                    return piece.finish_reason
                answer.add(piece.text)
                if answer.length >= _LONGEST_ANSWER:
                    return "length"
        raise ModelStreamCut

    @contextlib.asynccontextmanager
    async def _telling(self, answer: Answer) -> AsyncIterator[None]:
        """Tell chunks during the block, and the rest at its end."""
        teller = asyncio.get_running_loop().create_task(answer.run())
        try:
            yield
        finally:
            answer.end()
            await asyncio.wait([teller])
            _log_failure(teller, "Chunks were not told")

    @contextlib.asynccontextmanager
    async def _keeping(self, work: Work, prompt: Prompt, answer: Answer) -> AsyncIterator[None]:
        """Keep the text at intervals during the block. A checkpoint that is being written is waited for."""
        writing = asyncio.Lock()
        keeper = asyncio.get_running_loop().create_task(self._keep(work.scope, prompt.message_id, answer, writing))
        try:
            yield
        finally:
            async with writing:
                keeper.cancel()
            await asyncio.wait([keeper])
            _log_failure(keeper, "The text was not kept")

    async def _keep(self, scope: str, message_id: int, answer: Answer, writing: asyncio.Lock) -> None:
        kept = 0
        while True:
            await self._options.sleep(self._options.checkpoint_interval)
            if answer.length == kept:
                continue
            async with writing:
                length = answer.length
                try:
                    await self._runs.checkpoint(scope, message_id, answer.text)
                    kept = length
                except StorageUnavailable as error:
                    logger.warning("The text of message %d was not kept: %s", message_id, error)

    async def _finish(self, work: Work, outcome: Outcome) -> None:
        """Write a run's end down, trying until the database takes it or the server stops."""
        delay = 1.0
        while True:
            try:
                finished = await self._runs.finish(work.scope, work.run_id, outcome)
            except StorageUnavailable as error:
                logger.warning("The end of run %d was not written: %s", work.run_id, error)
            else:
                work.receipt = finished.receipt if finished else None
                return
            if self._stopped:
                return
            work.retrying = True
            await self._options.sleep(delay)
            delay = min(2 * delay, _LONGEST_RETRY)


def _conversation(prompt: Prompt) -> list[ChatMessage]:
    system = [ChatMessage("system", prompt.instructions)] if prompt.instructions else []
    return system + [ChatMessage(message.role, message.content) for message in prompt.messages]


def _failed(text: str | None, sentence: str) -> Outcome:
    return Outcome(status="failed", text=text, finish_reason="error", error=sentence)


def _given_up(work: Work, text: str | None) -> Outcome:
    if work.reason == "stopped":
        return interrupted(text)
    return _cancelled(text)


def _cancelled(text: str | None) -> Outcome:
    return Outcome(status="cancelled", text=text, finish_reason="cancelled")


def _log_failure(task: asyncio.Task[None], what: str) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s", what, exc_info=error)
