"""A server that takes part, and where it is declared: `PEERS` in `benchmarks/peers/NAME/peer.py`."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.fanout.generator import Clients

FOLDERS = (
    "trunkline", "floor", "uws", "ws", "socketio", "nats", "nchan", "mosquitto", "centrifugo", "send_json",
    "python_socketio", "channels",
)  # fmt: skip

Command = Callable[[int], list[str]]
"""Makes a command line from the port to listen on, or to publish to."""


def _nothing() -> dict[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A server and how to load it.

    It obeys the lines of `benchmarks/peers/pacing.py`, or a `publisher` does so for it.

    Attributes:
        name: for the command line.
        title: for the table.
        serve: runs it.
        clients: a subscriber of the one topic.
        idle_clients: a subscriber of two topics, one of them of 100.
        publisher: runs what publishes from outside, for servers that no application runs in.
        environment: more variables of the server.
        install: installs what it needs, unless it is there, and returns the versions; raises `NotInstalledError`.
        floor: whether it is a measure of the kernel rather than a server that anybody would use.
        startup: seconds that it may take to listen.
    """

    name: str
    title: str
    serve: Command
    clients: Clients
    idle_clients: Clients | None = None
    publisher: Command | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    install: Callable[[], dict[str, str]] = _nothing
    floor: bool = False
    startup: float = 20.0


def all_peers() -> list[Peer]:
    """Every peer that is declared, in the order of the table."""
    peers: list[Peer] = []
    for folder in FOLDERS:
        module = importlib.import_module(f"benchmarks.peers.{folder}.peer")
        peers.extend(module.PEERS)
    return peers
