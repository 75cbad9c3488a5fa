"""Pages of a list, by cursor."""

from typing import Generic, TypeVar

import msgspec

from trunkline.agents.storage.newest import Numbered

T = TypeVar("T", bound=Numbered)


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of a list, in the order of ids.

    Attributes:
        next: the `after` of the page that follows, or the `before` of the one that precedes where the list is read
            backwards; None at the end.
    """

    items: list[T]
    next: int | None


def make_page(found: list[T], limit: int) -> Page[T]:
    """Make a page of at most `limit` things out of up to one more, which only shows that there is a next page."""
    items = found[:limit]
    return Page(items, items[-1].id if len(found) > limit else None)


def make_page_before(found: list[T], limit: int) -> Page[T]:
    """As `make_page`, of things found from the highest id down."""
    items = found[:limit][::-1]
    return Page(items, items[0].id if len(found) > limit else None)
