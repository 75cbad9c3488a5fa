"""Migrations: from nothing, from any earlier version, and not from a later one."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from tests.agents.rig import database_url, open_database
from trunkline import EventBus, Trunkline
from trunkline.agents.storage import StorageUnavailable
from trunkline.agents.storage.tables import Base


async def test_migrations_make_exactly_the_tables_of_this_version(tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    async with open_database(path, Trunkline(bus=EventBus())):
        engine = create_engine(database_url(path))
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
            tables = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name IN ('agents', 'outbox')")
            assert all("AUTOINCREMENT" in sql for (sql,) in tables)
        engine.dispose()


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
