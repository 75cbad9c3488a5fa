"""Refused requests are told without filling the log."""

import logging

import pytest

from trunkline.hub.refusal_log import RefusalLog


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "trunkline.hub.refusal_log")
    return caplog


def test_the_first_refusal_is_told_at_once_and_the_next_after_a_second_with_their_number(
    told: pytest.LogCaptureFixture,
) -> None:
    log = RefusalLog()
    for n in range(500):
        log.tell("c1", "rate_limited", n / 1000)
    assert told.messages == ["Refused a request of connection c1: rate_limited"]
    log.tell("c1", "not_found", 1.5)
    assert told.messages[1:] == ["Refused 500 requests of connection c1, the last of them: not_found"]


def test_connections_are_told_apart_and_what_was_not_told_is_told_at_the_end(told: pytest.LogCaptureFixture) -> None:
    log = RefusalLog()
    log.tell("c1", "not_found", 0.0)
    log.tell("c2", "forbidden", 0.0)
    log.tell("c2", "forbidden", 0.1)
    log.forget("c1")
    log.forget("c2")
    log.forget("c3")
    assert told.messages == [
        "Refused a request of connection c1: not_found",
        "Refused a request of connection c2: forbidden",
        "Refused a request of connection c2: forbidden",
    ]
