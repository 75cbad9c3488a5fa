"""The newest part of a list that may be long and heavy, read in pages so that no more is loaded than is returned."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

PAGE = 50


class Numbered(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> int:
        """Higher is newer."""
        ...


N = TypeVar("N", bound=Numbered)


class Bound(NamedTuple):
    """How much to take at most: things, and characters in all of them."""

    things: int = 500
    characters: int = 1024 * 1024


async def take_newest(
    fetch: Callable[[int | None, int], Awaitable[Sequence[N]]], size_of: Callable[[N], int], bound: Bound
) -> tuple[list[N], bool]:
    """Take the newest things within the bound, the newest one always; oldest first, and whether some were left out.

    Args:
        fetch: given an id (None for no limit) and a count, returns that many things with lower ids, newest first.
        size_of: characters of one thing.
        bound: how much to take.
    """
    taken: list[N] = []
    size = 0
    while page := await fetch(taken[-1].id if taken else None, PAGE):
        for thing in page:
            size += size_of(thing)
            if taken and (size > bound.characters or len(taken) >= bound.things):
                return taken[::-1], True
            taken.append(thing)
        if len(page) < PAGE:
            break
    return taken[::-1], False
