"""ASGI servers in this process, on a socket the test opened."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from hypercorn.asyncio import serve
from hypercorn.config import Config

from trunkline.testing.clock import until

App = Callable[[Any, Any, Any], Awaitable[None]]


@asynccontextmanager
async def uvicorn_server(
    app: App, listener: socket.socket, *, lifespan: bool = False, ws: Any = "websockets-sansio", **settings: Any
) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,
        ws=ws,
        lifespan="on" if lifespan else "off",
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=1,
        **settings,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started or running.done())
    try:
        yield
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def hypercorn_server(app: App, listener: socket.socket) -> AsyncIterator[None]:
    config = Config()
    config.bind = [f"fd://{os.dup(listener.fileno())}"]
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    stopping = asyncio.Event()

    async def with_lifespan(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})

    running = asyncio.create_task(serve(with_lifespan, config, shutdown_trigger=stopping.wait))
    try:
        yield
    finally:
        stopping.set()
        await running
