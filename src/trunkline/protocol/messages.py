"""The message types of protocol version 2 as tagged structs.

Fixed types are tagged by `type`. Events and snapshots have open type names (`agent_updated`, `thread_history`), so
they are untagged and carry their name in a field.
"""

from typing import Annotated, Any

import msgspec

from trunkline.codes import ErrorCode

PROTOCOL = "trunkline.v2.json"
"""The WebSocket subprotocol; a client that names it is greeted with `connected`."""


MessageId = Annotated[str, msgspec.Meta(max_length=128)]
"""Chosen by the client. Bounded in characters, because one message may have it echoed in a thousand answers."""


class WirePosition(msgspec.Struct, frozen=True):
    """A position as it travels: `{"epoch": "...", "seq": 41}`."""

    epoch: str
    seq: int


# Client to server


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, tag="subscribe"):
    """Ask for topics. Each element is a topic or `{"topic", "since"}`, checked one by one, so one fails alone."""

    topics: list[Any]
    message_id: MessageId | None = None


class TopicSince(msgspec.Struct, frozen=True):
    """A topic to resume after a position."""

    topic: str
    since: WirePosition | None = None


class Unsubscribe(msgspec.Struct, frozen=True, kw_only=True, tag="unsubscribe"):
    """Give up topics."""

    topics: list[str]
    message_id: MessageId | None = None


SeenCount = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
"""Bounded, so that one client cannot spoil the sum of all."""


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client saw and repaired since its last report that was answered.

    Attributes:
        gaps: holes in a stream, each repaired by subscribing again.
        duplicates: events that it had processed before, and dropped.
        reordered: events that came after a later one, and were dropped because the repair brings them in order.
    """

    gaps: SeenCount = 0
    duplicates: SeenCount = 0
    reordered: SeenCount = 0


class Ping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="ping"):
    """Ask for a `pong` with the same timestamp (milliseconds, any number).

    `interval` says after how many seconds of silence the client pings at present; `seen`, if there is anything to
    tell, what it had to repair.
    """

    timestamp: int | float | None = None
    interval: Annotated[float, msgspec.Meta(gt=0)] | None = None
    seen: Seen | None = None
    message_id: MessageId | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True, tag="call"):
    """Invoke a method. The same `key` takes effect once."""

    method: str
    params: dict[str, Any] = {}
    key: str | None = None
    message_id: MessageId | None = None


class Authenticate(msgspec.Struct, frozen=True, kw_only=True, tag="authenticate"):
    """Give a token, as the first message or a fresh one later."""

    token: str
    message_id: MessageId | None = None


ClientMessage = Subscribe | Unsubscribe | Ping | Call | Authenticate


# Server to client


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the server takes: bytes a message, subscriptions a connection, messages a second."""

    max_message_bytes: int
    max_subscriptions: int
    messages_per_second: float


class Connected(msgspec.Struct, frozen=True, kw_only=True, tag="connected"):
    """The greeting. `server_time` is RFC 3339; `ping_interval` the longest silence wanted of a client, in seconds."""

    connection_id: str
    protocol: str
    server_time: str
    ping_interval: float
    limits: ConnectionLimits


class Subscribed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="subscribed"):
    """The topic is live from this position; it has no snapshot."""

    topic: str
    epoch: str
    seq: int
    message_id: str | None = None


class Resumed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="resumed"):
    """`since` could be honoured; the next `recovered` event frames bring this topic up to `seq`."""

    topic: str
    epoch: str
    seq: int
    recovered: int
    message_id: str | None = None


class UnsubscribeSuccess(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="unsubscribe_success"):
    """These topics are given up; nothing of them follows."""

    topics: list[str]
    message_id: str | None = None


class Pong(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="pong"):
    """Answer to `ping`."""

    timestamp: int | float | None = None
    message_id: str | None = None


class Authenticated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="authenticated"):
    """The token was taken; `expires_at` is RFC 3339, or null for never."""

    expires_at: str | None
    message_id: str | None = None


class Reset(msgspec.Struct, frozen=True, kw_only=True, tag="reset"):
    """The stream broke (`gap`, `slow` or `epoch`); a fresh snapshot or `subscribed` follows."""

    topic: str
    reason: str


class Revoked(msgspec.Struct, frozen=True, kw_only=True, tag="revoked"):
    """The right to the topic ended."""

    topic: str
    reason: str


class PublishedPosition(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an event that a call produced stands."""

    topic: str
    epoch: str
    seq: int


class WireError(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error inside a `reply`."""

    code: ErrorCode
    error: str
    details: Any = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="reply"):
    """Answer to `call`: `result` or `error`, and where the events that the call produced stand."""

    message_id: str | None = None
    result: Any = None
    error: WireError | None = None
    positions: list[PublishedPosition] = []


class Error(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="error"):
    """A request failed; the connection stays."""

    code: ErrorCode
    error: str
    details: Any = None
    topic: str | None = None
    message_id: str | None = None


class Goaway(msgspec.Struct, frozen=True, kw_only=True, tag="goaway"):
    """The server drains or has no room; once the connection has ended, reconnect after `retry_after_ms`."""

    reason: str
    retry_after_ms: int


ControlMessage = (
    Connected
    | Subscribed
    | Resumed
    | UnsubscribeSuccess
    | Pong
    | Authenticated
    | Reset
    | Revoked
    | Reply
    | Error
    | Goaway
)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A topic's state, true as of `seq`; it replaces what the client holds. `type` names its kind."""

    type: str
    topic: str
    epoch: str
    seq: int
    data: msgspec.Raw
    message_id: str | None = None


class EventMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A published event. `seq` counts in the topic's log, `feed_seq` in the feed's, where it is in one."""

    type: str
    topic: str
    seq: int
    feed_seq: int | None = None
    id: str
    time: str
    data: msgspec.Raw


ServerMessage = ControlMessage | Snapshot | EventMessage
