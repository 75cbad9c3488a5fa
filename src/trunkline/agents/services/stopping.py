"""Ending answers in progress before what they belong to is deleted."""

from collections.abc import Sequence
from typing import Protocol

from trunkline import Conflict, current_unit
from trunkline.agents.events import Run


class RunStopper(Protocol):
    """Cancels runs; the runner does."""

    async def cancel_all(self, scope: str, run_ids: Sequence[int]) -> None:
        """Return when each of these runs has ended; one that had ended before, or is not the scope's, is no error."""
        ...


async def cancel_runs(stopper: RunStopper, scope: str, runs: Sequence[Run]) -> None:
    """Cancel runs in progress and wait for their end.

    Raises:
        Conflict: there are some, and this is inside a unit of work, which keeps them from writing their end.
    """
    if current_unit() is not None:
        require_no_run(runs)
    elif runs:
        await stopper.cancel_all(scope, [run.id for run in runs])


def require_no_run(runs: Sequence[Run]) -> None:
    """Refuse when there is a run in progress.

    Raises:
        Conflict: with the sentence that names it.
    """
    if runs:
        raise in_progress(runs[0])


def in_progress(run: Run) -> Conflict:
    """The error of a thread that is busy."""
    return Conflict(f"Thread {run.thread_id} already has run {run.id} in progress")
