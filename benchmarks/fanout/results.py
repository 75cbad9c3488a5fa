"""The results of a run: of each peer, what came of each work."""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fanout.measuring import Outcome, Work
from benchmarks.fanout.peer import Peer

QUIET = 0.1
"""Of a core, what others may use meanwhile."""

REFERENCE = "trunkline"
"""The peer that ratios are told to."""


@dataclass
class PeerResult:
    """What came of one peer.

    Attributes:
        outcomes: by the name of the work, one for each time it was done.
        failures: by the name of the work, why there is no outcome.
        untried: names of works that are harder than one that it failed.
        memory: bytes per idle connection, one a round.
        absent: why it could not be installed.
    """

    peer: Peer
    versions: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    untried: set[str] = field(default_factory=set)
    memory: list[float] = field(default_factory=list)
    absent: str | None = None

    def outcome(self, work: Work) -> Outcome | None:
        """The middle one of the rounds, by CPU per delivery."""
        rounds = sorted(self.outcomes.get(work.name, ()), key=lambda one: one.cpu_per_delivery)
        return rounds[len(rounds) // 2] if rounds else None

    def failure(self, work: Work) -> str | None:
        """Why it failed the work in one round or more; None if it did not."""
        rounds = self.outcomes.get(work.name, ())
        return self.failures.get(work.name) or next((one.failure for one in rounds if one.failure), None)

    @property
    def idle_memory(self) -> float | None:
        """Bytes per idle connection."""
        return statistics.median(self.memory) if self.memory else None

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return {
            "name": self.peer.name,
            "title": self.peer.title,
            "floor": self.peer.floor,
            "versions": self.versions,
            "absent": self.absent,
            "outcomes": {name: [one.as_dict() for one in rounds] for name, rounds in self.outcomes.items()},
            "failures": self.failures,
            "untried": sorted(self.untried),
            "idle_bytes_per_connection": self.memory,
        }


@dataclass
class Results:
    """A whole run.

    Attributes:
        measured: when, as RFC 3339.
        idle_connections: how many the memory was measured with.
    """

    measured: str
    machine: dict[str, str]
    works: list[Work]
    idle_connections: int
    rounds: int
    peers: list[PeerResult] = field(default_factory=list)

    def get(self, name: str) -> PeerResult | None:
        """The result of a peer that took part."""
        return next((one for one in self.peers if one.peer.name == name and not one.absent), None)

    def ratio(self, one: PeerResult, figure: Callable[[PeerResult], float | None]) -> float | None:
        """A peer's figure over Trunkline's; None where either is missing."""
        reference = self.get(REFERENCE)
        ours, theirs = figure(reference) if reference else None, figure(one)
        return theirs / ours if ours and theirs is not None else None

    def cpu_ratio(self, one: PeerResult, work: Work) -> float | None:
        """A peer's CPU per delivery over Trunkline's."""
        return self.ratio(one, lambda result: cpu_per_delivery(result, work))

    @property
    def disturbed(self) -> list[str]:
        """Where others used more of the cores than figures can bear: who did what, and how much others used."""
        return [
            f"{one.peer.name} at {name}: {outcome.others_share:.0%}"
            for one in self.peers
            for name, rounds in one.outcomes.items()
            for outcome in rounds
            if outcome.others_share > QUIET
        ]

    @property
    def ratios(self) -> dict[str, float]:
        """What two runs are compared by: of each peer that did a work, its figures over Trunkline's."""
        found: dict[str, float] = {}
        for one in self.peers:
            for work in self.works:
                ratio = None if one.failure(work) else self.cpu_ratio(one, work)
                if ratio is not None and one.peer.name != REFERENCE:
                    found[f"CPU per delivery, {work.name}, {one.peer.name}"] = ratio
            memory = self.ratio(one, lambda result: result.idle_memory)
            if memory is not None and one.peer.name != REFERENCE:
                found[f"memory of a connection, {one.peer.name}"] = memory
        return found

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return {
            "measured": self.measured,
            "machine": self.machine,
            "rounds": self.rounds,
            "works": [
                {"clients": work.clients, "rate": work.rate, "seconds": work.seconds, "times": work.times}
                for work in self.works
            ],
            "idle_connections": self.idle_connections,
            "peers": [one.as_dict() for one in self.peers],
        }

    def write(self, file: Path) -> None:
        """Write everything as JSON."""
        file.write_text(json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n")


def cpu_per_delivery(one: PeerResult, work: Work) -> float | None:
    """Microseconds, or None where nothing was delivered."""
    outcome = one.outcome(work)
    return outcome.cpu_per_delivery or None if outcome else None
