"""The tables. Every owned one has `owner`, the scope whose rows it holds; times are RFC 3339 text, in UTC with ms."""

from sqlalchemy import Double, ForeignKey, Index, MetaData, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from trunkline.agents.events import AgentStatus, MessageRole, RunStatus

_ACTIVE = text("status IN ('queued', 'running')")

# Ids are never used again, so that an old topic's positions and a new thing's events cannot meet.
_IDS_ONCE = {"sqlite_autoincrement": True}


class Base(DeclarativeBase):
    """Names of constraints are fixed, so that migrations can find them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class AgentRow(Base):
    """See `trunkline.agents.events.Agent`; `config` is JSON."""

    __tablename__ = "agents"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]
    status: Mapped[AgentStatus] = mapped_column(String)
    model: Mapped[str]
    system_instructions: Mapped[str] = mapped_column(Text)
    task_instructions: Mapped[str] = mapped_column(Text)
    config: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str]
    updated_at: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (Index(None, "owner", "id"), _IDS_ONCE)


class ThreadRow(Base):
    """See `trunkline.agents.events.Thread`."""

    __tablename__ = "threads"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    title: Mapped[str]
    active: Mapped[bool]
    created_at: Mapped[str]
    updated_at: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (Index(None, "owner", "id"), _IDS_ONCE)


class MessageRow(Base):
    """See `trunkline.agents.events.Message`.

    A `draft` is being filled by a run: its `content` is the text of the last checkpoint, and nobody is shown it.
    """

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    thread_id: Mapped[int] = mapped_column(ForeignKey("threads.id", ondelete="CASCADE"))
    role: Mapped[MessageRole] = mapped_column(String)
    content: Mapped[str] = mapped_column(Text)
    timestamp: Mapped[str]
    processed: Mapped[bool]
    draft: Mapped[bool]
    client_id: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        Index(None, "thread_id", "id"),
        Index("uq_messages_thread_id_client_id", "thread_id", "client_id", unique=True),
        _IDS_ONCE,
    )


class RunRow(Base):
    """See `trunkline.agents.events.Run`. `prompt_id` is the newest message that it answers."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    thread_id: Mapped[int] = mapped_column(ForeignKey("threads.id", ondelete="CASCADE"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    status: Mapped[RunStatus] = mapped_column(String)
    error: Mapped[str | None] = mapped_column(Text)
    message_id: Mapped[int | None]
    prompt_id: Mapped[int]
    created_at: Mapped[str]
    started_at: Mapped[str | None]
    finished_at: Mapped[str | None]

    __table_args__ = (
        Index(None, "thread_id", "id"),
        Index("uq_runs_one_active_of_thread", "thread_id", unique=True, sqlite_where=_ACTIVE),
        _IDS_ONCE,
    )


class OutboxRow(Base):
    """An event that was committed and perhaps not yet published; ids are in the order of commits."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str]
    type: Mapped[str]
    topic: Mapped[str]
    scope: Mapped[str]
    time: Mapped[str]
    body: Mapped[bytes]

    __table_args__ = (_IDS_ONCE,)


class CallKeyRow(Base):
    """What a call with an idempotency key answered; `result` is JSON, `at` Unix time in seconds."""

    __tablename__ = "call_keys"

    owner: Mapped[str] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    result: Mapped[str] = mapped_column(Text)
    at: Mapped[float] = mapped_column(Double, index=True)
