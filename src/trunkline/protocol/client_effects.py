"""What a client session tells the application, and what it wants its shell to do."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from trunkline.codes import ErrorCode
from trunkline.errors import RequestError
from trunkline.events import D, EventType
from trunkline.positions import Position
from trunkline.protocol import messages as m
from trunkline.protocol.call_queue import QueuedCall


class LineState(StrEnum):
    """What a person would call the state of the line."""

    IDLE = "idle"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    CLOSED = "closed"


# What reaches the application


@dataclass(frozen=True)
class ReceivedEvent:
    """An event, handed over once, in the order of its topic and its feed.

    Attributes:
        subscriptions: the subscribed topics it is new for: its own, its feed, or both.
    """

    type: str
    topic: str
    seq: int
    feed_seq: int | None
    id: str
    time: str
    body: bytes
    subscriptions: tuple[str, ...]

    @cached_property
    def data(self) -> Any:
        """The payload as dicts, lists, strings and numbers."""
        return msgspec.json.decode(self.body)

    def read(self, event_type: EventType[D]) -> D | None:
        """The typed payload if the event is of this type, else None.

        Raises:
            msgspec.ValidationError: it is of this type, with other data.
        """
        return event_type.read(self.type, self.body)


@dataclass(frozen=True)
class ReceivedSnapshot:
    """A topic's state as of `position`; it replaces whatever is held of the topic."""

    type: str
    topic: str
    position: Position
    body: bytes

    @cached_property
    def data(self) -> Any:
        """The state as dicts, lists, strings and numbers."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True, slots=True)
class ReceivedReset:
    """The stream of a topic could not be kept whole: what follows does not continue what came before.

    A fresh snapshot follows where the topic has one; where it has none, events between may be lost.
    """

    topic: str
    reason: str


Update = ReceivedSnapshot | ReceivedEvent | ReceivedReset


@dataclass(frozen=True, slots=True)
class TopicOpened:
    """A subscription was answered: live from `position`; `recovered` missed events follow if it was resumed."""

    topic: str
    position: Position
    resumed: bool
    recovered: int = 0


@dataclass(frozen=True, slots=True)
class TopicFailed:
    """A subscription ended: refused, or revoked later. `code` is None for revoked."""

    topic: str
    code: ErrorCode | None
    sentence: str

    def to_error(self) -> RequestError:
        """The failure as an exception."""
        return RequestError(self.sentence, code=self.code or ErrorCode.FORBIDDEN)


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call was answered, or the line was cut before its answer came (`cut`)."""

    message_id: str
    reply: m.Reply | None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class QueuedCallEnded:
    """A queued call was answered; it is out of the queue."""

    call: QueuedCall
    reply: m.Reply


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The line's state is another one.

    Attributes:
        code: the close code that led to it, if one did.
        retry_in: seconds until the next try, while waiting.
    """

    state: LineState
    code: int | None = None
    reason: str = ""
    retry_in: float | None = None


@dataclass(frozen=True, slots=True)
class Noticed:
    """Any other message of the server, for `on_message` alone."""

    message: m.ServerMessage


# What the shell must do


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """Connect, then say `opened` or `closed`."""


@dataclass(frozen=True, slots=True)
class SendText:
    """Send a text frame."""

    text: str


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close the socket; a dead one (`at_once`) without waiting for the peer. `closed` was handled already."""

    code: int
    at_once: bool = False


Notice = Update | TopicOpened | TopicFailed | StateChanged | Noticed
"""What reaches the application, in order."""

Effect = Notice | CallEnded | QueuedCallEnded | OpenSocket | SendText | CloseSocket
