"""Migrations: from nothing, from any earlier version, and not from a later one."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from tests.agents.rig import open_database
from trunkline import EventBus, Trunkline
from trunkline.agents.storage import StorageUnavailable, migrate


def schema(fill: Callable[[Connection], None]) -> dict[str, str]:
    """What a database holds by name, as SQL, after something filled it."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        fill(connection)
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master")
        found = {name: "".join((sql or "").split()) for name, sql in rows}
    engine.dispose()
    return found


def test_an_empty_database_gets_exactly_what_all_migrations_come_to() -> None:
    made = schema(migrate._make)
    assert made == schema(migrate.run_migrations)
    assert all("AUTOINCREMENT" in made[name] for name in ("agents", "outbox"))
    assert "WHEREstatusIN('queued','running')" in made["uq_runs_one_active_of_thread"]


async def test_a_new_database_stands_at_the_newest_version(tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    async with open_database(path, Trunkline(bus=EventBus())):
        pass
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(migrate.newest_version(),)]
    raw.close()


async def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE agents (mine TEXT)")
    with pytest.raises(StorageUnavailable):
        async with open_database(path, Trunkline(bus=EventBus())):
            pass
    assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("agents",)]
    raw.close()


async def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    path, line = tmp_path / "twice.db", Trunkline(bus=EventBus())
    async with open_database(path, line) as database:
        await database.migrate()
    async with open_database(path, line):
        pass


async def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path, line = tmp_path / "later.db", Trunkline(bus=EventBus())
    async with open_database(path, line):
        pass
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StorageUnavailable, match="newer version of Trunkline"):
        async with open_database(path, line):
            pass


async def test_something_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is no database " * 100)
    with pytest.raises(StorageUnavailable):
        async with open_database(path, Trunkline(bus=EventBus())):
            pass
    assert path.read_text().startswith("this is no database")
