"""A server that dies by SIGKILL and starts again on its data: what was acknowledged is there, what was cut is said."""

import asyncio
import subprocess
from typing import Any

import httpx2
import pytest

from benchmarks.outbox_file import read_outbox
from benchmarks.rest_client import RestClient
from benchmarks.server_process import ServerProcess, command, environment
from tests.e2e.conftest import StartServer
from tests.e2e.terminal import CTRL_D, Terminal
from trunkline import Position, ReceivedEvent, ReceivedSnapshot, TopicOpened, WsClient
from trunkline.protocol.client_effects import Effect

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

LONG = "word " * 400
INTERRUPTED = "The server stopped during this answer; its last words may be missing."
KEPT_FROM = 400
"""Characters after which echo has talked for more than a second, so that some of it was kept."""


class Believer:
    """A client of `agent:*` that keeps the newest version it was told of each agent."""

    def __init__(self, server: ServerProcess) -> None:
        self.client = WsClient(server.ws_url, token=server.token, on_message=self._take)
        self.agents: dict[int, dict[str, Any]] = {}
        self.snapshots = 0
        self._changed = asyncio.Event()

    def _take(self, update: Effect) -> None:
        match update:
            case ReceivedSnapshot(data=data):
                self.agents = {agent["id"]: agent for agent in data["agents"]}
                self.snapshots += 1
            case ReceivedEvent(data=agent):
                self.agents[agent["id"]] = agent
            case _:
                return
        self._changed.set()

    async def wait_until_snapshot(self, number: int) -> None:
        while self.snapshots < number:
            self._changed.clear()
            await self._changed.wait()

    async def wait_for(self, agent: dict[str, Any]) -> None:
        while self.agents.get(agent["id"]) != agent:
            self._changed.clear()
            await self._changed.wait()


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(start_server: StartServer) -> None:
    server = start_server()
    believer = Believer(server)
    believer.client.subscribe("agent:*")
    await believer.client.start()
    await believer.wait_until_snapshot(1)
    acknowledged: dict[int, dict[str, Any]] = {}
    enough = asyncio.Event()
    writers = [asyncio.create_task(write(server, acknowledged, enough)) for _ in range(6)]
    await enough.wait()
    server.kill()
    await asyncio.gather(*writers)

    again = start_server(port=server.port)
    await believer.wait_until_snapshot(2)
    async with RestClient(again) as rest:
        await believer.wait_for(await rest.post("/api/agents", {"name": "after"}))
        stored = {agent["id"]: agent for agent in await rest.all("/api/agents")}
    await believer.client.close()

    assert believer.agents == stored
    assert len(acknowledged) >= 100
    for agent_id, agent in acknowledged.items():
        assert stored[agent_id]["version"] >= agent["version"]
        assert stored[agent_id] == agent or stored[agent_id]["version"] > agent["version"]


@pytest.mark.parametrize(("moment", "number"), [("before", 1), ("after", 2)])
async def test_what_was_committed_when_the_server_was_killed_is_told_by_the_next_one(
    start_server: StartServer, moment: str, number: int
) -> None:
    variables = {"DIES": moment, "AT_EVENT": str(number)}
    server = start_server(module="tests.e2e.dying_server", variables=variables)
    async with RestClient(server) as rest:
        agent_id, _ = await rest.start_thread({"name": "Ada"})
        await rest.post("/api/threads", {"agent_id": agent_id})
        with pytest.raises(httpx2.TransportError):
            await rest.delete(f"/api/agents/{agent_id}")
    server.process.wait()
    committed = [event_id for _, event_id in read_outbox(server.data_dir)][-3:]

    again = start_server(port=server.port)
    async with RestClient(again) as rest:
        assert await rest.all("/api/agents") == await rest.all("/api/threads") == []
    told = [*await events_of(again, "thread:*"), *await events_of(again, "agent:*")]
    deletions = [(event.type, event.id) for event in told if event.type.endswith("_deleted")]
    assert deletions == list(zip(["thread_deleted", "thread_deleted", "agent_deleted"], committed, strict=True)), (
        "each once, under its id, in the order of the transaction"
    )


async def events_of(server: ServerProcess, feed: str) -> list[ReceivedEvent]:
    """All events of a feed since the server's start."""
    updates: asyncio.Queue[Effect] = asyncio.Queue()
    async with WsClient(server.ws_url, token=server.token, on_message=updates.put) as client:
        client.subscribe(feed)
        while not isinstance(snapshot := await updates.get(), ReceivedSnapshot):
            pass
    async with WsClient(server.ws_url, token=server.token, on_message=updates.put) as client:
        client.subscribe(feed, Position(snapshot.position.epoch, 0))
        while not isinstance(opened := await updates.get(), TopicOpened):
            pass
        return [event for _ in range(opened.recovered) if isinstance(event := await updates.get(), ReceivedEvent)]


async def write(server: ServerProcess, acknowledged: dict[int, dict[str, Any]], enough: asyncio.Event) -> None:
    """Create and change agents until the server is gone, noting what it acknowledged."""
    async with RestClient(server) as rest:
        while True:
            try:
                made = await rest.post("/api/agents", {"name": "new"})
                acknowledged[made["id"]] = made
                changed = await rest.patch(f"/api/agents/{made['id']}", {"name": f"changed {made['id']}"})
                acknowledged[made["id"]] = changed
            except httpx2.TransportError:
                return
            if len(acknowledged) >= 100:
                enough.set()


def create_agent(server: ServerProcess) -> int:
    made = httpx2.post(f"{server.url}/api/agents", json={"name": "Echo", "model": "echo"}, headers=server.headers)
    agent_id: int = made.json()["id"]
    return agent_id


def last_message(server: ServerProcess, thread_id: int) -> tuple[str, str]:
    url = f"{server.url}/api/threads/{thread_id}/messages"
    message = httpx2.get(url, headers=server.headers).json()["items"][-1]
    return message["role"], message["content"]


def test_a_question_whose_server_is_killed_ends_with_the_text_that_was_kept(start_server: StartServer) -> None:
    server = start_server()
    ask = command("chat", str(create_agent(server)), "--message", LONG, "--data-dir", str(server.data_dir))
    with subprocess.Popen(ask, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as chat:
        assert chat.stdout is not None
        assert chat.stderr is not None
        shown = chat.stdout.read(KEPT_FROM)
        server.kill()
        again = start_server(port=server.port)
        shown += chat.stdout.read()
        notes = chat.stderr.read().splitlines()
    assert chat.returncode == 1
    assert notes[0].startswith("line lost, reconnecting in ")
    assert "back: fresh state of thread:1" in notes
    assert notes[-1] == INTERRUPTED

    role, kept = last_message(again, 1)
    assert role == "assistant"
    assert kept
    assert shown.removesuffix("\n").startswith(kept)
    unsaved = len(shown.removesuffix("\n")) - len(kept)
    assert notes.count(f"(the last {unsaved} characters above were not saved)") == (1 if unsaved else 0)
    run = httpx2.get(f"{again.url}/api/runs/1", headers=again.headers).json()
    assert (run["status"], run["error"]) == ("failed", INTERRUPTED)


def test_a_conversation_goes_on_after_the_server_was_killed(start_server: StartServer) -> None:
    server = start_server()
    chat = command("chat", str(create_agent(server)), "--data-dir", str(server.data_dir))
    with Terminal(*chat) as terminal:
        terminal.wait_for("you> ")
        terminal.press(f"{LONG}\n")
        terminal.wait_for("Echo> I am echo")
        terminal.wait_for("word word word word word word")
        server.kill()
        terminal.wait_for("line lost, reconnecting in ")
        again = start_server(port=server.port)
        terminal.wait_for("back: fresh state of thread:1")
        terminal.wait_for(INTERRUPTED)
        terminal.wait_for("you> ")
        terminal.press("Are you there?\n")
        terminal.wait_for("You wrote: Are you there?\n")
        terminal.wait_for("you> ")
        terminal.press(CTRL_D)
        assert terminal.wait() == 0
    assert last_message(again, 1)[1].endswith("You wrote: Are you there?")
