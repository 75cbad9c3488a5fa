"""A FastAPI application with a line, whose typed events go the whole public way: bus, broker, log, hub, socket."""

import asyncio
import sys

import uvicorn
from fastapi import FastAPI
from msgspec import Struct

from benchmarks.peers.pacing import FILLER, make_stamp, obey
from trunkline import EventType, HubOptions, LineOptions, Trunkline, allow_all, anonymous
from trunkline.hub.admission import AdmissionOptions


class Tick(Struct, frozen=True):
    """The event."""

    key: str
    at: str
    text: str


TICKED = EventType("ticked", Tick, topic="bench:{key}")


def make_line() -> Trunkline:
    """A line that takes all clients of the load, which come at once and from one machine."""
    admission = AdmissionOptions(rate=100_000, burst=100_000, max_lag=60.0)
    options = LineOptions(
        hub=HubOptions(max_connections=100_000, max_connections_per_principal=100_000, admission=admission)
    )
    return Trunkline(authenticate=anonymous, authorize=allow_all, options=options)


async def serve(port: int, ws: str) -> None:
    """Serve and publish until the standard input ends."""
    line = make_line()
    app = FastAPI(lifespan=line.lifespan)
    line.mount(app)

    async def publish(due: int) -> None:
        await line.publish(TICKED, Tick("1", make_stamp(due), FILLER))

    config = uvicorn.Config(app, port=port, ws=ws, ws_per_message_deflate=False, log_level="error", backlog=4096)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await obey(publish)
    server.should_exit = server.force_exit = True
    await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1]), sys.argv[2]))
