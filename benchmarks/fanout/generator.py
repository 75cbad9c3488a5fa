"""The load generator in C (`benchmarks/load`): building it, starting it, and reading its reports."""

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fanout.line_process import LineProcess

BUILD = Path(__file__).parent.parent / "build"
"""Everything that a run makes or installs is in here, and git ignores it."""

_SOURCES = Path(__file__).parent.parent / "load"
SOURCE_ADDRESSES = 4
CONNECT_TIME = 60.0


@dataclass(frozen=True, kw_only=True)
class Clients:
    """How clients of a server connect and subscribe. In the path and in `first`, `%d` is the client's number.

    Attributes:
        path: of the request, with the query.
        protocol: the subprotocol to name.
        headers: more header lines.
        first: messages to send once the connection is open.
        binary: whether these are binary; a character of `first` is a byte then.
        ready: a client is ready when it has read this so many times as `ready_count`; without it, at once.
        replies: what to answer a message with that is exactly this.
        probe: an application's own ping, and what its answer contains; a WebSocket ping is used without it.
        modulus: numbers start again from 0 here.
        groups: a file whose lines are the first messages, in turn, instead of `first`.
    """

    path: str = "/"
    protocol: str | None = None
    headers: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    binary: bool = False
    ready: str | None = None
    ready_count: int = 1
    replies: dict[str, str] = field(default_factory=dict)
    probe: tuple[str, str] | None = None
    modulus: int = 100
    groups: Path | None = None


def build() -> Path:
    """Compile the load generator, and return its path.

    Raises:
        SystemExit: there is no C compiler, or it fails.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit(
            "The load generator is written in C, and there is no C compiler here. On Debian: apt install gcc"
        )
    BUILD.mkdir(exist_ok=True)
    target = BUILD / "load"
    sources = sorted(_SOURCES.glob("*.c"))
    done = subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", target, *sources], check=False)
    if done.returncode:
        raise SystemExit("The load generator could not be compiled; the compiler's own words are above.")
    return target


def start(
    program: Path, port: int, count: int, clients: Clients, *, probing: bool = False, window: int = 32
) -> LineProcess:
    """Start the generator, with `window` handshakes at a time; `wait_connected` tells when all clients are ready."""
    log = BUILD / "logs" / "load.log"
    flags = [*_flags(port, count, clients), *_probe_flags(clients, probing), "--window", str(window)]
    return LineProcess([str(program), *flags], log)


def wait_connected(load: LineProcess) -> None:
    """Wait until every client is ready."""
    load.read(CONNECT_TIME)


def report(load: LineProcess, expected: int) -> dict[str, Any]:
    """What came in since `start`, where each client should have received `expected` events."""
    return load.ask(f"report {expected}")


def _flags(port: int, count: int, clients: Clients) -> list[str]:
    flags = ["--port", str(port), "--count", str(count), "--path", clients.path, "--modulus", str(clients.modulus)]
    flags += ["--sources", str(SOURCE_ADDRESSES)]
    if clients.protocol is not None:
        flags += ["--protocol", clients.protocol]
    for header in clients.headers:
        flags += ["--header", header]
    for message in clients.first:
        # An argument cannot hold a zero byte.
        flags += ["--first-hex", message.encode("latin-1").hex()] if clients.binary else ["--first", message]
    if clients.ready is not None:
        flags += ["--ready", clients.ready, "--ready-count", str(clients.ready_count)]
    if clients.groups is not None:
        flags += ["--groups", str(clients.groups)]
    for message, answer in clients.replies.items():
        flags += ["--reply", f"{message}={answer}"]
    return flags


def _probe_flags(clients: Clients, probing: bool) -> list[str]:
    if not probing:
        return []
    return ["--ping"] if clients.probe is None else ["--probe", "=".join(clients.probe)]
