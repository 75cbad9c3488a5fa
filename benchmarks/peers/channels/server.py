"""A consumer of Django Channels whose every client is in two groups."""

import asyncio
import itertools
import sys
from typing import Any

import django
import uvicorn
from django.conf import settings

from benchmarks.peers.pacing import make_event, obey

settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 10_000}}},
    LOGGING_CONFIG=None,
)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402 - it reads the settings
from channels.layers import get_channel_layer  # noqa: E402

_numbers = itertools.count()


class Listener(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """One client."""

    async def connect(self) -> None:
        """Take it, and put it into its groups."""
        await self.accept()
        self.names = ["bench.1", f"bench.room-{next(_numbers) % 100}"]
        for name in self.names:
            await self.channel_layer.group_add(name, self.channel_name)
        await self.send("subscribed")

    async def disconnect(self, _code: int) -> None:
        """Take it out of its groups."""
        for name in self.names:
            await self.channel_layer.group_discard(name, self.channel_name)

    async def ticked(self, message: dict[str, Any]) -> None:
        """Give it an event of a group."""
        await self.send_json(message["event"])


async def serve(port: int) -> None:
    """Serve and publish until the standard input ends."""
    layer = get_channel_layer()

    async def publish(due: int) -> None:
        await layer.group_send("bench.1", {"type": "ticked", "event": make_event(due)})

    config = uvicorn.Config(
        Listener.as_asgi(), port=port, ws_per_message_deflate=False, log_level="error", backlog=4096, lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await obey(publish)
    server.should_exit = server.force_exit = True
    await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1])))
