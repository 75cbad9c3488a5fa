"""`server.json` in the data directory: where the running server is, so that other commands find it."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SERVER_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that said where it is.

    Attributes:
        url: `http://host:port`.
        pid: its process.
    """

    url: str
    pid: int

    @property
    def is_alive(self) -> bool:
        """Whether its process exists. A number used again by another process is taken for it."""
        if sys.platform == "win32":
            return True  # there, signal 0 is no question: it ends the process
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def read_server_file(data_dir: Path) -> RunningServer | None:
    """What the file says, whether or not that server still runs; None if there is none that can be read."""
    try:
        found: Any = json.loads((data_dir / SERVER_FILE).read_text("utf-8"))
        url, pid = found["url"], found["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return RunningServer(url, pid) if isinstance(url, str) and isinstance(pid, int) and pid > 0 else None


def find_server(data_dir: Path) -> RunningServer | None:
    """The server that runs on a data directory; a file that a dead one left behind counts for nothing."""
    found = read_server_file(data_dir)
    return found if found is not None and found.is_alive else None


@contextmanager
def announced(data_dir: Path, url: str) -> Iterator[Path]:
    """Keep the file there while this process serves. One that another server has written since stays."""
    me = RunningServer(url, os.getpid())
    path = data_dir / SERVER_FILE
    replace_file(path, json.dumps(asdict(me)) + "\n")
    try:
        yield path
    finally:
        if read_server_file(data_dir) == me:
            with suppress(FileNotFoundError):
                path.unlink()


def replace_file(path: Path, content: str) -> None:
    """Put the whole file there at once, readable for its owner alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".server-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    os.replace(name, path)
