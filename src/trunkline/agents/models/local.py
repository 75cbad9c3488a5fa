"""`local/smollm2`: a small real model (SmolLM2-135M-Instruct) that runs on this machine, in a process of its own."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trunkline.agents.models.base import (
    ChatMessage,
    Done,
    ModelError,
    ModelNotInstalled,
    ModelOptions,
    ModelStreamCut,
    ModelUnavailable,
    Token,
)
from trunkline.agents.models.context_window import fit_messages
from trunkline.agents.models.install import find_weights, is_installed
from trunkline.agents.models.local_process import LocalProcess
from trunkline.agents.models.local_server import CONTEXT_TOKENS, SLOTS
from trunkline.agents.models.openai import EndpointTimes, OpenAIEndpoint

LOCAL_NAME: Final = "local/smollm2"

# What the model's card recommends: hotter, a model this small loses the thread.
_TEMPERATURE: Final = 0.2
_TOP_P: Final = 0.9
_ANSWER_TOKENS: Final = 512
_LONGEST_ANSWER: Final = CONTEXT_TOKENS // 2

# The event loop hears of a death a moment after the connection broke.
_DEATH_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Running:
    process: LocalProcess
    endpoint: OpenAIEndpoint


class LocalModel:
    """SmolLM2 on llama.cpp. The process starts at first use, or by `start()`, and is started anew if it died.

    As many answers run at once as the process has slots; further ones wait their turn. The oldest messages of a
    conversation that does not fit the context are left out. One event loop only. `start_within` and `stall` in seconds.
    """

    def __init__(self, *, weights: Path | None = None, start_within: float = 60.0, stall: float = 60.0) -> None:
        self._weights = weights
        self._start_within = start_within
        self._times = EndpointTimes(stall=stall)
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(SLOTS)
        self._running: _Running | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """Always "local/smollm2"."""
        return LOCAL_NAME

    @property
    def process(self) -> LocalProcess | None:
        """The latest process, for diagnosis; None before the first start and after `aclose`."""
        return self._running.process if self._running else None

    async def start(self) -> None:
        """Make sure the model is loaded; returns at once if it is. Takes about a second and 250 MB of memory.

        Raises `ModelNotInstalled`, or `ModelUnavailable` where it cannot start or was closed.
        """
        await self._ready()

    async def stream(
        self, messages: Sequence[ChatMessage], options: ModelOptions
    ) -> AsyncGenerator[Token | Done, None]:
        """Stream an answer; see `ChatModel.stream`. Without `max_tokens` it has at most 512 tokens."""
        answer_tokens = min(options.max_tokens or _ANSWER_TOKENS, _LONGEST_ANSWER)
        options = _complete(options, answer_tokens)
        async with self._slots:
            running, fitting = await self._prepare(messages, CONTEXT_TOKENS - answer_tokens)
            try:
                async with aclosing(running.endpoint.stream(LOCAL_NAME, fitting, options)) as pieces:
                    async for piece in pieces:
                        yield piece
            except (ModelStreamCut, ModelUnavailable) as error:
                if own := await self._explain(running):
                    raise own from error
                raise

    async def aclose(self) -> None:
        """End the process; the model cannot be used again. Answers still streaming end with an error."""
        self._closed = True
        async with self._starting:
            await self._discard()

    async def _prepare(self, messages: Sequence[ChatMessage], limit: int) -> tuple[_Running, list[ChatMessage]]:
        """Fit the messages, which also shows that the process answers; where it died unnoticed, start it anew once."""
        running = await self._ready()
        try:
            return running, await _fit(running.endpoint, messages, limit)
        except ModelUnavailable:
            if not await running.process.has_ended(within=_DEATH_SECONDS):
                raise
        running = await self._ready()
        return running, await _fit(running.endpoint, messages, limit)

    async def _ready(self) -> _Running:
        async with self._starting:
            if self._closed:
                raise ModelUnavailable("The local model was shut down.")
            if self._running is not None and (code := self._running.process.exit_code) is not None:
                logger.warning("the local model's process ended with exit code %d and is started anew", code)
                await self._discard()
            if self._running is None:
                self._running = await self._launch()
            await self._running.endpoint.connect()
            return self._running

    async def _launch(self) -> _Running:
        weights = self._weights or find_weights()
        if weights is None or not is_installed():
            raise ModelNotInstalled(
                "The local model is not installed. Install it with `trunkline model install` (130 MB)."
            )
        process = await LocalProcess.launch(weights, alias=LOCAL_NAME, within=self._start_within)
        endpoint = OpenAIEndpoint(base_url=f"{process.url}/v1", api_key=process.api_key, times=self._times)
        return _Running(process, endpoint)

    async def _discard(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.process.stop()
            await running.endpoint.aclose()

    async def _explain(self, running: _Running) -> ModelError | None:
        """Why a stream broke off, where that lies in the process; None where it lives on."""
        if self._closed:
            return ModelStreamCut("The local model was shut down in the middle of the answer.")
        if not await running.process.has_ended(within=_DEATH_SECONDS):
            return None
        return ModelStreamCut(
            f"The local model's process ended (exit code {running.process.exit_code}) in the middle of the answer; "
            "the next question starts it anew."
        )


async def _fit(endpoint: OpenAIEndpoint, messages: Sequence[ChatMessage], limit: int) -> list[ChatMessage]:
    async def count(some: Sequence[ChatMessage]) -> int:
        body: dict[str, object] = {"messages": [{"role": message.role, "content": message.content} for message in some]}
        answer = await endpoint.post("/chat/completions/input_tokens", body, model=LOCAL_NAME)
        if not isinstance(answer, dict) or not isinstance(answer.get("input_tokens"), int):
            raise ModelUnavailable("The local model could not count the tokens of the conversation.")
        return int(answer["input_tokens"])

    return await fit_messages(messages, limit, count)


def _complete(options: ModelOptions, answer_tokens: int) -> ModelOptions:
    return replace(
        options,
        temperature=_TEMPERATURE if options.temperature is None else options.temperature,
        top_p=_TOP_P if options.top_p is None else options.top_p,
        max_tokens=answer_tokens,
    )
