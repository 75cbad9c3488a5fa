"""The three lines that mount a line in an application, under a real server: on the ASGI way and on the fast path."""

import asyncio
import json
import logging
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

import msgspec
import pytest
from fastapi import Depends, FastAPI, WebSocket
from starlette.applications import Starlette
from websockets.asyncio.client import connect

from tests.transports.servers import App, uvicorn_server
from trunkline.bus import EventBus
from trunkline.events import EventType
from trunkline.hub.access import Principal, allow_all, anonymous
from trunkline.line import Trunkline
from trunkline.testing.clock import until


class Score(msgspec.Struct, frozen=True):
    team: str
    points: int
    report: str = ""


SCORED = EventType("starlette_scored", Score, topic="score:{team}")


Running = Callable[[App], AbstractAsyncContextManager[str]]


@pytest.fixture(params=["websockets-sansio", "trunkline.transports.uvicorn:DetachingProtocol"])
def running(request: pytest.FixtureRequest) -> Running:
    """Serve an application while a block runs; the address."""

    @asynccontextmanager
    async def run(app: App) -> AsyncIterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with uvicorn_server(app, listener, lifespan=True, ws=request.param):
                yield f"ws://127.0.0.1:{listener.getsockname()[1]}"

    return run


async def test_a_line_is_mounted_and_lives_with_the_application(running: Running) -> None:
    line = Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus())
    app = Starlette(lifespan=line.lifespan)
    line.mount(app)
    for _ in range(2):
        async with running(app) as url, connect(f"{url}/api/ws/v2?initial_topics=score:*") as websocket:
            assert json.loads(await websocket.recv())["type"] == "subscribed"
            await line.publish(SCORED, Score("red", 3))
            assert json.loads(await websocket.recv())["data"]["points"] == 3


async def test_a_route_of_the_application_may_serve_the_line(running: Running) -> None:
    line = Trunkline(authorize=lambda principal, _action, topic: topic == f"score:{principal.id}", bus=EventBus())
    app = FastAPI(lifespan=line.lifespan)

    @app.websocket("/live/{team}")
    async def live(websocket: WebSocket, team: str) -> None:
        await line.serve(websocket, Principal(team))

    async with running(app) as url, connect(f"{url}/live/red?initial_topics=score:red,score:blue") as websocket:
        answers = [json.loads(await websocket.recv()) for _ in range(2)]
        assert {answer["topic"]: answer["type"] for answer in answers} == {
            "score:red": "subscribed", "score:blue": "error",
        }  # fmt: skip


async def test_a_peer_that_vanishes_from_such_a_route_is_no_error(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    line = Trunkline(authorize=allow_all, bus=EventBus())
    app = FastAPI(lifespan=line.lifespan)

    @app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await line.serve(websocket, Principal("ann"))

    async with (
        running(app) as url,
        connect(f"{url}/live?initial_topics=score:red", max_queue=1, compression=None) as websocket,
    ):
        await until(lambda: line.hub.topics)
        (connection,) = line.hub.connections.values()
        while not connection.lagging:
            await line.publish(SCORED, Score("red", 1, "x" * 10_000))
            await asyncio.sleep(0)
        linger = struct.pack("ii", 1, 0)
        websocket.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        websocket.transport.abort()
        await until(lambda: not line.hub.connections)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_other_websocket_routes_and_their_dependencies_are_as_before(running: Running) -> None:
    line = Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus())
    app = FastAPI(lifespan=line.lifespan)
    line.mount(app)

    def user(websocket: WebSocket) -> str:
        return websocket.cookies.get("user", "nobody")

    @app.websocket("/echo")
    async def echo(websocket: WebSocket, name: Annotated[str, Depends(user)]) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(f"{name}: {text}")

    async with running(app) as url:
        async with connect(f"{url}/echo", additional_headers={"Cookie": "user=ann"}) as websocket:
            for text in ("one", "two"):
                await websocket.send(text)
                assert await websocket.recv() == f"ann: {text}"
        async with connect(f"{url}/api/ws/v2") as websocket:
            await websocket.send('{"type": "ping", "timestamp": 1}')
            assert json.loads(await websocket.recv()) == {"type": "pong", "timestamp": 1}
