"""Kill the server again and again while agents are changed and watched, and see that nothing was lost or made up.

`trunkline serve` runs in a process of its own, on one data directory and one port. Writers create, change and delete
agents over REST and note what was acknowledged; clients follow `agent:*` and single agents. SIGKILL ends the server
under that load, it is started again, and before the writers go on:

- every acknowledged change, or a newer one, is in the database and with every client;
- all that any client was told, by event or snapshot, is in the database;
- each client's events of one agent followed one another, version by version.

python -m benchmarks.killed_server --kills 25
"""

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from benchmarks.agent_ledger import Ledger
from benchmarks.outbox_file import read_outbox
from benchmarks.rest_client import RestClient
from benchmarks.server_process import ServerProcess
from trunkline import (
    ClientOptions,
    ReceivedEvent,
    ReceivedReset,
    ReceivedSnapshot,
    TopicManager,
    Update,
    WsClient,
    WsClientOptions,
)
from trunkline.protocol.backoff import BackoffOptions

FEED = "agent:*"
_MOST_OWN = 8
_PATIENCE = 30.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much and how often.

    Attributes:
        shared: agents that all writers change and nobody deletes.
        changes: changes that are acknowledged in each life of the server, at least, before it is killed.
        longest: seconds that it may live on after that.
    """

    kills: int = 25
    writers: int = 8
    clients: int = 20
    shared: int = 12
    changes: int = 100
    longest: float = 2.0
    seed: int = 1


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        acknowledged: changes that the server said were done.
        unanswered: changes whose answer the kill cut off.
        unanswered_done: of those, the ones that were found done.
        left: events that were committed and still in the outbox when the server died.
        untold: of those, the ones that no client had been told.
        events, snapshots, resets: what was handed to the clients' applications.
        told_again: events that one client was handed a second time, after a restart.
        lost: acknowledged changes that were not in the database.
        unseen: clients that did not have the database's state in time.
        unfounded: things that a client was told and that are not in the database.
        disordered: events that did not follow their agent's last one.
        caught_up: for each restart, seconds from the listening server to the last client's being up to date.
    """

    kills: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    unanswered_done: int = 0
    left: int = 0
    untold: int = 0
    events: int = 0
    snapshots: int = 0
    resets: int = 0
    told_again: int = 0
    lost: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    unfounded: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    caught_up: list[float] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """All that should not have been."""
        return self.lost + self.unseen + self.unfounded + self.disordered


class View:
    """One topic as one client's application keeps it.

    Attributes:
        agents: what it believes, by id.
        fresh: whether a snapshot came since this was last set to False.
    """

    def __init__(self, topic: str, ledger: Ledger, outcome: Outcome) -> None:
        self.topic = topic
        self.agents: dict[int, dict[str, Any]] = {}
        self.fresh = False
        self._ledger = ledger
        self._outcome = outcome
        self._streamed: dict[int, int] = {}
        self._event_ids: set[str] = set()

    def take(self, update: Update) -> None:
        """Take an update of the topic."""
        match update:
            case ReceivedSnapshot():
                self._take_snapshot(update)
            case ReceivedReset():
                self._outcome.resets += 1
                self._streamed = {}
            case ReceivedEvent():
                self._take_event(update)

    def _take_snapshot(self, snapshot: ReceivedSnapshot) -> None:
        agents = snapshot.data["agents"] if self.topic == FEED else [snapshot.data]
        self.agents = {agent["id"]: agent for agent in agents}
        self._streamed = {}
        self.fresh = True
        self._outcome.snapshots += 1
        for agent in agents:
            self._ledger.told(agent)

    def _take_event(self, event: ReceivedEvent) -> None:
        agent = event.data
        self._outcome.events += 1
        self._outcome.told_again += event.id in self._event_ids
        self._event_ids.add(event.id)
        self._ledger.told_events.add(event.id)
        self._check_order(agent)
        if event.type == "agent_deleted":
            self._ledger.told_deleted(agent["id"])
            self.agents.pop(agent["id"], None)
            return
        self._ledger.told(agent)
        # A snapshot may hold what is told after it.
        if agent["version"] > self.agents.get(agent["id"], agent)["version"] or agent["id"] not in self.agents:
            self.agents[agent["id"]] = agent

    def _check_order(self, agent: dict[str, Any]) -> None:
        """Events follow one another without a hole, and the first one leaves none after the snapshot."""
        agent_id, version = agent["id"], agent["version"]
        before, held = self._streamed.get(agent_id), self.agents.get(agent_id)
        self._streamed[agent_id] = version
        follows = version == before + 1 if before is not None else held is None or version <= held["version"] + 1
        if not follows:
            had = f"version {before}" if before is not None else f"a snapshot of {held}"
            self._outcome.disordered.append(f"{self.topic}: agent {agent_id} came in version {version} after {had}")

    def has(self, stored: dict[int, dict[str, Any]]) -> bool:
        """Whether it has heard of this life of the server and holds what the database holds."""
        if not self.fresh:
            return False
        if self.topic == FEED:
            return self.agents == stored
        agent_id = int(self.topic.partition(":")[2])
        return self.agents.get(agent_id) == stored.get(agent_id)


class Watcher:
    """A client of some topics."""

    def __init__(self, server: ServerProcess, views: Sequence[View]) -> None:
        # Patient clients would spend the run waiting: no connection here lasts long enough to be called stable.
        session = ClientOptions(backoff=BackoffOptions(cap=1.0))
        self.client = WsClient(server.ws_url, token=server.token, options=WsClientOptions(session=session))
        self.views = views
        topics = TopicManager(self.client)
        for view in views:
            topics.subscribe(view.topic, view.take)


class Writer:
    """Changes agents over REST, and notes what it asked and what was acknowledged.

    Attributes:
        own: agents that it alone changes, and deletes.
    """

    def __init__(self, ledger: Ledger, outcome: Outcome, shared: Sequence[int], chance: random.Random) -> None:
        self.own: list[int] = []
        self._ledger = ledger
        self._outcome = outcome
        self._shared = shared
        self._chance = chance

    async def write(self, server: ServerProcess) -> None:
        """Write until the server is gone."""
        async with RestClient(server) as rest:
            while True:
                try:
                    await self._change(rest)
                except httpx2.ConnectError:
                    return
                except httpx2.TransportError:
                    self._outcome.unanswered += 1
                    return
                self._outcome.acknowledged += 1

    async def _change(self, rest: RestClient) -> None:
        dice = self._chance.random()
        if dice < 0.1 and self.own:
            await self._delete(rest, self.own.pop(0))
        elif dice < 0.25 and len(self.own) < _MOST_OWN:
            made = await rest.post("/api/agents", {"name": self._ledger.ask()})
            self.own.append(made["id"])
            self._ledger.acknowledge(made)
        else:
            agent_id = self._chance.choice([*self._shared, *self.own])
            self._ledger.acknowledge(await rest.patch(f"/api/agents/{agent_id}", {"name": self._ledger.ask()}))

    async def _delete(self, rest: RestClient, agent_id: int) -> None:
        self._ledger.ask_deletion(agent_id)
        await rest.delete(f"/api/agents/{agent_id}")
        self._ledger.acknowledge_deletion(agent_id)


class Trial:
    """One run: the server of the moment, its writers and its clients."""

    def __init__(self, plan: Plan, place: Path) -> None:
        self.outcome = Outcome()
        self._plan = plan
        self._place = place
        self._ledger = Ledger()
        self._chance = random.Random(plan.seed)
        self._server: ServerProcess | None = None
        self._writers: list[Writer] = []
        self._watchers: list[Watcher] = []

    async def run(self) -> Outcome:
        """Kill as often as planned."""
        async with AsyncExitStack() as stack:
            stack.callback(self._end)
            server = await self._start(port=0)
            shared = await self._create_shared(server)
            for number in range(self._plan.writers):
                chance = random.Random(f"{self._plan.seed} {number}")
                self._writers.append(Writer(self._ledger, self.outcome, shared, chance))
            for number in range(self._plan.clients):
                self._watchers.append(Watcher(server, self._views(number, shared)))
                await stack.enter_async_context(self._watchers[-1].client)
            await self._check(server)
            for _ in range(self._plan.kills):
                server = await self._live_and_die(server)
        return self.outcome

    async def _start(self, port: int) -> ServerProcess:
        self._server = await asyncio.to_thread(ServerProcess, self._place / "data", port=port)
        return self._server

    def _end(self) -> None:
        if self._server is not None:
            self._server.end()

    async def _create_shared(self, server: ServerProcess) -> list[int]:
        async with RestClient(server) as rest:
            made = [await rest.post("/api/agents", {"name": self._ledger.ask()}) for _ in range(self._plan.shared)]
        for agent in made:
            self._ledger.acknowledge(agent)
        return [agent["id"] for agent in made]

    def _views(self, number: int, shared: Sequence[int]) -> list[View]:
        """Three in five clients follow the feed, one in five single agents, one in five both."""
        singles = [f"agent:{shared[(number + step) % len(shared)]}" for step in (0, 5)]
        topics = [singles, [FEED, *singles]][number % 5] if number % 5 < 2 else [FEED]
        return [View(topic, self._ledger, self.outcome) for topic in topics]

    async def _live_and_die(self, server: ServerProcess) -> ServerProcess:
        """Write until the kill, start again, and compare."""
        enough = self.outcome.acknowledged + self._plan.changes
        writing = [asyncio.create_task(writer.write(server)) for writer in self._writers]
        while self.outcome.acknowledged < enough and not any(task.done() for task in writing):
            await asyncio.sleep(0.01)
        await asyncio.sleep(self._chance.uniform(0, self._plan.longest))
        server.kill()
        server.end()
        await asyncio.gather(*writing)
        self.outcome.kills += 1
        left = {event_id for _, event_id in read_outbox(server.data_dir)}
        self.outcome.left += len(left)
        self.outcome.untold += len(left - self._ledger.told_events)
        for watcher in self._watchers:
            for view in watcher.views:
                view.fresh = False
        again = await self._start(server.port)
        await self._check(again)
        return again

    async def _check(self, server: ServerProcess) -> None:
        """Compare the database with what was acknowledged and told, and wait for every client to have its state."""
        started = time.monotonic()
        async with RestClient(server) as rest:
            stored = {agent["id"]: agent for agent in await rest.all("/api/agents")}
        self.outcome.lost += self._ledger.find_lost(stored)
        late = [view for watcher in self._watchers for view in watcher.views]
        while (late := [view for view in late if not view.has(stored)]) and time.monotonic() < started + _PATIENCE:
            await asyncio.sleep(0.005)
        self.outcome.unseen += [f"{view.topic}: a client does not have the state of the database" for view in late]
        self.outcome.caught_up.append(time.monotonic() - started)
        self.outcome.unfounded += self._ledger.find_unfounded(stored)
        self.outcome.unanswered_done += self._ledger.settle(stored)
        self._share_out(stored)

    def _share_out(self, stored: dict[int, dict[str, Any]]) -> None:
        """Give every agent that comes and goes to a writer, those of unanswered requests too."""
        for number, writer in enumerate(self._writers):
            others = [agent_id for agent_id in stored if agent_id > self._plan.shared]
            writer.own = [agent_id for agent_id in others if agent_id % self._plan.writers == number]


async def run(plan: Plan) -> Outcome:
    """Run the plan and return what came of it."""
    with TemporaryDirectory(prefix="trunkline-") as place:
        return await Trial(plan, Path(place)).run()


def report(outcome: Outcome) -> None:
    """Print an outcome."""
    print(f"{outcome.kills} kills; in the outbox at a kill: {outcome.left} events, {outcome.untold} of them untold")
    print(
        f"{outcome.acknowledged} changes acknowledged, {outcome.unanswered} unanswered, "
        f"of which {outcome.unanswered_done} were done"
    )
    print(f"handed over: {outcome.events} events, {outcome.snapshots} snapshots, {outcome.resets} resets")
    print(
        f"lost {len(outcome.lost)}, unseen {len(outcome.unseen)}, unfounded {len(outcome.unfounded)}, "
        f"out of order {len(outcome.disordered)}, told again {outcome.told_again}"
    )
    caught_up = sorted(outcome.caught_up)
    print(
        f"from the listening server to the last client with its state: "
        f"p50 {caught_up[len(caught_up) // 2]:.2f} s, longest {caught_up[-1]:.2f} s"
    )
    for violation in outcome.violations[:20]:
        print(violation)


def main() -> int:
    """Run the plan of the command line, print its outcome, and fail if anything was lost or made up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("kills", int), ("writers", int), ("clients", int), ("longest", float), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Plan(), name))
    outcome = asyncio.run(run(Plan(**vars(parser.parse_args()))))
    report(outcome)
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    raise SystemExit(main())
