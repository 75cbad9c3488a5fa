"""`spec/schema.json` is what the message types say now, and says all of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trunkline.codes import CloseCode, ErrorCode, may_reconnect
from trunkline.protocol.codec import CLIENT_TYPES, CONTROL_TYPES
from trunkline.protocol.schema import make_schema, render

SCHEMA = Path(__file__).parents[2] / "spec" / "schema.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))
    return loaded


def test_the_committed_schema_is_what_is_generated_now() -> None:
    assert SCHEMA.read_text("utf-8") == render(), "run `make gen`"


def test_generating_is_deterministic() -> None:
    assert render() == render()
    assert json.loads(render()) == make_schema()


def test_the_module_writes_the_file(tmp_path: Path) -> None:
    target = tmp_path / "schema.json"
    subprocess.run([sys.executable, "-m", "trunkline.protocol.schema", str(target)], check=True)
    assert target.read_text("utf-8") == render()


def types_of(schema: dict[str, Any], union: str) -> set[str]:
    names = [member["$ref"].removeprefix("#/$defs/") for member in schema["$defs"][union]["anyOf"]]
    kinds = [schema["$defs"][name]["properties"]["type"] for name in names]
    return {kind["enum"][0] for kind in kinds if "enum" in kind}


def test_every_message_type_is_described(schema: dict[str, Any]) -> None:
    assert types_of(schema, "ClientMessage") == CLIENT_TYPES
    assert types_of(schema, "ControlMessage") == CONTROL_TYPES
    assert types_of(schema, "ServerMessage") == CONTROL_TYPES
    server = {member["$ref"] for member in schema["$defs"]["ServerMessage"]["anyOf"]}
    assert {"#/$defs/Snapshot", "#/$defs/EventMessage"} <= server
    assert {"TopicSince", "WirePosition", "PublishedPosition", "ConnectionLimits"} <= schema["$defs"].keys()


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    assert {reference.removeprefix("#/$defs/") for reference in references(schema)} <= schema["$defs"].keys()


def test_codes_are_those_of_the_table(schema: dict[str, Any]) -> None:
    assert schema["errorCodes"] == sorted(ErrorCode)
    assert schema["closeCodes"] == [
        {
            "code": int(code),
            "name": code.name.lower(),
            "reconnect": may_reconnect(int(code)),
            "sentence": code.sentence,
        }
        for code in sorted(CloseCode)
    ]
