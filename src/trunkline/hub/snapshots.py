"""Snapshot providers: what a topic looks like now, by pattern."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec

from trunkline.errors import NotFound
from trunkline.handler_watch import HandlerWatch
from trunkline.hub.access import Principal
from trunkline.topics import Topic, TopicPattern

SnapshotProvider = Callable[..., Awaitable[object] | object]
"""Called as `provider(principal, **fields)` with the pattern's fields; returns the state. Raises `NotFound`.

A field is a string unless the provider's annotation says otherwise: `id: int` gets a number, and a topic whose key is
none does not exist.
"""


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: TopicPattern
    kind: str
    provider: SnapshotProvider
    types: dict[str, Any]

    def read(self, topic: Topic) -> dict[str, Any] | None:
        """The fields of a topic that fits, as the provider wants them.

        Raises:
            NotFound: a field cannot be what the provider wants.
        """
        fields = self.pattern.match(topic)
        if fields is None:
            return None
        try:
            return {name: msgspec.convert(text, self.types[name], strict=False) for name, text in fields.items()}
        except msgspec.ValidationError:
            raise NotFound(topic.namespace.capitalize(), topic.key) from None


class SnapshotRegistry:
    """Finds the provider of a topic; the first declared pattern that fits wins."""

    def __init__(self, watch: HandlerWatch | None = None) -> None:
        self._watch = watch or HandlerWatch()
        self._routes: dict[str, list[_Route]] = {}

    def add(self, pattern: str, kind: str, provider: SnapshotProvider) -> None:
        """Declare a provider.

        Args:
            pattern: `thread:{id}`, or `thread:*` for the feed.
            kind: the `type` of the snapshot message.
            provider: returns the state.

        Raises:
            ValueError: the pattern is none.
            TypeError: the provider cannot be called with a principal and the pattern's fields.
        """
        compiled = TopicPattern(pattern)
        signature = inspect.signature(provider)
        try:
            signature.bind(None, **dict.fromkeys(compiled.fields))
        except TypeError:
            called = ", ".join(("principal", *(f"{name}=..." for name in compiled.fields)))
            sentence = f"The provider of {pattern!r} takes {signature}; it is called with ({called})"
            raise TypeError(sentence) from None
        route = _Route(compiled, kind, provider, _field_types(provider, compiled.fields))
        self._routes.setdefault(compiled.namespace, []).append(route)

    def has(self, topic: Topic) -> bool:
        """Whether a topic has a provider."""
        return any(route.pattern.match(topic) is not None for route in self._routes.get(topic.namespace, ()))

    async def take(self, principal: Principal, topic: Topic) -> tuple[str, Any] | None:
        """Run the topic's provider; return the snapshot's type and data, or None if the topic has none."""
        for route in self._routes.get(topic.namespace, ()):
            fields = route.read(topic)
            if fields is not None:
                return route.kind, await self._watch.run("Snapshot provider", route.provider, principal, **fields)
        return None


def _field_types(provider: SnapshotProvider, fields: Sequence[str]) -> dict[str, Any]:
    """The annotation of each field; `str` where there is none, or none that can be read at run time."""
    try:
        hints = get_type_hints(provider)
    except (NameError, TypeError):
        hints = {}
    return {name: hints.get(name, str) for name in fields}
