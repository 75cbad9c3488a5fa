"""A streamed answer of a real model over a connection that is cut: every token once."""

from typing import Any

import pytest

from benchmarks.rest_client import RestClient
from tests.e2e.conftest import StartServer
from trunkline import ClientLine, ReceivedEvent, ReceivedSnapshot, Update, connect
from trunkline.testing import FaultProxy

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

QUESTION = "Tell me a long story about a telephone operator and her switchboard."
LENGTH = {"max_tokens": 120, "temperature": 0.7, "seed": 7}


@pytest.mark.model
async def test_a_real_answer_survives_two_cuts_with_every_token_once(start_server: StartServer) -> None:
    server = start_server(model="local/smollm2")
    async with RestClient(server) as rest, FaultProxy(server.port) as proxy:
        _, thread_id = await rest.start_thread({"name": "Teller", "config": LENGTH})
        async with connect(f"http://127.0.0.1:{proxy.port}", token=server.token) as line:
            updates = await ask(line, thread_id, proxy)
            stats = line.client.stats
        stored = (await rest.get(f"/api/threads/{thread_id}/messages"))["items"]

    assert (stats.connects, proxy.accepted, proxy.most_open) == (3, 3, 1)
    assert stats.recovered > 0
    snapshot, *events = updates
    assert isinstance(snapshot, ReceivedSnapshot)
    assert [event.seq for event in events if isinstance(event, ReceivedEvent)] == [
        snapshot.position.seq + number for number in range(1, len(events) + 1)
    ]
    chunks = [event.data for event in events if isinstance(event, ReceivedEvent) and event.type == "stream_chunk"]
    assert len(chunks) >= 12
    assert joined(chunks) == stored[-1]["content"]
    assert [message["role"] for message in stored] == ["user", "assistant"]


async def ask(line: ClientLine, thread_id: int, proxy: FaultProxy) -> list[Update]:
    """Ask, cut the connection at the 4th and the 10th chunk, and return what the application got until the end."""
    updates: list[Update] = []
    chunks = 0
    async with line.subscribe(f"thread:{thread_id}") as subscription:
        async for update in subscription:
            updates.append(update)
            if isinstance(update, ReceivedSnapshot):
                params = {"thread_id": thread_id, "content": QUESTION, "client_id": "a", "run": True}
                await line.call("thread.send", params, key="a")
            if isinstance(update, ReceivedEvent) and update.type == "stream_chunk":
                chunks += 1
                if chunks == 4:
                    proxy.cut()
                elif chunks == 10:
                    # Less than a frame with a chunk, so the cut goes through one.
                    proxy.reset_after(100)
            elif isinstance(update, ReceivedEvent) and update.type == "run_finished":
                assert update.data["status"] == "done"
                return updates
    raise AssertionError("The line ended before the answer did")


def joined(chunks: list[dict[str, Any]]) -> str:
    """The text of chunks, each of which must begin where the one before ended."""
    text = ""
    for chunk in chunks:
        assert chunk["at"] == len(text)
        text += chunk["text"]
    return text
