"""The protocol of `/api/ws`, for clients that have not moved to version 2: a translator at the socket.

In: `ping`, `subscribe_thread`, `send_message`, and `authenticate` as in version 2. Out: `pong`, `thread_history`,
`thread_message`, `stream_start`, `stream_chunk`, `stream_end`, `error`. These clients keep no positions and drop
nothing, so what a snapshot already held is dropped here. They have no word for a message that is gone: of a thread that
was cut to be asked anew they hear the message asked, and the rest is theirs until they subscribe again.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from trunkline import Frame, Handshake

LEGACY_ENDPOINT: Final = "/api/ws"

# RFC 9745, section 2.1, a structured-field date; and RFC 8594, section 3, an HTTP date.
DEPRECATION: Final = "@1793491200"
SUNSET: Final = "Fri, 31 Dec 2027 23:59:59 GMT"
LEGACY_HEADERS: Final = (("Deprecation", DEPRECATION), ("Sunset", SUNSET))

# Only the end of a history can cross with live events.
_REMEMBERED_MESSAGES = 64


class _Ping(msgspec.Struct, tag="ping"):
    timestamp: int | float | None = None


class _SubscribeThread(msgspec.Struct, tag="subscribe_thread"):
    thread_id: int | str


class _SendMessage(msgspec.Struct, tag="send_message"):
    thread_id: int | str
    content: str


class _Authenticate(msgspec.Struct, tag="authenticate"):
    token: str


_Incoming = _Ping | _SubscribeThread | _SendMessage | _Authenticate
_ID_DIGITS = 19
_TYPES = frozenset(str(member.__struct_config__.tag) for member in _Incoming.__args__)


class _Typed(msgspec.Struct):
    type: str


class _Outgoing(msgspec.Struct):
    """What the translator reads of a version 2 frame."""

    type: str
    topic: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")
    code: str | None = None
    error: Any = None
    message_id: str | None = None


class _Message(msgspec.Struct):
    id: int | str
    version: int = 0


class _Streaming(msgspec.Struct):
    message_id: int | str
    text: str = ""


class _History(msgspec.Struct):
    messages: list[msgspec.Raw] = []
    streaming: _Streaming | None = None


class _Chunk(msgspec.Struct):
    message_id: int | str
    at: int = 0
    text: str = ""


_read_incoming: msgspec.json.Decoder[_Incoming] = msgspec.json.Decoder(_Incoming)
_read_typed = msgspec.json.Decoder(_Typed)
_read_outgoing = msgspec.json.Decoder(_Outgoing)
_read_message = msgspec.json.Decoder(_Message)
_read_history = msgspec.json.Decoder(_History)
_read_chunk = msgspec.json.Decoder(_Chunk)
_encoder = msgspec.json.Encoder()


class _ThreadView:
    """What one client has been told of one thread, as far as it can cross with a snapshot."""

    def __init__(self) -> None:
        self.versions: dict[int | str, int] = {}
        self.streaming: int | str | None = None
        self.length = 0

    def begin(self, message_id: int | str) -> None:
        """Note that a stream has started."""
        self.streaming, self.length = message_id, 0

    def news(self, chunk: _Chunk) -> str:
        """The part of a chunk that was not sent before."""
        if chunk.message_id != self.streaming:
            self.begin(chunk.message_id)
        text = chunk.text[max(0, self.length - chunk.at) :]
        self.length = max(self.length, chunk.at + len(chunk.text))
        return text


class LegacyDialect:
    """Translates one connection of the older protocol.

    Args:
        handshake: how it opened; `thread_id` in its query subscribes at once.
    """

    def __init__(self, handshake: Handshake) -> None:
        self._thread_id = handshake.query.get("thread_id")
        self._views: dict[str, _ThreadView] = {}
        self._of_thread: dict[str, Callable[[msgspec.Raw, str], Sequence[str]]] = {
            "thread_history": self._history,
            "thread_message_created": self._message,
            "thread_message_updated": self._message,
            "thread_deleted": self._deleted,
            "stream_start": self._start,
            "stream_chunk": self._chunk,
            "stream_end": self._end,
        }

    # In

    def opening(self) -> Sequence[str]:
        """Subscribe to the thread of the query, if there is one."""
        return () if self._thread_id is None else (_subscribe(self._thread_id),)

    def incoming(self, text: str) -> Sequence[str]:
        """Turn a frame of the older protocol into frames of version 2."""
        try:
            message = _read_incoming.decode(text)
        except msgspec.ValidationError as error:
            return (_refused(text, error),)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return (text,)
        match message:
            case _SubscribeThread(thread_id=thread_id):
                return (_subscribe(thread_id),)
            case _SendMessage(thread_id=thread_id, content=content):
                params = {"thread_id": _thread_id(str(thread_id)), "content": content}
                return (_write("call", method="thread.send", params=params),)
            case _Ping(timestamp=timestamp):
                return (_write("ping", timestamp=timestamp),)
            case _Authenticate(token=token):
                return (_write("authenticate", token=token),)

    # Out

    def outgoing(self, frame: Frame) -> Sequence[str]:
        """Turn a frame of version 2 into frames of the older protocol."""
        message = _read_outgoing.decode(frame.payload)
        match message.type:
            case "pong" | "authenticated":
                return (frame.text,)
            case "error" | "reply" | "revoked":
                return _complain(message)
            case _ if (translate := self._of_thread.get(message.type)) and message.topic:
                return translate(message.data, message.topic.removeprefix("thread:"))
            case _:
                return ()

    def _start(self, data: msgspec.Raw, key: str) -> Sequence[str]:
        self._view(key).begin(_read_chunk.decode(data).message_id)
        return (_write("stream_start", thread_id=_thread_id(key)),)

    def _chunk(self, data: msgspec.Raw, key: str) -> Sequence[str]:
        text = self._view(key).news(_read_chunk.decode(data))
        return (_write("stream_chunk", thread_id=_thread_id(key), content=text),) if text else ()

    def _end(self, _data: msgspec.Raw, key: str) -> Sequence[str]:
        self._view(key).streaming = None
        return (_write("stream_end", thread_id=_thread_id(key)),)

    def _deleted(self, _data: msgspec.Raw, key: str) -> Sequence[str]:
        self._views.pop(key, None)
        return (_write("error", error=f"Thread {key} was deleted"),)

    def _view(self, key: str) -> _ThreadView:
        return self._views.setdefault(key, _ThreadView())

    def _history(self, data: msgspec.Raw, key: str) -> Sequence[str]:
        """A snapshot replaces what the client holds; an answer in progress follows it as far as it got."""
        history = _read_history.decode(data)
        view = self._views[key] = _ThreadView()
        for raw in islice(reversed(history.messages), _REMEMBERED_MESSAGES):
            message = _read_message.decode(raw)
            view.versions[message.id] = message.version
        thread_id = _thread_id(key)
        frames = [_write("thread_history", thread_id=thread_id, messages=history.messages)]
        if history.streaming is not None:
            text = view.news(_Chunk(history.streaming.message_id, 0, history.streaming.text))
            frames.append(_write("stream_start", thread_id=thread_id))
            if text:
                frames.append(_write("stream_chunk", thread_id=thread_id, content=text))
        return frames

    def _message(self, data: msgspec.Raw, key: str) -> Sequence[str]:
        message = _read_message.decode(data)
        if message.version <= self._view(key).versions.get(message.id, -1):
            return ()
        return (_write("thread_message", thread_id=_thread_id(key), message=data),)


def _write(type: str, **fields: object) -> str:
    return _encoder.encode({"type": type, **fields}).decode()


def _subscribe(thread_id: int | str) -> str:
    return _write("subscribe", topics=[f"thread:{thread_id}"])


def _thread_id(key: str) -> int | str:
    return int(key) if key.isdecimal() and len(key) <= _ID_DIGITS else key


def _refused(text: str, error: msgspec.ValidationError) -> str:
    """A frame that the session refuses. The sentence travels as its `message_id` and comes back with the refusal."""
    try:
        found = _read_typed.decode(text).type
    except (msgspec.DecodeError, RecursionError):
        return _write("", message_id="A message is a JSON object with a `type`, a string")
    sentence = f"Invalid {found} message: {error}" if found in _TYPES else f"Unknown message type: {found[:40]}"
    return _write("", message_id=sentence)


def _complain(message: _Outgoing) -> Sequence[str]:
    """An `error` for whatever failed; a reply that reports success is not told."""
    if message.type == "revoked":
        return (_write("error", error=f"Not allowed any more: {message.topic}"),)
    if message.code == "unknown_type" and message.message_id:
        return (_write("error", error=message.message_id),)
    error = message.error
    sentence = error.get("error") if isinstance(error, dict) else error
    return (_write("error", error=sentence),) if sentence else ()
