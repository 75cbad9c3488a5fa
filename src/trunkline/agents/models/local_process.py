"""Starting, watching and ending the process that runs the local model."""

import asyncio
import json
import logging
import os
import secrets
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

from trunkline.agents.models.base import ModelUnavailable
from trunkline.agents.models.local_server import ServerSettings

_STOP_SECONDS: Final = 3.0
_TAIL_LINES: Final = 5

logger = logging.getLogger(__name__)


class LocalProcess:
    """One life of the model's process, from `launch` to `stop`."""

    def __init__(self, process: asyncio.subprocess.Process, api_key: str) -> None:
        self._process = process
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._drain = asyncio.create_task(self._read_log(), name="local model log")
        self.api_key = api_key
        self.url = ""

    @classmethod
    async def launch(cls, weights: Path, *, alias: str, within: float) -> "LocalProcess":
        """Start the process and wait, at most `within` seconds, until it answers requests.

        Raises `ModelUnavailable` with what the process said; nothing is left running then, nor after a cancellation.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "trunkline.agents.models.local_server",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started = cls(process, secrets.token_urlsafe(16))
        try:
            settings = ServerSettings(str(weights), alias, started.api_key, os.getpid())
            async with asyncio.timeout(within):
                started.url = await started._greet(settings)
        except TimeoutError:
            await started.stop()
            raise ModelUnavailable(f"The local model was not ready within {within:g} seconds.") from None
        except BaseException:
            await started.stop()
            raise
        logger.info("local model ready at %s, process %d", started.url, started.pid)
        return started

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal where one ended it."""
        return self._process.returncode

    async def has_ended(self, *, within: float) -> bool:
        """Whether the process ends within so many seconds; the loop hears of a death a moment after it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._process.wait()
        return self.exit_code is not None

    async def stop(self) -> None:
        """End the process: first by closing its stdin, then by force. Returns when it is gone."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            if not await self.has_ended(within=_STOP_SECONDS):
                logger.warning("the local model's process %d did not end by itself and is killed", self.pid)
        finally:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        await self._drain

    async def _greet(self, settings: ServerSettings) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the process was started without pipes")
        with suppress(ConnectionError):
            stdin.write(settings.to_line())
            await stdin.drain()
        line = await stdout.readline()
        answer: dict[str, str] = json.loads(line) if line else {}
        if "url" in answer:
            return answer["url"]
        await self._process.wait()
        await self._drain
        reason = " ".join([answer.get("error", f"it ended with exit code {self.exit_code}."), *self._tail])
        raise ModelUnavailable(f"The local model could not start: {reason}")

    async def _read_log(self) -> None:
        if self._process.stderr is None:
            return
        async for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._tail.append(text)
            logger.debug("local model: %s", text)
