"""What `trunkline serve` loads before it answers. Counted in modules: time would let a busy machine decide.

To measure: `.venv/bin/python -X importtime -c 'import trunkline.agents.server' 2>&1 | sort -t'|' -k2 -n | tail -40`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from trunkline.agents.storage import migrate

# Half of all CPU time that a start took when these were loaded with everything else.
LATER = {"alembic", "structlog", "rich", "pygments", "httpx2", "openai", "xllamacpp", "sqlalchemy.dialects.postgresql"}

START = """
import asyncio, json, sys
from pathlib import Path
import trunkline.cli.app
from trunkline import EventBus, Trunkline
from trunkline.agents.logs import configure_logs
import trunkline.agents.server
from trunkline.agents.storage.engines import Engines
from trunkline.agents.storage.migrate import upgrade

configure_logs("info")
upgrade(Engines(sys.argv[1], 5.0))
print(json.dumps(sorted(sys.modules)))
"""


def loaded_by_a_start(database: Path) -> set[str]:
    command = [sys.executable, "-c", START, f"sqlite:///{database}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_a_start_loads_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    for _ in ("with nothing there yet", "started again"):
        loaded = loaded_by_a_start(tmp_path / "agents.db")
        assert {"sqlalchemy", "fastapi", "uvicorn", "typer"} <= loaded
        assert loaded & LATER == set()


def test_the_newest_version_is_that_of_alembic() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert migrate.newest_version() == ScriptDirectory.from_config(config).get_current_head()


def test_the_newest_version_is_the_one_that_no_other_builds_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "v1.py").write_text('revision = "0001"\ndown_revision = None\n')
    (versions / "v3.py").write_text('revision: str = "0003"\ndown_revision: str | None = "0002"\n')
    (versions / "v2.py").write_text('revision = "0002"\ndown_revision = "0001"\n')
    monkeypatch.setattr(migrate, "_MIGRATIONS", tmp_path)
    assert migrate.newest_version() == "0003"


def test_what_a_start_loads_is_no_work_for_the_garbage_collector() -> None:
    code = "import gc, trunkline.cli as c; c.main(['--version']); print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True True"
