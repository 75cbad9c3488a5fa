"""Whether the storage takes writes: what shows, and how often it is looked at."""

import asyncio
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents.rig import open_database
from trunkline import EventBus, Trunkline
from trunkline.agents.readiness import INTERVAL, Readiness
from trunkline.agents.storage import StorageUnavailable
from trunkline.testing import ManualClock


async def test_a_database_that_takes_writes_is_ready(tmp_path: Path) -> None:
    async with open_database(tmp_path / "a.db", Trunkline(bus=EventBus())) as database:
        assert await Readiness(database.probe).problem() is None
        assert (tmp_path / "a.db-wal").stat().st_size > 0, "nothing was written"


async def test_a_deleted_or_replaced_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with open_database(path, Trunkline(bus=EventBus())) as database:
        await database.probe()
        shutil.copyfile(path, tmp_path / "copy.db")
        path.unlink()
        for _ in range(2):
            problem = await Readiness(database.probe).problem()
            assert problem is not None
            assert problem.startswith("The file of the database is gone or was replaced")
            shutil.copyfile(tmp_path / "copy.db", path)


async def test_a_closed_database_is_told(tmp_path: Path) -> None:
    async with open_database(tmp_path / "a.db", Trunkline(bus=EventBus())) as database:
        await database.stop()
        assert "is closed" in (await Readiness(database.probe).problem() or "")


async def test_a_writer_that_does_not_end_is_told(tmp_path: Path) -> None:
    async with (
        open_database(tmp_path / "a.db", Trunkline(bus=EventBus())) as database,
        database.unit_of_work("ana"),
    ):
        looking = asyncio.create_task(Readiness(database.probe, patience=0.0).problem())
        assert await looking == "The database does not answer."


_ON_A_FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from trunkline import EventBus, Trunkline
from trunkline.agents.readiness import Readiness
from trunkline.agents.storage import Database

async def main(path):
    database = Database(f"sqlite:///{path}", publish=Trunkline(bus=EventBus()).send)
    await database.migrate()
    print(await Readiness(database.probe).problem())
    await database.probe()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    print(await Readiness(database.probe).problem())

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit of the size of files")
def test_a_disk_that_takes_no_more_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK, str(tmp_path / "a.db")], capture_output=True, text=True, check=True
    )
    before, after = done.stdout.splitlines()
    assert before == "None"
    assert "nothing was changed" in after


async def test_it_is_looked_at_once_in_five_seconds_and_shared() -> None:
    clock, looks = ManualClock(), 0
    failing = False

    async def probe() -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        if failing:
            raise StorageUnavailable("The disk is full.")

    readiness = Readiness(probe, clock=clock)
    assert await asyncio.gather(*(readiness.problem() for _ in range(3))) == [None] * 3
    failing = True
    clock.advance(INTERVAL - 0.1)
    assert (await readiness.problem(), looks) == (None, 1)
    clock.advance(0.1)
    assert (await readiness.problem(), looks) == ("The disk is full.", 2)
    failing = False
    assert (await readiness.problem(), looks) == ("The disk is full.", 2)
    clock.advance(INTERVAL)
    assert (await readiness.problem(), looks) == (None, 3)
