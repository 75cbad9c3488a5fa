"""Many clients, many changes: one order for all, and the state of the database in the end."""

import asyncio
import random
from typing import Any

import pytest

from benchmarks.rest_client import RestClient
from tests.e2e.conftest import StartServer
from trunkline import ReceivedEvent, ReceivedReset, ReceivedSnapshot, WsClient
from trunkline.protocol.client_effects import Effect

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

AGENTS = 20
ON_FEED = 50
WRITERS = 8
CHANGES = 2_000
END = "the end"


class Watcher:
    """A client of one topic that keeps agents as an application would, by snapshots and events.

    Attributes:
        agents: what it believes, by id.
        order: position and event id of all that it was given.
        resets: how often it had to start from a snapshot.
    """

    def __init__(self, url: str, token: str, topic: str, *, last: list[int]) -> None:
        self.client = WsClient(f"ws{url.removeprefix('http')}/api/ws/v2", token=token, on_message=self._take)
        self.topic = topic
        self.agents: dict[int, dict[str, Any]] = {}
        self.order: list[tuple[int, str]] = []
        self.resets = 0
        self._last = last
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Connect and wait for the state."""
        self.client.subscribe(self.topic)
        await self.client.start()
        while not self.agents:
            await self._change()

    async def finish(self) -> None:
        """Wait until all agents whose change is the last are seen to have it, and leave."""
        while any(self.agents[agent_id]["name"] != END for agent_id in self._last):
            await self._change()
        await self.client.close()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _take(self, update: Effect) -> None:
        match update:
            case ReceivedSnapshot(type="agent_list", data=data):
                self.agents = {agent["id"]: agent for agent in data["agents"]}
            case ReceivedSnapshot(data=agent):
                self.agents = {agent["id"]: agent}
            case ReceivedReset():
                self.resets += 1
            case ReceivedEvent(type="agent_deleted"):
                self._note(update)
                del self.agents[update.data["id"]]
            case ReceivedEvent():
                self._note(update)
                self.agents[update.data["id"]] = update.data
            case _:
                return
        self._changed.set()

    def _note(self, event: ReceivedEvent) -> None:
        position = event.feed_seq if self.topic == "agent:*" else event.seq
        assert position is not None
        self.order.append((position, event.id))


async def test_all_clients_have_one_order_and_the_state_of_the_database(start_server: StartServer) -> None:
    # The debug mode of the loop takes most of the time of 100,000 events.
    asyncio.get_running_loop().set_debug(False)
    server = start_server()
    async with RestClient(server) as rest:
        made = [await rest.post("/api/agents", {"name": f"agent {number}"}) for number in range(AGENTS)]
        ids = [agent["id"] for agent in made]
        on_feed = [Watcher(server.url, server.token, "agent:*", last=ids) for _ in range(ON_FEED)]
        on_one = [Watcher(server.url, server.token, f"agent:{one}", last=[one]) for one in ids]
        await asyncio.gather(*(watcher.start() for watcher in on_feed + on_one))
        await asyncio.gather(*(change(rest, ids, random.Random(number)) for number in range(WRITERS)))
        for agent_id in ids:
            await rest.patch(f"/api/agents/{agent_id}", {"name": END})
        await asyncio.gather(*(watcher.finish() for watcher in on_feed + on_one))
        stored = {agent["id"]: agent for agent in await rest.all("/api/agents")}

    for watcher in on_feed:
        assert watcher.agents == stored
    for watcher, agent_id in zip(on_one, ids, strict=True):
        assert watcher.agents == {agent_id: stored[agent_id]}
        assert_order([watcher])
    assert len(assert_order(on_feed)) >= CHANGES + AGENTS
    assert all(watcher.client.stats.connects == 1 for watcher in on_feed + on_one)


async def change(rest: RestClient, ids: list[int], chance: random.Random) -> None:
    """One writer's share: mostly changes of the agents that all writers change, and some agents that come and go."""
    own: list[int] = []
    for number in range(CHANGES // WRITERS):
        if own and chance.random() < 0.1:
            await rest.delete(f"/api/agents/{own.pop()}")
        elif chance.random() < 0.1:
            own.append((await rest.post("/api/agents", {"name": f"guest {number}"}))["id"])
        else:
            await rest.patch(f"/api/agents/{chance.choice(ids)}", {"name": f"change {number}"})


def assert_order(watchers: list[Watcher]) -> dict[int, str]:
    """Each watcher got each position once, in order, without a hole, the same as all others; returns what that was."""
    events: dict[int, str] = {}
    for watcher in watchers:
        positions = [position for position, _ in watcher.order]
        assert positions == sorted(set(positions))
        # What a snapshot stands for, after a reset, is not given one by one.
        assert watcher.resets or positions == list(range(positions[0], positions[-1] + 1))
        for position, event_id in watcher.order:
            assert events.setdefault(position, event_id) == event_id
    assert len(set(events.values())) == len(events)
    return events
