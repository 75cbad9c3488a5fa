"""Pytest fixtures for applications: `pytest_plugins = ["trunkline.testing.fixtures"]` in the topmost `conftest.py`.

They need pytest-asyncio, in auto or in strict mode.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from trunkline.bus import EventBus
from trunkline.hub.access import Principal, allow_all, anonymous
from trunkline.line import Trunkline
from trunkline.testing.clock import ManualClock
from trunkline.testing.fault_proxy import FaultProxy
from trunkline.testing.pair import PairedLine, pair

PairClient = Callable[..., Awaitable[PairedLine]]
"""What `trunkline_pair` gives: takes the keyword arguments of `pair`, returns a connected client."""

StartProxy = Callable[[int], Awaitable[FaultProxy]]
"""What `fault_proxy` gives: takes the port of a server on this machine, returns a proxy in front of it."""


@pytest.fixture
def manual_clock() -> ManualClock:
    """The time of the clients, which stands still until it is told to go."""
    return ManualClock()


@pytest.fixture
def trunkline_line() -> Trunkline:
    """The line under test, started when the first client is made. Override it to return your own; this one is open."""
    return Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus())


@pytest.fixture
def trunkline_principal() -> Principal | None:
    """Who `trunkline_client` is. Override it; None lets the line's `authenticate` say."""
    return None


@pytest_asyncio.fixture
async def trunkline_pair(trunkline_line: Trunkline, manual_clock: ManualClock) -> AsyncIterator[PairClient]:
    """Make connected clients of the line, which runs meanwhile: `ann = await trunkline_pair(token="...")`."""
    async with trunkline_line, AsyncExitStack() as clients:

        async def connect(**how: Any) -> PairedLine:
            return await clients.enter_async_context(pair(trunkline_line, **{"clock": manual_clock, **how}))

        yield connect


@pytest_asyncio.fixture
async def trunkline_client(trunkline_pair: PairClient, trunkline_principal: Principal | None) -> PairedLine:
    """A client of the line, connected in memory."""
    return await trunkline_pair(principal=trunkline_principal)


@pytest_asyncio.fixture
async def fault_proxy() -> AsyncIterator[StartProxy]:
    """Start proxies that break connections to a server on this machine: `proxy = await fault_proxy(port)`."""
    async with AsyncExitStack() as proxies:

        async def start(server_port: int) -> FaultProxy:
            return await proxies.enter_async_context(FaultProxy(server_port))

        yield start
