"""FastAPI as its documentation shows a broadcast: a list of connections, and `send_json` to each."""

import sys
from importlib.metadata import version

from benchmarks.fanout.generator import Clients
from benchmarks.fanout.peer import Peer


def _versions() -> dict[str, str]:
    return {package: version(package) for package in ("fastapi", "uvicorn", "uvloop", "websockets")}


PEERS = [
    Peer(
        name="send_json",
        title="FastAPI, `send_json` to each",
        serve=lambda port: [sys.executable, "-m", "benchmarks.peers.send_json.server", str(port)],
        clients=Clients(ready="connected"),
        install=_versions,
    )
]
