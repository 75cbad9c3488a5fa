"""ws: the WebSocket server of Node."""

from benchmarks.fanout.generator import Clients
from benchmarks.fanout.installing import node_modules, npm
from benchmarks.fanout.peer import Peer

_PACKAGES = {"ws": "8.23.0"}

PEERS = [
    Peer(
        name="ws",
        title="ws (Node)",
        serve=lambda port: ["node", "benchmarks/peers/ws/server.js", str(port)],
        environment={"NODE_PATH": node_modules("ws")},
        clients=Clients(first=("bench:1",), ready="subscribed"),
        idle_clients=Clients(first=("bench:1", "bench:room-%d"), ready="subscribed", ready_count=2),
        install=lambda: npm("ws", _PACKAGES),
    )
]
