"""The floor: a loop of one `write` per subscriber, with nothing around it, and the same with frames joined for 2 ms."""

import sys
from importlib.metadata import version

from benchmarks.fanout.generator import Clients
from benchmarks.fanout.peer import Peer


def _versions() -> dict[str, str]:
    return {"uvloop": version("uvloop")}


PEERS = [
    Peer(
        name="floor",
        title="bare loop of `os.write`, Python and uvloop",
        serve=lambda port: [sys.executable, "-m", "benchmarks.peers.floor.server", str(port), "0"],
        clients=Clients(),
        install=_versions,
        floor=True,
    ),
    Peer(
        name="floor-joined",
        title="bare loop, frames of 2 ms joined",
        serve=lambda port: [sys.executable, "-m", "benchmarks.peers.floor.server", str(port), "0.002"],
        clients=Clients(),
        install=_versions,
        floor=True,
    ),
]
