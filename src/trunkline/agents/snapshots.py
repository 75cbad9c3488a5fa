"""What the topics of agents and threads look like now, and who may see them."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from trunkline import Action, NotFound, Principal, Trunkline
from trunkline.agents.calls import HANDLERS
from trunkline.agents.events import Agent, Message, MessageRole, Run, Thread
from trunkline.agents.runner import Runner
from trunkline.agents.services.agents import require_agent
from trunkline.agents.services.limits import check_id
from trunkline.agents.services.threads import require_thread
from trunkline.agents.storage import Database
from trunkline.agents.storage.messages import NO_MESSAGES, MessageCount
from trunkline.agents.storage.newest import Bound

LIST_BOUND = Bound(things=500, characters=1024 * 1024)
"""What a snapshot holds at most: the newest 500, and of those the newest with a million characters of text."""

_OPEN_TOPICS = frozenset({"agent:*", "thread:*", "system:status"})
_ID = re.compile(r"[1-9][0-9]{0,18}")


class AgentList(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `agent_list`: the newest agents, lowest id first; `truncated` if older ones were left out."""

    agents: list[Agent]
    truncated: bool


class ThreadActivity(msgspec.Struct, frozen=True, kw_only=True):
    """What has happened in a thread, without its texts.

    The events of `thread:*` keep it true: `thread_message_created` and `thread_message_deleted` count, the messages
    they and `thread_message_updated` carry tell the last one, and `run_started` and `run_finished` carry the run.

    Attributes:
        messages: how many it has, without one that is being written.
        last_message_id: the newest of them; None if there is none.
        last_role: whose it is; None if there is none.
        last_run: the newest run; None if there never was one.
    """

    thread_id: int
    messages: int
    last_message_id: int | None
    last_role: MessageRole | None
    last_run: Run | None


class ThreadList(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `thread_list`: the newest threads, lowest id first; `truncated` if older ones were left out.

    Attributes:
        activity: of each of these threads, in their order.
    """

    threads: list[Thread]
    activity: list[ThreadActivity]
    truncated: bool


class Streaming(msgspec.Struct, frozen=True, kw_only=True):
    """An answer in progress.

    The chunks that follow continue at `at`, the length of `text` in characters (Unicode code points); one that begins
    before it is covered by `text`.
    """

    run_id: int
    message_id: int
    at: int
    text: str


class ThreadHistory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Data of `thread_history`.

    Attributes:
        messages: the newest messages, lowest id first, without the one that is streaming.
        streaming: the answer in progress; left out if there is none.
        last_run: the newest run, so that whoever was away learns how it ended; left out if there never was one.
        truncated: there are older messages, which REST lists; left out if not.
    """

    thread: Thread
    messages: list[Message]
    streaming: Streaming | None = None
    last_run: Run | None = None
    truncated: bool = False


class AgentsAccess:
    """Who may see what: everyone their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def authorize(self, principal: Principal, action: Action, topic: str) -> bool:
        """Allow the feeds, the server's status, what exists in the principal's scope, and the calls of this module.

        Raises:
            NotFound: the agent or thread does not exist, or is another's, which must look the same.
            StorageUnavailable: the database cannot serve.
        """
        if action == "call":
            return topic in HANDLERS
        if topic in _OPEN_TOPICS:
            return True
        namespace, _, key = topic.partition(":")
        async with self._database.reading() as rows:
            match namespace:
                case "agent":
                    agent_id = read_id("Agent", key)
                    if not await rows.agents.exists(principal.scope, agent_id):
                        raise NotFound("Agent", key)
                case "thread":
                    thread_id = read_id("Thread", key)
                    if not await rows.threads.exists(principal.scope, thread_id):
                        raise NotFound("Thread", key)
                case _:
                    return False
        return True


class AgentsSnapshots:
    """Reads the state of topics. Everything published was committed before, so a later read holds it.

    Args:
        database: where the state is.
        runner: knows the text of answers in progress.
    """

    def __init__(self, database: Database, runner: Runner) -> None:
        self._database = database
        self._runner = runner

    async def agent(self, principal: Principal, id: str) -> Agent:
        """`agent:{id}`. Raises NotFound."""
        async with self._database.reading() as rows:
            return await require_agent(rows, principal.scope, read_id("Agent", id))

    async def agents(self, principal: Principal) -> AgentList:
        """`agent:*`."""
        async with self._database.reading() as rows:
            agents, truncated = await rows.agents.newest(principal.scope, LIST_BOUND)
        return AgentList(agents=agents, truncated=truncated)

    async def threads(self, principal: Principal) -> ThreadList:
        """`thread:*`."""
        async with self._database.reading() as rows:
            threads, truncated = await rows.threads.newest(principal.scope, LIST_BOUND)
            ids = [thread.id for thread in threads]
            last_messages = await rows.messages.last_of_threads(ids)
            last_runs = await rows.runs.last_of_threads(ids)
        activity = [_activity(id, last_messages.get(id, NO_MESSAGES), last_runs.get(id)) for id in ids]
        return ThreadList(threads=threads, activity=activity, truncated=truncated)

    async def history(self, principal: Principal, id: str) -> ThreadHistory:
        """`thread:{id}`. Raises NotFound."""
        thread_id = read_id("Thread", id)
        history = await self._read_history(principal.scope, thread_id)
        streaming = self._streaming(history.last_run)
        if streaming is None and _is_streaming(history.last_run):
            # It ended since the read: what it said is a message by now.
            history = await self._read_history(principal.scope, thread_id)
            streaming = self._streaming(history.last_run)
        return msgspec.structs.replace(history, streaming=streaming)

    async def _read_history(self, scope: str, thread_id: int) -> ThreadHistory:
        """Read a thread, its messages and its newest run, all of one moment."""
        async with self._database.reading() as rows:
            thread = await require_thread(rows, scope, thread_id)
            messages, truncated = await rows.messages.newest(thread_id, LIST_BOUND)
            run = await rows.runs.last_of_thread(thread_id)
        return ThreadHistory(thread=thread, messages=messages, last_run=run, truncated=truncated)

    def _streaming(self, run: Run | None) -> Streaming | None:
        """The text so far, taken after the database was read, so that no chunk published before is missing."""
        if run is None or run.message_id is None or not _is_streaming(run):
            return None
        told = self._runner.told(run.id)
        if told is None:
            return None
        return Streaming(run_id=run.id, message_id=run.message_id, at=len(told), text=told)


def _activity(thread_id: int, messages: MessageCount, last_run: Run | None) -> ThreadActivity:
    return ThreadActivity(
        thread_id=thread_id,
        messages=messages.messages,
        last_message_id=messages.last_id,
        last_role=messages.last_role,
        last_run=last_run,
    )


def _is_streaming(run: Run | None) -> bool:
    """Whether a run is in progress and fills a message."""
    return run is not None and run.status == "running" and run.message_id is not None


PROVIDERS: Final[Mapping[str, tuple[str, Callable[..., Awaitable[object]]]]] = {
    "agent:{id}": ("agent_state", AgentsSnapshots.agent),
    "agent:*": ("agent_list", AgentsSnapshots.agents),
    "thread:{id}": ("thread_history", AgentsSnapshots.history),
    "thread:*": ("thread_list", AgentsSnapshots.threads),
}
"""Type and provider of the snapshot of each topic. Its data is what the provider's annotation says."""


def register_snapshots(line: Trunkline, database: Database, runner: Runner) -> None:
    """Declare the snapshots of agents and threads on a line."""
    snapshots = AgentsSnapshots(database, runner)
    for pattern, (kind, provider) in PROVIDERS.items():
        line.snapshot(pattern, type=kind)(getattr(snapshots, provider.__name__))


def read_id(kind: str, key: str) -> int:
    """Read the id of a topic. `agent:007` is no name of agent 7: its events go to `agent:7`.

    Raises:
        NotFound: it is no id.
    """
    if _ID.fullmatch(key) is None:
        raise NotFound(kind, key)
    check_id(kind, int(key))
    return int(key)
