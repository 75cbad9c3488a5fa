"""Django Channels with its in-memory layer, under uvicorn."""

from benchmarks.fanout.generator import Clients
from benchmarks.fanout.installing import pip, python
from benchmarks.fanout.peer import Peer

_PACKAGES = {"channels": "4.3.2", "uvicorn": "0.54.0", "uvloop": "0.23.0", "websockets": "17.4"}

PEERS = [
    Peer(
        name="channels",
        title="Django Channels, in-memory layer",
        serve=lambda port: [python("channels"), "-m", "benchmarks.peers.channels.server", str(port)],
        clients=Clients(ready="subscribed"),
        install=lambda: pip("channels", _PACKAGES),
    )
]
