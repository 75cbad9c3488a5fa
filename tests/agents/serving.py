"""The application as tests use it: through ASGI in the process, or under a real uvicorn on a free port."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from trunkline.agents.api.application import create_app
from trunkline.agents.api.console import Console
from trunkline.agents.app import AgentsPlatform
from trunkline.agents.login import open_token
from trunkline.agents.server import bind, make_server
from trunkline.agents.settings import Settings, load_settings

BASE = "http://127.0.0.1:8765"


def make_settings(data_dir: Path, **values: Any) -> Settings:
    return load_settings(**{"data_dir": data_dir, "model": "echo", **values})


@dataclass
class Application:
    """The application, started, with a client that holds the token and one that holds nothing."""

    app: FastAPI
    platform: AgentsPlatform
    client: httpx2.AsyncClient
    stranger: httpx2.AsyncClient


@contextlib.asynccontextmanager
async def application(data_dir: Path, *, console: Console | None = None, **values: Any) -> AsyncIterator[Application]:
    """Start the application; without a console it has none, whether one was built here or not."""
    settings = make_settings(data_dir, **values)
    platform = AgentsPlatform(settings)
    app = create_app(settings, platform, console or Console(data_dir / "no-console"))
    transport = httpx2.ASGITransport(app)
    async with platform:
        token = "" if settings.no_auth else open_token(data_dir)
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(transport=transport, base_url=BASE, headers=headers) as client,
            httpx2.AsyncClient(transport=transport, base_url=BASE) as stranger,
        ):
            yield Application(app, platform, client, stranger)


@dataclass
class Running:
    """A server in this process, listening on `port`."""

    settings: Settings
    server: uvicorn.Server
    ready: str
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def connect(self, path: str = "/api/ws/v2", *, subprotocols: Sequence[str] = (), **headers: str) -> connect:
        """Open a WebSocket with the token; `Authorization=""` goes without."""
        offered = [Subprotocol(name) for name in subprotocols] or None
        given = {"Authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        shown = {name: value for name, value in given.items() if value}
        url = f"ws://127.0.0.1:{self.settings.port}{path}"
        return connect(url, additional_headers=shown, subprotocols=offered, open_timeout=5)

    def http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"})


@contextlib.asynccontextmanager
async def serving(data_dir: Path, **values: Any) -> AsyncIterator[Running]:
    """Run the server as `trunkline serve` does, and shut it down as a signal does."""
    asked = make_settings(data_dir, port=0, **values)
    with contextlib.closing(bind(asked)) as listener:
        settings = asked.model_copy(update={"port": listener.getsockname()[1]})
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        server = make_server(settings, ready.set_result)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        either: list[asyncio.Future[Any]] = [task, ready]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        token = "" if settings.no_auth else open_token(data_dir)
        try:
            yield Running(settings, server, await ready, token)
        finally:
            server.should_exit = True
            await task


async def receive_until(socket: ClientConnection, type: str) -> list[Any]:
    """The frames up to and with the first of a type."""
    frames: list[Any] = []
    async with asyncio.timeout(10):
        while not frames or frames[-1]["type"] != type:
            frames.append(json.loads(await socket.recv()))
    return frames
