"""Centrifugo: a Go server built from the module proxy, over its JSON protocol; published to by its HTTP API."""

import json
import sys

from benchmarks.fanout.generator import BUILD, Clients
from benchmarks.fanout.installing import go
from benchmarks.fanout.peer import Peer

_VERSION = "v6.9.1"
_CONNECT = '{"id":1,"connect":{}}'
_SUBSCRIBE = '{"id":2,"subscribe":{"channel":"bench"}}'
_SUBSCRIBE_TO_ROOM = '{"id":3,"subscribe":{"channel":"room-%d"}}'


def _serve(port: int) -> list[str]:
    """Write the configuration, and run the server with it."""
    configuration = {
        "http_server": {"address": "127.0.0.1", "port": str(port)},
        "http_api": {"insecure": True},
        "client": {
            "allow_anonymous_connect_without_token": True,
            "allowed_origins": ["*"],
            "concurrency": 0,
            "queue_max_size": 64 * 1024 * 1024,
        },
        "channel": {"without_namespace": {"allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True}},
        "log": {"level": "error"},
    }
    folder = BUILD / "centrifugo"
    (folder / "config.json").write_text(json.dumps(configuration))
    return [str(folder / "bin" / "centrifugo"), "--config", str(folder / "config.json")]


PEERS = [
    Peer(
        name="centrifugo",
        title="Centrifugo (Go)",
        serve=_serve,
        publisher=lambda port: [sys.executable, "-m", "benchmarks.peers.centrifugo.publisher", str(port)],
        clients=Clients(
            path="/connection/websocket",
            first=(_CONNECT, _SUBSCRIBE),
            ready='"subscribe":{',
            replies={"{}": "{}"},
        ),
        idle_clients=Clients(
            path="/connection/websocket",
            first=(_CONNECT, _SUBSCRIBE, _SUBSCRIBE_TO_ROOM),
            ready='"subscribe":{',
            ready_count=2,
            replies={"{}": "{}"},
        ),
        install=lambda: go("centrifugo", "github.com/centrifugal/centrifugo/v6", _VERSION),
    )
]
