"""`TopicManager` over a client whose server is the test."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.client.scripted import Network, ScriptedSocket
from trunkline.client.topic_manager import TopicManager
from trunkline.client.ws_client import WsClient
from trunkline.codes import ErrorCode
from trunkline.errors import InvalidTopic, RequestError
from trunkline.positions import Position
from trunkline.protocol.client_effects import ReceivedEvent, ReceivedReset, ReceivedSnapshot, Update
from trunkline.testing import until


class Handler:
    """A handler that remembers, in short: a snapshot by its data, an event by its number, a reset by its reason."""

    def __init__(self) -> None:
        self.got: list[object] = []
        self.failures: list[RequestError] = []

    def __call__(self, update: Update) -> None:
        match update:
            case ReceivedSnapshot():
                self.got.append(update.data)
            case ReceivedEvent(seq=seq):
                self.got.append(seq)
            case ReceivedReset(reason=reason):
                self.got.append(reason)

    def failed(self, error: RequestError) -> None:
        self.failures.append(error)


class Rig:
    """A connected client, its topics, and the server's end of its socket."""

    def __init__(self, client: WsClient, topics: TopicManager, socket: ScriptedSocket) -> None:
        self.client = client
        self.topics = topics
        self.socket = socket


@pytest.fixture
async def rig(network: Network) -> AsyncIterator[Rig]:
    async with WsClient("ws://server", options=network.options()) as client:
        topics = TopicManager(client)
        await client.wait_ready()
        yield Rig(client, topics, await network.socket())


async def test_handlers_get_snapshot_and_events_in_order(rig: Rig) -> None:
    handler = Handler()
    rig.topics.subscribe("agent:1", handler)
    await rig.socket.accept(state="state")
    for seq in (1, 2, 3):
        rig.socket.publish("agent:1", seq)
    await until(lambda: len(handler.got) == 4)
    assert handler.got == ["state", 1, 2, 3]
    assert rig.topics.topics == ["agent:1"]


async def test_an_event_reaches_the_handlers_of_its_topic_and_of_its_feed_once_each(rig: Rig) -> None:
    of_topic, of_feed = Handler(), Handler()
    rig.topics.subscribe("agent:1", of_topic)
    await rig.socket.accept()
    rig.topics.subscribe("agent:*", of_feed)
    await rig.socket.accept()
    rig.socket.publish("agent:1", 1, 1)
    rig.socket.publish("agent:2", 1, 2)
    rig.socket.publish("agent:1", 2, 3)
    await until(lambda: len(of_feed.got) == 3)
    assert (of_topic.got, of_feed.got) == ([1, 2], [1, 1, 2])


async def test_a_handler_that_joins_gets_a_fresh_snapshot_first(rig: Rig) -> None:
    first, second = Handler(), Handler()
    rig.topics.subscribe("agent:1", first)
    await rig.socket.accept(state="old")
    rig.socket.publish("agent:1", 1)
    await until(lambda: first.got == ["old", 1])
    rig.socket.publish("agent:1", 2)
    rig.topics.subscribe("agent:1", second)
    message = await rig.socket.accept(seq=2, state="fresh")
    assert message["topics"] == ["agent:1"]
    rig.socket.publish("agent:1", 3)
    await until(lambda: second.got == ["fresh", 3])
    assert first.got[-2:] == ["fresh", 3]


async def test_a_handler_that_joins_without_a_connection_gets_a_snapshot_after_it(network: Network, rig: Rig) -> None:
    first, second = Handler(), Handler()
    rig.topics.subscribe("agent:1", first)
    await rig.socket.accept(state="old")
    await until(lambda: first.got == ["old"])
    network.is_reachable.clear()
    rig.socket.hang_up(1006)
    await until(lambda: not rig.client._session.is_ready)
    rig.topics.subscribe("agent:1", second)
    network.is_reachable.set()
    await (await network.socket(2)).accept(state="fresh")
    await until(lambda: second.got == ["fresh"])


async def test_a_handler_that_joins_a_topic_without_snapshots_gets_what_follows(rig: Rig) -> None:
    first, second = Handler(), Handler()
    rig.topics.subscribe("agent:1", first)
    await rig.socket.accept()
    rig.socket.publish("agent:1", 1)
    await until(lambda: first.got == [1])
    rig.topics.subscribe("agent:1", second)
    rig.socket.publish("agent:1", 2)
    await until(lambda: first.got == [1, 2])
    assert second.got == [2]
    assert len([message for message in rig.socket.sent if message["type"] == "subscribe"]) == 1


async def test_a_handler_is_removed_alone_and_the_last_one_gives_the_topic_up(rig: Rig) -> None:
    first, second = Handler(), Handler()
    references = [rig.topics.subscribe("agent:1", handler) for handler in (first, second)]
    await rig.socket.accept()
    rig.topics.unsubscribe_handler(references[0])
    rig.socket.publish("agent:1", 1)
    await until(lambda: second.got == [1])
    assert first.got == []
    assert [message["type"] for message in rig.socket.sent] == ["subscribe"]
    rig.topics.unsubscribe_handler(references[1])
    assert (await rig.socket.heard("unsubscribe"))["topics"] == ["agent:1"]
    rig.topics.unsubscribe_handler(references[1])
    assert rig.topics.topics == []


async def test_equal_handlers_are_two(rig: Rig) -> None:
    handler = Handler()
    one, _ = (rig.topics.subscribe("agent:1", handler) for _ in range(2))
    await rig.socket.accept()
    rig.topics.unsubscribe_handler(one)
    rig.socket.publish("agent:1", 1)
    await until(lambda: handler.got)
    assert handler.got == [1]


async def test_a_handler_removed_while_an_earlier_one_waits_is_not_called(rig: Rig) -> None:
    release, entered, second = asyncio.Event(), asyncio.Event(), Handler()

    async def wait(_update: Update) -> None:
        entered.set()
        await release.wait()

    rig.topics.subscribe("agent:1", wait)
    reference = rig.topics.subscribe("agent:1", second)
    await rig.socket.accept()
    rig.socket.publish("agent:1", 1)
    await entered.wait()
    rig.topics.unsubscribe_handler(reference)
    release.set()
    rig.topics.subscribe("agent:2", second)
    await rig.socket.accept()
    rig.socket.publish("agent:2", 1)
    await until(lambda: second.got)
    assert second.got == [1]


async def test_a_topic_taken_up_again_begins_with_its_own_answer(rig: Rig) -> None:
    release, first, second = asyncio.Event(), Handler(), Handler()

    async def wait(_update: Update) -> None:
        await release.wait()

    rig.topics.subscribe("thread:1", wait)
    await rig.socket.accept()
    reference = rig.topics.subscribe("agent:1", first)
    await rig.socket.accept(state="old")
    rig.socket.publish("thread:1", 1)
    rig.socket.publish("agent:1", 1)
    await until(lambda: rig.socket.taken == 4)
    rig.topics.unsubscribe_handler(reference)
    rig.topics.subscribe("agent:1", second)
    release.set()
    await rig.socket.accept(seq=1, state="new")
    await until(lambda: second.got)
    assert second.got == ["new"]


async def test_a_handler_that_fails_hurts_no_other(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_update: Update) -> None:
        raise ValueError("oh no")

    handler = Handler()
    rig.topics.subscribe("agent:1", fail)
    rig.topics.subscribe("agent:1", handler)
    await rig.socket.accept()
    rig.socket.publish("agent:1", 1)
    rig.socket.publish("agent:1", 2)
    await until(lambda: handler.got == [1, 2])
    assert caplog.text.count("ValueError: oh no") == 2


async def test_a_refusal_is_told_to_every_handler_once_and_the_topic_is_free_again(rig: Rig) -> None:
    handlers = [Handler(), Handler()]
    references = [rig.topics.subscribe("agent:9", handler, on_failure=handler.failed) for handler in handlers]
    rig.topics.subscribe("agent:9", Handler())
    message = await rig.socket.heard("subscribe")
    refusal = {"code": "not_found", "error": "Agent 9 not found", "topic": "agent:9"}
    rig.socket.say("error", **refusal, message_id=message["message_id"])
    await until(lambda: handlers[1].failures)
    for handler in handlers:
        assert [(str(error), error.code) for error in handler.failures] == [("Agent 9 not found", ErrorCode.NOT_FOUND)]
    rig.topics.unsubscribe_handler(references[0])
    assert rig.topics.topics == []
    rig.topics.subscribe("agent:9", handlers[0])
    await rig.socket.accept(state="there now")
    await until(lambda: handlers[0].got == ["there now"])


async def test_a_reset_reaches_the_handlers_and_a_snapshot_follows(rig: Rig) -> None:
    handler = Handler()
    rig.topics.subscribe("agent:1", handler)
    await rig.socket.accept(state="old")
    rig.socket.say("reset", topic="agent:1", reason="slow")
    rig.socket.say("state", topic="agent:1", epoch="e1", seq=9, data="new")
    rig.socket.publish("agent:1", 10)
    await until(lambda: len(handler.got) == 4)
    assert handler.got == ["old", "slow", "new", 10]


async def test_a_position_of_the_applications_own_is_used(rig: Rig) -> None:
    handler = Handler()
    rig.topics.subscribe("agent:1", handler, since=Position("e1", 4))
    message = await rig.socket.accept()
    assert message["topics"] == [{"topic": "agent:1", "since": {"epoch": "e1", "seq": 4}}]
    rig.socket.publish("agent:1", 5)
    await until(lambda: handler.got == [5])


async def test_what_is_no_topic_is_refused_at_once(rig: Rig) -> None:
    with pytest.raises(InvalidTopic):
        rig.topics.subscribe("agent", Handler())
    assert rig.topics.topics == []
