"""Runs: rows, states, events. The runner drives them."""
from trunkline.agents.events import Run

class RunService:
    def __init__(self, database: "Database") -> None: ...
    async def get(self, scope: str, run_id: int) -> Run: 
        """Raises: NotFound("Run", id)."""
        raise NotImplementedError
    async def active(self, scope: str, thread_id: int) -> Run | None: ...
