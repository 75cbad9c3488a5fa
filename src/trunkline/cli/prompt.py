"""Reading lines from a person or a pipe while the event loop goes on."""

import asyncio
import importlib
import os
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

if sys.platform != "win32":
    import termios


class Prompt:
    """Reads stdin line by line, each line in a thread of its own.

    A line that is being read when the chat ends is given up: the thread is a daemon that holds no lock which the end
    of the interpreter needs, and `restore` puts the terminal back as it was.

    Attributes:
        is_reading: whether a line is being read.
    """

    def __init__(self, text: str) -> None:
        self.is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self.is_reading = False
        self._text = text
        self._modes: list[Any] | None = None
        self._readline = _load_readline() if self.is_terminal else None
        if self.is_terminal and sys.platform != "win32":
            self._modes = termios.tcgetattr(sys.stdin.fileno())

    async def read(self) -> str | None:
        """Read a line, without its end; None at the end of the input."""
        loop = asyncio.get_running_loop()
        line: asyncio.Future[str | None] = loop.create_future()

        def deliver(text: str | None) -> None:
            if not line.done():
                line.set_result(text)

        def work() -> None:
            text = self._read_terminal() if self.is_terminal else _read_pipe()
            if not loop.is_closed():
                loop.call_soon_threadsafe(deliver, text)

        self.is_reading = True
        threading.Thread(target=work, name="prompt", daemon=True).start()
        try:
            return await line
        finally:
            self.is_reading = False

    def redraw(self, write: Callable[[str], None]) -> None:
        """Show the prompt again, with what was typed so far, after something else was shown."""
        if self.is_terminal and self.is_reading:
            write(self._text + (self._readline.get_line_buffer() if self._readline else ""))

    def restore(self) -> None:
        """Put the terminal back as it was at the start."""
        if self._modes is not None and sys.platform != "win32":
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._modes)

    def _read_terminal(self) -> str | None:
        try:
            return input(self._text)
        except (EOFError, OSError):
            return None


def _load_readline() -> ModuleType | None:
    """Line editing and history, where Python has them; importing the module turns them on for `input`."""
    try:
        readline = importlib.import_module("readline")
    except ImportError:
        return None
    # Otherwise a line that is given up leaves the terminal in this mode.
    readline.parse_and_bind("set enable-bracketed-paste off")
    return readline


def _read_pipe() -> str | None:
    """Read a line byte by byte and without a buffer: one would be locked while the thread waits."""
    line = bytearray()
    while byte := os.read(0, 1):
        if byte == b"\n":
            break
        line += byte
    else:
        if not line:
            return None
    return line.decode("utf-8", "replace").removesuffix("\r")
