"""One server for one data directory: two would end each other's answers and hide each other's events."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from trunkline.agents.settings import BadSettings

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Hold a data directory for as long as this process lives; the system lets go of it when the process dies.

    Windows has no `flock`; there the file in which a running server tells its address is all there is.

    Raises:
        BadSettings: another process holds it, or the directory cannot be used.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data_dir / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadSettings(f"The data directory {data_dir} cannot be used: {error}") from error
    try:
        try:
            if sys.platform != "win32":
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sentence = f"Another server uses {data_dir}, or still ends. Stop it, or choose another with --data-dir."
            raise BadSettings(sentence) from None
        yield
    finally:
        os.close(lock)
