"""Whatever a test of the client does, its tasks are gone when it ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.client.scripted import Network
from trunkline.testing import until


@pytest.fixture(autouse=True)
async def no_tasks_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield

    def left() -> set[asyncio.Task[object]]:
        return asyncio.all_tasks() - before - {asyncio.current_task()}

    await until(lambda: all("uvicorn" in repr(task) for task in left()))
    assert left() == set()


@pytest.fixture
async def network() -> Network:
    return Network()
