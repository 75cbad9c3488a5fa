"""The client against a real server: Trunkline under uvicorn, on a socket of this machine."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from tests.client.scripted import AT_ONCE
from tests.transports.servers import uvicorn_server
from trunkline import CallContext, Event, EventType, Handshake, NotFound, Principal, Trunkline
from trunkline.bus import EventBus
from trunkline.client.line import connect
from trunkline.client.socket import ConnectFailed, Endpoint, Socket, open_socket
from trunkline.client.topic_manager import TopicManager
from trunkline.client.ws_client import WsClient, WsClientOptions
from trunkline.codes import ErrorCode
from trunkline.errors import Conflict, LineClosed, RequestError
from trunkline.hub.admission import AdmissionOptions
from trunkline.hub.manager import HubOptions
from trunkline.line import LineOptions
from trunkline.protocol.client_effects import LineState, ReceivedEvent, ReceivedSnapshot, StateChanged, Update
from trunkline.protocol.client_session import ClientOptions
from trunkline.testing import until


class Agent(msgspec.Struct, frozen=True):
    id: int
    name: str


AGENT_RENAMED = EventType("client_test_agent_renamed", Agent, topic="agent:{id}")

ANN = Principal("ann")


class Server:
    """An application with agents, and where it listens."""

    def __init__(self, port: int, options: HubOptions) -> None:
        self.url = f"ws://127.0.0.1:{port}/api/ws/v2"
        self.agents = {1: "Ann", 2: "Bob"}
        self.line = Trunkline(
            authenticate=self.authenticate,
            authorize=lambda _principal, _action, target: target != "agent:3",
            bus=EventBus(),
            options=LineOptions(hub=options),
        )
        self.line.snapshot("agent:{id}", type="agent_state")(self.agent)
        self.line.snapshot("agent:*", type="agent_list")(self.all_agents)
        self.line.call("agent.rename")(self.rename)
        self.line.call("agent.run")(self.run)

    def authenticate(self, handshake: Handshake) -> Principal | None:
        return ANN if handshake.token == "secret" else None

    def agent(self, _principal: Principal, id: str) -> object:
        number = int(id)
        if number not in self.agents:
            raise NotFound("Agent", number)
        return Agent(number, self.agents[number])

    def all_agents(self, _principal: Principal) -> object:
        return [Agent(number, name) for number, name in self.agents.items()]

    async def rename(self, context: CallContext, agent: Agent) -> object:
        self.agents[agent.id] = agent.name
        context.published.append(await self.line.publish(AGENT_RENAMED, agent))
        return agent

    async def run(self, _context: CallContext, _params: dict[str, Any]) -> object:
        raise Conflict("Thread 1 is busy")

    async def publish(self, number: int, name: str) -> None:
        self.agents[number] = name
        event: Event[Agent] = AGENT_RENAMED.event(Agent(number, name))
        await self.line.send(event)


@asynccontextmanager
async def serving(options: HubOptions | None = None) -> AsyncIterator[Server]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = Server(listener.getsockname()[1], options or HubOptions())
        async with server.line, uvicorn_server(server.line, listener):
            yield server


class Sockets:
    """Opens real sockets, and keeps them and what went over them."""

    def __init__(self) -> None:
        self.opened: list[Socket] = []
        self.sent: list[dict[str, Any]] = []

    async def open(self, endpoint: Endpoint) -> Socket:
        opened = await open_socket(endpoint)
        send = opened.send

        async def recording(text: str) -> None:
            self.sent.append(msgspec.json.decode(text))
            await send(text)

        opened.send = recording  # type: ignore[method-assign] # a socket like any other, but for its memory
        self.opened.append(opened)
        return opened

    def options(self) -> WsClientOptions:
        return WsClientOptions(session=ClientOptions(backoff=AT_ONCE), open_socket=self.open)

    def subscribes(self) -> list[list[Any]]:
        return [message["topics"] for message in self.sent if message["type"] == "subscribe"]


async def test_the_readme_loop_feed_snapshot_and_events() -> None:
    async with serving() as server, connect(server.url, token="secret") as line:
        updates = line.subscribe("agent:*")
        snapshot = await anext(updates)
        assert isinstance(snapshot, ReceivedSnapshot)
        assert [agent["name"] for agent in snapshot.data] == ["Ann", "Bob"]
        await server.publish(1, "Anna")
        await server.publish(2, "Rob")
        events = [await anext(updates), await anext(updates)]
        assert [e.read(AGENT_RENAMED) for e in events if isinstance(e, ReceivedEvent)] == [
            Agent(1, "Anna"),
            Agent(2, "Rob"),
        ]


async def test_an_aborted_socket_comes_back_with_its_positions_in_one_message() -> None:
    sockets = Sockets()
    got: dict[str, list[Update]] = {"agent:1": [], "agent:*": []}
    async with serving() as server, WsClient(server.url, token="secret", options=sockets.options()) as client:
        topics = TopicManager(client)
        await client.wait_ready()
        for topic, updates in got.items():
            topics.subscribe(topic, updates.append)
        await until(lambda: all(got.values()))
        for number in range(50):
            await server.publish(1, f"name {number}")
            if number % 10 == 5:
                sockets.opened[-1].abort()
        await until(lambda: all(len(updates) == 51 for updates in got.values()))
        for updates in got.values():
            events = [update for update in updates if isinstance(update, ReceivedEvent)]
            assert [event.data["name"] for event in events] == [f"name {number}" for number in range(50)]
    again = sockets.subscribes()[2:]
    assert len(again) == client.stats.connects - 1 > 0
    for message in again:
        assert [item["topic"] for item in message] == ["agent:1", "agent:*"]


async def test_a_second_handler_gets_the_state_of_now() -> None:
    first: list[Update] = []
    second: list[Update] = []
    async with serving() as server, WsClient(server.url, token="secret") as client:
        topics = TopicManager(client)
        topics.subscribe("agent:1", first.append)
        await until(lambda: first)
        await server.publish(1, "Anna")
        await until(lambda: len(first) == 2)
        topics.subscribe("agent:1", second.append)
        await until(lambda: second)
        assert isinstance(second[0], ReceivedSnapshot)
        assert second[0].data == {"id": 1, "name": "Anna"}


async def test_calls() -> None:
    async with serving() as server, connect(server.url, token="secret") as line:
        updates = line.subscribe("agent:1")
        snapshot = await anext(updates)
        answer = await line.call("agent.rename", {"id": 1, "name": "Anna"})
        assert answer.result == {"id": 1, "name": "Anna"}
        event = await anext(updates)
        assert isinstance(snapshot, ReceivedSnapshot)
        assert isinstance(event, ReceivedEvent)
        assert answer.positions == {"agent:1": snapshot.position._replace(seq=event.seq)}
        for method, params, code in (
            ("agent.run", {}, ErrorCode.CONFLICT),
            ("agent.rename", {"id": "x"}, ErrorCode.INVALID_MESSAGE),
            ("no.such", {}, ErrorCode.NOT_FOUND),
        ):
            with pytest.raises(RequestError) as caught:
                await line.call(method, params)
            assert caught.value.code is code


async def test_refused_topics() -> None:
    async with serving() as server, connect(server.url, token="secret") as line:
        for topic, sentence in (("agent:99999", "Agent 99999 not found"), ("agent:3", "Not allowed: agent:3")):
            with pytest.raises(RequestError, match=sentence):
                await anext(line.subscribe(topic))


async def test_a_wrong_token_ends_the_line_at_once() -> None:
    async with serving() as server:
        with pytest.raises(LineClosed, match="token is not valid") as caught:
            async with connect(server.url, token="wrong"):
                pass
        assert caught.value.code == 4500


async def test_no_token_ends_the_line_with_the_first_request() -> None:
    async with serving() as server, connect(server.url) as line:
        with pytest.raises(LineClosed) as caught:
            await anext(line.subscribe("agent:1"))
        assert caught.value.code == 4500


async def test_a_busy_server_says_when_to_come_back() -> None:
    changes: list[StateChanged] = []
    options = HubOptions(admission=AdmissionOptions(rate=0.02, burst=1))
    async with serving(options) as server, WsClient(server.url, token="secret") as first:
        await first.wait_ready()
        async with WsClient(server.url, token="secret", on_disconnect=changes.append) as second:
            await until(lambda: changes)
            assert second.state is LineState.WAITING
            assert changes[0].retry_in is not None
            assert 30 <= changes[0].retry_in <= 62
            assert "The server is busy" in changes[0].reason


async def test_a_server_that_stops_says_goodbye_and_its_successor_is_found() -> None:
    changes: list[StateChanged] = []
    got: list[Update] = []
    async with serving() as server, WsClient(server.url, token="secret", on_disconnect=changes.append) as client:
        topics = TopicManager(client)
        topics.subscribe("agent:1", got.append)
        await until(lambda: got)
        await server.publish(1, "Anna")
        await until(lambda: len(got) == 2)
        await server.line.stop()
        await until(lambda: changes)
        assert (changes[0].state, changes[0].code) == (LineState.WAITING, 4002)
        assert 0 <= (changes[0].retry_in or 0) <= 5
        await server.line.start()
        await server.publish(1, "Annie")
        client.reconnect_now()
        await until(lambda: len(got) == 3)
        assert [type(update) for update in got] == [ReceivedSnapshot, ReceivedEvent, ReceivedEvent]


async def test_lines_of_many_tasks_share_nothing() -> None:
    async def watch(server: Server) -> list[int]:
        async with connect(server.url, token="secret") as line, line.subscribe("agent:1") as updates:
            ready.append(await anext(updates))
            return [update.seq for _ in range(20) if isinstance(update := await anext(updates), ReceivedEvent)]

    ready: list[Update] = []
    async with serving() as server:
        watching = [asyncio.create_task(watch(server)) for _ in range(10)]
        await until(lambda: len(ready) == 10)
        for number in range(20):
            await server.publish(1, f"name {number}")
        assert await asyncio.gather(*watching) == [list(range(1, 21))] * 10


# Opening


@pytest.mark.parametrize(
    ("url", "code"),
    [("http://server", 4502), ("ws://", 4502), ("ws://127.0.0.1:1/", 1006), ("ws://no-such-host.invalid/", 1006)],
)
async def test_addresses_that_lead_nowhere(url: str, code: int) -> None:
    with pytest.raises(ConnectFailed) as caught:
        await open_socket(Endpoint(url=url))
    assert caught.value.code == code


async def test_a_page_that_is_no_websocket_is_no_reason_to_give_up() -> None:
    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.close"})

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        async with uvicorn_server(answer, listener):
            with pytest.raises(ConnectFailed, match="refused the connection \\(403\\)") as caught:
                await open_socket(Endpoint(url=f"ws://127.0.0.1:{port}/"))
    assert caught.value.code == 4501
