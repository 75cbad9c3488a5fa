"""The log's two forms, and what never gets into it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from trunkline.agents.logs import configure_logs, remove_logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def quiet_after() -> Iterator[list[logging.Handler]]:
    handlers: list[logging.Handler] = []
    level = logging.getLogger().level
    yield handlers
    for handler in handlers:
        remove_logs(handler)
    logging.getLogger().setLevel(level)


def fail() -> None:
    secret = "hunter2"
    raise ValueError("no luck " + secret[:0])


def test_one_json_object_a_line_where_nobody_watches(quiet_after: list[logging.Handler]) -> None:
    stream = io.StringIO()
    quiet_after.append(configure_logs("info", stream))
    logging.getLogger("trunkline.agents.x").info("Hello %s", "you", extra={"milliseconds": 3})
    try:
        fail()
    except ValueError:
        logging.getLogger("trunkline.y").exception("It broke")
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert first.pop("timestamp").endswith("Z")
    first.pop("message", None)  # pytest's own handler leaves it on the record
    assert first == {"event": "Hello you", "level": "info", "logger": "trunkline.agents.x", "milliseconds": 3}
    assert "ValueError: no luck" in second["exception"]
    assert "hunter2" not in stream.getvalue()


def test_a_readable_line_on_a_terminal(quiet_after: list[logging.Handler]) -> None:
    stream = Terminal()
    quiet_after.append(configure_logs("info", stream))
    try:
        fail()
    except ValueError:
        logging.getLogger("trunkline").exception("It broke")
    assert "It broke" in stream.getvalue()
    assert "ValueError: no luck" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_the_level_is_of_trunklines_own_lines(quiet_after: list[logging.Handler]) -> None:
    stream = io.StringIO()
    quiet_after.append(configure_logs("debug", stream))
    logging.getLogger("trunkline.hub").debug("ours")
    logging.getLogger("uvicorn.error").info("Authorization: secret")
    logging.getLogger("websockets.server").debug("Cookie: secret")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["ours"]
