"""Calls that are kept until they are answered, line or no line."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.client.scripted import Network, ScriptedSocket
from trunkline.client.call_store import MemoryCallStore, SqliteCallStore
from trunkline.client.ws_client import WsClient
from trunkline.errors import CallQueueFull, LineClosed, RequestError
from trunkline.protocol.call_queue import CallState
from trunkline.testing import until

URL = "ws://server/api/ws/v2"


async def confirm(socket: ScriptedSocket, result: object = None) -> tuple[str, str]:
    """Answer the next call; return its method and key."""
    message = await socket.heard("call")
    socket.say("reply", message_id=message["message_id"], result=result)
    return message["method"], message["key"]


async def test_calls_made_without_a_line_are_sent_in_order_when_it_is_there(network: Network) -> None:
    network.is_reachable.clear()
    async with WsClient(URL, options=network.options()) as client:
        calls = [client.enqueue("note.add", {"n": n}, key=f"k{n}") for n in range(3)]
        assert [call.state for call in calls] == [CallState.PENDING] * 3
        network.is_reachable.set()
        socket = await network.socket()
        await until(lambda: socket.sent)
        assert [call.state for call in calls] == [CallState.SENT, CallState.PENDING, CallState.PENDING]
        assert [await confirm(socket, n) for n in range(3)] == [("note.add", f"k{n}") for n in range(3)]
        assert [(await call.result()).result for call in calls] == [0, 1, 2]
        assert [call.state for call in calls] == [CallState.CONFIRMED] * 3
        assert client.pending_calls == []


async def test_a_call_cut_before_its_answer_is_sent_again_under_its_key(network: Network) -> None:
    async with WsClient(URL, options=network.options()) as client:
        answer = asyncio.create_task(client.call("note.add", key="k"))
        first = await network.socket()
        sent = await first.heard("call")
        first.hang_up(1006)
        second = await network.socket(2)
        again = await second.heard("call")
        assert again["message_id"] != sent["message_id"]
        assert again["key"] == "k"
        second.say("reply", message_id=again["message_id"], result="once")
        assert (await answer).result == "once"


async def test_a_refused_call_fails_and_the_next_one_goes_on(network: Network) -> None:
    async with WsClient(URL, options=network.options()) as client:
        bad, good = client.enqueue("note.add"), client.enqueue("note.add")
        socket = await network.socket()
        message = await socket.heard("call")
        socket.say("reply", message_id=message["message_id"], error={"code": "conflict", "error": "Note 1 exists"})
        await confirm(socket)
        with pytest.raises(RequestError, match="Note 1 exists"):
            await bad.result()
        await good.result()
        assert (bad.state, good.state) == (CallState.FAILED, CallState.CONFIRMED)


async def test_a_key_that_waits_is_the_same_call(network: Network) -> None:
    network.is_reachable.clear()
    async with WsClient(URL, options=network.options()) as client:
        assert client.enqueue("note.add", key="k") is client.enqueue("note.add", key="k")
        assert len(client.pending_calls) == 1


async def test_a_full_queue_says_so_and_loses_nothing(network: Network) -> None:
    network.is_reachable.clear()
    async with WsClient(URL, options=network.options()) as client:
        for _ in range(1_000):
            client.enqueue("note.add")
        with pytest.raises(CallQueueFull, match="1000 calls"):
            client.enqueue("note.add")
        assert len(client.pending_calls) == 1_000


async def test_calls_outlive_the_process_in_a_file(network: Network, tmp_path: Path) -> None:
    network.is_reachable.clear()
    store = SqliteCallStore(tmp_path / "calls.db")
    async with WsClient(URL, options=replace(network.options(), calls=store)) as client:
        calls = [client.enqueue("note.add", {"n": n}) for n in range(3)]
    with pytest.raises(LineClosed, match=r"closed before note\.add was answered"):
        await calls[0].result()
    store.close()

    network.is_reachable.set()
    kept = SqliteCallStore(tmp_path / "calls.db")
    async with WsClient(URL, options=replace(network.options(), calls=kept)) as client:
        assert [call.key for call in client.pending_calls] == [call.key for call in calls]
        socket = await network.socket()
        assert [(await confirm(socket))[1] for _ in calls] == [call.key for call in calls]
        await until(lambda: not client.pending_calls)
    assert kept.load() == []
    kept.close()


def test_a_store_without_a_file_keeps_nothing() -> None:
    store = MemoryCallStore()
    store.remove("k")
    assert store.load() == []
    store.close()
