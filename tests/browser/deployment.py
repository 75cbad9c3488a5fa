"""A real `trunkline serve` behind a proxy that breaks its connections."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.server_process import ServerProcess
from trunkline.testing import FaultProxy

_LINK = re.compile(r"https?://\S+/login\?once=\S+")


class Deployment:
    """What a browser reaches at `url`.

    Args:
        data_dir: of the server.
        model: its default model.
        module: what is run, if not `trunkline` itself.
        variables: more of its environment.

    Attributes:
        server: the process that runs now.
        proxy: between it and the browsers.
    """

    def __init__(self, data_dir: Path, model: str, module: str, variables: Mapping[str, str]) -> None:
        self._serve = partial(ServerProcess, data_dir, model=model, module=module, variables=variables)
        self.server: ServerProcess
        self.proxy: FaultProxy

    @property
    def url(self) -> str:
        """The address of the console, as the browser knows it."""
        return f"http://127.0.0.1:{self.proxy.port}"

    @property
    def login_link(self) -> str:
        """The one-time link that the server printed, by way of the proxy."""
        found = _LINK.search(self.server.greeting)
        assert found is not None, self.server.greeting
        return found[0].replace(self.server.url, self.url, 1)

    async def start(self, port: int = 0) -> None:
        """Start the server; the event loop, and so the proxy, goes on meanwhile."""
        self.server = await asyncio.to_thread(self._serve, port=port)

    async def kill(self) -> None:
        """End the server by SIGKILL."""
        await asyncio.to_thread(self.server.kill)

    async def restart(self) -> None:
        """Start it again on the same data and port."""
        port = self.server.port
        self.server.end()
        await self.start(port)

    @asynccontextmanager
    async def rest(self) -> AsyncIterator[httpx2.AsyncClient]:
        """Another user of the server's REST, past the proxy."""
        async with httpx2.AsyncClient(base_url=self.server.url, headers=self.server.headers, timeout=20) as client:
            yield client

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make something by REST."""
        async with self.rest() as rest:
            answer = await rest.post(path, json=body)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def get(self, path: str) -> Any:
        """Ask for something by REST."""
        async with self.rest() as rest:
            answer = await rest.get(path)
        assert answer.is_success, answer.text
        return answer.json()

    async def metric(self, name: str) -> float:
        """One figure of `/metrics`."""
        async with self.rest() as rest:
            text = (await rest.get("/metrics")).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        assert found is not None, f"There is no metric {name}"
        return float(found[1])

    async def sockets_opened(self) -> int:
        """WebSockets that the server has accepted since it started."""
        return int(await self.metric("trunkline_sockets_opened_total"))


@asynccontextmanager
async def deployed(
    data_dir: Path, *, model: str = "echo", module: str = "trunkline.cli", **variables: str
) -> AsyncIterator[Deployment]:
    """Run a server and the proxy before it."""
    deployment = Deployment(data_dir, model, module, variables)
    await deployment.start()
    try:
        async with FaultProxy(deployment.server.port) as deployment.proxy:
            yield deployment
    finally:
        await asyncio.to_thread(deployment.server.end)
