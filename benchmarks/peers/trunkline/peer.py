"""Trunkline behind FastAPI and uvicorn, on its fast path and on the way that any ASGI server offers."""

import sys
from importlib.metadata import version

from benchmarks.fanout.generator import Clients
from benchmarks.fanout.peer import Command, Peer

_CLIENTS = Clients(
    path="/api/ws/v2",
    first=('{"type":"subscribe","topics":["bench:1"]}',),
    ready='"subscribed"',
    probe=('{"type":"ping","timestamp":1}', '"pong"'),
)
_IDLE_CLIENTS = Clients(
    path="/api/ws/v2",
    first=('{"type":"subscribe","topics":["bench:1","bench:room-%d"]}',),
    ready='"subscribed"',
    ready_count=2,
)


def _versions() -> dict[str, str]:
    return {package: version(package) for package in ("trunkline", "fastapi", "uvicorn", "uvloop", "websockets")}


def _serve(ws: str) -> Command:
    return lambda port: [sys.executable, "-m", "benchmarks.peers.trunkline.server", str(port), ws]


PEERS = [
    Peer(
        name="trunkline",
        title="**Trunkline**, fast path under uvicorn",
        serve=_serve("trunkline.transports.uvicorn:DetachingProtocol"),
        clients=_CLIENTS,
        idle_clients=_IDLE_CLIENTS,
        install=_versions,
    ),
    Peer(
        name="trunkline-asgi",
        title="**Trunkline**, plain ASGI",
        serve=_serve("websockets-sansio"),
        clients=_CLIENTS,
        idle_clients=_IDLE_CLIENTS,
        install=_versions,
    ),
]
