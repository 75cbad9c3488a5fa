"""`/api/runs`."""

from fastapi import APIRouter, Response

from trunkline.agents.api.answers import Answer, answers
from trunkline.agents.api.dependencies import Caller, PathId, Platform
from trunkline.agents.events import Run

router = APIRouter(prefix="/api/runs", tags=["runs"])


@router.get("/{run_id}", responses=answers(200, Run, fails=[404]))
async def get_run(platform: Platform, caller: Caller, run_id: PathId) -> Response:
    """One run."""
    return Answer(await platform.runs.get(caller.scope, run_id))


@router.post("/{run_id}/cancel", responses=answers(200, Run, fails=[403, 404]))
async def cancel_run(platform: Platform, caller: Caller, run_id: PathId) -> Response:
    """Cancel a run and answer when it has ended; one that had ended before is returned as it is."""
    cancelled = await platform.runner.cancel(caller.scope, run_id)
    return Answer(cancelled.run)
