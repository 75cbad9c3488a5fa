"""Snapshot providers: what a topic looks like now, by pattern."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from trunkline.hub.access import Principal
from trunkline.topics import Topic, TopicPattern

SnapshotProvider = Callable[..., Awaitable[object] | object]
"""Called as `provider(principal, **fields)` with the pattern's fields; returns the state. Raises `NotFound`."""


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: TopicPattern
    kind: str
    provider: SnapshotProvider


class SnapshotRegistry:
    """Finds the provider of a topic; the first declared pattern that fits wins."""

    def __init__(self) -> None:
        self._routes: dict[str, list[_Route]] = {}

    def add(self, pattern: str, kind: str, provider: SnapshotProvider) -> None:
        """Declare a provider.

        Args:
            pattern: `thread:{id}`, or `thread:*` for the feed.
            kind: the `type` of the snapshot message.
            provider: returns the state.

        Raises:
            ValueError: the pattern is none.
        """
        compiled = TopicPattern(pattern)
        self._routes.setdefault(compiled.namespace, []).append(_Route(compiled, kind, provider))

    async def take(self, principal: Principal, topic: Topic) -> tuple[str, Any] | None:
        """Run the topic's provider; return the snapshot's type and data, or None if the topic has none."""
        for route in self._routes.get(topic.namespace, ()):
            fields = route.pattern.match(topic)
            if fields is not None:
                result = route.provider(principal, **fields)
                return route.kind, await result if inspect.isawaitable(result) else result
        return None
