"""One server for one data directory and one database: two would end each other's answers, and hide events."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from trunkline.agents.settings import BadSettings

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def exclusive(data_dir: Path, database: Path | None = None) -> Iterator[None]:
    """Hold a data directory for as long as this process lives; the system lets go of it when the process dies.

    Windows has no `flock`; there the file in which a running server tells its address is all there is.

    Args:
        data_dir: made if it is not there.
        database: a database file to hold as well, for another server may reach it from a directory of its own.

    Raises:
        BadSettings: another process holds one of them, or the directory cannot be used.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # said by the next line
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        held.enter_context(_locked(data_dir / ".lock", f"data directory {data_dir}", "choose another with --data-dir"))
        if database is not None:
            file = database.resolve()
            beside = file.with_name(f"{file.name}.lock")
            held.enter_context(_locked(beside, f"database {database}", "give this one a database of its own"))
        yield


@contextlib.contextmanager
def _locked(path: Path, what: str, instead: str) -> Iterator[None]:
    try:
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadSettings(f"The {what} cannot be used: {error}") from error
    try:
        try:
            if sys.platform != "win32":
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadSettings(f"Another server uses the {what}, or still ends. Stop it, or {instead}.") from None
        yield
    finally:
        os.close(lock)
