"""`trunkline serve` in a process of its own, as a user starts it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_TRUNKLINE = "trunkline.cli"
_LAST_LINE = "Ctrl-C stops the server."
_PATIENCE = 15.0
_FOREIGN = ("TRUNKLINE_", "OPENAI_")


def command(*arguments: str) -> list[str]:
    """The command line that runs `trunkline` with the code under test."""
    return [sys.executable, "-m", _TRUNKLINE, *arguments]


def environment(**more: str) -> dict[str, str]:
    """The environment without what would set Trunkline up."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**kept, "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": "1", **more}


class ServerProcess:
    """A server on a data directory; `async with` is not needed, for starting blocks until it listens.

    Args:
        data_dir: its data; a server started there before is continued.
        model: the default model.
        port: 0 takes a free one.
        flags: more flags of `trunkline serve`.
        module: what is run, if not `trunkline` itself; it must behave like it.
        variables: more of its environment.

    Attributes:
        url: where it listens.
        greeting: what it printed at its start.
        log: the file of its log lines.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        model: str = "echo",
        port: int = 0,
        flags: tuple[str, ...] = (),
        module: str = _TRUNKLINE,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_suffix(".log")
        serve = ["serve", "--port", str(port), "--data-dir", str(data_dir), "--model", model, *flags]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *serve],
                env=environment(**(variables or {})),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.greeting = self._read_greeting()
        self.url = str(json.loads((data_dir / "server.json").read_text())["url"])

    def _read_greeting(self) -> str:
        lines: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            lines.append(line)
            if line.strip() == _LAST_LINE:
                return "".join(lines)
        self.end()
        raise AssertionError(f"The server did not start: {''.join(lines)}{self.log.read_text()}")

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 0

    @property
    def ws_url(self) -> str:
        """Where its WebSocket is."""
        return f"ws{self.url.removeprefix('http')}/api/ws/v2"

    @property
    def token(self) -> str:
        """Its access token."""
        return (self.data_dir / "token").read_text().strip()

    @property
    def headers(self) -> dict[str, str]:
        """What a REST request needs."""
        return {"Authorization": f"Bearer {self.token}"}

    def kill(self) -> None:
        """End it by SIGKILL, without a chance to do anything."""
        self.process.kill()
        self.process.wait(_PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal that it can take, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE)

    def end(self) -> None:
        """End it if it runs."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        """Use it while it runs."""
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """End it."""
        self.end()
