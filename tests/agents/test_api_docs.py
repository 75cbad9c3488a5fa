"""The OpenAPI document says what the routes do."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.serving import Application, application
from trunkline.agents.events import Agent

ROUTES = {
    "/api/agents": {"get", "post"},
    "/api/agents/{agent_id}": {"get", "put", "patch", "delete"},
    "/api/threads": {"get", "post"},
    "/api/threads/{thread_id}": {"get", "put", "patch", "delete"},
    "/api/threads/{thread_id}/messages": {"get", "post"},
    "/api/threads/{thread_id}/messages/{message_id}/resend": {"post"},
    "/api/threads/{thread_id}/run": {"post"},
    "/api/runs/{run_id}": {"get"},
    "/api/runs/{run_id}/cancel": {"post"},
    "/api/session": {"get"},
    "/api/models": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Application]:
    async with application(tmp_path) as api:
        yield api


@pytest.fixture
async def document(api: Application) -> Any:
    return (await api.stranger.get("/openapi.json")).json()


def test_the_routes_are_those_of_the_protocol(document: Any) -> None:
    assert {path: set(methods) for path, methods in document["paths"].items()} == ROUTES


def test_every_operation_names_what_it_answers(document: Any) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            good = [response for status, response in operation["responses"].items() if status < "300"]
            assert len(good) == 1, (path, method)
            if method != "delete" and path != "/metrics":
                assert "$ref" in good[0]["content"]["application/json"]["schema"], (path, method)


def test_every_failure_is_a_problem(document: Any) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    schema = response["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}


def test_references_are_whole_and_names_are_unique(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/([\w.-]+)", str(document))) <= schemas.keys()
    operations = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(operations) == len(set(operations))


def test_an_agents_schema_is_made_from_its_struct(document: Any) -> None:
    assert document["components"]["schemas"]["Agent"]["properties"].keys() == set(Agent.__struct_fields__)


async def test_the_page_shows_every_operation_and_schema(api: Application, document: Any) -> None:
    text = (await api.stranger.get("/docs")).text
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in text
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in text
