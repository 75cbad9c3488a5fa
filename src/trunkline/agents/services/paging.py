"""Pages of a list, by cursor."""

from typing import Generic, TypeVar

import msgspec

from trunkline.agents.storage.newest import Numbered

T = TypeVar("T", bound=Numbered)


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of a list, in the order of ids. `next` is the `after` of the page that follows, or None at the end."""

    items: list[T]
    next: int | None


def make_page(found: list[T], limit: int) -> Page[T]:
    """Make a page of at most `limit` things out of up to one more, which only shows that there is a next page."""
    items = found[:limit]
    return Page(items, items[-1].id if len(found) > limit else None)
