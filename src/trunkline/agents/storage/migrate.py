"""Bringing a database to the tables of this version, with the migrations that are shipped in the package."""

import threading
from pathlib import Path

from alembic.command import upgrade as run_migrations
from alembic.config import Config
from alembic.util import CommandError

from trunkline.agents.storage.engines import Engines
from trunkline.agents.storage.errors import StorageUnavailable, driver_errors_converted

_MIGRATIONS = Path(__file__).parent / "migrations"

# Alembic keeps the running migration in module-level proxies: one at a time in a process.
_one_at_a_time = threading.Lock()


def upgrade(engines: Engines) -> None:
    """Migrate to the newest tables, in one transaction: all of it or nothing. Blocks; call it in a thread.

    Raises:
        StorageUnavailable: the database cannot be opened or written, or a newer version of Trunkline made it.
    """
    engine = engines.migrating()
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS.as_posix().replace("%", "%%"))
    try:
        with _one_at_a_time, driver_errors_converted(), engine.begin() as connection:
            config.attributes["connection"] = connection
            run_migrations(config, "head")
    except CommandError as error:
        raise StorageUnavailable(
            f"The database cannot be migrated: {error}. A newer version of Trunkline may have made it."
        ) from error
    finally:
        engine.dispose()
