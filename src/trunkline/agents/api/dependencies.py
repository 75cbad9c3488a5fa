"""What routes take: the platform, the caller, the page of a list. And how their bodies are read."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, cast

import msgspec
from fastapi import Depends, Path, Query, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trunkline import Principal
from trunkline.agents.api.bodies import MAX_ID
from trunkline.agents.app import AgentsPlatform

DEFAULT_PAGE = 50
LONGEST_PAGE = 200


def platform_of(request: Request) -> AgentsPlatform:
    """The platform behind the application."""
    return cast("AgentsPlatform", request.app.state.platform)


def _caller(request: Request) -> Principal:
    """Who asks. The guard lets nobody through to a route that needs this without having told it."""
    principal = request.state.principal
    if not isinstance(principal, Principal):
        raise HTTPException(401, "This needs the access token.")
    return principal


Platform = Annotated[AgentsPlatform, Depends(platform_of)]
Caller = Annotated[Principal, Depends(_caller)]
PathId = Annotated[int, Path(ge=1, le=MAX_ID)]
After = Annotated[int | None, Query(ge=0, le=MAX_ID, description="The `next` of the page before.")]
Before = Annotated[
    int | None, Query(ge=1, le=MAX_ID, description="Only what is older than this id; `next` then leads further back.")
]
Limit = Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="Things a page.")]


class _JsonRequest(Request):
    async def json(self) -> Any:
        """Read the body strictly: UTF-8, no NaN, no lone surrogates, no numbers out of range."""
        try:
            return msgspec.json.decode(await self.body())
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise HTTPException(400, f"The body is not valid JSON: {error}.") from error


class JsonRoute(APIRoute):
    """A route whose JSON body is read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the request on as one that reads strictly."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(_JsonRequest(request.scope, request.receive))

        return handle
