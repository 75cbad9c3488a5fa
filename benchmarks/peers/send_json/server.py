"""The broadcast of FastAPI's documentation ("Handling disconnections and multiple clients")."""

import asyncio
import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from benchmarks.peers.pacing import make_event, obey


async def serve(port: int) -> None:
    """Serve and publish until the standard input ends."""
    app = FastAPI()
    connections: dict[WebSocket, None] = {}

    @app.websocket("/")
    async def listen(websocket: WebSocket) -> None:
        await websocket.accept()
        connections[websocket] = None
        await websocket.send_text("connected")
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            del connections[websocket]

    async def publish(due: int) -> None:
        event = make_event(due)
        for websocket in list(connections):
            await websocket.send_json(event)

    config = uvicorn.Config(app, port=port, ws_per_message_deflate=False, log_level="error", backlog=4096)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await obey(publish)
    server.should_exit = server.force_exit = True
    await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1])))
