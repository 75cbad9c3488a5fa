"""The vocabulary of agents and threads: what travels in events, snapshots and answers, and the event types.

Ids are integers, times are RFC 3339 in UTC with milliseconds. Every thing carries its whole state and its `version`,
which grows by one with each change, so applying an event twice or late changes nothing.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from trunkline import EventType

AgentStatus: TypeAlias = Literal["idle", "running", "error"]
MessageRole: TypeAlias = Literal["system", "user", "assistant"]
RunStatus: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
RunEnd: TypeAlias = Literal["done", "failed", "cancelled"]
SystemHealth: TypeAlias = Literal["ok", "degraded", "stopping"]


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent.

    Attributes:
        status: "running" while one of its runs is, "error" when the last one failed, else "idle".
        model: the name of its model; "" leaves the choice to the server.
        config: options of the model and whatever else its users keep there; a JSON object.
    """

    id: int
    name: str
    status: AgentStatus
    model: str
    system_instructions: str
    task_instructions: str
    config: dict[str, Any]
    created_at: str
    updated_at: str
    version: int


class AgentDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that is gone."""

    id: int
    name: str
    version: int


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation with one agent. `active` is a mark for its users; one that is not active takes messages too."""

    id: int
    agent_id: int
    title: str
    active: bool
    created_at: str
    updated_at: str
    version: int


class ThreadDeleted(Thread, frozen=True, kw_only=True):
    """A thread that is gone, with its messages and runs: as it was last, its version grown by one."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message of a thread.

    Attributes:
        processed: whether an answer took it into account and was finished; true of every answer.
        client_id: the name that its sender gave it, so that a bubble shown early is replaced; left out if none.
    """

    id: int
    thread_id: int
    role: MessageRole
    content: str
    timestamp: str
    processed: bool
    version: int
    client_id: str | None = None


class MessageDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is gone, its version grown by one.

    The thread was cut there to be asked anew: the newest message is told first, and `thread_message_updated` with the
    message that is asked anew, now the thread's last, follows them all.
    """

    id: int
    thread_id: int
    version: int


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One answer in the making, or made.

    Attributes:
        error: a sentence for people if it failed.
        message_id: the message that it fills, from its start; None before, when it ended without a text, and when
            that message was deleted.
        started_at: when the model was asked; None while it waits.
        finished_at: when it ended, in whatever way.
    """

    id: int
    thread_id: int
    agent_id: int
    status: RunStatus
    error: str | None
    message_id: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class RunStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The model is asked now. `run` is the whole run, as it is in snapshots."""

    run_id: int
    thread_id: int
    agent_id: int
    run: Run


class RunFinished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run has ended. `error` is there if it failed; `run` is the whole run, as it is in snapshots."""

    run_id: int
    thread_id: int
    agent_id: int
    status: RunEnd
    run: Run
    error: str | None = None


class StreamStart(msgspec.Struct, frozen=True, kw_only=True):
    """Text for the message `message_id` follows in chunks."""

    run_id: int
    thread_id: int
    message_id: int


class StreamChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the answer. `at` is the number of characters (Unicode code points) of the answer before it."""

    run_id: int
    thread_id: int
    message_id: int
    at: int
    text: str


class StreamEnd(msgspec.Struct, frozen=True, kw_only=True):
    """No more chunks.

    `thread_message_created` with the whole message follows, unless nothing was said before the run failed or was
    cancelled: then there is no message `message_id`.

    Attributes:
        length: characters (Unicode code points) of the message.
        finish_reason: what the model said ("stop", "length" ...), or "error" or "cancelled".
    """

    run_id: int
    thread_id: int
    message_id: int
    length: int
    finish_reason: str


class SystemSample(msgspec.Struct, frozen=True, kw_only=True):
    """What the server did in one second, and what it had at its end.

    Attributes:
        time: the end of that second.
        uptime: seconds since the start.
        connections: open WebSockets.
        opened, closed: WebSockets since the start.
        topics: topics and feeds with subscribers.
        subscriptions: subscriptions of all connections.
        lagging: connections over their budget of unwritten bytes.
        queued_bytes: bytes queued and not yet written, of all connections.
        published, delivered: events a second that the broker took, and frames of events queued for connections.
        recovered: subscriptions a second that came back with a position, however they were answered.
        resumed, refetched: such subscriptions since the start: those that got what they had missed, and those for
            which that was too much or too long ago, so that they got a snapshot.
        resets: streams since the start that the server could not keep whole for a connection.
        gaps, duplicates: holes and doubled events since the start that clients saw and repaired, as they report.
        latency_p50, latency_p99: milliseconds from queueing the oldest frame of a write to the end of that write;
            None where nothing was written.
        loop_lag: milliseconds that the event loop ran late, at worst.
        runs_running, runs_queued: answers that are being written, and those that wait for their turn.
        memory: bytes of this process in memory (RSS); None where the system does not tell.
    """

    time: str
    uptime: float
    connections: int
    opened: int
    closed: int
    topics: int
    subscriptions: int
    lagging: int
    queued_bytes: int
    published: float
    delivered: float
    recovered: float
    resumed: int
    refetched: int
    resets: int
    gaps: int
    duplicates: int
    latency_p50: float | None
    latency_p99: float | None
    loop_lag: float
    runs_running: int
    runs_queued: int
    memory: int | None


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long connections lasted that have ended.

    Attributes:
        bounds: upper bounds of the buckets, in seconds, rising.
        counts: connections in each bucket, and in one more for those that lasted longer than the last bound.
    """

    bounds: list[float]
    counts: list[int]


class SystemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the server is, told each second to whoever subscribes.

    Attributes:
        message: why, in a sentence for people.
        version: of the server.
        sample: the last second.
        lifetimes: of the connections that have ended since the start.
    """

    status: SystemHealth
    message: str
    version: str
    sample: SystemSample
    lifetimes: Lifetimes


AGENT_CREATED = EventType("agent_created", Agent, topic="agent:{id}")
AGENT_UPDATED = EventType("agent_updated", Agent, topic="agent:{id}")
AGENT_DELETED = EventType("agent_deleted", AgentDeleted, topic="agent:{id}")

THREAD_CREATED = EventType("thread_created", Thread, topic="thread:{id}")
THREAD_UPDATED = EventType("thread_updated", Thread, topic="thread:{id}")
THREAD_DELETED = EventType("thread_deleted", ThreadDeleted, topic="thread:{id}")
THREAD_MESSAGE_CREATED = EventType("thread_message_created", Message, topic="thread:{thread_id}")
THREAD_MESSAGE_UPDATED = EventType("thread_message_updated", Message, topic="thread:{thread_id}")
THREAD_MESSAGE_DELETED = EventType("thread_message_deleted", MessageDeleted, topic="thread:{thread_id}")

RUN_STARTED = EventType("run_started", RunStarted, topic="thread:{thread_id}")
RUN_FINISHED = EventType("run_finished", RunFinished, topic="thread:{thread_id}")

STREAM_START = EventType("stream_start", StreamStart, topic="thread:{thread_id}", feed=False)
STREAM_CHUNK = EventType("stream_chunk", StreamChunk, topic="thread:{thread_id}", feed=False)
STREAM_END = EventType("stream_end", StreamEnd, topic="thread:{thread_id}", feed=False)

SYSTEM_STATUS = EventType("system_status", SystemStatus, topic="system:status", feed=False)
