"""Publishes ticks at an even rate to a page that draws each frame.

uvicorn benchmarks.browser_frames.app:app
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from msgspec import Struct
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from trunkline import EventType, Trunkline, allow_all, anonymous

EVENTS_A_SECOND = int(os.environ.get("EVENTS_A_SECOND", "10000"))
_PERIOD = 0.004
_FOLDER = Path(__file__).parent
_CLIENT = _FOLDER.parent.parent / "web" / "client" / "dist"


class Tick(Struct, frozen=True):
    """What a busy feed carries: about 128 bytes as a frame."""

    number: int
    price: float
    symbol: str = "EURUSD"


TICK = EventType("tick", Tick, topic="ticks:all", feed=False)
line = Trunkline(authenticate=anonymous, authorize=allow_all)
published = 0


async def publish() -> None:
    """Publish as many as the time that has passed asks for, every few milliseconds."""
    global published  # noqa: PLW0603  # The page asks for it.
    clock = asyncio.get_running_loop().time
    begun = clock()
    while True:
        for number in range(published, int((clock() - begun) * EVENTS_A_SECOND)):
            await line.publish(TICK, Tick(number, number % 997 / 100))
            published += 1
        await asyncio.sleep(_PERIOD)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Publish while the line runs."""
    async with line.lifespan(app):
        publishing = asyncio.create_task(publish())
        yield
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing


async def count(_request: object) -> JSONResponse:
    """How many were published so far."""
    return JSONResponse({"published": published})


app = Starlette(routes=[Route("/published", count)], lifespan=lifespan)
line.mount(app)
app.mount("/client", StaticFiles(directory=_CLIENT))
app.router.routes.append(Mount("/", StaticFiles(directory=_FOLDER, html=True)))
