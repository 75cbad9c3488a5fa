"""uWebSockets: C++ under Node, from an npm package that ships it built."""

from benchmarks.fanout.generator import Clients
from benchmarks.fanout.installing import node_modules, npm
from benchmarks.fanout.peer import Peer

_PACKAGES = {"@trufflesuite/uws-js-unofficial": "20.30.0-unofficial.0"}

PEERS = [
    Peer(
        name="uws",
        title="uWebSockets (C++, under Node)",
        serve=lambda port: ["node", "benchmarks/peers/uws/server.js", str(port)],
        environment={"NODE_PATH": node_modules("uws")},
        clients=Clients(first=("bench:1",), ready="subscribed"),
        idle_clients=Clients(first=("bench:1", "bench:room-%d"), ready="subscribed", ready_count=2),
        install=lambda: npm("uws", _PACKAGES),
    )
]
