"""The older endpoint beside version 2: one client of each kind on the same thread."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from tests.agents.serving import Running, receive_until, serving
from trunkline.agents.models.echo import INTRODUCTION


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(tmp_path) as running:
        yield running


@pytest.fixture
async def client(running: Running) -> AsyncIterator[httpx2.AsyncClient]:
    async with running.http() as client:
        yield client


@pytest.fixture
async def thread_id(client: httpx2.AsyncClient) -> int:
    agent = (await client.post("/api/agents", json={"name": "Ada"})).json()
    return int((await client.post("/api/threads", json={"agent_id": agent["id"]})).json()["id"])


def subscribe(thread_id: int) -> str:
    return json.dumps({"type": "subscribe", "topics": [f"thread:{thread_id}"]})


async def test_both_kinds_see_each_others_messages(running: Running, thread_id: int) -> None:
    async with running.connect(f"/api/ws?thread_id={thread_id}") as old, running.connect() as new:
        assert await receive_until(old, "thread_history") == [
            {"type": "thread_history", "thread_id": thread_id, "messages": []}
        ]
        await new.send(subscribe(thread_id))
        await receive_until(new, "thread_history")

        await old.send(json.dumps({"type": "send_message", "thread_id": thread_id, "content": "From the old"}))
        (seen_by_old,) = await receive_until(old, "thread_message")
        (seen_by_new,) = await receive_until(new, "thread_message_created")
        assert seen_by_old["message"] == seen_by_new["data"]
        assert seen_by_old["message"].items() >= {"role": "user", "content": "From the old"}.items()

        params = {"thread_id": thread_id, "content": "From the new"}
        await new.send(json.dumps({"type": "call", "method": "thread.send", "params": params}))
        (seen_by_old,) = await receive_until(old, "thread_message")
        assert seen_by_old["message"]["content"] == "From the new"


async def test_both_kinds_see_one_answer_stream(running: Running, client: httpx2.AsyncClient, thread_id: int) -> None:
    async with running.connect("/api/ws") as old, running.connect() as new:
        await old.send(json.dumps({"type": "subscribe_thread", "thread_id": thread_id}))
        await receive_until(old, "thread_history")
        await new.send(subscribe(thread_id))
        await receive_until(new, "thread_history")
        await old.send(json.dumps({"type": "send_message", "thread_id": thread_id, "content": "Hello"}))
        await receive_until(old, "thread_message")
        await client.post(f"/api/threads/{thread_id}/run")

        told = await receive_until(old, "stream_end")
        assert told[0] == {"type": "stream_start", "thread_id": thread_id}
        text = "".join(frame["content"] for frame in told if frame["type"] == "stream_chunk")
        assert text == f"{INTRODUCTION}Hello"
        (message,) = [f for f in await receive_until(old, "thread_message") if f["message"]["role"] == "assistant"]
        assert message["message"]["content"] == text
        chunks = [frame for frame in await receive_until(new, "stream_end") if frame["type"] == "stream_chunk"]
        assert "".join(chunk["data"]["text"] for chunk in chunks) == text


async def test_who_comes_in_mid_answer_gets_it_whole(
    running: Running, client: httpx2.AsyncClient, thread_id: int
) -> None:
    async with running.connect(f"/api/ws?thread_id={thread_id}") as first:
        await client.post(f"/api/threads/{thread_id}/messages", json={"content": "Hello"})
        await client.post(f"/api/threads/{thread_id}/run")
        await receive_until(first, "stream_chunk")
        async with running.connect(f"/api/ws?thread_id={thread_id}") as second:
            told = await receive_until(second, "stream_end")
        await receive_until(first, "stream_end")
        assert [frame["type"] for frame in told[:2]] == ["thread_history", "stream_start"]
        text = "".join(frame["content"] for frame in told if frame["type"] == "stream_chunk")
        assert text == f"{INTRODUCTION}Hello"


async def test_failures_are_sentences(running: Running, thread_id: int) -> None:
    async def ask(**frame: Any) -> Any:
        await old.send(json.dumps(frame))
        return (await receive_until(old, "error"))[-1]["error"]

    async with running.connect("/api/ws?thread_id=99999") as old:
        assert (await receive_until(old, "error"))[-1] == {"type": "error", "error": "Thread 99999 not found"}
        assert await ask(type="subscribe_thread", thread_id=99999) == "Thread 99999 not found"
        assert await ask(type="send_message", thread_id=99999, content="x") == "Thread 99999 not found"
        assert await ask(type="dance") == "Unknown message type: dance"
        assert (await ask(type="subscribe_thread")).startswith("Invalid subscribe_thread message: ")
        assert (await ask(type="subscribe", topics=[f"thread:{thread_id}"])) == "Unknown message type: subscribe"
        await old.send("{")
        assert (await receive_until(old, "error"))[-1]["error"].startswith("Not valid JSON")
        await old.send('{"type": "ping", "timestamp": 7}')
        assert await receive_until(old, "pong") == [{"type": "pong", "timestamp": 7}]


async def test_it_says_that_it_is_old_and_is_counted(running: Running, client: httpx2.AsyncClient) -> None:
    async with running.connect("/api/ws") as old:
        assert old.response is not None
        assert old.response.headers["Deprecation"].startswith("@")
        assert old.response.headers["Sunset"].endswith("GMT")
    async with running.connect() as new:
        assert new.response is not None
        assert "Deprecation" not in new.response.headers
    assert "trunkline_legacy_connections_total 1.0" in (await client.get("/metrics")).text


async def test_a_setting_turns_it_off(tmp_path: Path) -> None:
    async with serving(tmp_path, legacy=False) as running:
        with pytest.raises(InvalidStatus) as refused:
            async with running.connect("/api/ws"):
                pass
        response = refused.value.response
        assert response.status_code == 410
        assert json.loads(response.body)["detail"] == "This endpoint is turned off here; connect to /api/ws/v2."
        assert "Sunset" in response.headers
        async with running.connect():
            pass


# Whatever is sent, the connection lives and the others hear nothing of it

values = st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8)
types = st.sampled_from(
    ["ping", "subscribe_thread", "send_message", "subscribe", "unsubscribe", "call", "authenticate"]
)
names = st.sampled_from(
    ["thread_id", "content", "topics", "method", "params", "timestamp", "message_id", "key", "token"]
)
messages = st.builds(lambda type, fields: {"type": type, **fields}, types | st.text(), st.dictionaries(names, values))
frames = messages.map(json.dumps) | values.map(json.dumps) | st.text() | st.binary(max_size=50)


@pytest.mark.parametrize("path", ["/api/ws/v2", "/api/ws"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(frames, max_size=10))
async def test_any_frames_leave_the_line_usable(running: Running, path: str, sent: list[str | bytes]) -> None:
    async with running.connect("/api/ws/v2") as neighbour, running.connect(path) as line:
        await neighbour.send('{"type": "subscribe", "topics": ["agent:*"]}')
        for frame in sent:
            await line.send(frame)
        for socket in (line, neighbour):
            await socket.send('{"type": "ping", "timestamp": 4711}')
            while (await receive_until(socket, "pong"))[-1].get("timestamp") != 4711:
                pass
