"""Pages of a list, by cursor."""

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of a list, in the order of ids. `next` is the `after` of the page that follows, or None at the end."""

    items: list[T]
    next: int | None
