"""Error codes and close codes: the one table that the server, both clients and the docs are made from."""

from enum import IntEnum, StrEnum
from typing import Self


class ErrorCode(StrEnum):
    """Why a request failed. Carried by `error` and `reply` messages; the connection stays open."""

    INVALID_JSON = "invalid_json"
    INVALID_MESSAGE = "invalid_message"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_TOPIC = "invalid_topic"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    UNAUTHENTICATED = "unauthenticated"
    TOO_MANY_SUBSCRIPTIONS = "too_many_subscriptions"
    RATE_LIMITED = "rate_limited"
    TOO_LARGE = "too_large"
    CONFLICT = "conflict"
    INTERNAL = "internal"

    @classmethod
    def _missing_(cls, value: object) -> "ErrorCode | None":
        """Read a code of a later version as a request that failed; its sentence still says why."""
        return cls.INVALID_MESSAGE if isinstance(value, str) else None


class CloseCode(IntEnum):
    """Why a WebSocket was closed, with the sentence that goes into the close frame (at most 123 bytes).

    4000-4499 ask the client to reconnect, 4500-4999 tell it not to without a change.
    """

    sentence: str

    def __new__(cls, code: int, sentence: str) -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member

    NORMAL = 1000, "The connection was closed on purpose."
    GOING_AWAY = 1001, "The server or the page is going away."
    SERVICE_RESTART = 1012, "The server restarts."
    SLOW = 4000, "The client read too slowly for too long; reconnect to catch up."
    PING_TIMEOUT = 4001, "Nothing was heard from the other side in time."
    DRAIN = 4002, "The server drains; reconnect after the time it gave."
    OVERLOADED = 4003, "The server is overloaded; reconnect later."
    INSUFFICIENT_STATE = 4004, "The server could not make the stream whole; reconnect."
    UNAUTHENTICATED = 4500, "No valid credentials were given."
    FORBIDDEN_ORIGIN = 4501, "Pages of this origin may not connect."
    PROTOCOL_ERROR = 4502, "The client broke the protocol."
    TOO_MANY_CONNECTIONS = 4503, "This principal has too many connections."
    MESSAGE_TOO_LARGE = 4504, "A message was larger than the server takes."
    BANNED_BY_RATE = 4505, "The client went on sending above its rate limit."


_TERMINAL_STANDARD_CODES = frozenset({1002, 1003, 1007, 1008, 1009, 1010})


def may_reconnect(code: int) -> bool:
    """Tell from the close code alone whether a client should connect again.

    Codes of the application (4000-4999) go by their range. Of the standard codes (RFC 6455, section 7.4.1) those
    that name a fault of the client end the line; everything else, 1006 (no close frame) included, is worth a retry.
    """
    if 4000 <= code <= 4999:
        return code < 4500
    return code not in _TERMINAL_STANDARD_CODES
