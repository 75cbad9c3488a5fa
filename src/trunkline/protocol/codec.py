"""JSON in and out. Decoding turns whatever arrives into a message or a `RequestError` with its code."""

import zlib
from typing import Any, TypeGuard

import msgspec

from trunkline.codes import ErrorCode
from trunkline.errors import RequestError
from trunkline.events import Event
from trunkline.protocol.messages import (
    ClientMessage,
    ControlMessage,
    EventMessage,
    MessageId,
    ServerMessage,
    Snapshot,
)

DEFLATE_WINDOW_BITS = 12
"""The window of what is compressed once for many: a peer that agreed to less gets it uncompressed."""

_DEFLATE_MEMORY = 5
_DEFLATE_LEAST = 64
_SYNC_TAIL = b"\x00\x00\xff\xff"

_encoder = msgspec.json.Encoder()
_client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_control_decoder: msgspec.json.Decoder[ControlMessage] = msgspec.json.Decoder(ControlMessage)
_snapshot_decoder = msgspec.json.Decoder(Snapshot)
_event_decoder = msgspec.json.Decoder(EventMessage)


class _Envelope(msgspec.Struct, frozen=True):
    type: Any = None
    message_id: Any = None
    id: Any = None
    epoch: Any = None


class Frame:
    """One text message, encoded once and shared by every receiver, every log and every transport."""

    __slots__ = ("_deflated", "_text", "_wire", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._text: str | None = None
        self._wire: bytes | None = None
        self._deflated: bytes | None = None

    @property
    def text(self) -> str:
        """The payload as a string, decoded once: ASGI sends text frames as `str`."""
        if self._text is None:
            self._text = self.payload.decode()
        return self._text

    @property
    def wire(self) -> bytes:
        """The finished WebSocket frame, made once: a server masks nothing, so it is the same for every receiver."""
        if self._wire is None:
            self._wire = wire_header(len(self.payload)) + self.payload
        return self._wire

    @property
    def deflated(self) -> bytes:
        """The finished frame for those who agreed to permessage-deflate (RFC 7692) without context takeover, made once.

        It is `wire` itself where compression would save nothing.
        """
        if self._deflated is None:
            self._deflated = _deflate(self.payload) or self.wire
        return self._deflated

    def __len__(self) -> int:
        """Bytes of the payload."""
        return len(self.payload)


class JoinedFrames(Frame):
    """Several finished frames in one piece, for a transport that writes bytes and needs no messages."""

    __slots__ = ()

    def __init__(self, wire: bytes) -> None:
        super().__init__(wire)
        self._wire = self._deflated = wire


def wire_header(size: int) -> bytes:
    """The header of an unmasked, unfragmented text frame (RFC 6455, section 5.2)."""
    if size < 126:
        return bytes((0x81, size))
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")


def _deflate(payload: bytes) -> bytes | None:
    """Compress a message for itself alone (RFC 7692, section 7.2.1); None if that makes it no smaller."""
    if len(payload) < _DEFLATE_LEAST:
        return None
    compressor = zlib.compressobj(wbits=-DEFLATE_WINDOW_BITS, memLevel=_DEFLATE_MEMORY)
    data = (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_SYNC_TAIL)
    # The bit RSV1 of the first byte says that the message is compressed.
    return b"\xc1" + wire_header(len(data))[1:] + data if len(data) < len(payload) else None


_envelope_decoder = msgspec.json.Decoder(_Envelope)


def _tags(union: Any) -> frozenset[str]:
    return frozenset(str(member.__struct_config__.tag) for member in union.__args__)


CLIENT_TYPES = _tags(ClientMessage)
CONTROL_TYPES = _tags(ControlMessage)


class BadMessage(RequestError):
    """A client's frame could not be read. `message_id` is the frame's own where one could be found."""

    def __init__(self, sentence: str, code: ErrorCode, message_id: str | None = None) -> None:
        super().__init__(sentence, code=code)
        self.message_id = message_id


def encode(message: ServerMessage | ClientMessage) -> Frame:
    """Encode any message as UTF-8 JSON.

    Raises:
        TypeError: a payload inside it is not JSON-encodable.
    """
    return Frame(_encoder.encode(message))


def encode_data(data: object) -> msgspec.Raw:
    """Encode a payload once, to be copied into messages.

    Raises:
        TypeError: it is not JSON-encodable.
    """
    return msgspec.Raw(_encoder.encode(data))


def encode_event(event: Event[Any], seq: int, feed_seq: int | None) -> Frame:
    """Make the frame of a published event; its data is copied, not encoded again."""
    message = EventMessage(
        type=event.type.name,
        topic=event.topic,
        seq=seq,
        feed_seq=feed_seq,
        id=event.id,
        time=event.time,
        data=msgspec.Raw(event.body),
    )
    return Frame(_encoder.encode(message))


def without_feed(frame: Frame) -> Frame:
    """Make the frame of an event for somebody to whom its number in the feed says nothing yet."""
    message = _event_decoder.decode(frame.payload)
    return Frame(_encoder.encode(msgspec.structs.replace(message, feed_seq=None)))


def decode_client(frame: str | bytes) -> ClientMessage:
    """Decode a client's text frame.

    Raises:
        BadMessage: `invalid_json`, `unknown_type` or `invalid_message`, with the frame's `message_id` if it has one.
    """
    try:
        return _client_decoder.decode(frame)
    except msgspec.ValidationError as error:
        raise _explain(frame, error) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessage(f"Not valid JSON: {error}", ErrorCode.INVALID_JSON) from error


def _explain(frame: str | bytes, error: msgspec.ValidationError) -> BadMessage:
    """Say whether the frame is no object, has an unknown type, or has a known type and wrong fields."""
    try:
        envelope = _envelope_decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError):
        return BadMessage("A message is a JSON object with a `type`", ErrorCode.INVALID_MESSAGE)
    message_id = envelope.message_id if _is_message_id(envelope.message_id) else None
    if not isinstance(envelope.type, str):
        return BadMessage("A message needs a `type`, a string", ErrorCode.INVALID_MESSAGE, message_id)
    if envelope.type not in CLIENT_TYPES:
        shown = envelope.type[:40]
        return BadMessage(f"Unknown message type: {shown}", ErrorCode.UNKNOWN_TYPE, message_id)
    return BadMessage(f"Invalid {envelope.type} message: {error}", ErrorCode.INVALID_MESSAGE, message_id)


def find_message_id(frame: str | bytes) -> str | None:
    """The `message_id` of a frame that is refused unread, or None: its sender may be waiting under that id."""
    try:
        found = _envelope_decoder.decode(frame).message_id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if _is_message_id(found) else None


def _is_message_id(found: object) -> TypeGuard[str]:
    try:
        msgspec.convert(found, MessageId)
    except msgspec.ValidationError:
        return False
    return True


def decode_server(frame: str | bytes) -> ServerMessage | None:
    """Decode a server's text frame; None for a type this version does not know, which is to be ignored.

    Raises:
        RequestError: the frame is no JSON object, or a known message with wrong fields: the server is broken.
    """
    try:
        envelope = _envelope_decoder.decode(frame)
        if envelope.type in CONTROL_TYPES:
            return _control_decoder.decode(frame)
        if envelope.epoch is not None:
            return _snapshot_decoder.decode(frame)
        return _event_decoder.decode(frame) if envelope.id is not None else None
    except (msgspec.DecodeError, UnicodeError, RecursionError, TypeError) as error:
        raise RequestError(f"The server sent an unreadable message: {error}") from error
