"""The heart of the application as its tests use it: real files, a real line, a model that says what the test says."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trunkline import Action, Event, EventBus, Principal, Trunkline
from trunkline.agents.calls import register_calls
from trunkline.agents.events import Agent, Message, Run, Thread
from trunkline.agents.models.base import ChatMessage, ChatModel, Done, ModelError, ModelOptions, Token
from trunkline.agents.runner import Runner, RunnerOptions
from trunkline.agents.services import (
    AgentDraft,
    AgentService,
    ChatService,
    MessageDraft,
    RunService,
    ThreadDraft,
    ThreadService,
)
from trunkline.agents.snapshots import AgentsAccess, register_snapshots
from trunkline.agents.storage import Database, DatabaseOptions
from trunkline.agents.storage.clock import Clock

ANA = "ana"
BEN = "ben"
NOON = 1_772_366_400.0
"""2026-03-01T12:00:00Z."""


class ManualSleep:
    """Sleeping that ends when the test lets time pass."""

    def __init__(self) -> None:
        self.now = 0.0
        self._over = False
        self._changed = asyncio.Condition()
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def __call__(self, seconds: float) -> None:
        if self._over:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (self.now + seconds, wake)
        self._sleepers.append(sleeper)
        async with self._changed:
            self._changed.notify_all()
        try:
            await wake
        finally:
            self._sleepers.remove(sleeper)

    async def until_asleep(self, seconds: float) -> None:
        """Wait until somebody sleeps who will wake that many seconds from now, and not before."""
        async with self._changed:
            await self._changed.wait_for(lambda: any(at == self.now + seconds for at, _ in self._sleepers))

    def advance(self, seconds: float) -> None:
        """Let time pass and wake who is due."""
        self.now += seconds
        for at, wake in self._sleepers:
            if at <= self.now and not wake.done():
                wake.set_result(None)

    def end(self) -> None:
        """Wake everybody, and let nobody sleep any more."""
        self._over = True
        self.advance(float("inf"))


async def never_sleeping(_seconds: float) -> None:
    """Let the loop turn once, whatever the time asked for."""
    await asyncio.sleep(0)


class ScriptedModel:
    """A model whose every step the test decides: `say`, then `finish` or `fail`.

    Attributes:
        asked: the conversations it was given.
        closed: set when a stream has been closed, in whatever way.
    """

    def __init__(self, name: str = "scripted") -> None:
        self._name = name
        self._steps: asyncio.Queue[Token | Done | Exception] = asyncio.Queue()
        self.asked: list[list[ChatMessage]] = []
        self.options: list[ModelOptions] = []
        self.streaming = asyncio.Event()
        self.closed = asyncio.Event()

    @property
    def waits(self) -> bool:
        """Whether all that the test said has been taken."""
        return self._steps.empty()

    @property
    def name(self) -> str:
        return self._name

    def say(self, *texts: str) -> None:
        for text in texts:
            self._steps.put_nowait(Token(text))

    def finish(self, reason: str = "stop") -> None:
        self._steps.put_nowait(Done(reason))

    def fail(self, error: Exception) -> None:
        self._steps.put_nowait(error)

    async def stream(
        self, messages: Sequence[ChatMessage], options: ModelOptions
    ) -> AsyncGenerator[Token | Done, None]:
        self.asked.append(list(messages))
        self.options.append(options)
        self.closed.clear()
        self.streaming.set()
        try:
            while True:
                step = await self._steps.get()
                if isinstance(step, Exception):
                    raise step
                yield step
                if isinstance(step, Done):
                    return
        finally:
            self.closed.set()

    async def aclose(self) -> None:
        """Nothing to release."""


class Shelf:
    """The models that a runner of the tests knows; any other name fails as the catalogue does."""

    def __init__(self, *models: ChatModel) -> None:
        self._models = {model.name: model for model in models}
        self._default = models[0].name

    async def default_name(self) -> str:
        return self._default

    def open(self, name: str) -> ChatModel:
        if name not in self._models:
            raise ModelError("model_unknown", f"There is no model '{name}' here.")
        return self._models[name]


class Heard:
    """Everything a line publishes, in order, and waiting for it."""

    def __init__(self, line: Trunkline) -> None:
        self.events: list[Event[Any]] = []
        self._changed = asyncio.Condition()
        line.bus.subscribe(None, self._take)

    async def _take(self, event: Event[Any]) -> None:
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    async def until(self, type_name: str, count: int = 1) -> Event[Any]:
        """Wait for the n-th event of a type."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.of(type_name)) >= count)
        return self.of(type_name)[count - 1]

    def of(self, *type_names: str) -> list[Event[Any]]:
        return [event for event in self.events if event.type.name in type_names]

    def names(self) -> list[str]:
        return [event.type.name for event in self.events]

    def clear(self) -> None:
        self.events.clear()


@dataclass
class Heart:
    """Everything, wired as the application wires it. Time stands still unless a test lets it pass."""

    path: Path
    line: Trunkline
    database: Database
    heard: Heard
    model: ScriptedModel
    sleep: ManualSleep
    runs: RunService
    runner: Runner
    agents: AgentService
    threads: ThreadService
    chat: ChatService
    access: AgentsAccess
    principal: Principal = field(default_factory=lambda: Principal("ana@desk", ANA))

    async def agent(self, scope: str = ANA, **fields: Any) -> Agent:
        return await self.agents.create(scope, AgentDraft(**{"name": "Ada", **fields}))

    async def thread(self, scope: str = ANA, **fields: Any) -> Thread:
        agent = await self.agent(scope, **fields)
        return await self.threads.create(scope, ThreadDraft(agent_id=agent.id, title="First"))

    async def say(self, thread: Thread, content: str = "Hello", scope: str = ANA) -> Message:
        return await self.threads.add_message(scope, thread.id, MessageDraft(content=content))

    async def ask(self, thread: Thread, content: str = "Hello", scope: str = ANA) -> Run:
        """Say something and have it answered; returns when the model is being asked."""
        self.model.streaming.clear()
        sent = await self.chat.send(scope, thread.id, MessageDraft(content=content), run=True)
        assert sent.run_id is not None
        await self.model.streaming.wait()
        return await self.runs.get(scope, sent.run_id)

    async def ended(self, run: Run, scope: str = ANA) -> Run:
        """Wait for the end of a run and of its task, letting the time of chunks pass."""
        while self.runner.told(run.id) is not None:
            self.sleep.advance(RunnerOptions().chunk_interval)
            await asyncio.sleep(0)
        return await self.runs.get(scope, run.id)

    async def published(self) -> None:
        """Wait until all that is committed has been published."""
        await until_published(self.database)


async def until_published(database: Database) -> None:
    """Wait until the relay has emptied the outbox, whose end nobody tells."""
    while await database.outbox.pending(1):  # noqa: ASYNC110 - each look is a query, which lets the relay go on
        await asyncio.sleep(0)


def database_url(path: Path) -> str:
    return f"sqlite:///{path.as_posix()}"


@contextlib.asynccontextmanager
async def open_database(path: Path, line: Trunkline, **options: Any) -> AsyncIterator[Database]:
    """A migrated database whose relay does not run."""
    settings = {"clock": Clock(lambda: NOON), **options}
    database = Database(database_url(path), publish=line.send, options=DatabaseOptions(**settings))
    try:
        await database.migrate()
        yield database
    finally:
        await database.stop()


@contextlib.asynccontextmanager
async def open_heart(path: Path, **options: Any) -> AsyncIterator[Heart]:
    """Start everything on a database file, and stop it in the application's order."""
    rights: list[AgentsAccess] = []

    async def authorize(principal: Principal, action: Action, topic: str) -> bool:
        return await rights[0].authorize(principal, action, topic)

    line = Trunkline(bus=EventBus(), authorize=authorize)
    heard, model, sleep = Heard(line), ScriptedModel(), ManualSleep()
    async with line, open_database(path, line) as database:
        await database.start()
        rights.append(AgentsAccess(database))
        runs = RunService(database)
        limits = RunnerOptions(**{"sleep": sleep, **options})
        runner = Runner(runs, Shelf(model), line.publish, options=limits)
        threads = ThreadService(database, runner)
        chat = ChatService(database, threads, runner)
        register_snapshots(line, database, runner)
        register_calls(line, database, chat, runner)
        await runner.start()
        try:
            yield Heart(
                path=path,
                line=line,
                database=database,
                heard=heard,
                model=model,
                sleep=sleep,
                runs=runs,
                runner=runner,
                agents=AgentService(database, runner),
                threads=threads,
                chat=chat,
                access=rights[0],
            )
        finally:
            sleep.end()
            await runner.stop()
