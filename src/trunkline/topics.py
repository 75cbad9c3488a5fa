"""Topic grammar, feeds and patterns. Pure text work, no state.

A topic is `namespace:key`; `namespace:*` is the feed of the namespace in the caller's scope. Logs, and the index of
subscribers, are kept by *channel*: a plain topic is its own channel, a feed's channel adds the scope.
"""

import re
import sys
from functools import lru_cache
from typing import NamedTuple

from trunkline.errors import InvalidTopic

FEED_KEY = "*"
_LONGEST = 64 + 1 + 128
_NAMESPACE = r"[a-z][a-z0-9_]{0,63}"
_TOPIC = re.compile(rf"({_NAMESPACE}):([A-Za-z0-9_.~-]{{1,128}}|\*)")
_FIELD = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_PATTERN = re.compile(rf"({_NAMESPACE}):(\*|(?:[A-Za-z0-9_.~-]|\{{[a-z_][a-z0-9_]*\}})+)")


class Topic(NamedTuple):
    """A parsed topic. `str(topic)` is its wire form."""

    namespace: str
    key: str

    @property
    def is_feed(self) -> bool:
        """Whether this is `namespace:*`."""
        return self.key == FEED_KEY

    def channel(self, scope: str) -> str:
        """Name the log behind the topic for a caller of `scope`."""
        return feed_channel(self.namespace, scope) if self.is_feed else str(self)

    def __str__(self) -> str:
        return f"{self.namespace}:{self.key}"


def parse_topic(text: object) -> Topic:
    """Parse the wire form of a topic or a feed.

    Raises:
        InvalidTopic: `text` is no string or does not follow the grammar.
    """
    topic = _parse(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    if topic is None:
        raise InvalidTopic(text)
    return topic


@lru_cache(maxsize=4_096)
def _parse(text: str) -> Topic | None:
    """Make a topic, the same object for the same text while it is remembered: many connections share their topics."""
    match = _TOPIC.fullmatch(text)
    return None if match is None else Topic(sys.intern(match[1]), match[2])


def feed_topic(topic: str) -> str:
    """The feed that a topic's events belong to: `agent:12` gives `agent:*`."""
    return f"{topic.partition(':')[0]}:{FEED_KEY}"


def feed_channel(namespace: str, scope: str) -> str:
    """Name the log of a namespace's feed in one scope. No topic can collide with it: `@` is outside the grammar."""
    return f"{namespace}:{FEED_KEY}@{scope}"


class TopicPattern:
    """A topic with named fields, `thread:{id}`, or a feed, `thread:*`; it makes topics and takes them apart."""

    def __init__(self, pattern: str) -> None:
        """Compile a pattern.

        Raises:
            ValueError: the pattern does not follow the grammar.
        """
        match = _PATTERN.fullmatch(pattern)
        if match is None:
            raise ValueError(f"Not a topic pattern: {pattern!r}; write it as namespace:{{field}} or namespace:*")
        self.pattern = pattern
        self.namespace = match[1]
        self.fields = tuple(_FIELD.findall(match[2]))
        if len(set(self.fields)) < len(self.fields):
            raise ValueError(f"A field is named twice in the topic pattern {pattern!r}")
        parts = _FIELD.split(match[2])
        self._pieces = tuple(zip(self.fields, parts[2::2], strict=True))
        self._begin = f"{self.namespace}:{parts[0]}"
        self._regex = re.compile(
            "".join(re.escape(p) if i % 2 == 0 else f"(?P<{p}>[A-Za-z0-9_.~-]+)" for i, p in enumerate(parts))
        )

    @property
    def is_feed(self) -> bool:
        """Whether this is `namespace:*`."""
        return self.pattern.endswith(f":{FEED_KEY}")

    def match(self, topic: Topic) -> dict[str, str] | None:
        """Return the fields of `topic`, or None if it does not fit. A `{field}` never matches the feed key `*`."""
        if topic.namespace != self.namespace:
            return None
        found = self._regex.fullmatch(topic.key)
        return None if found is None else found.groupdict()

    def topic(self, fields: object) -> str:
        """Fill the pattern from the attributes of `fields`.

        Raises:
            InvalidTopic: a value holds characters that a key may not have, or the pattern is a feed's.
        """
        text = self._begin
        for name, literal in self._pieces:
            text += f"{getattr(fields, name)}{literal}"
        if parse_topic(text).is_feed:
            raise InvalidTopic(text)
        return text

    def __repr__(self) -> str:
        return f"TopicPattern({self.pattern!r})"
