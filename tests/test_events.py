import re
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import EventTooLarge, InvalidTopic
from trunkline.events import Event, EventType, Stamp, make_stamp, stamp_now


class Price(msgspec.Struct, frozen=True):
    symbol: str
    price: float


@dataclass(frozen=True)
class Move:
    symbol: str


PRICED = EventType("test_priced", Price, topic="price:{symbol}")
MOVED = EventType("test_moved", Move, topic="price:{symbol}", feed=False)


@given(st.integers(min_value=0, max_value=253402300799999), st.binary(min_size=10, max_size=16))
def test_a_stamp_is_a_uuid_of_version_7_and_a_time_in_utc(unix_ms: int, entropy: bytes) -> None:
    stamp = make_stamp(unix_ms, entropy)
    value = UUID(stamp.id)
    assert value.version == 7
    assert value.variant == "specified in RFC 4122"
    assert value.int >> 80 == unix_ms
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp.time)
    moment = datetime.fromisoformat(stamp.time)
    assert round(moment.timestamp() * 1000) == unix_ms


@given(st.integers(min_value=0, max_value=2**48 - 2), st.binary(min_size=10, max_size=10))
def test_a_later_stamp_sorts_later(unix_ms: int, entropy: bytes) -> None:
    early = make_stamp(min(unix_ms, 253402300799998), b"\xff" * 10)
    late = make_stamp(min(unix_ms, 253402300799998) + 1, entropy)
    assert early < late


def test_all_random_bits_are_used() -> None:
    assert make_stamp(0, b"\xff" * 10).id == "00000000-0000-7fff-bfff-ffffffffffff"
    assert make_stamp(0, bytes(10)).id == "00000000-0000-7000-8000-000000000000"


def test_stamps_of_now_are_now_and_differ() -> None:
    before = time.time_ns() // 1_000_000
    stamps = [stamp_now() for _ in range(1_000)]
    assert len({stamp.id for stamp in stamps}) == 1_000
    assert before <= UUID(stamps[0].id).int >> 80 <= time.time_ns() // 1_000_000


def test_an_event_knows_its_topic_and_its_feed_and_is_encoded() -> None:
    event = PRICED.event(Price("ACME", 1.5), scope="t1")
    assert (event.topic, event.scope, event.feed) == ("price:ACME", "t1", "price:*@t1")
    assert event.body == b'{"symbol":"ACME","price":1.5}'
    assert MOVED.event(Move("ACME")).feed is None
    with pytest.raises(AttributeError):
        event.topic = "price:OTHER"  # type: ignore[misc]


def test_data_whose_fields_make_no_topic_is_refused() -> None:
    for symbol in ("not a key", "*", ""):
        with pytest.raises(InvalidTopic):
            PRICED.event(Price(symbol, 1.0))


def test_data_that_cannot_be_encoded_is_refused() -> None:
    @dataclass(frozen=True)
    class Holder:
        id: str
        what: object

    held = EventType("test_held", Holder, topic="held:{id}")
    with pytest.raises(TypeError):
        held.event(Holder("1", object()))
    with pytest.raises(TypeError, match="An event 'test_held' carries Holder, and was given dict"):
        held.event({"id": "1", "what": None})  # type: ignore[arg-type]


@given(st.builds(Price, st.from_regex(r"[A-Z]{1,5}", fullmatch=True), st.floats(allow_nan=False, allow_infinity=False)))
def test_an_event_is_rebuilt_from_what_an_outbox_kept(price: Price) -> None:
    event = PRICED.event(price, scope="s")
    restored: Event[Price] = PRICED.restore(
        topic=event.topic, scope=event.scope, stamp=Stamp(event.id, event.time), body=event.body
    )
    assert restored == event


def test_a_body_of_other_data_is_no_event() -> None:
    with pytest.raises(msgspec.ValidationError):
        PRICED.restore(topic="price:A", scope="", stamp=stamp_now(), body=b'{"symbol":1}')


def test_received_data_is_read_by_its_own_type_only() -> None:
    assert PRICED.read("test_priced", b'{"symbol":"A","price":2}') == Price("A", 2.0)
    assert PRICED.read("test_moved", b'{"symbol":"A"}') is None
    with pytest.raises(msgspec.ValidationError):
        PRICED.read("test_priced", b"{}")


def test_a_name_is_declared_once() -> None:
    assert EventType.registered()["test_priced"] is PRICED
    again = EventType("test_priced", Price, topic="price:{symbol}")
    assert EventType.registered()["test_priced"] is again
    with pytest.raises(ValueError, match="already declared with Price"):
        EventType("test_priced", Move, topic="price:{symbol}")
    with pytest.raises(ValueError, match="already declared for price:"):
        EventType("test_priced", Price, topic="quote:{symbol}")
    namesake = msgspec.defstruct("Price", ["symbol"], module="elsewhere")
    with pytest.raises(ValueError, match="already declared"):
        EventType("test_priced", namesake, topic="price:{symbol}")
    assert EventType.registered()["test_priced"] is again
    assert repr(PRICED) == "EventType('test_priced', Price, topic='price:{symbol}')"


@pytest.mark.parametrize("topic", ["price", "price:*", "price:{symbol"])
def test_events_need_a_topic_of_their_own(topic: str) -> None:
    with pytest.raises(ValueError, match=r"topic|feed"):
        EventType("test_nowhere", Price, topic=topic)
    assert "test_nowhere" not in EventType.registered()


def test_an_event_of_ten_megabytes_is_refused_where_it_is_made_and_one_of_five_is_not() -> None:
    class Blob(msgspec.Struct, frozen=True):
        key: str
        text: str

    blobbed = EventType("event_blobbed", Blob, topic="blob:{key}")
    with pytest.raises(EventTooLarge, match="let clients fetch it") as caught:
        blobbed.event(Blob("1", "x" * 10_000_000))
    assert caught.value.size > caught.value.limit
    assert len(blobbed.event(Blob("1", "x" * 5_000_000)).body) > 5_000_000
