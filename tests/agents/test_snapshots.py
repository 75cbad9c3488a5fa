"""What topics look like, who may see them, and that a snapshot and the stream after it join by arithmetic."""

import asyncio
import random
from typing import Any

import pytest

from tests.agents.rig import ANA, BEN, Heart
from trunkline import NotFound, Principal, parse_topic
from trunkline.agents.runner import RunnerOptions
from trunkline.agents.snapshots import LIST_BOUND, AgentList, Streaming, ThreadActivity, ThreadHistory, ThreadList
from trunkline.agents.storage.newest import Bound
from trunkline.testing.clock import until
from trunkline.testing.memory import MemoryTransport

BENS = Principal("ben@desk", BEN)
CHUNK = RunnerOptions().chunk_interval


async def take(heart: Heart, topic: str, principal: Principal | None = None) -> tuple[str, Any]:
    taken = await heart.line.hub.snapshots.take(principal or heart.principal, parse_topic(topic))
    assert taken is not None
    return taken


async def history(heart: Heart, thread_id: int) -> ThreadHistory:
    kind, data = await take(heart, f"thread:{thread_id}")
    assert kind == "thread_history"
    assert isinstance(data, ThreadHistory)
    return data


# State


async def test_an_agent_s_topic_is_the_agent(heart: Heart) -> None:
    agent = await heart.agent()
    assert await take(heart, f"agent:{agent.id}") == ("agent_state", agent)


async def test_the_feeds_list_what_is_the_caller_s(heart: Heart) -> None:
    thread = await heart.thread()
    agent = await heart.agents.get(ANA, thread.agent_id)
    theirs = await heart.thread(BEN)
    assert await take(heart, "agent:*") == ("agent_list", AgentList(agents=[agent], truncated=False))
    quiet = ThreadActivity(thread_id=thread.id, messages=0, last_message_id=None, last_role=None, last_run=None)
    threads = ThreadList(threads=[thread], activity=[quiet], truncated=False)
    assert await take(heart, "thread:*") == ("thread_list", threads)
    assert (await take(heart, "thread:*", BENS))[1].threads == [theirs]


async def test_a_thread_s_topic_is_its_messages(heart: Heart) -> None:
    thread = await heart.thread()
    said = [await heart.say(thread, text) for text in ("One", "Two")]
    assert await history(heart, thread.id) == ThreadHistory(thread=thread, messages=said)


async def test_lists_hold_the_newest_500(heart: Heart) -> None:
    agent = await heart.agent()
    values = {"agent_id": agent.id, "title": "", "active": True}
    async with heart.database.unit_of_work(ANA) as unit:
        threads = [await unit.rows.threads.add(ANA, values) for _ in range(501)]
    _, data = await take(heart, "thread:*")
    assert (data.threads, data.truncated) == (threads[1:], True)
    assert [activity.thread_id for activity in data.activity] == [thread.id for thread in threads[1:]]


async def test_a_history_of_long_messages_holds_the_newest_megabyte(heart: Heart) -> None:
    thread = await heart.thread()
    said = [await heart.say(thread, letter * 400_000) for letter in "abc"]
    data = await history(heart, thread.id)
    assert (data.messages, data.truncated) == (said[1:], True)
    assert LIST_BOUND.characters == 1024 * 1024


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (Bound(things=120, characters=10**6), ([*range(120)], False)),
        (Bound(things=119, characters=10**6), ([*range(1, 120)], True)),
        (Bound(things=100, characters=10**6), ([*range(20, 120)], True)),
        (Bound(things=120, characters=0), ([119], True)),
    ],
)
async def test_what_is_left_out_is_the_oldest(heart: Heart, bound: Bound, expected: tuple[list[int], bool]) -> None:
    thread = await heart.thread()
    async with heart.database.unit_of_work(ANA) as unit:
        for number in range(120):
            await unit.rows.messages.add(ANA, thread.id, "user", str(number))
        messages, truncated = await unit.rows.messages.newest(thread.id, bound)
    assert ([int(message.content) for message in messages], truncated) == expected


# The stream


async def test_a_history_shows_the_answer_in_progress_beside_the_messages(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    assert run.message_id is not None
    before = await history(heart, thread.id)
    heart.model.say("Good")
    await heart.heard.until("stream_chunk")
    during = await history(heart, thread.id)
    await heart.runner.cancel(ANA, run.id)
    after = await history(heart, thread.id)
    assert before.streaming == Streaming(run_id=run.id, message_id=run.message_id, at=0, text="")
    assert during.streaming == Streaming(run_id=run.id, message_id=run.message_id, at=4, text="Good")
    assert [message.content for message in during.messages] == ["Hello"]
    assert (after.streaming, [message.content for message in after.messages]) == (None, ["Hello", "Good"])
    assert during.last_run is not None
    assert after.last_run is not None
    assert (during.last_run.status, after.last_run.status, after.last_run.id) == ("running", "cancelled", run.id)


async def test_a_run_that_waits_shows_no_stream(heart: Heart) -> None:
    thread = await heart.thread()
    await heart.say(thread)
    await heart.runs.create(ANA, thread.id, lambda _: None)
    assert (await history(heart, thread.id)).streaming is None


async def test_a_snapshot_holds_no_text_that_waits_for_its_chunk(heart: Heart) -> None:
    thread = await heart.thread()
    await heart.ask(thread)
    heart.model.say("a")
    await heart.sleep.until_asleep(CHUNK)
    heart.model.say("b")
    await until(lambda: heart.model.waits)
    streaming = (await history(heart, thread.id)).streaming
    assert streaming is not None
    assert streaming.text == "a"


class Reader:
    """A client that joins in the middle: it takes a snapshot and goes on from there by arithmetic alone."""

    def __init__(self, heart: Heart, thread_id: int) -> None:
        self.text: str | None = None
        self.stored: str | None = None
        self._has_joined = False
        self._topic = f"thread:{thread_id}"
        self._transport = MemoryTransport.connect(heart.line.hub, heart.principal, initial_topics=[self._topic])

    async def join(self) -> None:
        """Take the snapshot."""
        snapshot = await self._transport.next()
        assert snapshot["type"] == "thread_history", snapshot
        self._take_snapshot(snapshot["data"])
        self._has_joined = True

    async def read(self) -> None:
        """Take every message until the run has finished."""
        if not self._has_joined:
            await self.join()
        while self.stored is None:
            self._take(await self._transport.next())

    def _take_snapshot(self, data: dict[str, Any]) -> None:
        if streaming := data.get("streaming"):
            self.text = streaming["text"]
            assert len(streaming["text"]) == streaming["at"]
        for message in data["messages"]:
            self._take_message(message)

    def _take(self, message: dict[str, Any]) -> None:
        data = message.get("data", {})  # `resumed` has none: it counts the events that were held back
        match message["type"]:
            case "stream_start":
                self.text = self.text or ""
            case "stream_chunk" if self.text is not None and data["at"] >= len(self.text):
                assert data["at"] == len(self.text), "a hole"
                self.text += data["text"]
            case "stream_chunk" if self.text is not None:
                assert data["at"] + len(data["text"]) <= len(self.text), "a chunk that is covered in part"
            case "thread_message_created":
                self._take_message(data)
            case _:
                pass

    def _take_message(self, message: dict[str, Any]) -> None:
        if message["role"] == "assistant":
            self.stored = message["content"]


@pytest.mark.parametrize("seed", range(12))
async def test_readers_that_join_at_any_moment_have_the_text_without_a_hole_or_a_double(
    heart: Heart, seed: int
) -> None:
    chance = random.Random(seed)
    thread = await heart.thread()
    run = await heart.ask(thread)
    said, readers, reading = "", [Reader(heart, thread.id)], []
    await readers[0].join()  # so that one of them has the whole stream, however busy the machine
    for number in range(60):
        match chance.randrange(4):
            case 0:
                piece = chance.choice(["a", f"word {number} ", "é🙂", "long " * 20])
                said += piece
                heart.model.say(piece)
            case 1:
                heart.sleep.advance(CHUNK * chance.random() * 2)
            case 2:
                readers.append(Reader(heart, thread.id))
            case _:
                for _ in range(chance.randrange(30)):
                    await asyncio.sleep(0)
    heart.model.finish()
    reading = [asyncio.ensure_future(reader.read()) for reader in readers]
    await heart.ended(run)
    readers.append(Reader(heart, thread.id))
    await asyncio.gather(*reading, readers[-1].read())
    assert {reader.stored for reader in readers} == {said}
    assert {reader.text for reader in readers} <= {said, None}
    assert readers[0].text == said


# Rights


async def test_what_is_one_s_own_may_be_subscribed(heart: Heart) -> None:
    thread = await heart.thread()
    for topic in (f"agent:{thread.agent_id}", f"thread:{thread.id}", "agent:*", "thread:*", "system:status"):
        assert await heart.access.authorize(heart.principal, "subscribe", topic) is True


@pytest.mark.parametrize("topic", ["system:*", "system:other", "user:1", "user:*"])
async def test_what_is_no_topic_of_agents_is_denied(heart: Heart, topic: str) -> None:
    assert await heart.access.authorize(heart.principal, "subscribe", topic) is False


@pytest.mark.parametrize("key", ["99999", "0", "-1", "007", "abc", "1.0", "1_0", "9" * 19, "9" * 128])
async def test_what_does_not_exist_is_named(heart: Heart, key: str) -> None:
    await heart.thread()
    for kind in ("Agent", "Thread"):
        with pytest.raises(NotFound) as caught:
            await heart.access.authorize(heart.principal, "subscribe", f"{kind.lower()}:{key}")
        assert str(caught.value) == f"{kind} {key} not found"
        with pytest.raises(NotFound, match=f"{kind} {key} not found"):
            await take(heart, f"{kind.lower()}:{key}")


async def test_what_is_another_s_does_not_exist(heart: Heart) -> None:
    thread = await heart.thread()
    for topic, sentence in (
        (f"agent:{thread.agent_id}", f"Agent {thread.agent_id} not found"),
        (f"thread:{thread.id}", f"Thread {thread.id} not found"),
    ):
        with pytest.raises(NotFound, match=sentence):
            await heart.access.authorize(BENS, "subscribe", topic)
        with pytest.raises(NotFound, match=sentence):
            await take(heart, topic, BENS)


async def test_the_calls_of_agents_are_allowed_and_no_others(heart: Heart) -> None:
    for method in ("thread.send", "thread.run", "run.cancel"):
        assert await heart.access.authorize(heart.principal, "call", method) is True
    assert await heart.access.authorize(heart.principal, "call", "server.halt") is False


async def test_a_client_hears_of_what_does_not_exist(heart: Heart) -> None:
    client = MemoryTransport.connect(heart.line.hub, heart.principal)
    [answer] = await client.subscribe("thread:99999")
    assert (answer["type"], answer["code"], answer["error"]) == ("error", "not_found", "Thread 99999 not found")
