"""The golden conversations of `spec/vectors`, each run against the real server and the real client."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.spec_runner.client_side import ClientRun
from tests.spec_runner.server_side import ServerRun
from tests.spec_runner.vectors import CLIENT_ONLY, SERVER_ONLY, SHARED, Vector, kind_of, load_all
from trunkline.codes import ErrorCode
from trunkline.protocol.codec import CLIENT_TYPES, CONTROL_TYPES, decode_client, decode_server
from trunkline.protocol.recovery import ResetReason

VECTORS = load_all()
SERVERS = [vector for vector in VECTORS if "server" in vector.sides]
CLIENTS = [vector for vector in VECTORS if "client" in vector.sides]


@pytest.mark.parametrize("vector", SERVERS, ids=lambda vector: vector.name)
async def test_the_server_keeps_to_the_vector(vector: Vector) -> None:
    await ServerRun(vector).play(vector.steps)


@pytest.mark.parametrize("vector", CLIENTS, ids=lambda vector: vector.name)
async def test_the_client_keeps_to_the_vector(vector: Vector) -> None:
    await ClientRun(vector).play(vector.steps)


def frames(kind: str, vectors: list[Vector]) -> Iterator[dict[str, Any]]:
    for vector in vectors:
        for step in vector.steps:
            if kind_of(step) == kind:
                yield step[kind]


def test_there_are_enough_and_most_are_run_by_both_sides() -> None:
    assert len(VECTORS) >= 35
    assert len([vector for vector in VECTORS if set(vector.sides) == {"client", "server"}]) >= 25
    assert all(vector.about and set(vector.sides) <= {"client", "server"} for vector in VECTORS)


def test_what_a_client_sends_is_readable() -> None:
    for frame in frames("client", CLIENTS):
        decode_client(msgspec.json.encode(frame))


def test_what_a_server_sends_is_readable() -> None:
    for frame in frames("server", SERVERS):
        assert decode_server(msgspec.json.encode(frame)) is not None


def test_every_kind_of_message_code_and_step_is_shown() -> None:
    assert {frame["type"] for frame in frames("client", CLIENTS)} == CLIENT_TYPES
    shown = list(frames("server", SERVERS))
    assert {frame["type"] for frame in shown} >= CONTROL_TYPES
    assert {frame["reason"] for frame in shown if frame["type"] == "reset"} == set(ResetReason)
    codes = {frame.get("code") for frame in shown if frame["type"] == "error"}
    # A message with more than a thousand topics is better made by a program.
    assert codes == set(ErrorCode) - {ErrorCode.TOO_LARGE}
    kinds = {kind_of(step) for vector in VECTORS for step in vector.steps}
    assert kinds == (SHARED | CLIENT_ONLY | SERVER_ONLY)


@pytest.mark.parametrize(
    "steps",
    [
        [{"open": True}, {"client": {"type": "ping"}}],
        [{"open": True}, {"server": {"type": "pong"}}],
        [{"open": True}, {"client": {"type": "ping"}}, {"server": {"type": "pong", "timestamp": 1}}],
        [{"open": True}, {"server_closes": 4000}],
    ],
)
async def test_a_server_that_does_otherwise_fails(steps: list[dict[str, Any]]) -> None:
    vector = Vector("wrong", "wrong", ("server",), tuple(steps), {"subprotocol": False})
    with pytest.raises(AssertionError):
        await ServerRun(vector).play(vector.steps)


@pytest.mark.parametrize(
    "steps",
    [
        [{"app": {"connect": True}}],
        [{"app": {"connect": True}}, {"state": "connecting"}, {"open": True}, {"state": "connected"}, {"client": {}}],
        [{"app": {"connect": True}}, {"state": "connecting"}, {"positions": {"agent:1": {"epoch": "e1", "seq": 1}}}],
    ],
)
async def test_a_client_that_does_otherwise_fails(steps: list[dict[str, Any]]) -> None:
    vector = Vector("wrong", "wrong", ("client",), tuple(steps))
    with pytest.raises(AssertionError):
        await ClientRun(vector).play(vector.steps)


def test_a_step_that_is_none_fails() -> None:
    with pytest.raises(ValueError, match="Unknown step"):
        kind_of({"sleep": 1})
