import pytest

from trunkline.codes import CloseCode, ErrorCode, may_reconnect
from trunkline.protocol.codec import decode_server
from trunkline.protocol.messages import Error


@pytest.mark.parametrize("code", CloseCode)
def test_every_sentence_fits_a_close_frame(code: CloseCode) -> None:
    assert 0 < len(code.sentence.encode()) <= 123
    assert str(int(code)) == str(code)


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4000, 4002, 4003, 4004, 4499])
def test_a_client_comes_back_after(code: int) -> None:
    assert may_reconnect(code)


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010, 4500, 4501, 4503, 4504, 4505, 4999])
def test_a_client_stays_away_after(code: int) -> None:
    assert not may_reconnect(code)


def test_the_range_of_a_close_code_decides() -> None:
    own = {code for code in CloseCode if code >= 4000}
    assert {code for code in own if may_reconnect(code)} == {code for code in own if code < 4500}


def test_error_codes_are_the_protocol_s() -> None:
    assert [str(code) for code in ErrorCode] == [
        "invalid_json", "invalid_message", "unknown_type", "invalid_topic", "not_found", "forbidden", "unauthenticated",
        "too_many_subscriptions", "rate_limited", "too_large", "conflict", "internal",
    ]  # fmt: skip


def test_a_code_of_a_later_version_reads_as_a_failed_request() -> None:
    message = decode_server('{"type": "error", "code": "out_of_tea", "error": "There is no tea", "topic": "tea:1"}')
    assert isinstance(message, Error)
    assert (message.code, message.error) == (ErrorCode.INVALID_MESSAGE, "There is no tea")
