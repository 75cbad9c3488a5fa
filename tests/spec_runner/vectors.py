"""Golden conversations of `spec/vectors`, as spec/vectors/README.md describes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "spec" / "vectors"

Step = Mapping[str, Any]

SHARED = frozenset({"open", "client", "server", "cut", "server_closes", "client_closes", "advance"})
CLIENT_ONLY = frozenset({"app", "delivered", "state", "positions", "refused", "server_text"})
SERVER_ONLY = frozenset(
    {
        *("publish", "store", "hold_snapshots", "client_reads", "restart", "drain", "revoke"),
        *("client_text", "client_binary"),
    }
)


@dataclass(frozen=True)
class Vector:
    """One conversation: the world the server lives in, how the client is set up, and what happens."""

    name: str
    about: str
    sides: tuple[str, ...]
    steps: tuple[Step, ...]
    server: Mapping[str, Any] = field(default_factory=dict)
    client: Mapping[str, Any] = field(default_factory=dict)


def load_all() -> list[Vector]:
    """Every vector, by name."""
    return [load(path) for path in sorted(FOLDER.glob("*.json"))]


def load(path: Path) -> Vector:
    """Read one vector."""
    content = json.loads(path.read_text("utf-8"))
    return Vector(
        name=path.stem,
        about=content["about"],
        sides=tuple(content.get("sides", ("client", "server"))),
        steps=tuple(content["steps"]),
        server=content.get("server", {}),
        client=content.get("client", {}),
    )


def kind_of(step: Step) -> str:
    """What a step is: its first key."""
    kind = next(iter(step))
    if kind not in SHARED | CLIENT_ONLY | SERVER_ONLY:
        raise ValueError(f"Unknown step: {step}")
    return kind
