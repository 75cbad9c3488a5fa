"""The stand-in for a machine with no model at all: it repeats, and says that this is what it does."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final

from trunkline.agents.models.base import ChatMessage, Done, ModelOptions, Token

ECHO_NAME: Final = "echo"

INTRODUCTION: Final = (
    "I am echo, a stand-in that repeats what you write, because no model is set up here. For real answers install the "
    "small local model with `trunkline model install`, or set OPENAI_API_KEY, and restart. You wrote: "
)


class EchoModel:
    """Repeats the last user message word by word, `delay` seconds apart; `sleep` is the clock it waits by."""

    def __init__(self, *, delay: float = 0.02, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._delay = delay
        self._sleep = sleep

    @property
    def name(self) -> str:
        """Always "echo"."""
        return ECHO_NAME

    async def stream(
        self, messages: Sequence[ChatMessage], options: ModelOptions
    ) -> AsyncGenerator[Token | Done, None]:
        """Yield one token a word, "length" as the end where `max_tokens` cut it. Never raises a `ModelError`."""
        words = re.findall(r"\s*\S+|\s+$", INTRODUCTION.rstrip() + " " + _last_question(messages))
        allowed = len(words) if options.max_tokens is None else options.max_tokens
        for word in words[:allowed]:
            await self._sleep(self._delay)
            yield Token(word)
        yield Done("length" if allowed < len(words) else "stop")

    async def aclose(self) -> None:
        """Nothing to release."""


def _last_question(messages: Sequence[ChatMessage]) -> str:
    return next((message.content for message in reversed(messages) if message.role == "user"), "nothing yet.")
