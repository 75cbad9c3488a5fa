"""The platform's life: order, failure, and tasks that die."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from tests.agents.serving import make_settings
from trunkline import Handshake, TrunklineError
from trunkline.agents.api.application import create_app
from trunkline.agents.app import AgentsPlatform, keep_running
from trunkline.agents.events import AGENT_CREATED
from trunkline.agents.services import AgentDraft
from trunkline.agents.settings import BadSettings


async def test_making_one_touches_nothing(tmp_path: Path) -> None:
    platform = AgentsPlatform(make_settings(tmp_path / "data"))
    assert not os.listdir(tmp_path)
    with pytest.raises(TrunklineError, match="is not started"):
        _ = platform.access
    await platform.stop()


async def test_a_committed_change_comes_out_of_the_line(tmp_path: Path) -> None:
    async with AgentsPlatform(make_settings(tmp_path)) as platform:
        told: asyncio.Queue[object] = asyncio.Queue()
        platform.line.bus.subscribe(AGENT_CREATED, lambda event: told.put_nowait(event.data))
        made = await platform.agents.create("local", AgentDraft(name="Ada"))
        async with asyncio.timeout(5):
            assert await told.get() == made


async def test_stopping_twice_is_stopping_once(tmp_path: Path) -> None:
    platform = AgentsPlatform(make_settings(tmp_path))
    await platform.start()
    assert await platform.why_not_ready() is None
    await platform.stop()
    await platform.stop()
    assert await platform.why_not_ready() == "The server drains."


async def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short")
    platform = AgentsPlatform(make_settings(tmp_path))
    with pytest.raises(BadSettings, match="too short"):
        await platform.start()
    assert len(asyncio.all_tasks()) == 1


async def test_a_drained_platform_keeps_its_last_events_for_the_next_start(tmp_path: Path) -> None:
    async with AgentsPlatform(make_settings(tmp_path)) as platform:
        await platform.drain()
        made = await platform.agents.create("local", AgentDraft(name="Ada"))
    again = AgentsPlatform(make_settings(tmp_path))
    told: asyncio.Queue[object] = asyncio.Queue()
    again.line.bus.subscribe(AGENT_CREATED, lambda event: told.put_nowait(event.data))
    async with again, asyncio.timeout(5):
        assert await told.get() == made


async def test_the_applications_lifespan_starts_and_stops_the_platform(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path))
    platform = app.state.platform
    async with app.router.lifespan_context(app):
        assert await platform.why_not_ready() is None
    assert await platform.why_not_ready() == "The server drains."


def test_legacy_connections_are_counted(tmp_path: Path) -> None:
    platform = AgentsPlatform(make_settings(tmp_path))
    platform.speak_legacy(Handshake())
    assert platform.legacy_connections == 1


async def test_a_background_task_that_dies_or_ends_is_logged_and_started_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    starts = 0
    third = asyncio.Event()

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise RuntimeError("no luck")
        if starts == 3:
            third.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(keep_running("The work", work, delay=0))
    async with asyncio.timeout(5):
        await third.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    messages = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert messages == ["The work died; it is started again", "The work ended by itself; it is started again"]
