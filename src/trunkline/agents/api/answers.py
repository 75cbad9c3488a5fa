"""Answers: the structs of the application encoded as they are, and the same structs as OpenAPI's schemas."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from trunkline.agents.api.problems import PROBLEM_TYPE
from trunkline.agents.events import Agent, Message, Run, Thread
from trunkline.agents.models.catalog import ModelInfo
from trunkline.agents.services import Resent
from trunkline.agents.services.paging import Page

_REF: Final = "#/components/schemas/{name}"
_encoder = msgspec.json.Encoder()

Responses = dict[int | str, dict[str, Any]]


class RunAccepted(msgspec.Struct, frozen=True):
    """The run that answers; its text streams to `thread:{id}`, and `/api/runs/{run_id}` tells how it goes."""

    run_id: int


class ModelList(msgspec.Struct, frozen=True):
    """The models of this installation."""

    items: list[ModelInfo]


class Session(msgspec.Struct, frozen=True):
    """Who asks.

    Attributes:
        principal: its name.
        expires_at: when the session ends, RFC 3339; None if it does not.
        no_auth: whether everyone who reaches the server is let in.
    """

    principal: str
    expires_at: str | None
    no_auth: bool


class Health(msgspec.Struct, frozen=True):
    """How the server is."""

    status: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A problem document, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[dict[str, str]] = []
    details: Any = None
    instance: str | None = None


_SCHEMAS: Final = (
    *(Agent, Thread, Message, Run, Page[Agent], Page[Thread], Page[Message]),
    *(Resent, RunAccepted, ModelList, Session, Health, Problem),
)

_PROBLEMS: Final = {
    400: "The body is no JSON.",
    401: "No valid token and no session came with the request.",
    403: "A page of another origin asked, or the principal may not do this.",
    404: "There is no such thing.",
    409: "The request contradicts the present state.",
    413: "The body, or a part of it, is too large.",
    415: "The body is not announced as application/json.",
    422: "The request is not valid.",
    429: "Too many requests.",
    503: "The storage is not available.",
}
_ALWAYS: Final = (401, 422, 429, 503)
_WITH_BODY: Final = (400, 403, 413, 415)


class Answer(Response):
    """A struct as JSON."""

    media_type = "application/json"

    def __init__(self, content: object, status_code: int = 200) -> None:
        super().__init__(_encoder.encode(content), status_code, {"Cache-Control": "no-store"})


def answers(status: int, content: Any = None, *, fails: Sequence[int] = (), body: bool = False) -> Responses:
    """Describe a route for OpenAPI.

    Args:
        status: of the answer if all goes well.
        content: the type of its body, or None.
        fails: statuses of the problems that this route knows besides those that all have.
        body: whether it takes a body.
    """
    described: Responses = {status: {"description": "Done."}}
    if content is not None:
        described[status]["content"] = _content("application/json", content)
    for failing in sorted({*fails, *_ALWAYS, *(_WITH_BODY if body else ())}):
        described[failing] = {"description": _PROBLEMS[failing], "content": _content(PROBLEM_TYPE, Problem)}
    return described


def _content(media_type: str, content: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([content], ref_template=_REF)
    return {media_type: {"schema": schema}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the structs among its schemas. Made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, schemas = msgspec.json.schema_components(_SCHEMAS, ref_template=_REF)
        document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
        app.openapi_schema = document
    return app.openapi_schema
