"""The hub between a real broker and connections in memory."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.hub.rig import ANN, BOB, NOTED, Note, Rig, shape, started
from trunkline.brokers.base import LogLimits
from trunkline.codes import CloseCode
from trunkline.errors import BrokerError, Forbidden, NotFound, RequestError, Unauthenticated
from trunkline.hub.access import Action, Handshake, Principal, deny_all
from trunkline.hub.calls import CallContext
from trunkline.hub.connection import Connection
from trunkline.protocol.codec import Frame
from trunkline.protocol.server_session import SessionLimits
from trunkline.testing.clock import until
from trunkline.testing.memory import MemoryTransport
from trunkline.topics import Topic


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A hub, and the promise that nothing is left in it when all have gone."""
    rig = await started()
    yield rig
    await nobody_left(rig)


async def nobody_left(rig: Rig) -> None:
    gone = list(rig.hub.connections.values())
    for connection in gone:
        rig.hub.disconnect(connection, 1006)
    assert rig.hub.topics == 0
    assert rig.hub._per_principal == {}
    assert rig.broker._attached == set()
    await until(lambda: len(asyncio.all_tasks()) == 1)
    for connection in gone:
        assert (connection.tasks, connection.work, connection.channels) == (None, None, {})


def lags(client: MemoryTransport) -> bool:
    return client.connection.lagging


def is_open(client: MemoryTransport) -> bool:
    return client.closed is None


# Subscribing


async def test_a_subscriber_gets_events_of_its_topic_in_order(rig: Rig) -> None:
    client = rig.connect()
    (answer,) = await client.subscribe("agent:1")
    assert shape([answer], "topic", "seq", "message_id") == [("subscribed", "agent:1", 0, "s")]
    for n in range(3):
        await rig.note("1", str(n))
        await rig.note("2", "elsewhere")
    events = await client.take(3)
    assert shape(events, "topic", "seq", "feed_seq") == [("hub_noted", "agent:1", n, 2 * n - 1) for n in (1, 2, 3)]
    assert [event["data"]["text"] for event in events] == ["0", "1", "2"]
    assert client.pending == []


async def test_the_same_frame_goes_to_every_subscriber(rig: Rig) -> None:
    clients = [rig.connect(), rig.connect(), rig.connect(BOB)]
    for client in clients:
        await client.subscribe("agent:1")
        client.stop_reading()
    await rig.note("1")
    frames = [client.connection.outbox.take(1)[0] for client in clients]
    assert frames[0] is frames[1] is frames[2]
    assert rig.hub.stats.events_delivered == 3


async def test_both_directions_of_the_index_are_clean_after_a_disconnect(rig: Rig) -> None:
    one, two = rig.connect(), rig.connect()
    await one.subscribe("agent:1", "agent:*")
    await two.subscribe("agent:1")
    assert rig.hub.topics == 2
    assert one.connection.channels == {Topic("agent", "1"): "agent:1", Topic("agent", "*"): "agent:*@"}
    one.lose()
    assert (rig.hub.topics, rig.broker._attached) == (1, {"agent:1"})
    assert one.connection.channels == {}
    await rig.note("1")
    assert shape(await two.take(1)) == ["hub_noted"]
    two.lose()
    two.lose()
    assert (rig.hub.topics, rig.broker._attached, rig.hub.connections) == (0, set(), {})
    assert rig.hub.stats.connections_closed == {"1006": 2}


async def test_unsubscribing_ends_the_events_and_the_attachment(rig: Rig) -> None:
    client = rig.connect()
    await client.subscribe("agent:1", "agent:2")
    client.send({"type": "unsubscribe", "topics": ["agent:1"], "message_id": "u"})
    assert (await client.next())["topics"] == ["agent:1"]
    await rig.note("1")
    await rig.note("2")
    assert (await client.next())["topic"] == "agent:2"
    assert rig.broker._attached == {"agent:2"}


async def test_who_subscribes_to_a_topic_and_its_feed_gets_the_event_once(rig: Rig) -> None:
    client = rig.connect()
    await client.subscribe("agent:1", "agent:*")
    await rig.note("1")
    await rig.whisper("1")
    await rig.note("2")
    assert shape(await client.take(3), "topic", "seq", "feed_seq") == [
        ("hub_noted", "agent:1", 1, 1),
        ("hub_whispered", "agent:1", 2, None),
        ("hub_noted", "agent:2", 1, 2),
    ]
    await asyncio.sleep(0)
    assert client.pending == []


async def test_feeds_never_cross_scopes(rig: Rig) -> None:
    ann, bob = rig.connect(ANN), rig.connect(BOB)
    await ann.subscribe("agent:*")
    await bob.subscribe("agent:*")
    await rig.note("1", scope="")
    await rig.note("2", scope="t2")
    await rig.note("3", scope="t3")
    await rig.note("4", scope="t2")
    assert shape(await ann.take(1), "topic", "feed_seq") == [("hub_noted", "agent:1", 1)]
    assert shape(await bob.take(2), "topic", "feed_seq") == [("hub_noted", "agent:2", 1), ("hub_noted", "agent:4", 2)]
    await asyncio.sleep(0)
    assert ann.pending == bob.pending == []


async def test_a_topic_of_another_scope_says_nothing_of_ones_own_feed(rig: Rig) -> None:
    client = rig.connect(BOB)
    await client.subscribe("agent:*", "agent:1")
    for scope, key in (("", "1"), ("t2", "2"), ("", "1"), ("t2", "1")):
        await rig.note(key, scope=scope)
    assert shape(await client.take(4), "topic", "seq", "feed_seq") == [
        ("hub_noted", "agent:1", 1, None),
        ("hub_noted", "agent:2", 1, 1),
        ("hub_noted", "agent:1", 2, None),
        ("hub_noted", "agent:1", 3, 2),
    ]


async def test_without_leave_nothing_may_be_done() -> None:
    rig = await started(authorize=deny_all)
    client = rig.connect()
    assert shape(await client.subscribe("agent:1", "agent:*"), "code", "error", "topic") == [
        ("error", "forbidden", "Not allowed: agent:1", "agent:1"),
        ("error", "forbidden", "Not allowed: agent:*", "agent:*"),
    ]
    client.send({"type": "call", "method": "agent.delete", "message_id": "c"})
    assert (await client.next())["error"] == {"code": "forbidden", "error": "Not allowed: agent.delete"}
    assert rig.broker._attached == set()
    await nobody_left(rig)


async def test_authorization_may_wait_and_may_explain() -> None:
    async def authorize(principal: Principal, action: Action, topic: str) -> bool:
        await asyncio.sleep(0)
        if topic == "agent:404":
            raise NotFound("Agent", 404)
        if topic == "agent:403":
            raise Forbidden("agents of others")
        return (principal.id, action, topic) == ("ann", "subscribe", "agent:1")

    rig = await started(authorize=authorize)
    client = rig.connect()
    answers = await client.subscribe("agent:1", "agent:2", "agent:403", "agent:404")
    assert sorted(shape(answers, "topic", "error"), key=str) == [
        ("error", "agent:2", "Not allowed: agent:2"),
        ("error", "agent:403", "Not allowed: agents of others"),
        ("error", "agent:404", "Agent 404 not found"),
        ("subscribed", "agent:1", None),
    ]
    await nobody_left(rig)


async def test_an_invalid_topic_among_valid_ones_fails_alone(rig: Rig) -> None:
    client = rig.connect()
    answers = await client.subscribe("agent:1", "invalid", "agent:2")
    assert sorted(shape(answers, "topic", "code")) == [
        ("error", "invalid", "invalid_topic"),
        ("subscribed", "agent:1", None),
        ("subscribed", "agent:2", None),
    ]
    assert rig.hub.stats.errors == {"invalid_topic": 1}


async def test_the_topics_of_the_url_are_subscribed(rig: Rig) -> None:
    client = rig.connect(greet=True, initial_topics=["agent:1", "bad"])
    assert shape(await client.take(3), "topic") == [
        ("connected", None), ("error", "bad"), ("subscribed", "agent:1"),
    ]  # fmt: skip
    assert client.received[0]["connection_id"] == client.connection.id
    assert client.received[0]["server_time"] == "1970-01-01T00:16:40.000Z"


async def test_bad_frames_are_answered_and_the_connection_goes_on(rig: Rig) -> None:
    client = rig.connect()
    for frame in ("", "{", "[]", '{"type":"dance"}', '{"type":"ping","message_id":"\ud800"}', "[" * 60_000):
        client.send(frame)
    client.send_binary()
    assert shape(await client.take(7)) == ["error"] * 7
    client.send({"type": "ping"})
    assert shape(await client.take(1)) == ["pong"]
    assert rig.hub.stats.messages_received == 8


# Snapshots


async def test_a_snapshot_is_stamped_and_named_by_its_pattern(rig: Rig) -> None:
    async def agent(principal: Principal, id: str) -> dict[str, str]:
        return {"id": id, "asked_by": principal.id}

    rig.hub.snapshots.add("agent:{id}", "agent_state", agent)
    rig.hub.snapshots.add("agent:*", "agent_list", lambda principal: [principal.scope])
    await rig.note("7")
    (one,) = await rig.connect().subscribe("agent:7")
    assert (one["type"], one["seq"], one["data"]) == ("agent_state", 1, {"id": "7", "asked_by": "ann"})
    (all_of_them,) = await rig.connect(BOB).subscribe("agent:*")
    assert (all_of_them["type"], all_of_them["seq"], all_of_them["data"]) == ("agent_list", 0, ["t2"])


async def test_what_does_not_exist_is_named(rig: Rig) -> None:
    def agent(_principal: Principal, id: str) -> object:
        raise NotFound("Agent", id)

    rig.hub.snapshots.add("agent:{id}", "agent_state", agent)
    client = rig.connect()
    (answer,) = await client.subscribe("agent:99999")
    assert (answer["code"], answer["error"], answer["topic"]) == ("not_found", "Agent 99999 not found", "agent:99999")
    assert rig.hub.topics == 0
    assert client.connection.tasks is None


class Gate:
    """A snapshot provider that waits until it is told to go on."""

    def __init__(self, rig: Rig) -> None:
        self.entered = 0
        self.open = asyncio.Event()
        rig.hub.snapshots.add("agent:{id}", "agent_state", self)

    async def __call__(self, _principal: Principal, id: str) -> str:
        self.entered += 1
        await self.open.wait()
        return f"state of {id}"


async def test_events_during_a_snapshot_are_held_and_joined_in_order(rig: Rig) -> None:
    gate, client = Gate(rig), rig.connect()
    await rig.whisper("1", "before")
    client.send({"type": "subscribe", "topics": ["agent:1"], "message_id": "s"})
    await until(lambda: gate.entered)
    for n in range(20):
        await rig.whisper("1", str(n))
        await asyncio.sleep(0)
    assert client.received == []
    gate.open.set()
    answer, block, *events = await client.take(22)
    assert shape([answer], "seq", "data") == [("agent_state", 1, "state of 1")]
    assert shape([block], "seq", "recovered") == [("resumed", 21, 20)]
    assert [event["seq"] for event in events] == list(range(2, 22))
    await rig.whisper("1", "live")
    assert (await client.next())["seq"] == 22


@pytest.mark.parametrize("retained", [100, 5])
async def test_more_than_can_be_held_comes_from_the_log_or_starts_afresh(retained: int) -> None:
    rig = await started(session=SessionLimits(held_events=10), log=LogLimits(events=retained))
    gate, client = Gate(rig), rig.connect()
    client.send({"type": "subscribe", "topics": ["agent:1"], "message_id": "s"})
    await until(lambda: gate.entered)
    await rig.fill("1", 30, size=1)
    gate.open.set()
    (answer,) = await client.take(1)
    assert shape([answer], "seq", "message_id") == [("agent_state", 0, "s")]
    if retained == 100:
        resumed, *events = await client.take(31)
        assert shape([resumed], "seq", "recovered") == [("resumed", 30, 30)]
        assert [event["seq"] for event in events] == list(range(1, 31))
    else:
        reset, again = await client.take(2)
        assert shape([reset, again], "reason", "seq") == [("reset", "gap", None), ("agent_state", None, 30)]
    await rig.whisper("1")
    assert (await client.next())["seq"] == 31
    await nobody_left(rig)


@pytest.mark.parametrize("failure", [ZeroDivisionError("oops"), BrokerError("gone"), asyncio.CancelledError()])
async def test_a_provider_that_raises_is_answered_and_logged(
    rig: Rig, failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def agent(_principal: Principal, id: str) -> object:
        await asyncio.sleep(0)
        raise failure

    rig.hub.snapshots.add("agent:{id}", "agent_state", agent)
    client = rig.connect()
    (answer,) = await client.subscribe("agent:1")
    assert (answer["code"], answer["topic"], answer["message_id"]) == ("internal", "agent:1", "s")
    assert answer["error"] == "agent:1 could not be opened because of an error on the server; its log says more"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert client.connection.id in record.getMessage()
    assert rig.hub.topics == 0


@pytest.mark.parametrize("data", [object(), "\ud800", {1.5: object()}])
async def test_a_snapshot_that_cannot_be_encoded_is_answered_once(rig: Rig, data: object) -> None:
    rig.hub.snapshots.add("agent:{id}", "agent_state", lambda _principal, id: data)
    client = rig.connect()
    assert shape(await client.subscribe("agent:1"), "code", "message_id") == [("error", "internal", "s")]
    assert client.connection.session.subscriptions == rig.hub.topics == 0


async def test_details_of_an_error_that_cannot_be_encoded_do_not_lose_the_answer(rig: Rig) -> None:
    def agent(_principal: Principal, id: str) -> object:
        raise RequestError("Not today", details=object())

    rig.hub.snapshots.add("agent:{id}", "agent_state", agent)
    assert shape(await rig.connect().subscribe("agent:1"), "error") == [("error", "Not today")]
    assert rig.hub.topics == 0


# Races


async def test_subscribe_unsubscribe_subscribe_leaves_one_subscription(rig: Rig) -> None:
    gate, client = Gate(rig), rig.connect()
    for message_id in ("1", "2"):
        client.send({"type": "subscribe", "topics": ["agent:1"], "message_id": message_id})
        await until(lambda: gate.entered == int(message_id))  # noqa: B023 - looked at within this turn
        await rig.whisper("1")
    client.send({"type": "unsubscribe", "topics": ["agent:1"], "message_id": "3"})
    client.send({"type": "subscribe", "topics": ["agent:1"], "message_id": "4"})
    await until(lambda: gate.entered == 3)
    gate.open.set()
    assert shape(await client.take(4), "message_id", "code", "seq") == [
        ("error", "1", "conflict", None),
        ("error", "2", "conflict", None),
        ("unsubscribe_success", "3", None, None),
        ("agent_state", "4", None, 2),
    ]
    await rig.whisper("1")
    assert (await client.next())["seq"] == 3
    await asyncio.sleep(0)
    assert client.pending == []
    assert client.connection.tasks is None


async def test_two_subscribes_in_one_turn_have_two_answers(rig: Rig) -> None:
    client = rig.connect()
    client.send({"type": "subscribe", "topics": ["agent:1", "agent:1"], "message_id": "1"})
    client.send({"type": "subscribe", "topics": ["agent:1"], "message_id": "2"})
    assert shape(await client.take(3), "message_id", "code") == [
        ("error", "1", "conflict"),
        ("error", "1", "conflict"),
        ("subscribed", "2", None),
    ]
    await rig.whisper("1")
    await rig.whisper("1")
    assert [event["seq"] for event in await client.take(2)] == [1, 2]
    await asyncio.sleep(0)
    assert client.pending == []


async def test_subscribing_anew_with_a_position_resumes(rig: Rig) -> None:
    client = rig.connect()
    (first,) = await client.subscribe("agent:1")
    await rig.fill("1", 3, size=1)
    since = {"epoch": first["epoch"], "seq": 1}
    taken = await client.subscribe({"topic": "agent:1", "since": since})
    assert shape(taken[3:], "seq", "recovered") == [("resumed", 3, 2)]
    assert [event["seq"] for event in await client.take(2)] == [2, 3]
    assert rig.hub.stats.recoveries == {"resumed": 1}


async def test_a_disconnect_cancels_what_still_works_for_the_connection(rig: Rig) -> None:
    gate, client = Gate(rig), rig.connect()
    stuck = asyncio.Event()

    async def wait(_context: CallContext, _params: dict[str, Any]) -> None:
        stuck.set()
        await asyncio.Event().wait()

    rig.hub.calls.add("wait", wait)
    client.send({"type": "subscribe", "topics": ["agent:1", "agent:2"]})
    client.send({"type": "call", "method": "wait"})
    await stuck.wait()
    await until(lambda: gate.entered == 2)
    connection = client.connection
    tasks = [*(connection.tasks or {}).values(), *(connection.work or ())]
    assert len(tasks) == 3
    client.lose()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    assert (connection.tasks, connection.work, rig.hub.topics) == (None, None, 0)
    assert connection.outbox.size == 0


async def take_your_time(_principal: Principal, _action: Action, _topic: str) -> bool:
    """Allow everything, also to who does not wait for it any more."""
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        for _ in range(20):
            await asyncio.sleep(0)
    return True


async def test_leave_that_comes_after_a_disconnect_attaches_nothing() -> None:
    rig = await started(authorize=take_your_time)
    client = rig.connect()
    client.send({"type": "subscribe", "topics": ["agent:1"]})
    await asyncio.sleep(0)
    client.lose()
    await until(lambda: len(asyncio.all_tasks()) == 1)
    assert rig.hub.topics == 0


async def test_leave_that_comes_after_a_newer_subscribe_changes_nothing() -> None:
    rig = await started(authorize=take_your_time)
    client = rig.connect()
    client.send({"type": "subscribe", "topics": ["agent:1"]})
    await asyncio.sleep(0)
    client.send({"type": "subscribe", "topics": ["agent:1"]})
    assert shape(await client.take(2)) == ["error", "subscribed"]
    await until(lambda: len(asyncio.all_tasks()) == 1)
    await rig.note("1")
    assert (await client.next())["seq"] == 1


async def test_a_disconnect_in_the_turn_of_the_subscribe_attaches_nothing(rig: Rig) -> None:
    client = rig.connect()
    client.send({"type": "subscribe", "topics": ["agent:1"]})
    client.lose()
    await until(lambda: len(asyncio.all_tasks()) == 1)
    assert (rig.hub.topics, rig.broker._attached) == (0, set())


async def test_a_connection_that_has_gone_is_not_kept(rig: Rig) -> None:
    client = rig.connect()
    await client.subscribe("agent:1")
    client.lose()
    name = client.connection.id
    del client
    gc.collect()
    assert not [found for found in gc.get_objects() if isinstance(found, Connection) and found.id == name]


# Slow consumers


async def lagging_client(rig: Rig, *topics: str, count: int = 40) -> MemoryTransport:
    """A subscriber that stops reading while about 10 kB of events pass by."""
    client = rig.connect()
    await client.subscribe(*(topics or ("agent:1",)))
    client.stop_reading()
    await rig.fill("1", count)
    assert lags(client)
    return client


async def test_a_slow_reader_lags_and_has_every_event_when_it_reads_on(rig: Rig) -> None:
    client, neighbour = rig.connect(), rig.connect()
    await client.subscribe("agent:1")
    await neighbour.subscribe("agent:1")
    client.stop_reading()
    for _ in range(4):
        await rig.fill("1", 10)
        assert client.connection.outbox.size <= rig.hub.options.budget
    assert [event["seq"] for event in await neighbour.take(40)] == list(range(1, 41))
    assert lags(client)
    assert rig.hub.stats.lag_started == 1
    queued = len(client.connection.outbox)
    assert 0 < queued < 40

    client.read_on()
    messages = await client.take(41)
    assert shape(messages[:queued]) == ["hub_whispered"] * queued
    assert shape(messages[queued : queued + 1], "seq", "recovered", "message_id") == [
        ("resumed", 40, 40 - queued, None)
    ]
    assert [message["seq"] for message in messages if message["type"] == "hub_whispered"] == list(range(1, 41))
    assert not lags(client)
    await rig.whisper("1")
    assert (await client.next())["seq"] == 41


async def test_a_laggard_is_resumed_when_a_quarter_of_its_budget_is_left(rig: Rig) -> None:
    client = await lagging_client(rig)
    client.read_some(2_000)
    assert lags(client)
    client.read_some(1_500)
    assert not lags(client)
    client.read_on()
    messages = await client.take(41)
    assert [message["seq"] for message in messages if message["type"] != "resumed"] == list(range(1, 41))


async def test_past_the_log_a_laggard_starts_afresh() -> None:
    rig = await started(log=LogLimits(events=5))
    rig.hub.snapshots.add("agent:{id}", "agent_state", lambda _principal, id: f"state of {id}")
    client = await lagging_client(rig)
    queued = len(client.connection.outbox)
    client.read_on()
    *events, reset, state = await client.take(queued + 2)
    assert [event["seq"] for event in events] == list(range(1, queued + 1))
    assert shape([reset], "topic", "reason") == [("reset", "agent:1", "slow")]
    assert shape([state], "seq", "data", "message_id") == [("agent_state", 40, "state of 1", None)]
    assert rig.hub.stats.resets == {"slow": 1}
    await rig.whisper("1")
    assert (await client.next())["seq"] == 41
    await nobody_left(rig)


async def test_a_laggard_of_topic_and_feed_catches_up_with_both(rig: Rig) -> None:
    client = rig.connect()
    await client.subscribe("agent:1", "agent:*", "agent:3")
    client.stop_reading()
    for n in range(30):
        await rig.note("1", f"{n:200}")
        await rig.note("2", f"{n:200}")
    behind = client.connection.behind
    assert {str(topic) for topic in behind or ()} == {"agent:1", "agent:*"}
    client.read_on()
    await until(lambda: not client.connection.tasks and not client.connection.lagging)
    await rig.note("1")
    await until(lambda: client.received[-1].get("seq") == 31 and client.received[-1]["topic"] == "agent:1")
    feed: list[int] = []
    for message in client.received:
        number = message.get("feed_seq")
        if number is not None and number == len(feed) + 1:
            feed.append(number)
    assert feed == list(range(1, 62))
    topic = [m["seq"] for m in client.received if m["type"] == "hub_noted" and m["topic"] == "agent:1"]
    assert set(topic) == set(range(1, 32))


async def test_events_while_catching_up_follow_the_missed_ones(rig: Rig) -> None:
    client = await lagging_client(rig)
    client.read_on()
    await until(lambda: not client.connection.lagging)
    for n in range(5):
        await rig.whisper("1", str(n))
    messages = await client.take(46)
    assert [message["seq"] for message in messages if message["type"] != "resumed"] == list(range(1, 46))
    assert shape(messages).count("resumed") == 1


async def test_a_laggard_that_gives_up_a_topic_and_takes_it_again_has_its_answer(rig: Rig) -> None:
    client = await lagging_client(rig)
    client.send({"type": "unsubscribe", "topics": ["agent:1"]})
    client.send({"type": "subscribe", "topics": ["agent:1"], "message_id": "again"})
    await asyncio.sleep(0)
    client.read_on()
    messages = await client.take_until("subscribed")
    assert shape(messages[-1:], "seq", "message_id") == [("subscribed", 40, "again")]
    assert "resumed" not in shape(messages)
    await rig.whisper("1")
    assert (await client.next())["seq"] == 41


async def test_a_laggard_without_progress_is_closed_and_one_with_progress_is_not(rig: Rig) -> None:
    client = await lagging_client(rig)
    rig.clock.advance(59)
    client.read_some(1)
    rig.clock.advance(59)
    rig.hub.sweep()
    assert is_open(client)
    rig.clock.advance(2)
    rig.hub.sweep()
    assert client.closed == (4000, "The client read too slowly for too long; reconnect to catch up.")
    await until(lambda: not rig.hub.connections)
    assert rig.hub.stats.connections_closed == {"4000": 1}


async def test_a_closing_connection_is_given_nothing_more(rig: Rig) -> None:
    client, other = rig.connect(), rig.connect()
    await client.subscribe("agent:1")
    await other.subscribe("agent:1")
    client.stop_reading()
    rig.hub.revoke("ann", Topic("agent", "9"), "never had it")
    client.connection.closing = True
    await rig.fill("1", 40)
    assert client.connection.outbox.size == 0
    assert (client.connection.lagging, client.connection.behind, rig.hub.stats.lag_started) == (False, None, 0)
    client.send({"type": "ping"})
    assert client.connection.outbox.size == 0
    assert len(await other.take(40)) == 40
    assert rig.hub.stats.events_delivered == 40


async def test_an_event_larger_than_the_budget_still_arrives(rig: Rig) -> None:
    client = rig.connect()
    await client.subscribe("agent:1")
    await rig.whisper("1", "x" * 10_000)
    assert len((await client.next())["data"]["text"]) == 10_000
    assert not lags(client)


async def test_pongs_go_ahead_of_queued_events(rig: Rig) -> None:
    client = rig.connect()
    await client.subscribe("agent:1")
    client.stop_reading()
    await rig.fill("1", 5)
    client.send({"type": "ping", "timestamp": 1})
    client.send({"type": "unsubscribe", "topics": ["agent:1"]})
    client.read_on()
    assert shape(await client.take(7)) == ["pong", *["hub_whispered"] * 5, "unsubscribe_success"]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "ping", "timestamp": 1},
        {"type": "dance"},
        {"type": "subscribe", "topics": ["bad"] * 1_000},
        {"type": "unsubscribe", "topics": ["agent:1"] * 1_000},
    ],
)
async def test_who_asks_and_never_reads_is_closed_before_its_answers_fill_the_memory(
    message: dict[str, Any],
) -> None:
    rig = await started(session=SessionLimits(message_burst=10_000), budget=50_000)
    client = rig.connect(reading=False)
    for _ in range(5_000):
        client.send(message)
        assert client.connection.outbox.size < 300_000
        if client.closed:
            break
    assert client.closed is not None
    assert client.closed[0] == 4000
    await until(lambda: not rig.hub.connections)


async def test_who_reads_a_large_snapshot_slowly_may_ask_meanwhile(rig: Rig) -> None:
    rig.hub.snapshots.add("agent:{id}", "agent_state", lambda _principal, id: "x" * 100_000)
    client = rig.connect(reading=False)
    client.send({"type": "subscribe", "topics": ["agent:1"]})
    await until(lambda: client.connection.outbox.size > 100_000)
    for _ in range(30):
        client.send({"type": "ping"})
        rig.clock.advance(1)
    assert is_open(client)
    client.read_on()
    assert shape(await client.take(31)) == [*["pong"] * 30, "agent_state"]


async def test_snapshots_of_many_topics_wait_for_room(rig: Rig) -> None:
    gate = Gate(rig)
    gate.open.set()
    client = rig.connect()
    await client.subscribe("note:1")
    client.stop_reading()
    await rig.connect().subscribe("agent:0")
    client.connection.outbox.put(Frame(b"x" * 3_000), 0.0)
    client.send({"type": "subscribe", "topics": ["agent:1", "agent:2"], "message_id": "s"})
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert gate.entered == 1, "only the neighbour's"
    client.connection.outbox.take(1)
    rig.hub.wrote(client.connection, 3_000, 0.0)
    await until(lambda: gate.entered == 3)


# Principals and tokens


async def test_connections_of_a_principal_are_counted(rig: Rig) -> None:
    clients = [rig.connect() for _ in range(3)]
    fourth = rig.connect()
    assert fourth.closed == (4503, "This principal has too many connections.")
    assert rig.connect(BOB).closed is None
    await until(lambda: len(rig.hub.connections) == 4)
    clients[0].lose()
    assert rig.connect().closed is None
    assert rig.hub.stats.connections_closed == {"4503": 1, "1006": 1}


async def test_all_connections_are_counted(rig: Rig) -> None:
    clients = [rig.connect(Principal(f"p{n}")) for n in range(11)]
    assert [client.closed is None for client in clients] == [True] * 10 + [False]
    assert clients[-1].closed is not None
    assert clients[-1].closed[0] == 4003
    await until(lambda: len(rig.hub.connections) == 10)


async def test_handshakes_are_limited_by_rate(rig: Rig) -> None:
    assert [rig.hub.retry_after() for _ in range(5)] == [None] * 5
    assert rig.hub.retry_after() == 2.25
    rig.clock.advance(1.0)
    assert rig.hub.retry_after() is None


def by_token(handshake: Handshake) -> Principal | None:
    known = {
        "ann": ANN,
        "ann-later": Principal("ann", expires_at=5_000.0),
        "ann-elsewhere": Principal("ann", scope="t2"),
        "bob": BOB,
        "old": Principal("ann", expires_at=999.0),
    }
    if handshake.token == "crash":
        raise ZeroDivisionError
    if handshake.token == "refused":
        raise Unauthenticated
    return known.get(handshake.token or "")


async def test_a_token_as_the_first_message_opens_the_line(caplog: pytest.LogCaptureFixture) -> None:
    rig = await started(authenticate=by_token)
    client = rig.connect(None, initial_topics=["agent:1"])
    client.send({"type": "subscribe", "topics": ["agent:2"], "message_id": "s"})
    assert shape(await client.take(1), "code") == [("error", "unauthenticated")]
    for token in ("nonsense", "old", "refused", "crash"):
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
        client.send({"type": "authenticate", "token": token, "message_id": token})
        assert shape(await client.take(1), "code", "message_id") == [("error", "unauthenticated", token)]
    assert f"Authenticating {client.connection!r} failed" in caplog.text
    client.send({"type": "authenticate", "token": "ann-later", "message_id": "a"})
    assert shape(await client.take(2), "message_id", "expires_at", "topic") == [
        ("authenticated", "a", "1970-01-01T01:23:20.000Z", None),
        ("subscribed", None, None, "agent:1"),
    ]
    assert client.connection.principal == Principal("ann", expires_at=5_000.0)
    await nobody_left(rig)


async def test_a_fresh_token_must_be_the_same_principal_s() -> None:
    rig = await started(authenticate=by_token)
    client = rig.connect(ANN)
    for token in ("bob", "ann-elsewhere"):
        client.send({"type": "authenticate", "token": token})
        assert shape(await client.take(1), "code") == [("error", "unauthenticated")]
    assert client.connection.principal == ANN
    client.send({"type": "authenticate", "token": "ann-later"})
    assert shape(await client.take(1)) == ["authenticated"]
    rig.clock.now = 4_999.0
    rig.hub.sweep()
    assert is_open(client)
    rig.clock.now = 5_000.0
    rig.hub.sweep()
    assert client.closed == (4500, "No valid credentials were given.")
    await nobody_left(rig)


async def test_a_token_of_one_too_many_connections_closes_it() -> None:
    rig = await started(authenticate=by_token)
    for _ in range(3):
        rig.connect(ANN)
    client = rig.connect(None)
    client.send({"type": "authenticate", "token": "ann"})
    await until(lambda: client.closed)
    assert client.closed is not None
    assert client.closed[0] == 4503
    await nobody_left(rig)


async def test_who_does_not_authenticate_in_time_is_closed(rig: Rig) -> None:
    client = rig.connect(None)
    rig.clock.advance(5)
    rig.hub.sweep()
    assert is_open(client)
    rig.clock.advance(1)
    rig.hub.sweep()
    assert client.closed == (4500, "No valid credentials were given.")


async def test_credentials_that_have_run_out_are_none() -> None:
    rig = await started(authenticate=by_token)
    assert await rig.hub.authenticate(Handshake(token="old")) is None
    assert await rig.hub.authenticate(Handshake(token="ann")) == ANN
    assert await Rig().hub.authenticate(Handshake(token="ann")) is None, "nobody is authenticated by default"


async def test_a_right_that_ended_is_revoked_on_every_connection_of_the_principal(rig: Rig) -> None:
    one, two, other = rig.connect(), rig.connect(), rig.connect(BOB)
    for client in (one, two, other):
        await client.subscribe("agent:1", "agent:2")
    rig.hub.revoke("ann", Topic("agent", "1"), "left the team")
    for client in (one, two):
        assert shape(await client.take(1), "topic", "reason") == [("revoked", "agent:1", "left the team")]
    await rig.whisper("1")
    await rig.whisper("2")
    assert (await one.next())["topic"] == (await two.next())["topic"] == "agent:2"
    assert (await other.next())["topic"] == "agent:1"


# Calls


@dataclass(frozen=True)
class Rename:
    id: int
    name: str = ""


async def test_a_call_has_typed_parameters_a_result_and_positions(rig: Rig) -> None:
    async def rename(context: CallContext, params: Rename) -> dict[str, Any]:
        published = await rig.broker.publish(NOTED.event(Note(str(params.id), params.name)))
        context.published.append(published)
        return {"by": context.principal.id, "key": context.key, "name": params.name}

    rig.hub.calls.add("agent.rename", rename)
    client = rig.connect()
    client.send(
        {"type": "call", "method": "agent.rename", "params": {"id": 7, "name": "x"}, "key": "k", "message_id": "1"}
    )
    reply = await client.next()
    epoch = (await rig.broker.read("agent:7")).epoch
    assert reply == {
        "type": "reply",
        "message_id": "1",
        "result": {"by": "ann", "key": "k", "name": "x"},
        "positions": [{"topic": "agent:7", "epoch": epoch, "seq": 1}],
    }
    client.send({"type": "call", "method": "agent.rename", "params": {"id": "seven"}, "message_id": "2"})
    assert (await client.next())["error"] == {
        "code": "invalid_message",
        "error": "Invalid params for agent.rename: Expected `int`, got `str` - at `$.id`",
    }


async def test_an_unknown_method_is_named(rig: Rig) -> None:
    client = rig.connect()
    client.send({"type": "call", "method": "agent.fly", "message_id": "1"})
    assert shape(await client.take(1), "message_id", "error") == [
        ("reply", "1", {"code": "not_found", "error": "Method agent.fly not found"})
    ]


@pytest.mark.parametrize(
    "outcome", [object(), "\ud800", ZeroDivisionError("oops"), asyncio.CancelledError(), LookupError("x")]
)
async def test_a_call_that_fails_is_answered_and_logged(
    rig: Rig, outcome: object, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_context: CallContext, _params: dict[str, Any]) -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    rig.hub.calls.add("fail", fail)
    client = rig.connect()
    client.send({"type": "call", "method": "fail", "message_id": "1"})
    reply = await client.next()
    assert (reply["type"], reply["message_id"], reply["error"]["code"]) == ("reply", "1", "internal")
    assert client.connection.id in caplog.text
    await until(lambda: not client.connection.work)


async def test_a_call_that_is_refused_says_why(rig: Rig) -> None:
    async def refuse(_context: CallContext, _params: dict[str, Any]) -> object:
        raise RequestError("The thread is busy", details={"run": 3})

    rig.hub.calls.add("run", refuse)
    client = rig.connect()
    client.send({"type": "call", "method": "run", "message_id": "1"})
    assert (await client.next())["error"] == {
        "code": "invalid_message", "error": "The thread is busy", "details": {"run": 3},
    }  # fmt: skip


# The end


async def test_a_drain_says_when_to_come_back_and_closes(rig: Rig) -> None:
    client = rig.connect()
    await client.subscribe("agent:1")
    await rig.note("1")
    rig.hub.drain(lambda: 1_234, within=20)
    rig.hub.drain(lambda: 9_999, within=90)
    assert shape(await client.take(2), "retry_after_ms") == [("goaway", 1234), ("hub_noted", None)]
    await rig.note("1")
    assert shape(await client.take(1)) == ["hub_noted"]
    assert rig.hub.draining
    assert rig.hub.retry_after() == 21.25
    late = rig.connect()
    assert late.closed is not None
    assert late.closed[0] == 4002
    assert shape(await late.take(1), "retry_after_ms") == [("goaway", 22_500)]
    await rig.note("1")
    rig.hub.close_all()
    assert shape(await client.take(1)) == ["hub_noted"]
    assert client.closed == (4002, "The server drains; reconnect after the time it gave.")
    await until(lambda: not rig.hub.connections)
    assert rig.hub.stats.connections_closed == {"4002": 2}
    rig.hub.admit()
    assert rig.hub.retry_after() is None


async def test_latency_is_measured_from_the_oldest_frame_of_a_write(rig: Rig) -> None:
    client = rig.connect()
    await client.subscribe("agent:1")
    before = rig.hub.stats.write_latency.sum
    client.stop_reading()
    await rig.whisper("1")
    rig.clock.advance(2)
    await rig.whisper("1")
    rig.clock.advance(1)
    client.read_on()
    await client.take(2)
    assert rig.hub.stats.write_latency.sum - before == 3
    await rig.whisper("1")
    await client.take(1)
    assert rig.hub.stats.write_latency.sum - before == 3


async def test_lifetimes_and_sockets_are_counted(rig: Rig) -> None:
    one, two = rig.connect(), rig.connect()
    rig.clock.advance(30)
    one.lose()
    two.lose()
    assert rig.hub.stats.connections_opened == 2
    assert rig.hub.stats.lifetime.sum == 60
    assert rig.hub.stats.sockets_per_client.sum == 3


async def test_a_refused_request_leaves_a_log_line_with_its_connection(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trunkline.hub")
    transport = rig.connect()
    rig.hub.receive(transport.connection, "no json")
    assert caplog.messages == [f"Refused a request of connection {transport.connection.id}: invalid_json"]


async def test_a_peer_that_does_not_read_has_few_snapshots_kept_for_it() -> None:
    rig = await started(budget=4_000)
    taken: list[str] = []

    async def read_slowly(_principal: Principal, id: str) -> dict[str, str]:
        taken.append(id)
        await asyncio.sleep(0)
        return {"text": "x" * 3_000}

    rig.hub.snapshots.add("agent:{id}", "agent_state", read_slowly)
    client = rig.connect()
    client.stop_reading()
    client.send({"type": "subscribe", "topics": [f"agent:{n}" for n in range(60)]})
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(taken) <= 9
    assert client.connection.outbox.size < 4_000
    client.read_on()
    assert len(await client.take(60)) == 60
    assert len(taken) == 60


async def test_snapshots_that_hang_keep_nothing_else_waiting(rig: Rig) -> None:
    async def hang(_principal: Principal, id: str) -> None:
        await asyncio.Event().wait()

    rig.hub.snapshots.add("agent:{id}", "agent_state", hang)
    client = rig.connect()
    client.send({"type": "subscribe", "topics": [f"agent:{n}" for n in range(20)]})
    await client.subscribe("price:1")
    client.lose()


@pytest.mark.parametrize("what", ["events", "a snapshot"])
async def test_a_peer_that_takes_nothing_for_long_is_closed_whatever_waits_for_it(what: str) -> None:
    rig = await started(budget=4_000)
    rig.hub.snapshots.add("note:{id}", "note_state", lambda _principal, **_fields: "x" * 3_000)
    client = rig.connect()
    await client.subscribe("agent:1")
    for _ in range(3):
        rig.clock.advance(100.0)
        rig.hub.sweep()
    client.stop_reading()
    if what == "events":
        await rig.fill("1", 30)
        assert client.connection.lagging
    else:
        client.send({"type": "subscribe", "topics": ["note:1"]})
        await until(lambda: client.connection.outbox)
        assert not client.connection.lagging
    rig.hub.sweep()
    rig.clock.advance(59.0)
    rig.hub.sweep()
    assert not client.connection.closing
    rig.clock.advance(2.0)
    rig.hub.sweep()
    assert client.connection.closed_with == CloseCode.SLOW
