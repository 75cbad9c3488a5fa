"""Centrifugo: a Go server built from the module proxy, over its JSON protocol; published to by its HTTP API."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.fanout.generator import BUILD, Clients
from benchmarks.fanout.installing import go
from benchmarks.fanout.peer import Peer

MODULE = "github.com/centrifugal/centrifugo/v6"
VERSION = "v6.9.1"
_CONNECT = '{"id":1,"connect":{}}'
_SUBSCRIBE = '{"id":2,"subscribe":{"channel":"bench"}}'
_SUBSCRIBE_TO_ROOM = '{"id":3,"subscribe":{"channel":"room-%d"}}'


def configure(port: int, namespace: Mapping[str, Any] | None = None) -> list[str]:
    """Write the configuration, and return the command that runs the server with it.

    Args:
        namespace: settings of the one namespace of channels, if there is one.
    """
    open_to_all = {"allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True}
    configuration = {
        "http_server": {"address": "127.0.0.1", "port": str(port)},
        "http_api": {"insecure": True},
        "client": {
            "allow_anonymous_connect_without_token": True,
            "allowed_origins": ["*"],
            "concurrency": 0,
            "queue_max_size": 64 * 1024 * 1024,
        },
        "channel": {
            "without_namespace": open_to_all,
            "namespaces": [] if namespace is None else [{**open_to_all, **namespace}],
        },
        "log": {"level": "error"},
    }
    folder = BUILD / "centrifugo"
    (folder / "config.json").write_text(json.dumps(configuration))
    return [str(folder / "bin" / "centrifugo"), "--config", str(folder / "config.json")]


PEERS = [
    Peer(
        name="centrifugo",
        title="Centrifugo (Go)",
        serve=configure,
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
        install=lambda: go("centrifugo", MODULE, VERSION),
    )
]
