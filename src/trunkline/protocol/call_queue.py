"""Calls that outlive a cut line: kept in order, bounded, sent again under their idempotency key until answered."""

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from trunkline.errors import CallQueueFull


class CallState(StrEnum):
    """Where a queued call is: not sent, sent and unanswered, answered, or refused."""

    PENDING = "pending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED = "failed"


@dataclass(slots=True)
class QueuedCall:
    """One call with its key.

    Attributes:
        key: idempotency key; the server takes the call once under it.
        params: JSON-encodable.
        size: bytes it counts against the bound.
        message_id: of the sending that waits for its answer.
    """

    key: str
    method: str
    params: dict[str, Any]
    size: int
    state: CallState = CallState.PENDING
    message_id: str | None = None


def make_call(key: str, method: str, params: dict[str, Any]) -> QueuedCall:
    """Make a call for a queue, counting its bytes.

    Raises:
        TypeError: the parameters are not JSON-encodable.
    """
    return QueuedCall(key, method, params, size=len(msgspec.json.encode(params)) + len(method))


class CallQueue:
    """Calls in the order they were made.

    They are sent in that order, each once the one before was answered, so that the server takes them in order; after a
    cut the unanswered one is sent again, first.

    Args:
        max_calls: calls kept at a time.
        max_bytes: bytes of their parameters.
    """

    def __init__(self, *, max_calls: int = 1_000, max_bytes: int = 1024 * 1024) -> None:
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._calls: OrderedDict[str, QueuedCall] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """Calls that are not answered."""
        return len(self._calls)

    def calls(self) -> list[QueuedCall]:
        """The calls that are not answered, in order."""
        return list(self._calls.values())

    def add(self, call: QueuedCall) -> QueuedCall:
        """Queue a call; one whose key is queued already is that call.

        Raises:
            CallQueueFull: a bound is reached; nothing was queued.
        """
        if known := self._calls.get(call.key):
            return known
        if len(self._calls) >= self._max_calls or self._size + call.size > self._max_bytes:
            raise CallQueueFull(len(self._calls), self._size)
        self._calls[call.key] = call
        self._size += call.size
        return call

    def next_to_send(self) -> QueuedCall | None:
        """The call to send now; None while one is unanswered or none is left."""
        first = next(iter(self._calls.values()), None)
        return first if first is not None and first.state is CallState.PENDING else None

    def sent(self, call: QueuedCall, message_id: str) -> None:
        """Note that a call was sent."""
        call.state, call.message_id = CallState.SENT, message_id

    def find(self, message_id: str | None) -> QueuedCall | None:
        """The call that was sent under this message id and is unanswered."""
        first = next(iter(self._calls.values()), None)
        return first if first is not None and message_id is not None and first.message_id == message_id else None

    def answered(self, call: QueuedCall, *, failed: bool) -> None:
        """Take a call out whose answer came."""
        del self._calls[call.key]
        self._size -= call.size
        call.state = CallState.FAILED if failed else CallState.CONFIRMED

    def cut(self) -> None:
        """The line is gone, or the server did not take the call: what is unanswered is to be sent again."""
        for call in self._calls.values():
            call.state, call.message_id = CallState.PENDING, None
