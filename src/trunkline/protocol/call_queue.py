"""Calls that outlive a cut line: kept in order, bounded, sent again under their idempotency key until answered."""

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

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


class CallQueue:
    """Calls in the order they were made.

    They are sent in that order, `window` unanswered at a time; after a cut the unanswered ones are sent again, first.
    A server that answers a connection's calls one after the other, as Trunkline's does, thus takes them in order.

    Args:
        max_calls: calls kept at a time.
        max_bytes: bytes of their parameters.
        window: unanswered calls at a time.
    """

    def __init__(self, *, max_calls: int = 1_000, max_bytes: int = 1024 * 1024, window: int = 8) -> None:
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._window = window
        self._calls: OrderedDict[str, QueuedCall] = OrderedDict()
        self._size = 0
        self._sent = 0

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
        """The call to send now, if the window allows one."""
        if self._sent >= self._window or self._sent == len(self._calls):
            return None
        return next((call for call in self._calls.values() if call.state is CallState.PENDING), None)

    def sent(self, call: QueuedCall, message_id: str) -> None:
        """Note that a call was sent."""
        call.state, call.message_id = CallState.SENT, message_id
        self._sent += 1

    def answered(self, message_id: str, *, failed: bool) -> QueuedCall | None:
        """Take a call out whose answer came; None for an answer to no queued call."""
        call = next((c for c in self._calls.values() if c.message_id == message_id), None)
        if call is None:
            return None
        del self._calls[call.key]
        self._size -= call.size
        self._sent -= 1
        call.state = CallState.FAILED if failed else CallState.CONFIRMED
        return call

    def cut(self) -> None:
        """The line is gone: what was sent and not answered is to be sent again."""
        self._sent = 0
        for call in self._calls.values():
            call.state, call.message_id = CallState.PENDING, None
