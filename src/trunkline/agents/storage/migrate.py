"""Bringing a database to the tables of this version, with the migrations that are shipped in the package.

An empty one gets the newest tables at once, which are what all migrations come to.
"""

import re
import threading
from pathlib import Path

from sqlalchemy import Connection, inspect

from trunkline.agents.storage.engines import Engines
from trunkline.agents.storage.errors import StorageUnavailable, driver_errors_converted
from trunkline.agents.storage.tables import Base

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION_TABLE = (
    "CREATE TABLE alembic_version"
    " (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
_REVISION = re.compile(r'^(revision|down_revision)\b[^=]*= *"(\w+)"', re.MULTILINE)

# Alembic keeps the running migration in module-level proxies: one at a time in a process.
_one_at_a_time = threading.Lock()


def upgrade(engines: Engines) -> None:
    """Migrate to the newest tables, in one transaction: all of it or nothing. Blocks; call it in a thread.

    Raises:
        StorageUnavailable: the database cannot be opened or written, or a newer version of Trunkline made it.
    """
    engine = engines.migrating()
    try:
        with _one_at_a_time, driver_errors_converted(), engine.begin() as connection:
            if not inspect(connection).get_table_names():
                _make(connection)
            elif _read_version(connection) != newest_version():
                run_migrations(connection)
    finally:
        engine.dispose()


def newest_version() -> str:
    """The last of the migrations: the one that no other builds on."""
    found = [line for file in (_MIGRATIONS / "versions").glob("*.py") for line in _REVISION.findall(file.read_text())]
    built_on = {version for kind, version in found if kind == "down_revision"}
    (newest,) = {version for kind, version in found if kind == "revision"} - built_on
    return str(newest)


def _read_version(connection: Connection) -> str | None:
    """The migration that a database stands at."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if version is None else str(version)


def _make(connection: Connection) -> None:
    Base.metadata.create_all(connection)
    connection.exec_driver_sql(_VERSION_TABLE)
    connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{newest_version()}')")


def run_migrations(connection: Connection) -> None:
    """Run, in the connection's transaction, all migrations that it has not seen.

    Raises:
        StorageUnavailable: the database stands at a version that this one does not know.
    """
    # A fifth of all that a start imports, and most starts find nothing to migrate.
    from alembic.command import upgrade as to_version  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", _MIGRATIONS.as_posix().replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        to_version(config, "head")
    except CommandError as error:
        raise StorageUnavailable(
            f"The database cannot be migrated: {error}. A newer version of Trunkline may have made it."
        ) from error
