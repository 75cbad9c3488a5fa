"""A command at a terminal, as a person sits at one."""

import os
import pty
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from benchmarks.server_process import environment

# Makes the terminal on stdin the controlling one, so that Ctrl-C typed there is a signal, and becomes the command.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
_PATIENCE = 20.0

CTRL_C = "\x03"
CTRL_D = "\x04"


class Terminal:
    """Runs a command at a pseudo-terminal.

    Attributes:
        shown: all that it has shown so far.
    """

    def __init__(self, *command: str, **variables: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=environment(TERM="xterm", NO_COLOR="1", **variables),
        )
        self.modes = slave
        self.shown = ""
        self._read_to = 0

    def press(self, text: str) -> None:
        """Type keys."""
        os.write(self._master, text.encode())

    def wait_for(self, text: str) -> str:
        """Wait until this is shown after all that was waited for before; returns what came before it.

        Raises:
            AssertionError: it did not come in time.
        """
        until = time.monotonic() + _PATIENCE
        while (found := self.shown.find(text, self._read_to)) < 0:
            ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{text!r} was not shown in time, but: {self.shown[self._read_to :]!r}"
            self.shown += self._read()
        before = self.shown[self._read_to : found]
        self._read_to = found + len(text)
        return before

    def wait(self) -> int:
        """Wait for the end of the command; returns its exit code."""
        while self.process.poll() is None:
            if select.select([self._master], [], [], 0.05)[0]:
                self.shown += self._read()
        return self.process.returncode

    def _read(self) -> str:
        return os.read(self._master, 65_536).decode("utf-8", "replace").replace("\r\n", "\n")

    def __enter__(self) -> Self:
        """Sit down."""
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """End the command if it runs, and close the terminal."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self.modes)
