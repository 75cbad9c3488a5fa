"""Units of work: what is committed is told, once and in order; what is not, never."""

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.agents.rig import ANA, BEN, NOON, Heard, Heart, database_url, open_database, until_published
from trunkline import EventBus, NotFound, Position, Published, Trunkline, TrunklineError, publish_event
from trunkline.agents.events import AGENT_CREATED, AGENT_UPDATED, Agent
from trunkline.agents.storage import Database, DatabaseOptions, Rows, StorageUnavailable, Unit

FIELDS: dict[str, Any] = {"model": "", "system_instructions": "", "task_instructions": "", "config": {}}


@publish_event(AGENT_CREATED)
async def create(rows: Rows, name: str, owner: str = ANA) -> Agent:
    return await rows.agents.add(owner, {"name": name, **FIELDS})


@publish_event(AGENT_UPDATED)
def touched(agent: Agent) -> Agent:
    """A plain function, which waits for nothing."""
    return agent


class Renaming:
    """A service whose methods publish."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @publish_event(AGENT_UPDATED)
    async def rename(self, agent_id: int, *, name: str) -> Agent:
        return await self._rows.agents.change(agent_id, {"name": name})


async def names(database: Database, owner: str = ANA) -> list[str]:
    async with database.reading() as rows:
        return [agent.name for agent in await rows.agents.page(owner, 0, 100)]


async def test_a_commit_tells_its_event_once(heart: Heart) -> None:
    async with heart.database.unit_of_work(ANA) as unit:
        agent = await create(unit.rows, "Ada")
        assert heart.heard.events == []
    results = await unit.receipt.wait()
    assert [event.data for event in heart.heard.events] == [agent]
    assert [event.scope for event in heart.heard.events] == [ANA]
    assert [result.topic for result in results if isinstance(result, Published)] == [f"agent:{agent.id}"]
    await heart.published()
    assert len(heart.heard.events) == 1


async def test_a_rollback_leaves_no_row_and_no_event(heart: Heart) -> None:
    with pytest.raises(RuntimeError):
        async with heart.database.unit_of_work(ANA) as unit:
            await create(unit.rows, "Ada")
            raise RuntimeError
    await heart.published()
    assert await names(heart.database) == []
    assert heart.heard.events == []
    with pytest.raises(TrunklineError):
        _ = unit.receipt


async def test_events_of_one_transaction_keep_their_order(heart: Heart) -> None:
    async with heart.database.unit_of_work(ANA) as unit:
        for name in ("a", "b", "c", "d"):
            await create(unit.rows, name)
    await unit.receipt.wait()
    assert [event.data.name for event in heart.heard.events] == ["a", "b", "c", "d"]


async def test_functions_plain_and_async_methods_and_nested_units_are_told_in_the_order_of_their_calls(
    heart: Heart,
) -> None:
    async with heart.database.unit_of_work(ANA) as unit:
        first = await create(unit.rows, "first")
        async with heart.database.unit_of_work(ANA) as inner:
            renamed = await Renaming(inner.rows).rename(first.id, name="renamed")
            async with heart.database.unit_of_work(ANA) as innermost:
                second = await create(innermost.rows, "second")
            touched(second)
        touched(renamed)
    assert len(await unit.receipt.wait()) == 5
    assert [(event.type.name, event.data) for event in heart.heard.events] == [
        ("agent_created", first),
        ("agent_updated", renamed),
        ("agent_created", second),
        ("agent_updated", second),
        ("agent_updated", renamed),
    ]
    assert {event.scope for event in heart.heard.events} == {ANA}


async def test_what_a_dead_process_published_and_did_not_delete_is_taken_once_by_the_broker(tmp_path: Path) -> None:
    path, line = tmp_path / "outbox.db", Trunkline(bus=EventBus())
    async with line:
        async with open_database(path, line) as dying:
            async with dying.unit_of_work(ANA) as unit:
                agent = await create(unit.rows, "Ada")
            [(_, committed)] = await dying.outbox.pending(10)
            published = await line.send(committed)
        async with open_database(path, line) as next_life:
            await next_life.start()
            await until_published(next_life)
        view = await line.broker.read(f"agent:{agent.id}", Position(published.position.epoch, 0))
    assert [entry.seq for entry in view.entries] == [1]


async def test_what_a_dead_process_did_not_publish_is_published_once_with_its_id(tmp_path: Path) -> None:
    path, line = tmp_path / "outbox.db", Trunkline(bus=EventBus())
    heard = Heard(line)
    async with open_database(path, line) as dying:
        async with dying.unit_of_work(ANA) as unit:
            await create(unit.rows, "Ada")
        [(_, committed)] = await dying.outbox.pending(10)
    async with line, open_database(path, line) as next_life:
        await next_life.start()
        told = await heard.until("agent_created")
        await until_published(next_life)
    assert (told.id, told.time, told.body) == (committed.id, committed.time, committed.body)
    assert len(heard.events) == 1


async def test_an_event_that_nobody_can_read_any_more_is_dropped_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, line = tmp_path / "outbox.db", Trunkline(bus=EventBus())
    async with open_database(path, line) as database:
        with sqlite3.connect(path) as raw:
            insert = "INSERT INTO outbox (event_id, type, topic, scope, time, body) VALUES (?, ?, 'agent:1', '', '', ?)"
            raw.execute(insert, ("1", "agent_forgotten", b"{}"))
            raw.execute(insert, ("2", "agent_created", b"[]"))
        raw.close()
        async with database.unit_of_work(ANA) as unit:
            await create(unit.rows, "Ada")
        assert [event.data.name for _, event in await database.outbox.pending(2)] == ["Ada"]
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 2


async def test_a_nested_rollback_drops_the_inner_changes_events_and_callbacks(heart: Heart) -> None:
    called: list[str] = []
    async with heart.database.unit_of_work(ANA) as unit:
        await create(unit.rows, "outer")
        unit.after_commit(lambda: called.append("outer"))
        with pytest.raises(NotFound):
            async with heart.database.unit_of_work(ANA) as inner:
                await create(inner.rows, "lost")
                inner.after_commit(lambda: called.append("lost"))
                raise NotFound("Agent", 1)
        async with heart.database.unit_of_work(ANA) as inner:
            await create(inner.rows, "kept")
            inner.after_commit(lambda: called.append("kept"))
        assert called == []
    await unit.receipt.wait()
    assert await names(heart.database) == ["outer", "kept"]
    assert [event.data.name for event in heart.heard.events] == ["outer", "kept"]
    assert called == ["outer", "kept"]


async def test_tasks_that_write_at_once_all_commit_and_are_told_in_the_order_of_commits(heart: Heart) -> None:
    committed: list[str] = []

    async def write(name: str) -> None:
        async with heart.database.unit_of_work(ANA) as unit:
            await create(unit.rows, f"{name}1")
            await create(unit.rows, f"{name}2")
            unit.after_commit(lambda: committed.append(name))
        await unit.receipt.wait()

    await asyncio.gather(*(write(name) for name in "abcdefgh"))
    told = [event.data.name for event in heart.heard.events]
    assert told == [f"{name}{number}" for name in committed for number in (1, 2)]
    assert told == await names(heart.database)


async def test_a_reader_inside_a_unit_sees_its_changes_and_one_outside_does_not(heart: Heart) -> None:
    async with heart.database.unit_of_work(ANA) as unit:
        await create(unit.rows, "Ada")
        assert await names(heart.database) == ["Ada"]
        outside = asyncio.get_running_loop().create_task(names(heart.database))
        assert await outside == []


async def test_a_unit_is_not_shared_with_other_tasks_or_scopes(heart: Heart) -> None:
    async def join(scope: str) -> None:
        async with heart.database.unit_of_work(scope):
            pass

    async with heart.database.unit_of_work(ANA):
        with pytest.raises(TrunklineError, match="another task"):
            await asyncio.get_running_loop().create_task(join(ANA))
        with pytest.raises(TrunklineError, match="cannot act for 'ben'"):
            await join(BEN)


async def test_a_unit_that_is_cancelled_leaves_nothing(heart: Heart) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with heart.database.unit_of_work(ANA) as unit:
            await create(unit.rows, "lost")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(work())
    await inside.wait()
    task.cancel()
    await asyncio.wait([task])
    await heart.agent(name="next")
    await heart.published()
    assert [event.data.name for event in heart.heard.events] == ["next"]


async def test_cancelling_at_any_moment_commits_all_with_its_event_or_nothing(heart: Heart) -> None:
    async def work(name: str) -> None:
        async with heart.database.unit_of_work(ANA) as unit:
            await create(unit.rows, name)

    for turns in range(60):
        task = asyncio.get_running_loop().create_task(work(f"after {turns}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await heart.agent(name="last")
    await heart.heard.until("agent_created")
    await heart.published()
    assert [event.data.name for event in heart.heard.events] == await names(heart.database)
    assert (await names(heart.database))[-1] == "last"


async def test_reads_that_are_cancelled_at_any_moment_leave_the_database_usable(heart: Heart) -> None:
    await heart.agent()
    for turns in range(60):
        task = asyncio.get_running_loop().create_task(names(heart.database))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert await names(heart.database) == ["Ada"]


# Failures of the database


async def test_a_database_that_others_lock_says_so(tmp_path: Path) -> None:
    path, line = tmp_path / "locked.db", Trunkline(bus=EventBus())
    async with open_database(path, line, busy_timeout=0.05) as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable, match="database is busy") as caught:
            async with database.unit_of_work(ANA) as unit:
                await create(unit.rows, "Ada")
        other.execute("ROLLBACK")
        other.close()
        assert caught.value.code == "internal"
        async with database.unit_of_work(ANA) as unit:
            await create(unit.rows, "Ada")
        assert await names(database) == ["Ada"]


async def test_a_full_disk_says_so_and_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, line = tmp_path / "full.db", Trunkline(bus=EventBus())
    async with open_database(path, line) as database:
        async with database.unit_of_work(ANA) as unit:
            await fill_disk(unit)
        with pytest.raises(StorageUnavailable, match="disk of the server is full"):
            async with database.unit_of_work(ANA) as unit:
                await unit.rows.agents.add(ANA, {"name": "big", **FIELDS, "system_instructions": "x" * 200_000})
        async with database.unit_of_work(ANA) as unit:
            await unit.session.execute(text("PRAGMA max_page_count=1000000"))
        async with database.unit_of_work(ANA) as unit:
            await create(unit.rows, "small")
        assert await names(database) == ["small"]
    assert "full" in caplog.text


async def fill_disk(unit: Unit) -> None:
    """Let the file grow no further: the engine then fails as on a full disk."""
    pages = await unit.session.scalar(text("PRAGMA page_count"))
    await unit.session.execute(text(f"PRAGMA max_page_count={pages}"))


async def test_a_database_that_was_stopped_says_so(tmp_path: Path) -> None:
    line = Trunkline(bus=EventBus())
    async with open_database(tmp_path / "closed.db", line) as database:
        await database.stop()
        with pytest.raises(StorageUnavailable, match="closed"):
            await names(database)
        with pytest.raises(StorageUnavailable, match="closed"):
            async with database.unit_of_work(ANA):
                pass


async def test_stopping_waits_for_open_transactions(tmp_path: Path) -> None:
    line = Trunkline(bus=EventBus())
    async with open_database(tmp_path / "stop.db", line) as database:
        async with database.unit_of_work(ANA) as unit:
            stopping = asyncio.get_running_loop().create_task(database.stop())
            await asyncio.sleep(0)
            await create(unit.rows, "Ada")
            assert not stopping.done()
        await stopping


async def test_stopping_publishes_what_was_committed(tmp_path: Path) -> None:
    line = Trunkline(bus=EventBus())
    heard = Heard(line)
    async with line, open_database(tmp_path / "stop.db", line) as database:
        await database.start()
        async with database.unit_of_work(ANA) as unit:
            await create(unit.rows, "Ada")
        await database.stop()
        assert heard.names() == ["agent_created"]


async def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    line = Trunkline(bus=EventBus())
    database = Database(database_url(tmp_path / "nowhere" / "x.db"), publish=line.send)
    with pytest.raises(StorageUnavailable, match="cannot be written"):
        await database.migrate()
    with pytest.raises(StorageUnavailable, match="cannot be written"):
        await names(database)
    await database.stop()


@pytest.mark.parametrize("url", ["", "nonsense", "postgresql://localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_urls_that_cannot_be_used_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"SQLite|URL|file"):
        Database(url, publish=Trunkline(bus=EventBus()).send)


def test_timestamps_come_from_the_injected_clock() -> None:
    assert DatabaseOptions().clock.now().endswith("Z")


async def test_rows_carry_the_clock_s_time(heart: Heart) -> None:
    agent = await heart.agent()
    assert agent.created_at == agent.updated_at == "2026-03-01T12:00:00.000Z"
    assert NOON == 1_772_366_400.0
