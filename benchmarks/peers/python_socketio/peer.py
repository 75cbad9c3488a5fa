"""python-socketio: Socket.IO as an ASGI application, under uvicorn."""

from benchmarks.fanout.generator import Clients
from benchmarks.fanout.installing import pip, python
from benchmarks.fanout.peer import Peer

_PACKAGES = {"python-socketio": "5.18.1", "uvicorn": "0.54.0", "uvloop": "0.23.0", "websockets": "17.4"}

PEERS = [
    Peer(
        name="python_socketio",
        title="python-socketio (ASGI)",
        serve=lambda port: [python("python_socketio"), "-m", "benchmarks.peers.python_socketio.server", str(port)],
        clients=Clients(
            path="/socket.io/?EIO=4&transport=websocket", first=("40",), ready='42["joined"', replies={"2": "3"}
        ),
        install=lambda: pip("python_socketio", _PACKAGES),
    )
]
