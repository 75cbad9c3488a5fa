"""mosquitto: an MQTT broker in C, from Debian, over WebSocket; published to by MQTT over TCP."""

import sys

from benchmarks.fanout.generator import BUILD, Clients
from benchmarks.fanout.installing import apt
from benchmarks.fanout.peer import Peer
from benchmarks.peers.mosquitto.packets import CONNECT, SUBACK, subscribe

_CONFIGURATION = """
per_listener_settings false
allow_anonymous true
persistence false
max_queued_messages 100000
log_type error
listener {inner} 127.0.0.1
protocol mqtt
listener {port} 127.0.0.1
protocol websockets
"""


def _serve(port: int) -> list[str]:
    """Write the configuration, and run the broker with it. The port behind the WebSocket's is for publishing."""
    folder = BUILD / "mosquitto"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mosquitto.conf").write_text(_CONFIGURATION.format(port=port, inner=port + 1))
    return ["/usr/sbin/mosquitto", "-c", str(folder / "mosquitto.conf")]


PEERS = [
    Peer(
        name="mosquitto",
        title="mosquitto (C, MQTT)",
        serve=_serve,
        publisher=lambda port: [sys.executable, "-m", "benchmarks.peers.mosquitto.publisher", str(port + 1)],
        clients=Clients(path="/mqtt", protocol="mqtt", binary=True, first=(CONNECT, subscribe("bench")), ready=SUBACK),
        idle_clients=Clients(
            path="/mqtt",
            protocol="mqtt",
            binary=True,
            first=(CONNECT, subscribe("bench"), subscribe("room", "\x00\x02")),
            ready=SUBACK,
            ready_count=2,
        ),
        install=lambda: apt(("mosquitto",)),
    )
]
