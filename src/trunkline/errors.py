"""The exception tree. Each error keeps its data in attributes and says what to do in `str()`."""

import reprlib

from trunkline.codes import ErrorCode


class TrunklineError(Exception):
    """Root of everything that Trunkline raises on purpose."""


class RequestError(TrunklineError):
    """A request failed for a reason its sender should hear.

    Raise it (or a subclass) from `authorize`, snapshot providers and call handlers; the caller gets `code` and
    `sentence`, and the connection stays.

    Args:
        sentence: what went wrong and what to do, for people.
        code: the wire's error code.
        details: anything JSON-encodable that helps a program, or None.
    """

    def __init__(
        self, sentence: str, *, code: ErrorCode = ErrorCode.INVALID_MESSAGE, details: object | None = None
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.details = details

    def __str__(self) -> str:
        return self.sentence


class InvalidTopic(RequestError, ValueError):
    """A topic does not follow `namespace:key`."""

    def __init__(self, topic: object) -> None:
        # What came from a client may be nested too deep for `repr`.
        shown = topic if isinstance(topic, str) else reprlib.repr(topic)
        short = shown if len(shown) <= 80 else f"{shown[:77]}..."
        super().__init__(f"Invalid topic format: {short}", code=ErrorCode.INVALID_TOPIC)
        self.topic = topic


class EventTooLarge(TrunklineError, ValueError):
    """An event's data is larger than an event may be; it is meant to tell of a thing, not to carry a file."""

    def __init__(self, event_type: str, size: int, limit: int) -> None:
        super().__init__(
            f"An event {event_type} of {size:,} bytes; {limit:,} are the most. "
            "Publish that the thing has changed, and let clients fetch it"
        )
        self.size = size
        self.limit = limit


class NotFound(RequestError):
    """The thing that was asked for does not exist: `NotFound("Agent", 99999)` says "Agent 99999 not found"."""

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"{kind} {key} not found", code=ErrorCode.NOT_FOUND)
        self.kind = kind
        self.key = key


class Forbidden(RequestError):
    """The principal may not do this to that topic or thing."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Not allowed: {what}", code=ErrorCode.FORBIDDEN)
        self.what = what


class Conflict(RequestError):
    """The request contradicts the present state, such as a second run of a busy thread."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, code=ErrorCode.CONFLICT)


class Unauthenticated(RequestError):
    """No principal is known for this connection, or its token has run out."""

    def __init__(self, sentence: str = "Send a valid token with `authenticate` first") -> None:
        super().__init__(sentence, code=ErrorCode.UNAUTHENTICATED)


class BrokerError(TrunklineError):
    """The broker could not take or give events; nothing was published. Trying again is safe: ids make it idempotent."""


class LineClosed(TrunklineError):
    """The client's line has ended for good and takes no more work.

    Args:
        code: the close code, or None if the application closed the line.
        reason: the sentence that came with it.
    """

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(reason if code is None else f"The line is closed ({code}): {reason}")
        self.code = code
        self.reason = reason


class CallCut(TrunklineError):
    """The line was cut before a call was answered: it may or may not have taken effect."""

    def __init__(self, method: str) -> None:
        super().__init__(f"The line was cut before {method} was answered; it may or may not have taken effect")
        self.method = method


class CallQueueFull(TrunklineError):
    """No more calls are kept for a line that is down; nothing was queued.

    Args:
        calls: how many are kept.
        size: bytes of their parameters.
    """

    def __init__(self, calls: int, size: int) -> None:
        super().__init__(f"{calls} calls ({size:,} bytes) wait for the line already; try again when some are answered")
        self.calls = calls
        self.size = size


def internal_error(what: str) -> RequestError:
    """The answer to a request that failed for a fault of the server, whose log has it."""
    return RequestError(f"{what} because of an error on the server; its log says more", code=ErrorCode.INTERNAL)
