"""Measure the way of an event from the commit of its change to the application of another client.

`trunkline serve` runs on SQLite in a process of its own. A writer changes agents over REST at light load, and a client
on the WebSocket, in this process, follows them. The server notes the moment at which a transaction was final
(`benchmarks/stamping_server.py`), the client the moment at which its application was handed the event.

python -m benchmarks.commit_to_client --seconds 60
"""

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.part import Goal, Part, table
from benchmarks.rest_client import RestClient
from benchmarks.server_process import ServerProcess
from benchmarks.stamping_server import VARIABLE
from trunkline import ReceivedEvent, ReceivedSnapshot, TopicManager, Update, WsClient

GOAL_P50, GOAL_P99 = 0.003, 0.010
_WARM_UP = 20
_PATIENCE = 10.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much and how long; `rate` is changes a second."""

    agents: int = 10
    rate: float = 20.0
    seconds: float = 60.0
    seed: int = 1


@dataclass
class Outcome:
    """Seconds, one for each event: from the commit, and from the request, to the application."""

    changes: int = 0
    from_commit: list[float] = field(default_factory=list)
    from_request: list[float] = field(default_factory=list)


class Watcher:
    """The other client's application: it notes when it was handed what."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.arrived: dict[str, float] = {}
        self.names: dict[str, str] = {}

    def take(self, update: Update) -> None:
        """Take an update of `agent:*`."""
        moment = time.monotonic()
        if isinstance(update, ReceivedSnapshot):
            self.ready.set()
        elif isinstance(update, ReceivedEvent):
            self.arrived[update.id] = moment
            self.names[update.id] = update.data["name"]


async def write(rest: RestClient, plan: Plan, watcher: Watcher) -> dict[str, float]:
    """Change agents at the planned rate; return when each name was asked for."""
    chance, asked = random.Random(plan.seed), dict[str, float]()
    made = [await rest.post("/api/agents", {"name": f"agent {number}"}) for number in range(plan.agents)]
    started = time.monotonic()
    changes = int(plan.rate * plan.seconds)
    for number in range(changes):
        # Not in step with any timer of the server.
        due = started + (number + chance.random()) / plan.rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        name = f"change {number}"
        asked[name] = time.monotonic()
        await rest.patch(f"/api/agents/{chance.choice(made)['id']}", {"name": name})
    deadline = time.monotonic() + _PATIENCE
    while len(watcher.arrived) < plan.agents + changes and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    return asked


async def run(plan: Plan) -> Outcome:
    """Run the plan and return what was measured; the first changes, in which the server warms up, are left out."""
    watcher = Watcher()
    with TemporaryDirectory(prefix="trunkline-") as place:
        stamps = Path(place) / "stamps"
        data, variables = Path(place) / "data", {VARIABLE: str(stamps)}
        with ServerProcess(data, module="benchmarks.stamping_server", variables=variables) as server:
            client = WsClient(server.ws_url, token=server.token)
            TopicManager(client).subscribe("agent:*", watcher.take)
            async with client, RestClient(server) as rest:
                await watcher.ready.wait()
                asked = await write(rest, plan, watcher)
        committed = read_stamps(stamps)
    return compare(asked, committed, watcher)


def read_stamps(file: Path) -> dict[str, float]:
    """Read when the transaction of each event was final, by event id."""
    lines = (line.split() for line in file.read_text().splitlines())
    return {event_id: float(moment) for event_id, moment in lines}


def compare(asked: dict[str, float], committed: dict[str, float], watcher: Watcher) -> Outcome:
    """Take the times between."""
    outcome = Outcome(changes=len(asked) - _WARM_UP)
    for event_id, arrived in watcher.arrived.items():
        name = watcher.names[event_id]
        if name in asked and int(name.split()[1]) >= _WARM_UP:
            outcome.from_commit.append(arrived - committed[event_id])
            outcome.from_request.append(arrived - asked[name])
    return outcome


def quantile(seconds: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))]


def report(outcome: Outcome) -> Part:
    """The outcome as a part of `make bench`."""
    goals: list[Goal] = []
    cells: list[list[str]] = []
    for title, seconds in (("commit to client", outcome.from_commit), ("request to client", outcome.from_request)):
        cells.append([title, *(f"{quantile(seconds, share) * 1000:.2f} ms" for share in (0.5, 0.99, 1.0))])
    for name, share, bound in (("p50", 0.5, GOAL_P50), ("p99", 0.99, GOAL_P99)):
        value = quantile(outcome.from_commit, share)
        words = f"{name} ≤ {bound * 1000:g} ms"
        goals.append(Goal("commit to event on another client", words, f"{value * 1000:.2f} ms", value <= bound))
    arrived = f"{len(outcome.from_commit):,} of {outcome.changes:,}"
    goals.append(Goal(goals[0].work, "all arrive", arrived, len(outcome.from_commit) == outcome.changes))
    text = f"### From a commit to another client's application\n\n{table(('', 'p50', 'p99', 'longest'), cells)}"
    return Part(name="commit_to_client", markdown=text, goals=goals, figures=asdict(outcome))


def main() -> int:
    """Run the plan of the command line, print its outcome, and fail if it misses the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("agents", int), ("rate", float), ("seconds", float), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Plan(), name))
    outcome = asyncio.run(run(Plan(**vars(parser.parse_args()))))
    print(f"{len(outcome.from_commit)} of {outcome.changes} changes arrived")
    for title, seconds in (("commit to client", outcome.from_commit), ("request to client", outcome.from_request)):
        p50, p99, longest = (quantile(seconds, share) * 1000 for share in (0.5, 0.99, 1.0))
        print(f"{title}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {longest:.2f} ms")
    p50, p99 = quantile(outcome.from_commit, 0.5), quantile(outcome.from_commit, 0.99)
    met = len(outcome.from_commit) == outcome.changes and p50 <= GOAL_P50 and p99 <= GOAL_P99
    print(f"goal: p50 <= {GOAL_P50 * 1000:g} ms, p99 <= {GOAL_P99 * 1000:g} ms: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
