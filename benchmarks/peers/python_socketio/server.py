"""Rooms are Socket.IO's topics, and the server says who is in which: every client in two of them."""

import asyncio
import itertools
import sys
from typing import Any

import socketio
import uvicorn

from benchmarks.peers.pacing import make_event, obey


async def serve(port: int) -> None:
    """Serve and publish until the standard input ends."""
    sio = socketio.AsyncServer(async_mode="asgi", transports=["websocket"], http_compression=False)
    numbers = itertools.count()

    @sio.event
    async def connect(sid: str, _environ: dict[str, Any]) -> None:
        await sio.enter_room(sid, "bench:1")
        await sio.enter_room(sid, f"bench:room-{next(numbers) % 100}")
        await sio.emit("joined", to=sid)

    async def publish(due: int) -> None:
        await sio.emit("ticked", make_event(due), room="bench:1")

    app = socketio.ASGIApp(sio)
    config = uvicorn.Config(app, port=port, ws_per_message_deflate=False, log_level="error", backlog=4096)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await obey(publish)
    server.should_exit = server.force_exit = True
    await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1])))
