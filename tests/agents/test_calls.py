"""Calls over the line: what they answer, what they refuse, and that a key makes them happen once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.agents.rig import ANA, BEN, NOON, Heart, open_database
from trunkline import EventBus, Principal, Trunkline
from trunkline.agents.storage.call_keys import KEPT_SECONDS
from trunkline.agents.storage.clock import Clock
from trunkline.testing.memory import MemoryTransport


class Caller:
    """A client that calls."""

    def __init__(self, heart: Heart, principal: Principal | None = None) -> None:
        self._transport = MemoryTransport.connect(heart.line.hub, principal or heart.principal)

    async def call(self, method: str, key: str | None = None, **params: Any) -> dict[str, Any]:
        message = {"type": "call", "message_id": "c", "method": method, "params": params}
        self._transport.send(message if key is None else {**message, "key": key})
        reply = await self._transport.next()
        assert (reply["type"], reply["message_id"]) == ("reply", "c"), reply
        return reply

    async def result(self, method: str, key: str | None = None, **params: Any) -> dict[str, Any]:
        reply = await self.call(method, key, **params)
        assert reply.get("error") is None, reply
        result = reply["result"]
        assert isinstance(result, dict)
        return result


async def test_a_message_is_stored_and_its_event_s_position_told(heart: Heart) -> None:
    thread = await heart.thread()
    await heart.published()
    reply = await Caller(heart).call("thread.send", thread_id=thread.id, content="Hello", client_id="c1")
    [message] = (await heart.threads.messages(ANA, thread.id)).items
    assert reply["result"]["message"]["id"] == message.id
    assert reply["result"]["message"]["client_id"] == "c1"
    assert "run_id" not in reply["result"]
    assert [(position["topic"], position["seq"]) for position in reply["positions"]] == [(f"thread:{thread.id}", 2)]
    assert await heart.runs.active(ANA, thread.id) is None


async def test_a_message_is_sent_and_answered(heart: Heart) -> None:
    thread = await heart.thread()
    result = await Caller(heart).result("thread.send", thread_id=thread.id, content="Hello", run=True)
    heart.model.finish()
    run = await heart.ended(await heart.runs.get(ANA, result["run_id"]))
    assert run.status == "done"


async def test_a_thread_is_run(heart: Heart) -> None:
    thread = await heart.thread()
    await heart.say(thread)
    result = await Caller(heart).result("thread.run", thread_id=thread.id)
    heart.model.finish()
    assert (await heart.ended(await heart.runs.get(ANA, result["run_id"]))).status == "done"


async def test_a_run_is_cancelled_and_the_positions_of_its_end_told(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say("Good")
    await heart.heard.until("stream_chunk")
    caller = Caller(heart)
    reply = await caller.call("run.cancel", run_id=run.id)
    assert reply["result"] == {"run_id": run.id, "status": "cancelled"}
    assert [position["topic"] for position in reply["positions"]] == [
        *[f"thread:{thread.id}"] * 3,
        f"agent:{thread.agent_id}",
    ]
    again = await caller.call("run.cancel", run_id=run.id)
    assert (again["result"], again.get("positions") or []) == (reply["result"], [])


@pytest.mark.parametrize(
    ("method", "params", "code", "sentence"),
    [
        ("thread.send", {"thread_id": 99999, "content": "Hello"}, "not_found", "Thread 99999 not found"),
        ("thread.send", {"thread_id": 10**30, "content": "Hello"}, "not_found", f"Thread {10**30} not found"),
        ("thread.run", {"thread_id": 99999}, "not_found", "Thread 99999 not found"),
        ("run.cancel", {"run_id": 99999}, "not_found", "Run 99999 not found"),
        ("thread.send", {"thread_id": 1, "content": " "}, "invalid_message", "content must not be blank"),
        ("thread.send", {"thread_id": "1", "content": "x"}, "invalid_message", "Invalid params for thread.send"),
        ("thread.send", {"thread_id": 1}, "invalid_message", "Invalid params for thread.send"),
        ("run.cancel", {}, "invalid_message", "Invalid params for run.cancel"),
        ("server.halt", {}, "forbidden", "Not allowed: server.halt"),
    ],
)
async def test_what_is_refused_is_refused_with_a_sentence(
    heart: Heart, method: str, params: dict[str, Any], code: str, sentence: str
) -> None:
    await heart.thread()
    error = (await Caller(heart).call(method, **params))["error"]
    assert error["code"] == code
    assert error["error"].startswith(sentence)


async def test_a_busy_thread_takes_neither_message_nor_run(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    caller = Caller(heart)
    more = await caller.call("thread.send", thread_id=thread.id, content="More", run=True)
    again = await caller.call("thread.run", thread_id=thread.id)
    assert more["error"] == again["error"]
    assert (more["error"]["code"], more["error"]["error"]) == (
        "conflict",
        f"Thread {thread.id} already has run {run.id} in progress",
    )
    assert len((await heart.threads.messages(ANA, thread.id)).items) == 1


async def test_another_s_thread_and_run_do_not_exist(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    caller = Caller(heart, Principal("ben@desk", BEN))
    for method, params in (
        ("thread.send", {"thread_id": thread.id, "content": "Hello"}),
        ("thread.run", {"thread_id": thread.id}),
        ("run.cancel", {"run_id": run.id}),
    ):
        assert (await caller.call(method, **params))["error"]["code"] == "not_found"


async def test_a_key_makes_a_call_happen_once(heart: Heart) -> None:
    thread = await heart.thread()
    params = {"thread_id": thread.id, "content": "Hello", "run": True}
    first = await Caller(heart).result("thread.send", key="k1", **params)
    again = await Caller(heart).result("thread.send", key="k1", **params)
    heart.model.finish()
    await heart.ended(await heart.runs.get(ANA, first["run_id"]))
    later = await Caller(heart).result("thread.send", key="k1", **params)
    assert first == again == later
    assert len((await heart.threads.messages(ANA, thread.id)).items) == 1 + (first["run_id"] is not None)


async def test_the_same_key_at_the_same_time_happens_once(heart: Heart) -> None:
    thread = await heart.thread()
    calls = [Caller(heart).result("thread.send", key="k1", thread_id=thread.id, content="Hello") for _ in range(5)]
    results = await asyncio.gather(*calls)
    assert all(result == results[0] for result in results)
    assert len((await heart.threads.messages(ANA, thread.id)).items) == 1


async def test_keys_belong_to_a_method_and_an_owner(heart: Heart) -> None:
    thread, bens = await heart.thread(), await heart.thread(BEN)
    await Caller(heart).result("thread.send", key="k", thread_id=thread.id, content="Mine")
    await Caller(heart, Principal("ben@desk", BEN)).result("thread.send", key="k", thread_id=bens.id, content="Theirs")
    run = await Caller(heart).result("thread.run", key="k", thread_id=thread.id)
    assert set(run) == {"run_id"}
    assert [message.content for message in (await heart.threads.messages(BEN, bens.id)).items] == ["Theirs"]


async def test_a_call_that_failed_is_tried_again_under_its_key(heart: Heart) -> None:
    thread = await heart.thread()
    caller = Caller(heart)
    assert (await caller.call("thread.run", key="k", thread_id=thread.id))["error"]["code"] == "conflict"
    await heart.say(thread)
    assert (await caller.result("thread.run", key="k", thread_id=thread.id))["run_id"] >= 1


async def test_a_key_is_bounded(heart: Heart) -> None:
    thread = await heart.thread()
    error = (await Caller(heart).call("thread.run", key="k" * 129, thread_id=thread.id))["error"]
    assert error["code"] in {"too_large", "invalid_message"}


async def test_keys_are_forgotten_after_a_day(tmp_path: Path) -> None:
    line, now = Trunkline(bus=EventBus()), [NOON]
    async with open_database(tmp_path / "keys.db", line, clock=Clock(lambda: now[0])) as database:
        async with database.unit_of_work(ANA) as unit:
            await unit.rows.call_keys.add(ANA, "m", "old", "{}")
        now[0] += KEPT_SECONDS + 1
        async with database.unit_of_work(ANA) as unit:
            await unit.rows.call_keys.add(ANA, "m", "new", "{}")
        async with database.reading() as rows:
            assert await rows.call_keys.get(ANA, "m", "old") is None
            assert await rows.call_keys.get(ANA, "m", "new") == "{}"


async def test_a_caller_that_goes_away_cancels_no_answer(heart: Heart) -> None:
    thread = await heart.thread()
    client = MemoryTransport.connect(heart.line.hub, heart.principal)
    params = {"thread_id": thread.id, "content": "Hello", "run": True}
    client.send({"type": "call", "message_id": "c", "method": "thread.send", "params": params})
    run_id = (await client.next())["result"]["run_id"]
    client.lose()
    heart.model.say("Good day")
    heart.model.finish()
    assert (await heart.ended(await heart.runs.get(ANA, run_id))).status == "done"
