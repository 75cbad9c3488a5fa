"""Fixtures of the application's heart."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agents.rig import Heart, database_url, open_heart
from trunkline.agents.storage.engines import Engines
from trunkline.agents.storage.migrate import upgrade


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy, which is faster than migrating one for each test."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    upgrade(Engines(database_url(path), busy_timeout=5.0))
    return path


@pytest.fixture
async def heart(tmp_path: Path, empty_database: Path) -> AsyncIterator[Heart]:
    path = tmp_path / "heart.db"
    shutil.copyfile(empty_database, path)
    async with open_heart(path) as opened:
        yield opened
