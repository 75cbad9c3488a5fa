"""Agents, threads, messages and runs over REST, as a well-behaved client uses them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.agents.serving import Application, application


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Application]:
    async with application(tmp_path) as api:
        yield api


@pytest.fixture
def client(api: Application) -> httpx2.AsyncClient:
    return api.client


async def make_agent(client: httpx2.AsyncClient, **fields: Any) -> Any:
    answer = await client.post("/api/agents", json={"name": "Ada", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def make_thread(client: httpx2.AsyncClient) -> Any:
    agent = await make_agent(client)
    answer = await client.post("/api/threads", json={"agent_id": agent["id"], "title": "Tides"})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_an_agent_lives_and_dies(client: httpx2.AsyncClient) -> None:
    made = await make_agent(client, config={"temperature": 0.5, "mine": [1, None, "é"]})
    assert made.items() >= {"name": "Ada", "status": "idle", "model": "", "version": 1}.items()
    path = f"/api/agents/{made['id']}"
    assert (await client.get(path)).json() == made

    patched = (await client.patch(path, json={"system_instructions": "Be brief."})).json()
    assert patched.items() >= {"name": "Ada", "system_instructions": "Be brief.", "version": 2}.items()
    assert patched["config"] == made["config"]

    replaced = (await client.put(path, json={"name": "Grace", "version": 2})).json()
    assert replaced.items() >= {"name": "Grace", "system_instructions": "", "config": {}, "version": 3}.items()

    deleted = await client.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await client.get(path)).status_code == 404


async def test_a_change_of_an_older_version_is_a_conflict(client: httpx2.AsyncClient) -> None:
    agent = await make_agent(client)
    await client.patch(f"/api/agents/{agent['id']}", json={"name": "Grace", "version": 1})
    for answer in (
        await client.patch(f"/api/agents/{agent['id']}", json={"name": "Alan", "version": 1}),
        await client.put(f"/api/agents/{agent['id']}", json={"name": "Alan", "version": 1}),
    ):
        assert answer.status_code == 409
        assert answer.json()["code"] == "conflict"
    assert (await client.get(f"/api/agents/{agent['id']}")).json()["name"] == "Grace"


async def test_an_empty_patch_changes_nothing(client: httpx2.AsyncClient) -> None:
    agent = await make_agent(client)
    assert (await client.patch(f"/api/agents/{agent['id']}", json={})).json() == agent


async def test_lists_page_by_cursor(client: httpx2.AsyncClient) -> None:
    made = [(await make_agent(client, name=f"Agent {n}"))["id"] for n in range(5)]
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = (await client.get("/api/agents", params={"after": after, "limit": 2})).json()
        assert page.keys() == {"items", "next"}
        assert len(page["items"]) <= 2
        seen += [agent["id"] for agent in page["items"]]
        after = page["next"]
    assert seen == made
    assert (await client.get("/api/agents", params={"after": made[-1]})).json() == {"items": [], "next": None}


async def test_a_page_has_fifty_unless_told(client: httpx2.AsyncClient) -> None:
    for n in range(51):
        await make_agent(client, name=f"Agent {n}")
    page = (await client.get("/api/agents")).json()
    assert len(page["items"]) == 50
    assert page["next"] == page["items"][-1]["id"]


async def test_a_thread_and_its_messages(client: httpx2.AsyncClient) -> None:
    thread = await make_thread(client)
    path = f"/api/threads/{thread['id']}"
    assert thread.items() >= {"title": "Tides", "active": True, "version": 1}.items()
    assert (await client.get(path)).json() == thread

    said = await client.post(f"{path}/messages", json={"content": "Hello", "client_id": "c1"})
    assert said.status_code == 201
    assert said.json().items() >= {"role": "user", "content": "Hello", "client_id": "c1"}.items()
    again = await client.post(f"{path}/messages", json={"content": "Hello", "client_id": "c1"})
    assert again.json() == said.json()
    page = (await client.get(f"{path}/messages")).json()
    assert page == {"items": [said.json()], "next": None}

    patched = (await client.patch(path, json={"active": False})).json()
    assert patched.items() >= {"title": "Tides", "active": False}.items()
    replaced = (await client.put(path, json={"agent_id": thread["agent_id"], "title": "Ebb"})).json()
    assert replaced.items() >= {"title": "Ebb", "active": True}.items()
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(f"{path}/messages")).status_code == 404


async def test_threads_are_listed_by_their_agent(client: httpx2.AsyncClient) -> None:
    first, second = await make_thread(client), await make_thread(client)
    everything = (await client.get("/api/threads")).json()["items"]
    assert [thread["id"] for thread in everything] == [first["id"], second["id"]]
    of_second = (await client.get("/api/threads", params={"agent_id": second["agent_id"]})).json()["items"]
    assert [thread["id"] for thread in of_second] == [second["id"]]


async def test_a_thread_does_not_move_to_another_agent(client: httpx2.AsyncClient) -> None:
    thread, other = await make_thread(client), await make_agent(client)
    answer = await client.put(f"/api/threads/{thread['id']}", json={"agent_id": other["id"]})
    assert answer.status_code == 409


async def test_a_run_is_accepted_and_can_be_cancelled(client: httpx2.AsyncClient) -> None:
    thread = await make_thread(client)
    path = f"/api/threads/{thread['id']}"
    await client.post(f"{path}/messages", json={"content": "word " * 500})
    accepted = await client.post(f"{path}/run")
    assert accepted.status_code == 202
    assert accepted.json().keys() == {"run_id"}
    run = f"/api/runs/{accepted.json()['run_id']}"
    assert (await client.get(run)).json()["status"] in {"queued", "running"}
    busy = await client.post(f"{path}/run")
    assert (busy.status_code, busy.json()["code"]) == (409, "conflict")
    cancelled = await client.post(f"{run}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (await client.post(f"{run}/cancel")).json() == cancelled.json()


async def test_what_does_not_exist_is_named(client: httpx2.AsyncClient) -> None:
    for method, path, sentence in [
        ("GET", "/api/agents/99999", "Agent 99999 not found"),
        ("PATCH", "/api/agents/99999", "Agent 99999 not found"),
        ("DELETE", "/api/agents/99999", "Agent 99999 not found"),
        ("GET", "/api/threads/99999", "Thread 99999 not found"),
        ("GET", "/api/threads/99999/messages", "Thread 99999 not found"),
        ("POST", "/api/threads/99999/run", "Thread 99999 not found"),
        ("GET", "/api/runs/99999", "Run 99999 not found"),
        ("POST", "/api/runs/99999/cancel", "Run 99999 not found"),
    ]:
        answer = await client.request(method, path, json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["detail"]) == (404, sentence)
    answer = await client.post("/api/threads", json={"agent_id": 99999})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Agent 99999 not found")


async def test_the_models_are_listed_with_their_default(client: httpx2.AsyncClient) -> None:
    models = (await client.get("/api/models")).json()["items"]
    assert [model["id"] for model in models if model["default"]] == ["echo"]
    assert all(model.keys() == {"id", "provider", "available", "default", "description", "problem"} for model in models)


async def test_an_agent_of_a_model_that_cannot_be_here_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    async with application(tmp_path) as api:
        answer = await api.client.post("/api/agents", json={"name": "Ada", "model": "gpt-5"})
    problem = answer.json()
    assert (answer.status_code, problem["errors"][0]["place"]) == (422, "body.model")
    assert problem["detail"].startswith("There is no model 'gpt-5' here: no model provider is configured.")


async def test_an_operator_sees_that_it_lives_and_what_it_does(api: Application) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = await api.stranger.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": status})
    metrics = await api.client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=")
    assert "trunkline_legacy_connections_total 0.0" in metrics.text


async def test_it_is_not_ready_without_a_database_and_while_it_drains(api: Application) -> None:
    await api.platform.database.stop()
    answer = await api.stranger.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    await api.platform.drain()
    answer = await api.stranger.get("/readyz")
    assert (answer.status_code, answer.json()["detail"]) == (503, "The server drains.")
    assert (await api.stranger.get("/healthz")).status_code == 200
