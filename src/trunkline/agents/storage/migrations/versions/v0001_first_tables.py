"""Agents, threads, messages, runs, the outbox and the keys of calls."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "agents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("system_instructions", sa.Text, nullable=False),
        sa.Column("task_instructions", sa.Text, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("updated_at", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_agents_owner_id", "agents", ["owner", "id"])
    op.create_table(
        "threads",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("agent_id", sa.Integer, _parent("threads", "agent_id", "agents"), nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("updated_at", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_threads_owner_id", "threads", ["owner", "id"])
    op.create_index("ix_threads_agent_id", "threads", ["agent_id"])
    _create_messages()
    _create_runs()
    _create_event_tables()


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("thread_id", sa.Integer, _parent("messages", "thread_id", "threads"), nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("timestamp", sa.String, nullable=False),
        sa.Column("processed", sa.Boolean, nullable=False),
        sa.Column("draft", sa.Boolean, nullable=False),
        sa.Column("client_id", sa.String, nullable=True),
        sa.Column("version", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_thread_id_id", "messages", ["thread_id", "id"])
    op.create_index("uq_messages_thread_id_client_id", "messages", ["thread_id", "client_id"], unique=True)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("thread_id", sa.Integer, _parent("runs", "thread_id", "threads"), nullable=False),
        sa.Column("agent_id", sa.Integer, _parent("runs", "agent_id", "agents"), nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("message_id", sa.Integer, nullable=True),
        sa.Column("prompt_id", sa.Integer, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("started_at", sa.String, nullable=True),
        sa.Column("finished_at", sa.String, nullable=True),
        sqlite_autoincrement=True,
    )
    active = sa.text("status IN ('queued', 'running')")
    op.create_index("ix_runs_agent_id", "runs", ["agent_id"])
    op.create_index("ix_runs_thread_id_id", "runs", ["thread_id", "id"])
    op.create_index(
        "uq_runs_one_active_of_thread",
        "runs",
        ["thread_id"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )


def _create_event_tables() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("scope", sa.String, nullable=False),
        sa.Column("time", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "call_keys",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("method", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_index("ix_call_keys_at", "call_keys", ["at"])


def _parent(table: str, column: str, parent: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{parent}.id", name=f"fk_{table}_{column}", ondelete="CASCADE")
