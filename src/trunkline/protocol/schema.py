"""The wire as JSON Schema, made from the message types. Run as a module it writes spec/schema.json (`make gen`)."""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from trunkline.codes import CloseCode, ErrorCode, may_reconnect
from trunkline.protocol import messages as m

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TARGET = "spec/schema.json"

_REFERENCE = "#/$defs/{name}"
_UNIONS: dict[str, Any] = {
    "ClientMessage": m.ClientMessage,
    "ControlMessage": m.ControlMessage,
    "ServerMessage": m.ServerMessage,
}


def make_schema() -> dict[str, Any]:
    """Describe every message, envelope and code. `ClientMessage` and `ServerMessage` are what each side may send."""
    members = {type_ for union in _UNIONS.values() for type_ in union.__args__}
    # What `topics` holds is checked one by one, so no message type refers to it.
    types = sorted({*members, m.TopicSince, ErrorCode}, key=lambda type_: str(type_.__name__))
    _, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    unions = {name: {"anyOf": _references(union)} for name, union in _UNIONS.items()}
    return {
        "$schema": DRAFT,
        "title": "Trunkline wire protocol, version 2",
        "description": "Made from the message types; change those, then run `make gen`. See protocol.md.",
        "subprotocol": m.PROTOCOL,
        "$defs": {**components, **unions},
        "errorCodes": sorted(ErrorCode),
        "closeCodes": [_describe(code) for code in sorted(CloseCode)],
    }


def _references(union: Any) -> list[dict[str, str]]:
    return [{"$ref": _REFERENCE.format(name=name)} for name in sorted(type_.__name__ for type_ in union.__args__)]


def _describe(code: CloseCode) -> dict[str, Any]:
    return {
        "code": int(code),
        "name": code.name.lower(),
        "reconnect": may_reconnect(int(code)),
        "sentence": code.sentence,
    }


def render() -> str:
    """The schema as the text of its file."""
    return json.dumps(make_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else TARGET).write_text(render(), encoding="utf-8")
