"""Restart the server in order under hundreds of connected clients, and see that each is back and has missed nothing.

`trunkline serve` runs in a process of its own; clients follow `agent:*` while a writer changes agents. SIGTERM drains
the server, its successor starts on the same data and port, and the writer goes on. Each client must see every agent's
versions one after the other, or a snapshot where the server's life ended, and in the end what the database holds.

python -m benchmarks.rolling_restart
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.rest_client import RestClient
from benchmarks.server_process import ServerProcess
from trunkline import ReceivedEvent, ReceivedSnapshot, StateChanged, TopicManager, Update, WsClient

_FEED = "agent:*"
_PATIENCE = 40.0
_LIMITS = "[limits]\nmax_connections_per_principal = 5000\n"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much and how often."""

    clients: int = 500
    agents: int = 5
    changes: int = 20
    restarts: int = 3


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        changes: changes that were acknowledged.
        back: for each restart, how many clients had the database's state again in time.
        drained: for each, seconds from SIGTERM to the end of the process.
        returned: for each, seconds from the listening successor to the return of each client.
        codes: close codes that the clients saw, and how often.
        violations: versions that were skipped or went back.
    """

    changes: int = 0
    back: list[int] = field(default_factory=list)
    drained: list[float] = field(default_factory=list)
    returned: list[list[float]] = field(default_factory=list)
    codes: dict[int, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


class Watcher:
    """One client's application: what it believes of each agent."""

    def __init__(self, outcome: Outcome) -> None:
        self.versions: dict[int, int] = {}
        self.snapshot_at = 0.0
        self._outcome = outcome

    def take(self, update: Update) -> None:
        """Take an update of the feed."""
        if isinstance(update, ReceivedSnapshot):
            self.versions = {agent["id"]: agent["version"] for agent in update.data["agents"]}
            self.snapshot_at = time.monotonic()
        elif isinstance(update, ReceivedEvent):
            agent = update.data
            before = self.versions.get(agent["id"], 0)
            # A snapshot may hold the effect of an event that follows it.
            if agent["version"] > before + 1:
                self._outcome.violations.append(f"agent {agent['id']}: {before}, then {agent['version']}")
            self.versions[agent["id"]] = max(before, agent["version"])

    def note(self, change: StateChanged) -> None:
        """Count how a connection ended."""
        code = change.code or 0
        self._outcome.codes[code] = self._outcome.codes.get(code, 0) + 1


async def change(rest: RestClient, agents: list[int], count: int, outcome: Outcome) -> None:
    """Change agents in turn."""
    for n in range(count):
        await rest.patch(f"/api/agents/{agents[n % len(agents)]}", {"task_instructions": f"change {outcome.changes}"})
        outcome.changes += 1


async def caught_up(watchers: list[Watcher], wanted: dict[int, int]) -> int:
    """Wait until every watcher has what the database holds; return how many have."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and any(watcher.versions != wanted for watcher in watchers):
        await asyncio.sleep(0.05)
    return sum(watcher.versions == wanted for watcher in watchers)


async def versions(rest: RestClient) -> dict[int, int]:
    """What the database holds."""
    return {agent["id"]: agent["version"] for agent in await rest.all("/api/agents")}


async def run(plan: Plan) -> Outcome:
    """Run the plan and return what came of it."""
    outcome = Outcome()
    with TemporaryDirectory() as directory:
        data_dir = Path(directory) / "data"
        data_dir.mkdir()
        (data_dir / "trunkline.toml").write_text(_LIMITS)
        server = ServerProcess(data_dir)
        try:
            async with RestClient(server) as rest, AsyncExitStack() as stack:
                agents = [(await rest.post("/api/agents", {"name": f"Agent {n}"}))["id"] for n in range(plan.agents)]
                watchers = [await stack.enter_async_context(watching(server, outcome)) for _ in range(plan.clients)]
                await change(rest, agents, plan.changes, outcome)
                await caught_up(watchers, await versions(rest))
                for _ in range(plan.restarts):
                    server = await restart(server, rest, agents, watchers, plan, outcome)
        finally:
            server.end()
    return outcome


@asynccontextmanager
async def watching(server: ServerProcess, outcome: Outcome) -> AsyncIterator[Watcher]:
    """Follow the feed with one client."""
    watcher = Watcher(outcome)
    url = f"ws://127.0.0.1:{server.port}/api/ws/v2"
    async with WsClient(url, token=server.token, on_disconnect=watcher.note) as client:
        TopicManager(client).subscribe(_FEED, watcher.take)
        yield watcher


async def restart(
    server: ServerProcess, rest: RestClient, agents: list[int], watchers: list[Watcher], plan: Plan, outcome: Outcome
) -> ServerProcess:
    """End the server in order while it is written to, start its successor, and wait for everyone."""
    writing = asyncio.create_task(change(rest, agents, plan.changes, outcome))
    await asyncio.sleep(0)
    began = time.monotonic()
    await asyncio.to_thread(server.stop)
    outcome.drained.append(time.monotonic() - began)
    server.end()
    # What the end of the server cut off may be done or not; what was acknowledged is counted.
    await asyncio.gather(writing, return_exceptions=True)
    successor = await asyncio.to_thread(ServerProcess, server.data_dir, port=server.port)
    listening = time.monotonic()
    await change(rest, agents, plan.changes, outcome)
    outcome.back.append(await caught_up(watchers, await versions(rest)))
    outcome.returned.append(sorted(watcher.snapshot_at - listening for watcher in watchers))
    return successor


def main() -> None:
    """Run the plan of the command line and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("clients", "agents", "changes", "restarts"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Plan(), name))
    plan = Plan(**vars(parser.parse_args()))
    outcome = asyncio.run(run(plan))
    print(f"{plan.restarts} restarts under {plan.clients} clients, {outcome.changes} changes acknowledged")
    for back, drained, returned in zip(outcome.back, outcome.drained, outcome.returned, strict=True):
        p50, last = returned[len(returned) // 2], returned[-1]
        print(f"drained in {drained:.1f} s; {back} clients back after p50 {p50:.1f} s, the last {last:.1f} s")
    print(f"closes seen by clients: {dict(sorted(outcome.codes.items()))}; violations: {len(outcome.violations)}")
    raise SystemExit(bool(outcome.violations) or any(back != plan.clients for back in outcome.back))


if __name__ == "__main__":
    main()
