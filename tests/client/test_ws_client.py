"""`WsClient` against sockets that the test answers by hand."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.client.scripted import AT_ONCE, Network, ScriptedSocket
from trunkline.client.socket import Endpoint
from trunkline.client.ws_client import WsClient
from trunkline.codes import ErrorCode
from trunkline.errors import CallCut, LineClosed, RequestError
from trunkline.positions import Position
from trunkline.protocol.client_effects import (
    Effect,
    LineState,
    ReceivedEvent,
    ReceivedSnapshot,
    StateChanged,
    TopicOpened,
)
from trunkline.protocol.client_session import ClientOptions
from trunkline.protocol.keepalive import KeepAliveOptions
from trunkline.testing import ManualClock, until

URL = "ws://server/api/ws/v2"


class Heard:
    """What a client's callbacks were told, in order."""

    def __init__(self) -> None:
        self.all: list[object] = []

    def connected(self) -> None:
        self.all.append("connected")

    async def message(self, effect: Effect) -> None:
        await asyncio.sleep(0)
        self.all.append(effect)

    def disconnected(self, change: StateChanged) -> None:
        self.all.append(change)

    def numbers(self) -> list[int]:
        return [effect.seq for effect in self.all if isinstance(effect, ReceivedEvent)]

    def client(self, network: Network, session: ClientOptions | None = None) -> WsClient:
        return WsClient(
            URL,
            options=network.options(session),
            on_connect=self.connected,
            on_message=self.message,
            on_disconnect=self.disconnected,
        )


# Callbacks


async def test_callbacks_come_in_order_sync_and_async(network: Network) -> None:
    heard = Heard()
    async with heard.client(network) as client:
        client.subscribe("agent:1")
        socket = await network.socket()
        await socket.accept(state={"n": 0})
        socket.publish("agent:1", 1)
        socket.hang_up(4000, "slow")
        again = await network.socket(2)
        await again.accept()
        await until(lambda: len(heard.all) == 7)
    kinds = [item if isinstance(item, str) else type(item) for item in heard.all]
    reconnecting = ["connected", TopicOpened, ReceivedSnapshot, ReceivedEvent, StateChanged, "connected", TopicOpened]
    assert kinds == [*reconnecting, StateChanged]
    assert heard.all[4] == StateChanged(LineState.WAITING, 4000, "slow", 0.0)
    assert heard.all[7] == StateChanged(LineState.CLOSED, None, "closed by the application")


async def test_a_callback_that_fails_is_logged_and_hurts_nobody(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("oh no")

    heard = Heard()
    client = WsClient(URL, options=network.options(), on_connect=fail, on_message=fail, on_disconnect=fail)
    client.add_listener(heard.message)
    async with client:
        (await network.socket()).say("goaway", reason="", retry_after_ms=0)
        await until(lambda: len(heard.all) == 3)
    assert caplog.text.count("ValueError: oh no") == 3


async def test_a_callback_may_close_the_line(network: Network) -> None:
    closed = asyncio.Event()

    async def close() -> None:
        await client.close()
        closed.set()

    client = WsClient(URL, options=network.options(), on_connect=close)
    await client.start()
    await closed.wait()
    assert client.state is LineState.CLOSED
    await client.close()


# Life


async def test_the_token_travels_as_a_header(network: Network) -> None:
    endpoint = Endpoint(url=URL, headers={"X-Tenant": "acme"})
    async with WsClient(endpoint, token="secret", options=network.options()):
        await network.socket()
    assert network.endpoints[0].headers == {"X-Tenant": "acme", "Authorization": "Bearer secret"}


async def test_starting_and_closing_twice_is_doing_it_once(network: Network) -> None:
    client = WsClient(URL, options=network.options())
    await client.start()
    await client.start()
    socket = await network.socket()
    await client.wait_ready()
    await asyncio.gather(client.close(), client.close())
    await client.close()
    assert len(network.sockets) == 1
    assert socket.closed_with == 1000
    with pytest.raises(LineClosed, match="closed by the application"):
        await client.wait_ready()


async def test_closing_works_while_connecting_and_while_waiting(network: Network) -> None:
    network.is_reachable.clear()
    async with WsClient(URL, options=network.options()):
        await until(lambda: network.endpoints)
    network.is_reachable.set()
    network.refuse(retry_after=1000.0)
    async with WsClient(URL, options=network.options()) as waiting:
        await until(lambda: waiting.state is LineState.WAITING)
    assert network.sockets == []


async def test_a_line_that_waits_can_be_told_that_the_network_is_back(network: Network) -> None:
    network.refuse(retry_after=1000.0)
    async with WsClient(URL, options=network.options()) as client:
        await until(lambda: client.state is LineState.WAITING)
        client.reconnect_now()
        await client.wait_ready()
        client.reconnect_now()
        assert len(network.endpoints) == 2


async def test_a_server_that_says_when_to_come_back_is_obeyed(network: Network) -> None:
    heard = Heard()
    network.refuse(retry_after=1000.0)
    async with heard.client(network):
        await until(lambda: heard.all)
        assert heard.all == [StateChanged(LineState.WAITING, 1006, "refused", 1000.5)]


async def test_a_final_refusal_ends_the_line(network: Network) -> None:
    network.refuse(4500)
    async with WsClient(URL, options=network.options()) as client:
        with pytest.raises(LineClosed, match="refused") as caught:
            await client.wait_ready()
        with pytest.raises(LineClosed):
            await client.call("x")
    assert caught.value.code == 4500
    assert client.ended == StateChanged(LineState.CLOSED, 4500, "refused")


async def test_a_reconnect_asks_for_everything_in_one_message(network: Network) -> None:
    async with WsClient(URL, options=network.options()) as client:
        await client.wait_ready()
        socket = await network.socket()
        client.subscribe("agent:1")
        await socket.accept(epoch="e1", seq=4)
        client.subscribe("agent:*")
        await socket.accept(epoch="e2", seq=9)
        socket.publish("agent:1", 5, 10)
        socket.hang_up(1006)
        again = await network.socket(2)
        message = await again.accept()
        assert message["topics"] == [
            {"topic": "agent:1", "since": {"epoch": "e1", "seq": 5}},
            {"topic": "agent:*", "since": {"epoch": "e2", "seq": 10}},
        ]
        assert client.stats.connects == 2


async def test_a_pong_that_does_not_come_drops_the_socket(network: Network) -> None:
    keepalive = KeepAliveOptions(start=0.01, floor=0.01, pong_within=0.01)
    options = ClientOptions(keepalive=keepalive, backoff=AT_ONCE)
    heard = Heard()
    async with heard.client(network, options):
        socket = await network.socket()
        await socket.heard("ping")
        await network.socket(2)
        assert socket.aborted
        await until(lambda: heard.all.count("connected") >= 2)
        lost = [item for item in heard.all if isinstance(item, StateChanged)]
        assert {change.code for change in lost} == {4001}


async def test_a_server_that_breaks_the_protocol_ends_the_line(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    async with WsClient(URL, options=network.options()) as client:
        socket = await network.socket()
        socket.say_text("{not json")
        await until(lambda: client.state is LineState.CLOSED)
        with pytest.raises(LineClosed, match="unreadable"):
            await client.wait_ready()
    assert socket.closed_with == 4502
    assert "unreadable" in caplog.text


async def test_a_connection_that_fails_in_a_way_of_its_own_ends_the_line(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    network.refusals.append(ValueError("no such thing"))
    async with WsClient(URL, options=network.options()) as client:
        with pytest.raises(LineClosed, match="no such thing"):
            await client.wait_ready()
    assert "no such thing" in caplog.text


async def test_messages_that_the_server_does_not_take_are_bounded(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    async with WsClient(URL, options=network.options()) as client:
        socket = await network.socket()
        await client.wait_ready()
        socket.may_send.clear()
        for number in range(1_100):
            client.subscribe(f"agent:{number}")
        await network.socket(2)
        assert socket.aborted
    assert "takes no more messages" in caplog.text


# Calls


async def test_a_call_waits_for_the_line_and_for_its_answer(network: Network) -> None:
    network.is_reachable.clear()
    async with WsClient(URL, options=network.options()) as client:
        call = asyncio.create_task(client.call("agent.rename", {"id": 1}, key="k1"))
        await until(lambda: network.endpoints)
        network.is_reachable.set()
        socket = await network.socket()
        message = await socket.heard("call")
        assert (message["method"], message["params"], message["key"]) == ("agent.rename", {"id": 1}, "k1")
        positions = [{"topic": "agent:1", "epoch": "e1", "seq": 3}]
        socket.say("reply", message_id=message["message_id"], result={"ok": True}, positions=positions)
        answer = await call
        assert answer.result == {"ok": True}
        assert answer.positions == {"agent:1": Position("e1", 3)}


async def test_a_call_that_fails_raises_what_the_server_said(network: Network) -> None:
    async with WsClient(URL, options=network.options()) as client:
        socket = await network.socket()
        call = asyncio.create_task(client.call("thread.run"))
        message = await socket.heard("call")
        error = {"code": "conflict", "error": "Thread 1 is busy", "details": {"run_id": 7}}
        socket.say("reply", message_id=message["message_id"], error=error)
        with pytest.raises(RequestError, match="Thread 1 is busy") as caught:
            await call
        assert caught.value.code is ErrorCode.CONFLICT
        assert caught.value.details == {"run_id": 7}


@pytest.mark.parametrize("by_the_application", [True, False])
async def test_a_call_that_is_cut_says_so(network: Network, by_the_application: bool) -> None:
    async with WsClient(URL, options=network.options()) as client:
        socket = await network.socket()
        call = asyncio.create_task(client.call("slow"))
        await socket.heard("call")
        if by_the_application:
            await client.close()
        else:
            socket.hang_up(1006)
        with pytest.raises(CallCut, match="slow"):
            await call


async def test_a_cancelled_call_leaves_nothing_and_its_late_reply_is_nothing(network: Network) -> None:
    async with WsClient(URL, options=network.options()) as client:
        socket = await network.socket()
        call = asyncio.create_task(client.call("slow"))
        message = await socket.heard("call")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        socket.say("reply", message_id=message["message_id"], result=1)
        again = asyncio.create_task(client.call("fast"))
        message = await socket.heard("call")
        socket.say("reply", message_id=message["message_id"], result=2)
        assert (await again).result == 2


# A slow application


class Slow:
    """A client whose first event blocks its handler, and the server's end of its line."""

    def __init__(self, network: Network, clock: Callable[[], float]) -> None:
        self.heard = Heard()
        self.release = asyncio.Event()
        options = replace(network.options(inbox_limit=10), clock=clock)
        self.client = WsClient("ws://server", options=options, on_message=self.handle)

    async def handle(self, effect: Effect) -> None:
        if isinstance(effect, ReceivedEvent):
            await self.release.wait()
            await self.heard.message(effect)

    async def handed_over(self, count: int) -> list[int]:
        """Let the handler go on, and wait for that many events."""
        self.release.set()
        await until(lambda: len(self.heard.numbers()) == count)
        return self.heard.numbers()


@asynccontextmanager
async def slow_client(
    network: Network, events: int, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[tuple[Slow, ScriptedSocket]]:
    """Run one with so many events on their way to it."""
    slow = Slow(network, clock)
    async with slow.client as client:
        client.subscribe("agent:1")
        socket = await network.socket()
        await socket.accept()
        for seq in range(1, events + 1):
            socket.publish("agent:1", seq)
        try:
            yield slow, socket
        finally:
            slow.release.set()


async def test_a_slow_handler_stops_the_reading_and_loses_nothing(network: Network) -> None:
    async with slow_client(network, 50) as (slow, socket):
        await until(lambda: socket.taken >= 10)
        for _ in range(100):
            await asyncio.sleep(0)
        assert socket.taken <= 15
        assert await slow.handed_over(50) == list(range(1, 51))


async def test_the_answer_of_a_call_does_not_wait_behind_a_slow_handler(network: Network) -> None:
    async with slow_client(network, 50) as (slow, socket):
        await until(lambda: socket.taken >= 10)
        call = asyncio.create_task(slow.client.call("x"))
        message = await socket.heard("call")
        socket.say("reply", message_id=message["message_id"], result=7)
        assert (await call).result == 7
        assert await slow.handed_over(50) == list(range(1, 51))


async def test_a_call_behind_too_many_updates_is_cut_and_they_come_again(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    async with slow_client(network, 150) as (slow, socket):
        with pytest.raises(CallCut):
            await slow.client.call("x")
        assert "behind too many updates" in caplog.text
        assert socket.aborted
        message = await (await network.socket(2)).heard("subscribe")
        read_so_far = message["topics"][0]["since"]["seq"]
        assert 90 <= read_so_far <= 110
        assert await slow.handed_over(read_so_far) == list(range(1, read_so_far + 1))


async def test_what_is_received_when_the_line_is_closed_is_handed_over(network: Network) -> None:
    async with slow_client(network, 5) as (slow, socket):
        await until(lambda: socket.taken >= 6)
    assert slow.heard.numbers() == list(range(1, 6))


async def test_a_topic_given_up_takes_what_waits_of_it_along(network: Network) -> None:
    async with slow_client(network, 3) as (slow, socket):
        slow.client.subscribe("agent:*")
        await socket.accept(epoch="e2", seq=3)
        socket.publish("agent:1", 4, 4)
        socket.publish("agent:2", 1, 5)
        await until(lambda: socket.taken >= 7)
        slow.client.unsubscribe("agent:1")
        await slow.handed_over(3)
    events = [effect for effect in slow.heard.all if isinstance(effect, ReceivedEvent)]
    assert [(event.topic, event.subscriptions) for event in events] == [
        ("agent:1", ("agent:1",)),  # it was being handed over
        ("agent:1", ("agent:*",)),
        ("agent:2", ("agent:*",)),
    ]


async def test_a_scripted_socket_is_a_socket() -> None:
    socket = ScriptedSocket()
    socket.publish("agent:1", 1)
    socket.hang_up(1000)
    assert [text async for text in socket] == [
        '{"type":"changed","topic":"agent:1","seq":1,"feed_seq":null,"id":"agent:1 1","time":"now","data":{"n":1}}'
    ]


async def test_a_client_whose_application_is_behind_goes_on_pinging(network: Network) -> None:
    clock = ManualClock()
    async with slow_client(network, 50, clock) as (slow, socket):
        await until(lambda: socket.taken >= 10)
        clock.advance(30)
        assert (await socket.heard("ping"))["interval"] == 25.0
        assert slow.client.state is LineState.CONNECTED
        assert await slow.handed_over(50) == list(range(1, 51))
