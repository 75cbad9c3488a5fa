"""The wire and its codes as TypeScript, made from the schema; and the structs of an application, the same way.

Run as a module it writes the files that `TARGETS` lists (`make gen`).
"""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from trunkline.codes import CloseCode, ErrorCode, may_reconnect
from trunkline.protocol.schema import make_schema

_HEADER = "// Made from src/trunkline by `make gen`; change it there.\n"
_GLOBAL_NAMES = {"Error": "ErrorMessage"}
"""Types whose names mean something else in every TypeScript file."""

_SCALARS = {
    "string": "string",
    "boolean": "boolean",
    "integer": "number",
    "number": "number",
    "object": "Record<string, unknown>",
}
_CODES = range(1000, 5000)


def render_messages() -> str:
    """Interfaces and unions of all messages, and the table by which a client checks what a server sends."""
    schema = make_schema()
    definitions: dict[str, Any] = schema["$defs"]
    protocol = json.dumps(schema["subprotocol"])
    parts = [
        f'{_HEADER}\nimport type {{ ErrorCode }} from "./codes.js";\n',
        f"/** The WebSocket subprotocol. */\nexport const PROTOCOL = {protocol};\n",
    ]
    for name, definition in definitions.items():
        if "properties" in definition:
            parts.append(_interface(name, definition))
        elif "anyOf" in definition:
            members = " | ".join(_name_of(member["$ref"]) for member in definition["anyOf"])
            parts.append(f"export type {_rename(name)} = {members};\n")
    return "\n".join(parts)


def typescript_interfaces(types: Iterable[type]) -> str:
    """TypeScript interfaces of structs, and of all that they hold, by name.

    A field is left out where the struct leaves it out, and read-only. Times and ids are what they are in JSON.

    Args:
        types: msgspec structs and dataclasses with a docstring, whose names are one of a kind.
    """
    _, components = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    return "\n".join(_interface(name, definition) for name, definition in sorted(components.items()))


def _interface(name: str, definition: dict[str, Any]) -> str:
    required = definition["required"]
    fields = [
        f"  readonly {field}{'' if field in required else '?'}: {_type_of(shape)};"
        for field, shape in sorted(definition["properties"].items(), key=lambda item: item[0] != "type")
    ]
    summary = definition["description"].partition("\n")[0]
    return "\n".join([f"/** {summary} */", f"export interface {_rename(name)} {{", *fields, "}\n"])


def _type_of(shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        return _name_of(shape["$ref"])
    if "anyOf" in shape:
        return " | ".join(dict.fromkeys(_type_of(option) for option in shape["anyOf"]))
    if "enum" in shape:
        return " | ".join(json.dumps(value) for value in shape["enum"])
    if shape.get("type") == "array":
        return _array_of(_type_of(shape.get("items", {})))
    if shape.get("type") == "null":
        return "null"
    return _SCALARS.get(shape.get("type", ""), "unknown")


def _array_of(item: str) -> str:
    return f"readonly ({item})[]" if " | " in item else f"readonly {item}[]"


def _rename(name: str) -> str:
    return _GLOBAL_NAMES.get(name, name)


def _name_of(reference: str) -> str:
    return _rename(reference.rpartition("/")[2])


def render_codes() -> str:
    """Error codes, close codes with their sentences, and which of them end a line."""
    errors = "".join(f"  {json.dumps(str(code))},\n" for code in ErrorCode)
    codes = "".join(f"export const {code.name} = {int(code)};\n" for code in CloseCode)
    sentences = "".join(f"  [{code.name}]: {json.dumps(code.sentence)},\n" for code in CloseCode)
    terminal = ", ".join(f"[{first}, {last}]" for first, last in _runs([c for c in _CODES if not may_reconnect(c)]))
    return f"""{_HEADER}
/** Why a request failed; the connection stays. */
export const ERROR_CODES = [
{errors}] as const;

/** One of `ERROR_CODES`; a later server may send others, whose sentence still says why. */
export type ErrorCode = (typeof ERROR_CODES)[number];

// Why a WebSocket was closed.
{codes}
/** What each close code means, for people. */
export const CLOSE_SENTENCES: Readonly<Record<number, string>> = {{
{sentences}}};

const TERMINAL = [{terminal}] as const;

/** Whether a client should connect again after a connection that ended with this code. */
export function mayReconnect(code: number): boolean {{
  return !TERMINAL.some(([first, last]) => code >= first && code <= last);
}}
"""


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


TARGETS: dict[str, Callable[[], str]] = {
    "web/client/src/generated/messages.ts": render_messages,
    "web/client/src/generated/codes.ts": render_codes,
}

if __name__ == "__main__":
    for target, render in TARGETS.items():
        (Path(sys.argv[1] if len(sys.argv) > 1 else ".") / target).write_text(render(), encoding="utf-8")
