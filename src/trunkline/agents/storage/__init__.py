"""Where agents, threads, messages and runs are kept. The only place that knows a database."""

from trunkline.agents.storage.database import Database, DatabaseOptions, Unit
from trunkline.agents.storage.engines import database_file
from trunkline.agents.storage.errors import StorageUnavailable
from trunkline.agents.storage.rows import Rows

__all__ = ["Database", "DatabaseOptions", "Rows", "StorageUnavailable", "Unit", "database_file"]
