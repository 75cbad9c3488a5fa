"""Rows of runs."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.agents.events import Run, RunEnd, Thread
from trunkline.agents.storage.clock import Clock
from trunkline.agents.storage.tables import RunRow

ACTIVE = ("queued", "running")


class RunRows:
    """Reads and writes runs."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def get(self, owner: str, run_id: int) -> Run | None:
        """One run, if it is there and the owner's."""
        row = await self._session.get(RunRow, run_id)
        return None if row is None or row.owner != owner else _run(row)

    async def prompt_id(self, run_id: int) -> int:
        """The newest message that the run answers."""
        return (await self._session.get_one(RunRow, run_id)).prompt_id

    async def active_of_thread(self, thread_id: int) -> Run | None:
        """The thread's run in progress."""
        query = select(RunRow).where(RunRow.thread_id == thread_id, RunRow.status.in_(ACTIVE))
        row = await self._session.scalar(query)
        return None if row is None else _run(row)

    async def last_of_thread(self, thread_id: int) -> Run | None:
        """The thread's newest run: the one in progress, if there is one."""
        query = select(RunRow).where(RunRow.thread_id == thread_id).order_by(RunRow.id.desc()).limit(1)
        row = await self._session.scalar(query)
        return None if row is None else _run(row)

    async def last_of_threads(self, thread_ids: Sequence[int]) -> dict[int, Run]:
        """The newest run of each of these threads; threads without any are left out."""
        newest = select(func.max(RunRow.id)).where(RunRow.thread_id.in_(thread_ids)).group_by(RunRow.thread_id)
        rows = await self._session.scalars(select(RunRow).where(RunRow.id.in_(newest)))
        return {row.thread_id: _run(row) for row in rows}

    async def active_of_agent(self, agent_id: int) -> list[Run]:
        """The agent's runs in progress, oldest first."""
        query = select(RunRow).where(RunRow.agent_id == agent_id, RunRow.status.in_(ACTIVE)).order_by(RunRow.id)
        return [_run(row) for row in await self._session.scalars(query)]

    async def answering(self, thread_id: int, message_id: int) -> Run | None:
        """The first run of the thread that took a message into account."""
        query = select(RunRow).where(RunRow.thread_id == thread_id, RunRow.prompt_id >= message_id)
        row = await self._session.scalar(query.order_by(RunRow.id).limit(1))
        return None if row is None else _run(row)

    async def all_active(self) -> list[tuple[str, int]]:
        """Owner and id of every run in progress, oldest first."""
        query = select(RunRow.owner, RunRow.id).where(RunRow.status.in_(ACTIVE)).order_by(RunRow.id)
        return [(owner, run_id) for owner, run_id in (await self._session.execute(query)).all()]

    async def count_running(self, agent_id: int) -> int:
        """How many runs of an agent have started and not ended."""
        query = select(func.count()).where(RunRow.agent_id == agent_id, RunRow.status == "running")
        return await self._session.scalar(query) or 0

    async def add(self, owner: str, thread: Thread, prompt_id: int) -> Run:
        """Insert a queued run."""
        row = RunRow(
            owner=owner,
            thread_id=thread.id,
            agent_id=thread.agent_id,
            status="queued",
            prompt_id=prompt_id,
            created_at=self._clock.now(),
        )
        self._session.add(row)
        await self._session.flush()
        return _run(row)

    async def start(self, run_id: int, message_id: int, prompt_id: int) -> Run:
        """A queued run starts to fill a message; it answers what was said up to the message `prompt_id`."""
        row = await self._session.get_one(RunRow, run_id)
        row.status = "running"
        row.message_id = message_id
        row.prompt_id = prompt_id
        row.started_at = self._clock.now()
        await self._session.flush()
        return _run(row)

    async def finish(self, run_id: int, status: RunEnd, error: str | None, message_id: int | None) -> Run:
        """A run in progress ends; `message_id` is None if it left no message."""
        row = await self._session.get_one(RunRow, run_id)
        row.status = status
        row.error = error
        row.message_id = message_id
        row.finished_at = self._clock.now()
        await self._session.flush()
        return _run(row)

    async def forget_answers(self, thread_id: int, message_id: int) -> None:
        """Note that the messages after one are gone: the runs that filled them fill none."""
        filled_them = (RunRow.thread_id == thread_id, RunRow.message_id > message_id)
        await self._session.execute(update(RunRow).where(*filled_them).values(message_id=None))


def _run(row: RunRow) -> Run:
    return Run(
        id=row.id,
        thread_id=row.thread_id,
        agent_id=row.agent_id,
        status=row.status,
        error=row.error,
        message_id=row.message_id,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
