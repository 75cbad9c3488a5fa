"""REST as the tests and benchmarks use it: JSON in and out, patient with a server that says "later"."""

import asyncio
from typing import Any, Self

import httpx2

from benchmarks.server_process import ServerProcess


class RestClient:
    """An async client of one server."""

    def __init__(self, server: ServerProcess) -> None:
        limits = httpx2.Limits(max_connections=20)
        self._client = httpx2.AsyncClient(
            base_url=server.url, headers=server.headers, limits=limits, timeout=30, trust_env=False
        )

    async def __aenter__(self) -> Self:
        """Hold the connections."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them."""
        await self._client.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """Get JSON."""
        return await self._request("GET", path, params=query)

    async def post(self, path: str, body: object) -> Any:
        """Post JSON."""
        return await self._request("POST", path, json=body)

    async def patch(self, path: str, body: object) -> Any:
        """Patch with JSON."""
        return await self._request("PATCH", path, json=body)

    async def delete(self, path: str) -> Any:
        """Delete."""
        return await self._request("DELETE", path)

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Every item of a list."""
        items: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = await self.get(path, after=after, limit=200)
            items += page["items"]
            after = page["next"]
        return items

    async def start_thread(self, agent: dict[str, Any]) -> tuple[int, int]:
        """Create an agent and a thread with it; their ids."""
        made = await self.post("/api/agents", agent)
        thread = await self.post("/api/threads", {"agent_id": made["id"]})
        return made["id"], thread["id"]

    async def _request(self, method: str, path: str, **arguments: Any) -> Any:
        while True:
            response = await self._client.request(method, path, **arguments)
            if response.status_code != 429:
                break
            await asyncio.sleep(float(response.headers["Retry-After"]))
        assert response.is_success, response.text
        return response.json() if response.content else None
