"""A process that is told what to do by lines, and answers in lines of JSON."""

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_END_TIME = 5.0


class ProcessFailedError(Exception):
    """A process ended, or did not answer, when it should have."""


class LineProcess:
    """A child on one core of the caller's choice (see `pinned`); what it writes to its standard error goes to a log."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._log = log
        self._received = b""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=folder,
                env={**os.environ, **(environment or {})},
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def tell(self, line: str) -> None:
        """Give it a command."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ProcessFailedError(self._failure()) from None

    def read(self, timeout: float) -> dict[str, Any]:
        """Wait for its next line of JSON; lines that are none are passed over.

        Raises:
            ProcessFailedError: it ended, or said nothing for `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            line, end, self._received = self._received.partition(b"\n")
            if end and line.startswith(b"{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
            if not end:
                self._received = line + self._read_more(deadline)

    def ask(self, line: str, timeout: float = 10.0) -> dict[str, Any]:
        """Give it a command and wait for the answer."""
        self.tell(line)
        return self.read(timeout)

    def drain(self) -> None:
        """Throw away what it has printed so far."""
        assert self._process.stdout is not None
        while select.select([self._process.stdout], [], [], 0)[0] and os.read(self._process.stdout.fileno(), 65536):
            pass

    def _read_more(self, deadline: float) -> bytes:
        assert self._process.stdout is not None
        wait = deadline - time.monotonic()
        if wait <= 0 or not select.select([self._process.stdout], [], [], wait)[0]:
            raise ProcessFailedError(f"no answer in time. {self._failure()}")
        more = os.read(self._process.stdout.fileno(), 65536)
        if not more:
            self._process.wait(_END_TIME)
            raise ProcessFailedError(f"ended with {self._process.returncode}. {self._failure()}")
        return more

    def _failure(self) -> str:
        return self._log.read_text(errors="replace").strip()[-300:]

    def __enter__(self) -> Self:
        """Use it while it runs."""
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """End it: by the end of its input, then by SIGTERM, then by SIGKILL."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(_END_TIME)
            except subprocess.TimeoutExpired:
                end()
        self._process.wait(_END_TIME)
        self._process.stdout.close()
