"""`connect`, `ClientLine` and iterating over a `Subscription`, with the test as the server."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from tests.client.scripted import Network, ScriptedSocket
from trunkline.client.line import ClientLine, Subscription, connect
from trunkline.codes import ErrorCode
from trunkline.errors import InvalidTopic, LineClosed, RequestError
from trunkline.protocol.client_effects import LineState, ReceivedEvent, ReceivedReset, ReceivedSnapshot
from trunkline.testing import until


def line_over(network: Network, *, inbox_limit: int = 1_000) -> ClientLine:
    return connect("http://server", options=network.options(inbox_limit=inbox_limit))


async def test_a_subscription_is_iterated_from_its_snapshot_on(network: Network) -> None:
    async with line_over(network) as line, line.subscribe("agent:1") as updates:
        socket = await network.socket()
        await socket.accept(state={"n": 0})
        socket.publish("agent:1", 1)
        snapshot, event = await anext(updates), await anext(updates)
        assert isinstance(snapshot, ReceivedSnapshot)
        assert snapshot.data == {"n": 0}
        assert isinstance(event, ReceivedEvent)
        assert event.data == {"n": 1}
        assert line.state is LineState.CONNECTED


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://server:8765", "ws://server:8765/api/ws/v2"),
        ("https://server/", "wss://server/api/ws/v2"),
        ("ws://server/live", "ws://server/live"),
        ("wss://server/live?initial_topics=agent:*", "wss://server/live?initial_topics=agent:*"),
    ],
)
async def test_addresses_may_be_short(network: Network, url: str, address: str) -> None:
    async with connect(url, token="secret", options=network.options()):
        assert network.endpoints[0].url == address
        assert network.endpoints[0].headers == {"Authorization": "Bearer secret"}


# The end of an iteration


async def test_closing_the_line_ends_iterations_after_what_was_received(network: Network) -> None:
    async with line_over(network) as line:
        updates = line.subscribe("agent:1")
        socket = await network.socket()
        await socket.accept()
        socket.publish("agent:1", 1)
        socket.publish("agent:1", 2)
        assert isinstance(await anext(updates), ReceivedEvent)
        await until(lambda: socket.taken == 3)
        await line.close()
        assert [update.seq async for update in updates if isinstance(update, ReceivedEvent)] == [2]
        assert [update async for update in updates] == []


async def test_closing_a_subscription_ends_its_iteration_and_gives_the_topic_up(network: Network) -> None:
    async with line_over(network) as line:
        updates = line.subscribe("agent:1")
        socket = await network.socket()
        await socket.accept()
        waiting = asyncio.ensure_future(anext(updates))
        await asyncio.sleep(0)
        await updates.close()
        with pytest.raises(StopAsyncIteration):
            await waiting
        await socket.heard("unsubscribe")


async def test_a_refused_topic_raises_what_the_server_said(network: Network) -> None:
    async with line_over(network) as line:
        updates = line.subscribe("agent:9")
        socket = await network.socket()
        message = await socket.heard("subscribe")
        refusal = {"code": "not_found", "error": "Agent 9 not found", "topic": "agent:9"}
        socket.say("error", **refusal, message_id=message["message_id"])
        for _ in range(2):
            with pytest.raises(RequestError, match="Agent 9 not found") as caught:
                await anext(updates)
            assert caught.value.code is ErrorCode.NOT_FOUND


async def test_a_line_that_ends_for_good_ends_iterations_with_its_reason(network: Network) -> None:
    async with line_over(network) as line:
        updates = line.subscribe("agent:1")
        socket = await network.socket()
        await socket.accept()
        socket.publish("agent:1", 1)
        socket.hang_up(4503, "This principal has too many connections.")
        assert isinstance(await anext(updates), ReceivedEvent)
        with pytest.raises(LineClosed, match="too many connections") as caught:
            await anext(updates)
        assert caught.value.code == 4503
        with pytest.raises(LineClosed):
            await line.call("x")


async def test_a_line_that_fails_by_itself_ends_iterations_too(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    async with line_over(network) as line:
        updates = line.subscribe("agent:1")
        network.refusals.append(ValueError("no such thing"))
        (await network.socket()).hang_up(1006)
        with pytest.raises(LineClosed, match="no such thing"):
            await anext(updates)
    assert "no such thing" in caplog.text


async def test_a_wrong_token_ends_the_line_when_it_opens(network: Network) -> None:
    network.refuse(4500)
    with pytest.raises(LineClosed, match="refused"):
        async with line_over(network):
            pass


async def test_giving_up_while_connecting_leaves_nothing_behind(network: Network) -> None:
    network.is_reachable.clear()
    opening = asyncio.create_task(line_over(network).__aenter__())
    await until(lambda: network.endpoints)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_what_is_no_topic_is_refused_at_once(network: Network) -> None:
    async with line_over(network) as line:
        with pytest.raises(InvalidTopic):
            line.subscribe("agent")


# A break in between


async def test_an_iteration_goes_on_across_a_break(network: Network) -> None:
    async with line_over(network) as line:
        updates = line.subscribe("agent:1")
        socket = await network.socket()
        await socket.accept(state="old")
        socket.publish("agent:1", 1)
        socket.hang_up(1006)
        socket = await network.socket(2)
        message = await socket.heard("subscribe")
        fields = {"topic": "agent:1", "message_id": message["message_id"]}
        socket.say("resumed", **fields, epoch="e1", seq=2, recovered=1)
        socket.publish("agent:1", 2)
        socket.hang_up(1006)
        socket = await network.socket(3)
        message = await socket.heard("subscribe")
        socket.say("reset", topic="agent:1", reason="epoch")
        fields["message_id"] = message["message_id"]
        socket.say("state", **fields, epoch="e2", seq=0, data="new")
        kinds = [type(await anext(updates)) for _ in range(5)]
        assert kinds == [ReceivedSnapshot, ReceivedEvent, ReceivedEvent, ReceivedReset, ReceivedSnapshot]


# Memory


async def full(network: Network, line: ClientLine, count: int) -> tuple[Subscription, ScriptedSocket]:
    """A subscription that nobody iterates, with `count` events on the way to it: 1,000 wait in it, few before it."""
    updates = line.subscribe("agent:1")
    socket = await network.socket()
    await socket.accept()
    for seq in range(1, count + 1):
        socket.publish("agent:1", seq)
    await until(lambda: socket.taken >= 1_000)
    for _ in range(100):
        await asyncio.sleep(0)
    return updates, socket


async def test_a_slow_iterator_bounds_memory_and_loses_nothing(network: Network) -> None:
    async with line_over(network, inbox_limit=10) as line:
        updates, socket = await full(network, line, 3_000)
        assert socket.taken <= 1_020
        numbers = [update.seq async for update in first(updates, 3_000) if isinstance(update, ReceivedEvent)]
        assert numbers == list(range(1, 3_001))


async def test_a_call_inside_a_slow_iteration_is_answered(network: Network) -> None:
    async with line_over(network, inbox_limit=100) as line:
        updates, socket = await full(network, line, 1_500)
        await anext(updates)
        call = asyncio.create_task(line.call("x"))
        message = await socket.heard("call")
        socket.say("reply", message_id=message["message_id"], result=7)
        assert (await call).result == 7


async def test_a_full_subscription_that_is_closed_holds_nobody_up(network: Network) -> None:
    async with line_over(network, inbox_limit=10) as line:
        updates, socket = await full(network, line, 2_000)
        other = line.subscribe("agent:2")
        await socket.accept(state="there")
        await updates.close()
        assert isinstance(await anext(other), ReceivedSnapshot)


async def test_an_abandoned_subscription_is_collected_and_gives_its_topic_up(network: Network) -> None:
    async with line_over(network) as line:
        updates = line.subscribe("agent:1")
        socket = await network.socket()
        await socket.accept()
        gone = weakref.ref(updates)
        del updates
        gc.collect()
        assert gone() is None
        assert (await socket.heard("unsubscribe"))["topics"] == ["agent:1"]
        assert line.topics.topics == []


async def test_an_abandoned_full_subscription_holds_nobody_up(network: Network) -> None:
    async with line_over(network, inbox_limit=10) as line:
        updates, socket = await full(network, line, 2_000)
        del updates
        gc.collect()
        await socket.heard("unsubscribe")
        other = line.subscribe("agent:2")
        await socket.accept(state="there")
        assert isinstance(await anext(other), ReceivedSnapshot)


async def test_a_subscription_collected_after_its_loop_is_no_trouble(network: Network) -> None:
    kept: list[Subscription] = []

    async def main() -> None:
        async with line_over(Network()) as line:
            kept.append(line.subscribe("agent:1"))

    await asyncio.to_thread(asyncio.run, main())
    kept.clear()
    gc.collect()
    assert network.sockets == []


async def first(updates: Subscription, count: int) -> AsyncIterator[object]:
    for _ in range(count):
        yield await anext(updates)
