"""What `trunkline doctor` looks at, one function a thing. None of them changes anything."""

import asyncio
import importlib.util
import os
import socket
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from trunkline import Endpoint
from trunkline.agents.login import TOKEN_FILE
from trunkline.agents.settings import Settings
from trunkline.cli.server_file import find_server, read_server_file
from trunkline.cli.target import Target
from trunkline.client.socket import ConnectFailed, open_socket

Verdict = Literal["ok", "warn", "fail"]

_OLDEST_PYTHON = (3, 11)
_PATIENCE = 10.0

# One module tells for each extra whether it is there.
_NEEDED_EXTRAS = {
    "server": ("uvicorn", "prometheus_client", "structlog"),
    "agents": ("fastapi", "sqlalchemy", "alembic"),
}
_OTHER_EXTRAS = {"openai": ("openai",), "local": ("xllamacpp",)}


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one thing, and what to do about it."""

    verdict: Verdict
    thing: str
    finding: str


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """Whether Python is new enough."""
    shown = ".".join(map(str, version))
    if version >= _OLDEST_PYTHON:
        return Check("ok", "Python", shown)
    return Check("fail", "Python", f"{shown} is too old: install Python 3.11 or newer")


def is_importable(module: str) -> bool:
    """Whether a module is installed; nothing is imported."""
    return importlib.util.find_spec(module) is not None


def check_extras(is_there: Callable[[str], bool] = is_importable) -> Iterator[Check]:
    """Whether the parts are installed that a server needs, and those it may have."""
    missing = [extra for extra, modules in _NEEDED_EXTRAS.items() if not all(map(is_there, modules))]
    if missing:
        yield Check("fail", "Extras", f"{', '.join(missing)} missing: pip install 'trunkline[{','.join(missing)}]'")
    others = [extra for extra, modules in _OTHER_EXTRAS.items() if not all(map(is_there, modules))]
    here = [extra for extra in (*_NEEDED_EXTRAS, *_OTHER_EXTRAS) if extra not in (*missing, *others)]
    if here:
        yield Check("ok", "Extras", ", ".join(here))
    if "openai" in others:
        yield Check(
            "warn", "Extras", "openai missing, for models of OpenAI and the like: pip install 'trunkline[openai]'"
        )
    if "local" in others:
        yield Check("warn", "Extras", "local missing, for a model on this machine: trunkline model install")


def check_data_dir(data_dir: Path) -> Iterator[Check]:
    """Whether the data directory can be used, and whether others can read what is in it."""
    if not data_dir.exists():
        yield _check_parent(data_dir)
        return
    if not data_dir.is_dir():
        yield Check("fail", "Data", f"{data_dir} is no directory: name another with --data-dir")
    elif not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        yield Check(
            "fail", "Data", f"{data_dir} cannot be written: change its owner or mode, or name another directory"
        )
    else:
        yield _check_mode("Data", data_dir, 0o700)
        token = data_dir / TOKEN_FILE
        if token.exists():
            yield _check_mode("Token", token, 0o600)


def _check_parent(data_dir: Path) -> Check:
    above = next(parent for parent in data_dir.absolute().parents if parent.exists())
    if os.access(above, os.W_OK | os.X_OK):
        return Check("ok", "Data", f"{data_dir} will be made at the first start")
    return Check("fail", "Data", f"{data_dir} cannot be made, for {above} cannot be written: name another directory")


def _check_mode(thing: str, path: Path, wanted: int) -> Check:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        return Check("warn", thing, f"{path} can be read by others (mode {mode:o}): chmod {wanted:o} '{path}'")
    return Check("ok", thing, f"{path} (mode {mode:o})" if os.name == "posix" else str(path))


def check_database(settings: Settings) -> Check:
    """Whether the database opens, and whether its tables are those of this version."""
    kind, _, path = settings.storage_url.partition(":///")
    if not kind.startswith("sqlite"):
        return Check("warn", "Database", f"{kind} is not looked into from here")
    if not Path(path).exists():
        return Check("ok", "Database", f"{path} will be made at the first start")
    try:
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        return Check(
            "fail", "Database", f"{path} cannot be used: {error}. Move it away, and the server makes a new one"
        )
    return _compare_revisions(path, found[0] if found else "none", newest_revision())


def newest_revision() -> str:
    """The newest migration of this version; their files are named `v0001_what_it_does.py`."""
    versions = resources.files("trunkline.agents.storage").joinpath("migrations", "versions")
    names = (entry.name for entry in versions.iterdir() if entry.name.endswith(".py"))
    return max(name.removeprefix("v").partition("_")[0] for name in names if name.startswith("v"))


def _compare_revisions(path: str, found: str, newest: str) -> Check:
    if found == newest:
        return Check("ok", "Database", f"{path}, tables of this version ({found})")
    if found < newest or found == "none":
        return Check("warn", "Database", f"{path} has older tables ({found}); the next start migrates it to {newest}")
    return Check(
        "fail", "Database", f"{path} was made by a newer Trunkline ({found}): upgrade with pip install -U trunkline"
    )


def check_port(settings: Settings) -> Check:
    """Whether a server could listen, where none runs."""
    stale = read_server_file(settings.data_dir)
    left = f" (process {stale.pid} ended without a goodbye)" if stale and not find_server(settings.data_dir) else ""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        why = error.strerror or error
        return Check(
            "fail", "Server", f"none runs{left}, and port {settings.port} cannot be bound ({why}): give --port"
        )
    return Check("ok", "Server", f"none runs{left}; port {settings.port} of {settings.host} is free")


async def check_line(target: Target) -> Check:
    """Open a WebSocket, send a ping over it, and tell the times."""
    headers = {"Authorization": f"Bearer {target.token}"} if target.token else {}
    endpoint = Endpoint(url=f"ws{target.url.removeprefix('http')}/api/ws/v2", headers=headers)
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_PATIENCE):
            socket = await open_socket(endpoint)
            opened = time.perf_counter()
            async for message in socket:
                if '"connected"' in message:
                    opened = time.perf_counter()
                    await socket.send('{"type":"ping","timestamp":1}')
                elif '"pong"' in message:
                    break
            answered = time.perf_counter()
            await socket.close(1000)
    except TimeoutError:
        return Check("fail", "WebSocket", f"no answer in {_PATIENCE:g} s: what stands between here and the server?")
    except ConnectFailed as error:
        return Check("fail", "WebSocket", error.reason)
    if socket.close_code >= 4500:
        return Check("fail", "WebSocket", socket.close_reason)
    return Check(
        "ok", "WebSocket", f"open in {(opened - began) * 1000:.0f} ms, ping {(answered - opened) * 1000:.1f} ms"
    )


def check_models(models: list[dict[str, Any]]) -> Check:
    """Whether the model that answers by default is one."""
    default = next((model for model in models if model["default"]), None)
    if default is None:
        return Check("warn", "Model", "there is no default: choose one with --model")
    name = default["id"]
    if default["provider"] == "echo":
        how = "trunkline model install, or set OPENAI_API_KEY"
        return Check("warn", "Model", f"{name}, which repeats what you write; for answers: {how}")
    if not default["available"]:
        return Check("fail", "Model", f"{name} is the default and cannot answer. {default['problem']}")
    return Check("ok", "Model", f"{name} by default; {sum(model['available'] for model in models)} in all")
