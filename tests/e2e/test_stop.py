"""Signals end the server in order: within seconds, with its exit code, nobody left in the dark."""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from typing import TypeVar

import httpx2
import pytest

from benchmarks.rest_client import RestClient
from tests.e2e.conftest import StartServer
from trunkline import LineState, Noticed, ReceivedEvent, StateChanged, WsClient
from trunkline.protocol.messages import Goaway

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

SECONDS = 10.0

T = TypeVar("T")


class Seen:
    """What a client was told, in order."""

    def __init__(self) -> None:
        self._all: list[object] = []
        self._changed = asyncio.Event()

    def note(self, what: object) -> None:
        self._all.append(what)
        self._changed.set()

    def of(self, kind: type[T]) -> list[T]:
        return [what for what in self._all if isinstance(what, kind)]

    @property
    def text(self) -> str:
        return "".join(event.data["text"] for event in self.of(ReceivedEvent) if event.type == "stream_chunk")

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_an_idle_server(start_server: StartServer, number: int, code: int) -> None:
    server = start_server()
    file = server.data_dir / "server.json"
    assert json.loads(file.read_text()) == {"url": server.url, "pid": server.process.pid}
    began = time.monotonic()
    assert server.stop(number) == code
    assert time.monotonic() - began < SECONDS
    assert not file.exists()
    assert "Traceback" not in server.log.read_text()


async def test_sigterm_in_an_answer_keeps_its_text_and_says_so(start_server: StartServer) -> None:
    # Less than the answer takes: it is not waited for to its end.
    server = start_server(variables={"TRUNKLINE_DRAIN_SECONDS": "2"})
    seen = Seen()
    client = WsClient(server.ws_url, token=server.token, on_message=seen.note, on_disconnect=seen.note)
    async with RestClient(server) as rest:
        _, thread_id = await rest.start_thread({"name": "Echo"})
        async with client:
            client.subscribe(f"thread:{thread_id}")
            params = {"thread_id": thread_id, "content": "word " * 500, "run": True}
            await client.call("thread.send", params)
            await seen.wait_for(lambda: seen.text.count("word") >= 5)
            began = time.monotonic()
            assert await asyncio.to_thread(server.stop) == 0
            assert time.monotonic() - began < SECONDS
            await seen.wait_for(lambda: bool(seen.of(StateChanged)))
    goodbye = next(notice.message for notice in seen.of(Noticed) if isinstance(notice.message, Goaway))
    change = seen.of(StateChanged)[0]
    assert change.state is LineState.WAITING
    assert change.retry_in == goodbye.retry_after_ms / 1000
    (finished,) = [event.data for event in seen.of(ReceivedEvent) if event.type == "run_finished"]
    assert finished["status"] == "failed"

    again = start_server(port=server.port)
    messages = httpx2.get(f"{again.url}/api/threads/{thread_id}/messages", headers=again.headers).json()["items"]
    assert messages[-1]["content"] == seen.text
