"""`create_app`: the FastAPI application around a platform."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import WebSocketRoute

from trunkline import __version__
from trunkline.agents.api import agents, docs, operations, pages, runs, session, threads
from trunkline.agents.api.answers import describe
from trunkline.agents.api.console import Console, ConsoleFallback, built_console
from trunkline.agents.api.guard import Guard, RefusingEndpoint
from trunkline.agents.api.observing import Observer
from trunkline.agents.api.problems import add_problem_handlers, problem
from trunkline.agents.app import AgentsPlatform
from trunkline.agents.legacy import LEGACY_ENDPOINT, LEGACY_HEADERS
from trunkline.agents.settings import Settings

_DESCRIPTION = (
    "Agents, their threads and the answers of their models. Every change is also told over one WebSocket, /api/ws/v2. "
    "Failures are problem documents (RFC 9457)."
)


def create_app(settings: Settings, platform: AgentsPlatform | None = None, console: Console | None = None) -> FastAPI:
    """Make the application: REST, both WebSocket endpoints, the console, the pages and the guard in front of them.

    Its lifespan starts and stops the platform. One process, one event loop: the memory broker is not shared.

    Args:
        settings: what to run with.
        platform: a platform made elsewhere; one is made from the settings unless given.
        console: the files of a console; those of the package unless given.
    """
    running = AgentsPlatform(settings) if platform is None else platform

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running:
            yield

    app = FastAPI(
        title="Trunkline agents",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.platform = running
    add_problem_handlers(app)
    for module in (agents, threads, runs, session, operations, pages, docs):
        app.include_router(module.router)
    _mount_line(app, running)
    app.state.console = built_console() if console is None else console
    app.router.default = ConsoleFallback(app.state.console, app.router.default)
    app.add_middleware(Guard, settings=settings, access=lambda: running.access)
    app.add_middleware(Observer)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app


def _mount_line(app: FastAPI, platform: AgentsPlatform) -> None:
    platform.line.mount(app)
    if platform.settings.legacy:
        platform.line.mount(app, LEGACY_ENDPOINT, dialect=platform.speak_legacy, headers=LEGACY_HEADERS)
        return
    sentence = "This endpoint is turned off here; connect to /api/ws/v2."
    gone = problem(410, sentence, headers=dict(LEGACY_HEADERS))
    app.router.routes.append(WebSocketRoute(LEGACY_ENDPOINT, RefusingEndpoint(gone)))


def _operation_id(route: APIRoute) -> str:
    return route.name
