"""Fitting a conversation into a model's context: the oldest goes first, and only then is a text shortened."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from trunkline.agents.models.base import ChatMessage

CountTokens: TypeAlias = Callable[[Sequence[ChatMessage]], Awaitable[int]]


async def fit_messages(messages: Sequence[ChatMessage], limit: int, count: CountTokens) -> list[ChatMessage]:
    """The longest end of the conversation, with its system messages, that takes at most `limit` tokens.

    The last message always stays; where it and the system messages alone are too long, the longest of them are
    shortened: a system message at its end, any other at its start. Calls `count` a few times, log2 of the length.
    """
    if await count(messages) <= limit:
        return list(messages)
    system = [message for message in messages if message.role == "system"]
    talk = [message for message in messages if message.role != "system"]
    fitting, too_many = 0, len(talk)
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if await count([*system, *talk[-middle:]]) <= limit:
            fitting = middle
        else:
            too_many = middle
    if fitting:
        return [*system, *talk[-fitting:]]
    return await _shorten([*system, *talk[-1:]], limit, count)


async def _shorten(messages: list[ChatMessage], limit: int, count: CountTokens) -> list[ChatMessage]:
    while messages and (total := await count(messages)) > limit:
        at = max(range(len(messages)), key=lambda index: len(messages[index].content))
        text = messages[at].content
        if not text:
            break
        size = len(text) - 1 - len(text) * (total - limit) // total
        size = max(size, 0)
        kept = text[:size] if messages[at].role == "system" else text[len(text) - size :]
        messages[at] = replace(messages[at], content=kept)
    return messages
