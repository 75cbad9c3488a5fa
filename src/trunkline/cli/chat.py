"""`trunkline chat`: a conversation with an agent, streamed over one WebSocket."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Sequence
from typing import Annotated, Any, assert_never
from uuid import uuid4

import typer

from trunkline import CallCut, LineClosed, ReceivedEvent, ReceivedSnapshot, RequestError, TopicFailed
from trunkline.cli.agent_lookup import Agent, find_agent
from trunkline.cli.conversation import (
    AnswerBegins,
    AnswerEnds,
    AnswerGoesOn,
    AskForRun,
    AskForSnapshot,
    Conversation,
    Said,
    ThreadGone,
    ToDo,
)
from trunkline.cli.failures import CommandFailed, Interrupted
from trunkline.cli.live_line import LiveLine
from trunkline.cli.options import DataDirOption, TokenOption, UrlOption
from trunkline.cli.prompt import Prompt
from trunkline.cli.rest import Rest
from trunkline.cli.screen import Screen, one_line
from trunkline.cli.target import find_target

_ASK_AGAIN = 1.0
_TITLE = 60
_HISTORY = 10
_PROMPT = "you> "
_FAILED = "The answer failed."


def chat(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Its id or its name.")],
    thread: Annotated[int | None, typer.Option("--thread", metavar="ID", help="Go on with this thread.")] = None,
    message: Annotated[str | None, typer.Option("--message", metavar="TEXT", help="Ask this, and leave.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Talk with an agent.

    Ctrl-C stops an answer; Ctrl-C or Ctrl-D at the prompt leaves. The answer goes on after a lost line, and the
    thread can be taken up again with --thread.
    """
    screen = Screen()
    target = find_target(url, token, data_dir)
    with Rest(target) as rest:
        found = find_agent(rest, agent)
        if thread is not None:
            _check_thread(rest, thread, found)
        line = LiveLine(target, screen)
        talk = Chat(line, rest, screen, found, thread)
        asyncio.run(talk.run(message))


def _check_thread(rest: Rest, thread_id: int, agent: Agent) -> None:
    owner = rest.get(f"/api/threads/{thread_id}")["agent_id"]
    if owner != agent["id"]:
        raise CommandFailed(f"Thread {thread_id} is with agent {owner}, not with {agent['id']} ({agent['name']}).")


class Chat:
    """One person's conversation in one thread.

    Args:
        line: not yet connected.
        rest: for what is no matter of the line: making the thread, and how a run ended.
        screen: where it is shown.
        agent: with whom.
        thread_id: the thread to go on with; otherwise the first question makes one.
    """

    def __init__(self, line: LiveLine, rest: Rest, screen: Screen, agent: Agent, thread_id: int | None) -> None:
        self._line = line
        self._rest = rest
        self._screen = screen
        self._agent = agent
        self._thread_id = thread_id
        self._prompt = Prompt(_PROMPT)
        self._conversation = Conversation()
        self._opened = asyncio.Event()
        self._ends: dict[int, AnswerEnds] = {}
        self._ended = asyncio.Event()
        self._is_asking = False
        self._stop_wanted = False
        self._is_strict = not self._prompt.is_terminal
        self._talking: asyncio.Task[None] | None = None
        self._asides: set[asyncio.Task[None]] = set()
        self._aside_failure: BaseException | None = None
        screen.after_note = self._redraw_prompt

    async def run(self, message: str | None) -> None:
        """Talk until the person leaves; with a message, until it is answered.

        Raises:
            CommandFailed: the question was not answered, or the line ended for good.
            Interrupted: the person pressed Ctrl-C.
        """
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signal.SIGINT, self._interrupt)
        try:
            async with self._line:
                await self._run_both(message)
        finally:
            self._prompt.restore()

    async def _run_both(self, message: str | None) -> None:
        """Follow the thread while the person talks; whichever ends first ends the other."""
        loop = asyncio.get_running_loop()
        following = loop.create_task(self._follow())
        talking = self._talking = loop.create_task(self._talk(message))
        try:
            await asyncio.wait({following, talking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = [task for task in (talking, following) if task.done()]
            for task in (following, talking, *self._asides):
                task.cancel()
            await asyncio.gather(following, talking, *self._asides, return_exceptions=True)
        if self._aside_failure is not None:
            raise self._aside_failure
        for task in ended:
            if task.cancelled():
                raise Interrupted
            task.result()

    # The person

    async def _talk(self, message: str | None) -> None:
        if self._thread_id is not None:
            await self._open_thread(self._thread_id)
        if message is not None:
            self._is_strict = True
            await self._ask(message)
            return
        self._greet()
        while (text := await self._read()) is not None:
            if text.strip():
                await self._ask(text)

    async def _read(self) -> str | None:
        if not self._prompt.is_terminal:
            return await self._prompt.read()
        self._screen.prompt()
        text = await self._prompt.read()
        self._screen.prompt_ended(with_line=text is not None)
        self._screen.finish_line()
        return text

    def _greet(self) -> None:
        if self._prompt.is_terminal:
            agent = self._agent
            shown = f"{one_line(agent['name'], 40)} ({agent['model'] or 'the default model'})"
            self._screen.note(f"Talking with {shown}. Ctrl-C stops an answer, Ctrl-D leaves.")

    async def _open_thread(self, thread_id: int) -> None:
        self._thread_id = thread_id
        self._line.subscribe(f"thread:{thread_id}")
        await self._opened.wait()

    async def _ask(self, text: str) -> None:
        """Send a question and wait until its answer has ended."""
        self._is_asking, self._stop_wanted = True, False
        try:
            if self._thread_id is None:
                body = {"agent_id": self._agent["id"], "title": one_line(text, _TITLE)}
                made = await asyncio.to_thread(self._rest.post, "/api/threads", body)
                await self._open_thread(made["id"])
            end = await self._end_of(await self._send(text))
            if self._is_strict:
                _judge(end)
        except (RequestError, CommandFailed) as error:
            if self._is_strict:
                raise
            self._screen.error(str(error))
        finally:
            self._is_asking = False

    async def _send(self, text: str) -> int:
        """Send, again if need be: the name that the message bears makes that harmless. Returns the run that answers."""
        name = uuid4().hex
        self._conversation.sending(name)
        params = {"thread_id": self._thread_id, "content": text, "client_id": name, "run": True}
        again = False
        while True:
            try:
                answer = await self._line.client.call("thread.send", params, key=name)
            except CallCut:
                again = True
            else:
                run_id: int = answer.result["run_id"]
                self._do(self._conversation.sent(run_id, again=again))
                return run_id

    async def _end_of(self, run_id: int) -> AnswerEnds:
        if self._stop_wanted:
            self._stop()
        while run_id not in self._ends:
            self._ended.clear()
            await self._ended.wait()
        return self._ends.pop(run_id)

    def _interrupt(self) -> None:
        """Take a Ctrl-C: stop the answer; without one, or the second time, leave."""
        if self._is_asking and not self._stop_wanted:
            self._stop_wanted = True
            self._stop()
        elif self._talking is not None:
            self._talking.cancel()

    def _stop(self) -> None:
        if self._conversation.run_id is not None:
            self._aside(self._cancel_run(self._conversation.run_id))

    async def _cancel_run(self, run_id: int) -> None:
        try:
            await self._line.client.call("run.cancel", {"run_id": run_id})
        except (RequestError, CallCut, LineClosed) as error:
            self._screen.error(f"The answer could not be stopped: {error}")

    # The thread

    async def _follow(self) -> None:
        async for update in self._line:
            match update:
                case ReceivedSnapshot(data=data):
                    self._take_snapshot(data)
                case ReceivedEvent(type=kind, data=data):
                    self._do(self._conversation.event(kind, data))
                case TopicFailed(sentence=sentence):
                    raise CommandFailed(sentence)
                case _:
                    pass

    def _take_snapshot(self, data: Any) -> None:
        todo = self._conversation.snapshot(data)
        if not self._opened.is_set():
            self._opened.set()
            if not self._prompt.is_terminal:
                todo = [step for step in todo if not isinstance(step, Said)]
            todo = _shortened(todo)
        self._do(todo)

    def _do(self, todo: Sequence[ToDo]) -> None:
        for step in todo:
            self._do_one(step)
        if todo and self._conversation.run_id is None:
            self._redraw_prompt()

    def _do_one(self, step: ToDo) -> None:
        screen = self._screen
        match step:
            case Said(role=role, text=text):
                screen.label(f"{self._agent['name'] if role == 'assistant' else role}> ")
                screen.text(text)
                screen.finish_line()
            case AnswerBegins():
                screen.label(f"{one_line(self._agent['name'], 40)}> ")
            case AnswerGoesOn(text=text):
                screen.text(text)
            case AnswerEnds():
                self._finish(step)
            case AskForRun(run_id=run_id):
                self._aside(self._ask_for_run(run_id))
            case AskForSnapshot():
                self._line.client.refresh(f"thread:{self._thread_id}")
            case ThreadGone():
                raise CommandFailed(f"Thread {self._thread_id} was deleted")
            case _:
                assert_never(step)

    def _finish(self, end: AnswerEnds) -> None:
        self._screen.finish_line()
        if end.unsaved:
            self._screen.note(f"(the last {end.unsaved} characters above were not saved)")
        if end.status == "cancelled":
            self._screen.note("(stopped)")
        elif end.status != "done" and not self._is_strict:
            self._screen.error(end.error or _FAILED)
        # From here on, Ctrl-C leaves.
        self._is_asking = False
        self._ends[end.run_id] = end
        self._ended.set()

    async def _ask_for_run(self, run_id: int) -> None:
        """Ask until there is an answer, as long as it matters."""
        while self._conversation.run_id == run_id:
            try:
                run = await asyncio.to_thread(self._rest.get, f"/api/runs/{run_id}")
            except CommandFailed:
                await asyncio.sleep(_ASK_AGAIN)
                continue
            self._do(self._conversation.run_state(run))
            return

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._asides.add(task)
        task.add_done_callback(self._aside_done)

    def _aside_done(self, task: asyncio.Task[None]) -> None:
        self._asides.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._aside_failure = failure
            if self._talking is not None:
                self._talking.cancel()

    def _redraw_prompt(self) -> None:
        self._prompt.redraw(self._screen.prompt)


def _shortened(todo: Sequence[ToDo]) -> list[ToDo]:
    """The end of a history: enough to know where one was."""
    said = [step for step in todo if isinstance(step, Said)]
    left_out = set(map(id, said[:-_HISTORY]))
    return [step for step in todo if id(step) not in left_out]


def _judge(end: AnswerEnds) -> None:
    """Where no person goes on talking, what is no answer ends the command."""
    if end.status == "cancelled":
        raise Interrupted
    if end.status != "done":
        raise CommandFailed(end.error or _FAILED)
