"""Mounting in a Starlette or FastAPI application."""

from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute


def add_websocket_route(app: Starlette, path: str, endpoint: Any) -> None:
    """Serve `endpoint`, an ASGI application, at `path` of the application."""
    app.router.routes.append(WebSocketRoute(path, endpoint, name="trunkline"))
