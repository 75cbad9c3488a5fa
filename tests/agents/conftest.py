"""Fixtures of the application's heart."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agents.rig import Heart, open_heart


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncIterator[Heart]:
    async with open_heart(tmp_path / "heart.db") as opened:
        yield opened
