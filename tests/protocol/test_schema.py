"""`spec/schema.json` is what the message types say now, and says all of it; `spec/protocol.md` agrees with both."""

import ast
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkline.codes import CloseCode, ErrorCode, may_reconnect
from trunkline.hub.manager import HubOptions
from trunkline.protocol.codec import CLIENT_TYPES, CONTROL_TYPES, decode_client, decode_server, encode
from trunkline.protocol.schema import make_schema, render
from trunkline.protocol.server_session import SessionLimits
from trunkline.transports import uvicorn

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


# The page for people

PAGE = (SCHEMA.parent / "protocol.md").read_text("utf-8")
EXAMPLES = [
    (side, json.loads(text)) for side, text in re.findall(r"```json (client|server)\n(.*?)```", PAGE, re.DOTALL)
]


def table_rows(heading: str) -> list[list[str]]:
    """The cells of the rows of the first table under a heading, without its head."""
    lines = PAGE.partition(f"\n{heading}\n")[2].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines[start:])
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows][2:]


@pytest.mark.parametrize(("side", "message"), EXAMPLES, ids=[message["type"] for _, message in EXAMPLES])
def test_an_example_of_the_page_is_a_message(side: str, message: dict[str, Any]) -> None:
    text = msgspec.json.encode(message)
    decoded = decode_client(text) if side == "client" else decode_server(text)
    assert decoded is not None
    written = msgspec.json.decode(encode(decoded).payload)
    assert {name: value for name, value in written.items() if value is not None} == message


def test_the_page_has_an_example_of_every_message_and_no_other_json() -> None:
    assert {message["type"] for side, message in EXAMPLES if side == "client"} == CLIENT_TYPES
    server = {message["type"] for side, message in EXAMPLES if side == "server"}
    assert server - CONTROL_TYPES == {"agent_state", "agent_updated"}
    assert server > CONTROL_TYPES
    assert PAGE.count("```json") == len(EXAMPLES)


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    assert [row[0].strip("`") for row in table_rows("### `error`")] == list(ErrorCode)
    assert table_rows("## 9. Close codes") == [
        [str(int(code)), f"`{code.name.lower()}`", "yes" if may_reconnect(int(code)) else "no", code.sentence]
        for code in CloseCode
    ]
    session, hub = SessionLimits(), HubOptions()
    rows = [row[1] for row in table_rows("## 8. Limits")]
    assert rows == [
        f"{session.max_message_bytes // 1024} KiB",
        f"{uvicorn._MOST_FRAGMENTS:,}",
        f"{session.messages_per_second:g}, and {session.message_burst} at once",
        str(session.max_calls),
        str(session.max_subscriptions),
        "1,024",
        "128 characters",
        str(hub.max_connections_per_principal),
        f"{hub.max_connections:,}",
        f"{hub.admission.rate:g}, and {hub.admission.burst:,} at once",
        f"{session.auth_timeout:g} s",
    ]


ROOT = SCHEMA.parents[1]
GUARANTEES = re.split(r"^\d+\. ", PAGE.split("## 10. Guarantees")[1].split("\n## ")[0], flags=re.MULTILINE)[1:]


def named_tests(text: str) -> list[tuple[str, ...]]:
    """`tests/x/test_y.py::TestZ::test_a`, in its parts."""
    return [tuple(name.split("::")) for name in re.findall(r"`(tests/[\w/]+\.py(?:::\w+)+)`", text)]


@pytest.mark.parametrize("guarantee", GUARANTEES, ids=lambda text: text.split("**")[1].strip(".:,")[:30])
def test_each_guarantee_names_the_tests_that_prove_it(guarantee: str) -> None:
    assert named_tests(guarantee)


@pytest.mark.parametrize("name", sorted(set(named_tests(PAGE))), ids="::".join)
def test_a_test_that_the_page_names_exists(name: tuple[str, ...]) -> None:
    file, *path = name
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    test = path.pop()
    if path:
        # A class inherits its tests, from a suite or from a state machine.
        assert any(isinstance(node, ast.ClassDef) and node.name == path[0] for node in tree.body)
        suite = ROOT / "src" / "trunkline" / "testing" / "transport_suite.py"
        tree = ast.parse(suite.read_text("utf-8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert test in defined | assigned
