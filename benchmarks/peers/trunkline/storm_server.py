"""The benchmark's line, publishing what it is told: a line of JSON, `[[key, stamp], ...]`; answered with positions."""

import asyncio
import gc
import json
import sys

import uvicorn
from fastapi import FastAPI

from benchmarks.peers.trunkline.server import TICKED, Tick, make_line
from trunkline.transports.uvicorn import DetachingProtocol

_LONGEST_LINE = 1 << 26


async def serve(port: int) -> None:
    """Serve until the standard input ends."""
    line = make_line()
    app = FastAPI(lifespan=line.lifespan)
    line.mount(app)
    config = uvicorn.Config(app, port=port, ws=DetachingProtocol, ws_per_message_deflate=False, log_level="error",
                            backlog=4096)  # fmt: skip
    gc.freeze()  # as the documentation advises
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while told := await reader.readline():
        published = [await line.publish(TICKED, Tick(key, stamp, "x" * 64)) for key, stamp in json.loads(told)]
        print(json.dumps({"positions": [one.position for one in published]}), flush=True)
    server.should_exit = server.force_exit = True
    await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1])))
