"""`/api/models`, and what an operator asks: `/healthz`, `/readyz`, `/metrics`."""

from fastapi import APIRouter, Response

from trunkline import render_metrics
from trunkline.agents.api.answers import Answer, Health, ModelList, answers
from trunkline.agents.api.dependencies import Caller, Platform
from trunkline.agents.api.problems import unavailable_problem

router = APIRouter()


@router.get("/api/models", tags=["models"], responses=answers(200, ModelList))
async def list_models(platform: Platform, _caller: Caller) -> Response:
    """The models of this installation, the default among them marked."""
    return Answer(ModelList(await platform.catalog.list()))


@router.get("/healthz", tags=["operations"], responses=answers(200, Health))
async def healthz() -> Response:
    """The process is up."""
    return Answer(Health("ok"))


@router.get("/readyz", tags=["operations"], responses=answers(200, Health))
async def readyz(platform: Platform) -> Response:
    """The database answers and the server does not drain; 503 otherwise."""
    reason = await platform.why_not_ready()
    return Answer(Health("ready")) if reason is None else unavailable_problem(reason)


@router.get("/metrics", tags=["operations"], response_class=Response)
async def metrics(platform: Platform, _caller: Caller) -> Response:
    """Counters for Prometheus, which sends the access token by `authorization: {credentials_file: …/token}`.

    They tell how many people are here and what they do, so they are no more public than the rest.
    """
    body, content_type = render_metrics(platform.line, legacy_connections=platform.legacy_connections)
    return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})
