"""Socket.IO on Node, over WebSocket from the start."""

from benchmarks.fanout.generator import Clients
from benchmarks.fanout.installing import node_modules, npm
from benchmarks.fanout.peer import Peer

_PACKAGES = {"socket.io": "4.8.4"}

PEERS = [
    Peer(
        name="socketio",
        title="Socket.IO (Node)",
        serve=lambda port: ["node", "benchmarks/peers/socketio/server.js", str(port)],
        environment={"NODE_PATH": node_modules("socketio")},
        clients=Clients(
            path="/socket.io/?EIO=4&transport=websocket", first=("40",), ready='42["joined"', replies={"2": "3"}
        ),
        install=lambda: npm("socketio", _PACKAGES),
    )
]
