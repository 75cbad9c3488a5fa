"""Typed events: an `EventType` says what an event of its kind carries and where it goes, an `Event` is one of them."""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import msgspec

from trunkline.errors import EventTooLarge
from trunkline.topics import TopicPattern, feed_channel

D = TypeVar("D")

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""Of an event's encoded data: a frame that every subscriber gets whole, and for which all else must wait."""

_encode = msgspec.json.Encoder().encode


_48_BITS = (1 << 48) - 1
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""A hexadecimal digit with its upper two bits set to 10."""


class Stamp(NamedTuple):
    """Identity and time of an event: a UUIDv7 (RFC 9562, section 5.7) and RFC 3339 UTC with milliseconds."""

    id: str
    time: str


def make_stamp(unix_ms: int, entropy: bytes) -> Stamp:
    """Make a stamp from a time and at least 10 random bytes; pure, so tests can fix both."""
    moment, random = f"{unix_ms & _48_BITS:012x}", entropy[:10].hex()
    variant = _VARIANT[random[4]]
    name = f"{moment[:8]}-{moment[8:]}-7{random[:3]}-{variant}{random[5:8]}-{random[8:]}"
    return Stamp(name, f"{_second(unix_ms // 1000)}.{unix_ms % 1000:03d}Z")


@lru_cache(maxsize=2)
def _second(unix_seconds: int) -> str:
    """RFC 3339 up to the second, which most events share with the one before."""
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def stamp_now() -> Stamp:
    """Make a stamp of this moment."""
    return make_stamp(time.time_ns() // 1_000_000, os.urandom(10))


class Event(msgspec.Struct, Generic[D], frozen=True, kw_only=True):
    """One thing that happened. Its data is encoded once, when it is made; everyone after that copies `body`.

    Attributes:
        type: what kind of event it is.
        topic: the topic it goes to.
        scope: the owner or tenant whose feed it belongs to.
        id: UUIDv7; publishing the same id twice takes effect once.
        time: RFC 3339 in UTC with milliseconds.
        data: the typed payload.
        body: the payload as UTF-8 JSON.
    """

    type: "EventType[D]"
    topic: str
    scope: str
    id: str
    time: str
    data: D
    body: bytes

    @property
    def feed(self) -> str | None:
        """The channel of the feed the event belongs to, or None if its type keeps out of feeds."""
        return feed_channel(self.type.pattern.namespace, self.scope) if self.type.feed else None


class EventType(Generic[D]):
    """A kind of event: its wire name, the type of its data, its topic, and whether the namespace's feed carries it.

    ```python
    class Price(msgspec.Struct, frozen=True):
        symbol: str
        price: float

    PRICE_CHANGED = EventType("price_changed", Price, topic="price:{symbol}")
    ```
    """

    _registry: ClassVar[dict[str, "EventType[Any]"]] = {}

    def __init__(self, name: str, data: type[D], *, topic: str, feed: bool = True) -> None:
        """Declare and register an event type.

        Args:
            name: the wire's `type`, unique in the process, snake_case.
            data: a msgspec Struct, dataclass or anything else msgspec can encode and decode.
            topic: pattern whose fields are read from the data's attributes.
            feed: False keeps the events out of `namespace:*`, as for token chunks.

        Raises:
            ValueError: another type of this name exists with other data, or the pattern is no topic or a feed.
        """
        self.name = name
        self.data = data
        self.pattern = TopicPattern(topic)
        self.feed = feed
        if self.pattern.is_feed:
            raise ValueError(f"Events go to a topic, and their feed gets them from there; {topic!r} is a feed")
        known = self._registry.setdefault(name, self)
        if (known.data.__module__, known.data.__qualname__) != (data.__module__, data.__qualname__):
            raise ValueError(f"Event type {name!r} is already declared with {known.data.__qualname__}")
        if known.pattern.pattern != topic:
            raise ValueError(f"Event type {name!r} is already declared for {known.pattern.pattern}")
        self._registry[name] = self

    def event(self, data: D, *, scope: str = "", stamp: Stamp | None = None) -> Event[D]:
        """Make an event of this type. `stamp` is this moment's unless given.

        Raises:
            InvalidTopic: the data's fields do not make a topic.
            TypeError: the data is not what the type carries, or cannot be encoded as JSON.
            EventTooLarge: encoded it has more than 8 MiB.
        """
        given, body = stamp or stamp_now(), _encode(data)
        if len(body) > MAX_EVENT_BYTES:
            raise EventTooLarge(self.name, len(body), MAX_EVENT_BYTES)
        try:
            topic = self.pattern.topic(data)
        except AttributeError as error:
            sentence = f"An event {self.name!r} carries {self.data.__name__}, and was given {type(data).__name__}"
            raise TypeError(sentence) from error
        return Event(
            type=self,
            topic=topic,
            scope=scope,
            id=given.id,
            time=given.time,
            data=data,
            body=body,
        )

    def restore(self, *, topic: str, scope: str, stamp: Stamp, body: bytes) -> Event[D]:
        """Rebuild an event from what an outbox kept of it.

        Raises:
            msgspec.ValidationError: the body is not of this type's data.
        """
        data = msgspec.json.decode(body, type=self.data)
        return Event(type=self, topic=topic, scope=scope, id=stamp.id, time=stamp.time, data=data, body=body)

    def read(self, type_name: str, body: bytes) -> D | None:
        """Decode a received event's data if it is of this type; None otherwise.

        Raises:
            msgspec.ValidationError: the type is right and the data is not.
        """
        return msgspec.json.decode(body, type=self.data) if type_name == self.name else None

    @classmethod
    def registered(cls) -> Mapping[str, "EventType[Any]"]:
        """All declared event types by wire name."""
        return cls._registry

    def __repr__(self) -> str:
        return f"EventType({self.name!r}, {self.data.__qualname__}, topic={self.pattern.pattern!r})"
