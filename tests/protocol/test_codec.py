import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trunkline.codes import ErrorCode
from trunkline.errors import RequestError
from trunkline.events import EventType, Stamp
from trunkline.protocol import messages as m
from trunkline.protocol.codec import (
    CLIENT_TYPES,
    CONTROL_TYPES,
    BadMessage,
    Frame,
    decode_client,
    decode_server,
    encode,
    encode_data,
    encode_event,
)

IDS = st.none() | st.text(st.characters(codec="utf-8"), max_size=128)
TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(min_value=-(2**63), max_value=2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
CLIENT_MESSAGES: st.SearchStrategy[m.ClientMessage] = st.one_of(
    st.builds(m.Subscribe, topics=st.lists(JSON, max_size=4), message_id=IDS),
    st.builds(m.Unsubscribe, topics=st.lists(TEXTS, max_size=4), message_id=IDS),
    st.builds(m.Ping, timestamp=st.none() | NUMBERS, message_id=IDS),
    st.builds(
        m.Call,
        method=TEXTS,
        params=st.dictionaries(TEXTS, JSON, max_size=3),
        key=st.none() | TEXTS,
        message_id=IDS,
    ),
    st.builds(m.Authenticate, token=TEXTS, message_id=IDS),
)

NESTED = "[" * 100_000 + "]" * 100_000


class Price(msgspec.Struct, frozen=True):
    symbol: str


PRICED = EventType("test_codec_priced", Price, topic="price:{symbol}")


def refused(frame: str | bytes) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        decode_client(frame)
    return caught.value


@given(CLIENT_MESSAGES)
def test_what_a_client_encodes_the_server_decodes(message: m.ClientMessage) -> None:
    frame = encode(message)
    assert decode_client(frame.text) == decode_client(frame.payload) == message
    assert json.loads(frame.text)["type"] in CLIENT_TYPES


@given(st.text())
@example("")
@example("\x00")
@example("\ud800")
@example('{"type":"ping","message_id":"\ud800"}')
@example('{"type":"ping","message_id":"\\ud800"}')
@example('{"type":"ping","timestamp":1e400}')
@example('{"type":"ping","timestamp":' + "9" * 5_000 + "}")
@example('{"type":"subscribe","topics":[' + "9" * 5_000 + "]}")
@example('{"type":"subscribe","topics":' + NESTED + "}")
@example('{"type":"nope","x":' + NESTED + "}")
@example('{"type":' + NESTED + "}")
@example(NESTED)
@example('{"a":' * 50_000 + "1" + "}" * 50_000)
def test_any_text_is_a_message_or_a_bad_message(frame: str) -> None:
    try:
        message = decode_client(frame)
    except BadMessage as bad:
        assert bad.code in (ErrorCode.INVALID_JSON, ErrorCode.INVALID_MESSAGE, ErrorCode.UNKNOWN_TYPE)
        assert encode(m.Error(code=bad.code, error=bad.sentence, message_id=bad.message_id))
    else:
        assert encode(message)


@given(st.binary())
@example(b"\xff\xfe")
@example(b'{"type":"ping","message_id":"\xed\xa0\x80"}')
def test_any_bytes_are_a_message_or_a_bad_message(frame: bytes) -> None:
    try:
        decode_client(frame)
    except BadMessage as bad:
        assert encode(m.Error(code=bad.code, error=bad.sentence))


@given(JSON.map(json.dumps), st.sampled_from([*sorted(CLIENT_TYPES), "nope"]), IDS)
def test_fields_of_any_shape_are_a_message_or_a_bad_message(value: str, type_: str, message_id: str | None) -> None:
    names = ("topics", "timestamp", "method", "params", "key", "token")
    fields = ",".join(f'"{name}":{value}' for name in names)
    frame = f'{{"type":"{type_}","message_id":{json.dumps(message_id)},{fields}}}'
    try:
        message = decode_client(frame)
    except BadMessage as bad:
        assert bad.message_id == message_id
        assert bad.code is (ErrorCode.UNKNOWN_TYPE if type_ == "nope" else ErrorCode.INVALID_MESSAGE)
    else:
        assert message.message_id == message_id


@pytest.mark.parametrize(
    ("frame", "code", "sentence"),
    [
        ("not json", ErrorCode.INVALID_JSON, "Not valid JSON"),
        ('{"type":"ping"', ErrorCode.INVALID_JSON, "Not valid JSON"),
        ("[]", ErrorCode.INVALID_MESSAGE, "A message is a JSON object with a `type`"),
        ("null", ErrorCode.INVALID_MESSAGE, "A message is a JSON object with a `type`"),
        ("{}", ErrorCode.INVALID_MESSAGE, "A message needs a `type`, a string"),
        ('{"type":7,"message_id":"a"}', ErrorCode.INVALID_MESSAGE, "A message needs a `type`, a string"),
        ('{"type":"dance","message_id":"a"}', ErrorCode.UNKNOWN_TYPE, "Unknown message type: dance"),
        ('{"type":"subscribe","message_id":"a"}', ErrorCode.INVALID_MESSAGE, "Invalid subscribe message: "),
        ('{"type":"subscribe","topics":{},"message_id":"a"}', ErrorCode.INVALID_MESSAGE, "`$.topics`"),
        ('{"type":"unsubscribe","topics":[1],"message_id":"a"}', ErrorCode.INVALID_MESSAGE, "`$.topics[0]`"),
        ('{"type":"ping","timestamp":"now","message_id":"a"}', ErrorCode.INVALID_MESSAGE, "`$.timestamp`"),
        ('{"type":"call","method":"m","params":[],"message_id":"a"}', ErrorCode.INVALID_MESSAGE, "`$.params`"),
        ('{"type":"authenticate","token":null,"message_id":"a"}', ErrorCode.INVALID_MESSAGE, "`$.token`"),
    ],
)
def test_a_bad_message_is_explained(frame: str, code: ErrorCode, sentence: str) -> None:
    bad = refused(frame)
    assert bad.code is code
    assert sentence in str(bad)
    assert bad.message_id == ("a" if '"a"' in frame else None)


def test_a_message_id_that_is_no_short_string_is_refused_and_not_echoed() -> None:
    assert refused('{"type":"ping","message_id":5}').message_id is None
    long = refused(json.dumps({"type": "ping", "message_id": "x" * 129}))
    assert (long.code, long.message_id) == (ErrorCode.INVALID_MESSAGE, None)
    assert refused(json.dumps({"type": "nope", "message_id": "x" * 129})).message_id is None


def test_a_long_unknown_type_is_cut() -> None:
    assert str(refused(json.dumps({"type": "x" * 10_000}))) == f"Unknown message type: {'x' * 40}"


def test_unknown_fields_are_ignored() -> None:
    assert decode_client('{"type":"ping","timestamp":1.5,"colour":"red","x":{"y":[]}}') == m.Ping(timestamp=1.5)
    assert decode_server('{"type":"pong","timestamp":3,"colour":"red"}') == m.Pong(timestamp=3)


def test_a_frame_is_text_bytes_and_a_length() -> None:
    frame = Frame("äöü".encode())
    assert (frame.text, frame.payload, len(frame)) == ("äöü", "äöü".encode(), 6)
    assert frame.text is frame.text


def test_an_event_is_encoded_with_its_numbers_and_its_own_bytes() -> None:
    event = PRICED.event(Price("A"), stamp=Stamp("id-1", "2026-01-02T03:04:05.678Z"))
    with_feed = encode_event(event, 4, 9)
    assert with_feed.text == (
        '{"type":"test_codec_priced","topic":"price:A","seq":4,"feed_seq":9,"id":"id-1",'
        '"time":"2026-01-02T03:04:05.678Z","data":{"symbol":"A"}}'
    )
    decoded = decode_server(encode_event(event, 4, None).text)
    assert isinstance(decoded, m.EventMessage)
    assert (decoded.feed_seq, bytes(decoded.data)) == (None, b'{"symbol":"A"}')


@pytest.mark.parametrize(
    "message",
    [
        m.Pong(timestamp=1.5, message_id="a"),
        m.Resumed(topic="a:1", epoch="e", seq=3, recovered=2),
        m.Reply(message_id="a", result={"x": 1}, positions=[m.PublishedPosition("a:1", "e", 3)]),
        m.Reply(message_id="a", error=m.WireError(ErrorCode.CONFLICT, "busy")),
        m.Error(code=ErrorCode.NOT_FOUND, error="Agent 1 not found", topic="agent:1"),
        m.Authenticated(expires_at=None),
        m.Snapshot(type="agent_state", topic="a:1", epoch="e", seq=0, data=encode_data({"id": 1})),
    ],
)
def test_what_the_server_encodes_the_client_decodes(message: m.ServerMessage) -> None:
    assert decode_server(encode(message).text) == message


def test_every_control_type_is_known() -> None:
    assert {
        "connected", "subscribed", "resumed", "unsubscribe_success", "pong", "authenticated", "reset", "revoked",
        "reply", "error", "goaway",
    } == CONTROL_TYPES  # fmt: skip


@pytest.mark.parametrize("frame", ['{"type":"from_the_future"}', "{}", '{"x":1}'])
def test_a_server_message_of_an_unknown_type_is_ignored(frame: str) -> None:
    assert decode_server(frame) is None


@given(st.text() | JSON.map(json.dumps) | st.dictionaries(
    st.sampled_from(["type", "topic", "seq", "epoch", "id", "data", "message_id", "code"]),
    JSON | st.sampled_from(sorted(CONTROL_TYPES))).map(json.dumps))  # fmt: skip
@example(NESTED)
@example('{"type":"pong","x":' + NESTED + "}")
@example('{"type":{"x":1},"epoch":1}')
@example('{"type":["x"],"id":"x"}')
def test_a_broken_server_is_a_request_error(frame: str) -> None:
    try:
        decode_server(frame)
    except RequestError as error:
        assert "unreadable" in str(error)
