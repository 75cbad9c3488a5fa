"""Whatever is sent, the answer is a problem document that says what was wrong."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agents.serving import Application, application

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Application]:
    async with application(tmp_path, limits={"max_body_bytes": 4096}) as api:
        yield api


@pytest.fixture
def client(api: Application) -> httpx2.AsyncClient:
    return api.client


def check_problem(answer: httpx2.Response, status: int, code: str) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() >= {"type", "title", "status", "detail", "code"}
    assert (body["type"], body["status"], body["code"]) == ("about:blank", status, code)
    assert "Traceback" not in answer.text
    return body


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"", b"\xff", b"\xef\xbb\xbf{}", b"[" * 4000),
        *(b'{"name": NaN}', b'{"name": "\\ud800"}', b'{"name": "a", "config": {"n": 1e999}}'),
    ],
)
async def test_what_is_no_json_is_400_or_missing(client: httpx2.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/agents", content=body, headers=JSON)
    if body:
        problem = check_problem(answer, 400, "invalid_json")
        assert problem["detail"].startswith("The body is not valid JSON: ")
    else:
        check_problem(answer, 422, "invalid_message")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body.name"),
        ({"name": 3}, "body.name"),
        ({"name": "a", "config": []}, "body.config"),
        ({"name": "a", "status": "running"}, "body.status"),
        ({"name": " "}, "body.name"),
        ({"name": "a\0"}, "body.name"),
        ([], "body"),
        ("text", "body"),
    ],
)
async def test_a_body_that_is_not_valid_names_its_places(client: httpx2.AsyncClient, body: Any, place: str) -> None:
    problem = check_problem(await client.post("/api/agents", json=body), 422, "invalid_message")
    assert [error["place"] for error in problem["errors"]] == [place]
    assert all(error.keys() == {"place", "error", "kind"} for error in problem["errors"])


async def test_types_are_strict_in_bodies(client: httpx2.AsyncClient) -> None:
    for body in ({"agent_id": "1"}, {"agent_id": 1.0}, {"agent_id": True}, {"agent_id": 0}, {"agent_id": 2**63}):
        problem = check_problem(await client.post("/api/threads", json=body), 422, "invalid_message")
        assert problem["errors"][0]["place"] == "body.agent_id"
    check_problem(await client.patch("/api/agents/1", json={"name": None}), 422, "invalid_message")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/api/agents/abc", "path.agent_id"),
        ("/api/agents/0", "path.agent_id"),
        ("/api/agents/-1", "path.agent_id"),
        (f"/api/agents/{2**63}", "path.agent_id"),
        ("/api/agents?limit=0", "query.limit"),
        ("/api/agents?limit=201", "query.limit"),
        ("/api/agents?after=x", "query.after"),
        ("/api/agents?after=-1", "query.after"),
        (f"/api/threads?agent_id={'9' * 5000}", "query.agent_id"),
    ],
)
async def test_numbers_out_of_range_are_422(client: httpx2.AsyncClient, path: str, place: str) -> None:
    problem = check_problem(await client.get(path), 422, "invalid_message")
    assert problem["errors"][0]["place"] == place


async def test_an_address_that_is_not_there_is_404(client: httpx2.AsyncClient) -> None:
    for path in ("/api/nothing", "/nothing", "/api/agents/", "/api/ws", "/api/ws/v2"):
        check_problem(await client.get(path), 404, "not_found")


async def test_a_method_that_is_not_taken_is_405(client: httpx2.AsyncClient) -> None:
    answer = await client.delete("/api/agents")
    check_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


async def test_a_body_of_another_type_is_415(client: httpx2.AsyncClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = await client.post("/api/agents", content=b'{"name": "a"}', headers={"Content-Type": kind})
        check_problem(answer, 415, "unsupported_media_type")
    taken = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await client.post("/api/agents", content=b'{"name": "a"}', headers=taken)).status_code == 201


async def test_a_body_over_the_limit_is_413(client: httpx2.AsyncClient) -> None:
    check_problem(await client.post("/api/agents", json={"name": "a" * 5000}), 413, "too_large")


async def test_a_body_is_counted_while_it_comes(client: httpx2.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1000

    # A length that is not true, and none at all.
    for headers in (JSON, {**JSON, "Content-Length": "10"}):
        async with asyncio.timeout(10):
            check_problem(await client.post("/api/agents", content=endless(), headers=headers), 413, "too_large")
    assert sent < 20


async def test_a_field_over_its_limit_is_413_with_its_place(client: httpx2.AsyncClient) -> None:
    problem = check_problem(await client.post("/api/agents", json={"name": "a" * 300}), 413, "too_large")
    assert problem["errors"][0]["place"] == "body.name"


async def test_too_many_requests_are_429(tmp_path: Path) -> None:
    limits = {"requests_per_second": 0.001, "request_burst": 3}
    async with application(tmp_path, limits=limits) as api:
        statuses = [(await api.client.get("/api/agents")).status_code for _ in range(3)]
        assert statuses == [200, 200, 200]
        answer = await api.client.get("/api/agents")
        check_problem(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 0
        # A stranger's requests are counted apart.
        assert (await api.stranger.get("/healthz")).status_code == 200


async def test_a_closed_database_is_503(api: Application) -> None:
    await api.platform.database.stop()
    for method, path in (("GET", "/api/agents"), ("GET", "/api/runs/1"), ("DELETE", "/api/threads/1")):
        answer = await api.client.request(method, path)
        check_problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
    check_problem(await api.client.post("/api/agents", json={"name": "a"}), 503, "unavailable")


async def test_a_draining_server_takes_no_runs(api: Application) -> None:
    agent = (await api.client.post("/api/agents", json={"name": "a"})).json()
    thread = (await api.client.post("/api/threads", json={"agent_id": agent["id"]})).json()
    await api.client.post(f"/api/threads/{thread['id']}/messages", json={"content": "Hello"})
    await api.platform.drain()
    answer = await api.client.post(f"/api/threads/{thread['id']}/run")
    assert answer.status_code == 503
    # Everything else goes on, and its events wait for the next start.
    assert (await api.client.post("/api/agents", json={"name": "b"})).status_code == 201


async def test_a_fault_of_the_program_is_500_with_an_id_and_no_traceback(
    api: Application, caplog: pytest.LogCaptureFixture
) -> None:
    @api.app.get("/api/broken")
    async def broken() -> None:
        raise RuntimeError("the secret reason")

    answer = await api.client.get("/api/broken")
    problem = check_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert problem["instance"].startswith("urn:uuid:")
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert problem["instance"].removeprefix("urn:uuid:") in record.getMessage()
    assert record.exc_info


# Any body, any path

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
fields = st.sampled_from(["name", "model", "config", "agent_id", "title", "active", "content", "client_id", "version"])
bodies = st.dictionaries(fields | st.text(), values | st.integers(1, 5)).map(json.dumps).map(str.encode) | st.binary()
paths = st.sampled_from(
    [
        *("/api/agents", "/api/agents/1", "/api/threads", "/api/threads/1", "/api/threads/1/messages"),
        *("/api/threads/1/run", "/api/runs/1/cancel", "/login"),
    ]
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"]), paths, bodies), max_size=10))
def test_any_body_gets_an_answer_that_is_no_500(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[str, str, bytes]]
) -> None:
    async def drive() -> None:
        async with application(tmp_path_factory.mktemp("fuzz")) as api:
            for method, path, body in requests:
                answer = await api.client.request(method, path, content=body, headers=JSON)
                assert answer.status_code < 500, (method, path, body, answer.text)
                if answer.status_code >= 400 and path != "/login":
                    assert answer.headers["content-type"] == "application/problem+json"
            assert (await api.client.get("/api/agents")).status_code == 200

    asyncio.run(drive())
