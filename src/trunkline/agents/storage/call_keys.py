"""Rows of idempotency keys."""

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.agents.storage.clock import Clock
from trunkline.agents.storage.tables import CallKeyRow

KEPT_SECONDS = 24 * 60 * 60.0


class CallKeyRows:
    """What calls with an idempotency key answered, for 24 hours."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def get(self, owner: str, method: str, key: str) -> str | None:
        """The JSON that a call of this key answered."""
        row = await self._session.get(CallKeyRow, (owner, method, key))
        return None if row is None else row.result

    async def add(self, owner: str, method: str, key: str, result: str) -> None:
        """Remember an answer, and forget those of the day before."""
        now = self._clock.unix_seconds()
        await self._session.execute(delete(CallKeyRow).where(CallKeyRow.at < now - KEPT_SECONDS))
        self._session.add(CallKeyRow(owner=owner, method=method, key=key, result=result, at=now))
        await self._session.flush()
