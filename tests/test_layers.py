"""Imports point down only. Each rule below is one sentence of the design, held over the imports of `src/trunkline`.

A place is a module or a package relative to `src/trunkline`: `hub` is `hub.py` and everything under `hub/`.
Imports inside functions and under `TYPE_CHECKING` count like all others.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "trunkline"

# Path relative to the package, with slashes, to source text.
Tree = Mapping[str, str]


@dataclass(frozen=True)
class Import:
    """One imported name, written out in full: `from a.b import c` is `a.b.c`."""

    path: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.target}"


def imports_of(path: str, source: str) -> Iterator[Import]:
    for node in ast.walk(ast.parse(source, path)):
        for target in targets_of(node, path):
            yield Import(path, getattr(node, "lineno", 0), target)


def targets_of(node: ast.AST, path: str) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            base = absolute(path, module, level)
            return [f"{base}.{alias.name}" for alias in names]
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            return [name]
        case _:
            return []


def absolute(path: str, module: str | None, level: int) -> str:
    """The module an import statement names, with the dots of a relative one resolved."""
    if level == 0:
        return module or ""
    package = ["trunkline", *path.split("/")[:-1]]
    kept = package[: len(package) - level + 1]
    return ".".join([*kept, module] if module else kept)


def within(target: str, *modules: str) -> bool:
    """Whether a dotted name is one of `modules` or below it."""
    return any(target == module or target.startswith(f"{module}.") for module in modules)


def lies_in(path: str, *places: str) -> bool:
    return any(path == f"{place}.py" or path.startswith(f"{place}/") for place in places)


def is_stdlib(target: str) -> bool:
    return target.partition(".")[0] in sys.stdlib_module_names


@dataclass(frozen=True)
class Only:
    """Files in `places` import nothing but the standard library (less `never`) and `allowed`."""

    why: str
    places: tuple[str, ...]
    allowed: tuple[str, ...]
    never: tuple[str, ...] = ()

    def broken_by(self, tree: Tree) -> list[str]:
        return [
            f"{found}, but {self.why}"
            for found in all_imports(tree)
            if lies_in(found.path, *self.places) and not self.permits(found.target)
        ]

    def permits(self, target: str) -> bool:
        if within(target, *self.never):
            return False
        return is_stdlib(target) or within(target, *self.allowed)


@dataclass(frozen=True)
class Never:
    """Files in `places` (none named: all) but not in `besides` import nothing of `targets` except `unless`."""

    why: str
    targets: tuple[str, ...]
    places: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    def broken_by(self, tree: Tree) -> list[str]:
        return [
            f"{found}, but {self.why}"
            for found in all_imports(tree)
            if self.covers(found.path)
            and within(found.target, *self.targets)
            and not within(found.target, *self.unless)
        ]

    def covers(self, path: str) -> bool:
        return (not self.places or lies_in(path, *self.places)) and not lies_in(path, *self.besides)


@dataclass(frozen=True)
class OneFile:
    """`package` is imported in at most one file in each of `places` and nowhere else; `free` is not counted."""

    package: str
    places: tuple[str, ...] = ("",)
    free: tuple[str, ...] = ()

    def broken_by(self, tree: Tree) -> list[str]:
        users = sorted(
            {
                found.path
                for found in all_imports(tree)
                if within(found.target, self.package) and not lies_in(found.path, *self.free)
            }
        )
        homeless = [path for path in users if not any(self.holds(place, path) for place in self.places)]
        crowded = [
            f"{', '.join(inside)} all import {self.package}, but one file alone wraps it"
            for place in self.places
            if len(inside := [path for path in users if self.holds(place, path)]) > 1
        ]
        where = " and ".join(self.places)
        return [f"{path} imports {self.package}, which belongs to {where}" for path in homeless] + crowded

    @staticmethod
    def holds(place: str, path: str) -> bool:
        return not place or lies_in(path, place)


@dataclass(frozen=True)
class PublicNamesOnly:
    """Files in `place` import from Trunkline only themselves and the names that `trunkline/__init__.py` exports."""

    place: str

    def broken_by(self, tree: Tree) -> list[str]:
        exported = {f"trunkline.{name}" for name in exported_names(tree["__init__.py"])}
        return [
            f"{found}, but {self.place} uses only what `trunkline` exports: export it, or do without"
            for found in all_imports(tree)
            if lies_in(found.path, self.place)
            and within(found.target, "trunkline")
            and not within(found.target, f"trunkline.{self.place}")
            and found.target not in {"trunkline", *exported}
        ]


def exported_names(source: str) -> set[str]:
    """`__all__` as written in the source, or without one every public name bound at the top of the module."""
    bound: set[str] = {"__version__"}
    for node in ast.parse(source).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names) | ast.Tuple(elts=names))
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.List(elts=names) | ast.Tuple(elts=names))
            ):
                return {str(name.value) for name in names if isinstance(name, ast.Constant)}
            case ast.ImportFrom(names=aliases):
                bound |= {alias.asname or alias.name for alias in aliases}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case _:
                pass
    return bound


def all_imports(tree: Tree) -> Iterator[Import]:
    for path, source in tree.items():
        yield from imports_of(path, source)


PURE = ("trunkline.errors", "trunkline.codes", "trunkline.topics", "trunkline.positions")

Rule = Only | Never | OneFile | PublicNamesOnly

RULES: dict[str, Rule] = {
    "errors, codes, topics and positions are pure": Only(
        "errors, codes, topics and positions stand on the standard library and each other alone",
        places=("errors", "codes", "topics", "positions"),
        allowed=PURE,
    ),
    "events stand on those": Only(
        "events.py stands on msgspec, errors, codes, topics and positions alone",
        places=("events",),
        allowed=(*PURE, "msgspec"),
    ),
    "protocol is sans-IO": Only(
        "protocol/ never waits, reads no clock, draws no random number, opens no socket and stands on events and below",
        places=("protocol",),
        allowed=(*PURE, "trunkline.events", "trunkline.protocol", "msgspec"),
        never=("asyncio", "time", "random", "socket", "secrets", "os", "threading"),
    ),
    "hub knows contracts, not drivers": Never(
        "hub/ knows brokers and transports by their contracts (brokers/base.py, transports/base.py) alone",
        targets=("trunkline.brokers", "trunkline.transports"),
        places=("hub",),
        unless=("trunkline.brokers.base", "trunkline.transports.base"),
    ),
    "hub knows no framework": Never(
        "hub/ works under any server and framework",
        targets=("starlette", "fastapi", "uvicorn", "sqlalchemy"),
        places=("hub",),
    ),
    "brokers know neither hub nor transports": Never(
        "a broker hands events to whoever subscribed and does not know who that is",
        targets=("trunkline.hub", "trunkline.transports"),
        places=("brokers",),
    ),
    "the client shares only the protocol with the server": Never(
        "client/ runs in programs that have no server",
        targets=("trunkline.hub", "trunkline.brokers", "trunkline.transports", "trunkline.line"),
        places=("client",),
    ),
    "nothing below the facade imports it": Never(
        "line.py wires the parts, and the parts do not know it",
        targets=("trunkline.line",),
        places=(
            *("bus", "publishing", "metrics", "hub", "brokers", "transports"),
            *("errors", "codes", "topics", "positions", "events", "protocol"),
        ),
    ),
    "the database stays in storage": Never(
        "the database is known under agents/storage/ alone",
        targets=("sqlalchemy", "aiosqlite", "alembic"),
        besides=("agents/storage",),
    ),
    "web framework of the application": Never(
        "in agents, HTTP is known under agents/api/ alone",
        targets=("fastapi", "starlette"),
        places=("agents",),
        besides=("agents/api",),
    ),
    "request models of the application": Never(
        "in agents, pydantic describes request bodies and settings and nothing else",
        targets=("pydantic",),
        places=("agents",),
        besides=("agents/api", "agents/settings"),
    ),
    "fastapi belongs to the application": Never(
        "the library works with any Starlette or plain ASGI application",
        targets=("fastapi",),
        besides=("agents",),
    ),
    "agents use the public API": PublicNamesOnly("agents"),
    "nothing imports the command line": Never(
        "the command line stands on top of everything", targets=("trunkline.cli",), besides=("cli",)
    ),
    "nothing imports the test kit": Never(
        "no code that serves users depends on the test kit", targets=("trunkline.testing",), besides=("testing",)
    ),
    "nothing imports the application": Never(
        "the library does not know the application made with it",
        targets=("trunkline.agents",),
        besides=("agents", "cli"),
    ),
    "starlette in one file": OneFile("starlette", free=("agents",)),
    "uvicorn in one file": OneFile("uvicorn", free=("agents",)),
    "prometheus_client in one file": OneFile("prometheus_client", free=("agents",)),
    "redis in one file": OneFile("redis", places=("brokers",)),
    "nats in one file": OneFile("nats", places=("brokers",)),
    "websockets in one file a side": OneFile("websockets", places=("client", "transports/uvicorn"), free=("testing",)),
    "openai in one file": OneFile("openai", places=("agents",)),
    "xllamacpp in one file": OneFile("xllamacpp", places=("agents",)),
}


@pytest.fixture(scope="module")
def tree() -> Tree:
    return {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("name", RULES)
def test_imports_keep_to_the_layers(name: str, tree: Tree) -> None:
    broken = RULES[name].broken_by(tree)
    assert not broken, "\n" + "\n".join(broken)


def test_the_tree_is_really_read(tree: Tree) -> None:
    assert {"__init__.py", "errors.py", "protocol/codec.py"} <= tree.keys()
    assert any(found.target.startswith("msgspec") for found in all_imports(tree))


BREAKING: list[tuple[str, dict[str, str]]] = [
    ("errors, codes, topics and positions are pure", {"topics.py": "import msgspec"}),
    ("errors, codes, topics and positions are pure", {"errors.py": "from trunkline.events import Event"}),
    ("errors, codes, topics and positions are pure", {"codes.py": "from trunkline import __version__"}),
    ("events stand on those", {"events.py": "from trunkline.bus import EventBus"}),
    ("protocol is sans-IO", {"protocol/codec.py": "import asyncio"}),
    ("protocol is sans-IO", {"protocol/codec.py": "from time import monotonic"}),
    ("protocol is sans-IO", {"protocol/codec.py": "def f():\n    import os.path"}),
    ("protocol is sans-IO", {"protocol/codec.py": "from ..hub import connection"}),
    ("hub knows contracts, not drivers", {"hub/manager.py": "from trunkline.brokers.memory import MemoryBroker"}),
    ("hub knows contracts, not drivers", {"hub/manager.py": "from trunkline.brokers import MemoryBroker"}),
    ("hub knows contracts, not drivers", {"hub.py": "import trunkline.transports.asgi"}),
    ("hub knows no framework", {"hub/manager.py": "from starlette.websockets import WebSocket"}),
    ("brokers know neither hub nor transports", {"brokers/memory.py": "from trunkline.hub.manager import X"}),
    (
        "the client shares only the protocol with the server",
        {"client/topics.py": "from trunkline.line import Trunkline"},
    ),
    ("nothing below the facade imports it", {"hub/manager.py": "from trunkline.line import Trunkline"}),
    ("the database stays in storage", {"agents/services/runs.py": "from sqlalchemy import select"}),
    ("web framework of the application", {"agents/runner.py": "from fastapi import Depends"}),
    ("request models of the application", {"agents/runner.py": "from pydantic import BaseModel"}),
    ("fastapi belongs to the application", {"transports/asgi.py": "import fastapi"}),
    ("agents use the public API", {"agents/runner.py": "from trunkline.hub.manager import TopicConnectionManager"}),
    ("agents use the public API", {"agents/runner.py": "import trunkline.bus"}),
    ("agents use the public API", {"agents/runner.py": "from trunkline import secret"}),
    ("nothing imports the command line", {"agents/api/app.py": "from trunkline import cli"}),
    ("nothing imports the test kit", {"agents/runner.py": "from trunkline.testing import pair"}),
    ("nothing imports the application", {"line.py": "import importlib\nimportlib.import_module('trunkline.agents')"}),
    ("starlette in one file", {"transports/asgi.py": "import starlette", "line.py": "import starlette.routing"}),
    ("redis in one file", {"hub/manager.py": "import redis.asyncio"}),
    ("websockets in one file a side", {"client/a.py": "import websockets", "client/b.py": "import websockets.http11"}),
    ("websockets in one file a side", {"transports/asgi.py": "import websockets"}),
    ("openai in one file", {"agents/models/a.py": "import openai", "agents/models/b.py": "from openai import OpenAI"}),
]

KEEPING: list[tuple[str, dict[str, str]]] = [
    ("errors, codes, topics and positions are pure", {"topics.py": "import re\nfrom trunkline.errors import X"}),
    ("errors, codes, topics and positions are pure", {"bus.py": "import msgspec"}),
    (
        "protocol is sans-IO",
        {"protocol/codec.py": "import msgspec\nfrom . import messages\nfrom ..codes import ErrorCode"},
    ),
    ("hub knows contracts, not drivers", {"hub/manager.py": "from trunkline.brokers.base import Broker"}),
    ("the database stays in storage", {"agents/storage/rows.py": "from sqlalchemy.orm import Mapped"}),
    ("request models of the application", {"agents/runner.py": "import pydantic_settings"}),
    ("request models of the application", {"agents/settings.py": "from pydantic import SecretStr"}),
    (
        "agents use the public API",
        {"agents/runner.py": "from trunkline import Event\nfrom trunkline.agents.api import app"},
    ),
    ("nothing imports the command line", {"cli/serve.py": "from trunkline.cli.settings import Settings"}),
    ("nothing imports the application", {"cli.py": "from trunkline.agents import api"}),
    ("starlette in one file", {"transports/asgi.py": "import starlette", "agents/api/app.py": "import starlette"}),
    (
        "websockets in one file a side",
        {"client/a.py": "import websockets", "transports/uvicorn.py": "import websockets"},
    ),
]

INIT = '__all__ = ["Event", "EventBus"]'


@pytest.mark.parametrize(("name", "sources"), BREAKING)
def test_a_breach_is_found_and_named(name: str, sources: dict[str, str]) -> None:
    broken = RULES[name].broken_by({"__init__.py": INIT, **sources})
    assert broken
    assert all(any(path in sentence for path in sources) for sentence in broken)


@pytest.mark.parametrize(("name", "sources"), KEEPING)
def test_what_is_allowed_passes(name: str, sources: dict[str, str]) -> None:
    assert RULES[name].broken_by({"__init__.py": INIT, **sources}) == []


def test_every_rule_is_shown_to_fail() -> None:
    """The rules that bind one package to one file are the same but for its name, so some stand for all."""
    shown = {name for name, _ in BREAKING}
    assert not {name for name, rule in RULES.items() if not isinstance(rule, OneFile)} - shown


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('__all__ = ["A", "B"]', {"A", "B"}),
        ('__all__: tuple[str, ...] = ("A",)\nfrom trunkline.x import B', {"A"}),
        ("from trunkline.x import A as C\ndef f(): ...", {"C", "f", "__version__"}),
    ],
)
def test_exported_names_are_read_from_the_source(source: str, names: set[str]) -> None:
    assert exported_names(source) == names
