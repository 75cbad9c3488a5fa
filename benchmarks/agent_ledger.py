"""What was asked of a server, what it acknowledged and what it told, to hold against its database."""

from typing import Any

Stored = dict[int, dict[str, Any]]
"""The agents of the database, by id."""


class Ledger:
    """Keeps account of agents whose every change gives a name that was never given before.

    An agent's name at a version is one thing, whoever tells it. If a change was told and never committed, its version
    is later given again with another name, or the database stays behind it: either shows.

    Attributes:
        told_events: ids of all events that reached a client.
    """

    def __init__(self) -> None:
        self.told_events: set[str] = set()
        self._asked = 0
        self._names: dict[tuple[int, int], str] = {}
        self._acknowledged: dict[int, int] = {}
        self._told: dict[int, int] = {}
        self._asked_deletions: set[int] = set()
        self._acknowledged_deletions: set[int] = set()
        self._told_deletions: set[int] = set()
        self._open: set[str] = set()
        self._open_deletions: set[int] = set()
        self._contradictions: list[str] = []

    # Requests

    def ask(self) -> str:
        """Make the name that a request gives."""
        self._asked += 1
        name = f"change {self._asked}"
        self._open.add(name)
        return name

    def ask_deletion(self, agent_id: int) -> None:
        """Note that an agent's deletion is requested."""
        self._asked_deletions.add(agent_id)
        self._open_deletions.add(agent_id)

    def acknowledge(self, agent: dict[str, Any]) -> None:
        """Note that the server answered with this agent."""
        self._note(agent)
        self._open.discard(agent["name"])
        newest = max(agent["version"], self._acknowledged.get(agent["id"], 0))
        self._acknowledged[agent["id"]] = newest

    def acknowledge_deletion(self, agent_id: int) -> None:
        """Note that the server answered that an agent is deleted."""
        self._open_deletions.discard(agent_id)
        self._acknowledged_deletions.add(agent_id)

    # Announcements

    def told(self, agent: dict[str, Any]) -> None:
        """Note that a client was told of this agent."""
        self._note(agent)
        self._told[agent["id"]] = max(agent["version"], self._told.get(agent["id"], 0))

    def told_deleted(self, agent_id: int) -> None:
        """Note that a client was told of an agent's deletion."""
        self._told_deletions.add(agent_id)

    def _note(self, agent: dict[str, Any]) -> None:
        key = agent["id"], agent["version"]
        known = self._names.setdefault(key, agent["name"])
        if known != agent["name"]:
            self._contradictions.append(f"agent {key[0]} has two names at version {key[1]}: {known}, {agent['name']}")

    # The database

    def find_lost(self, stored: Stored) -> list[str]:
        """Say which acknowledged changes the database does not hold, nor newer ones."""
        lost = [f"agent {agent_id}: its deletion" for agent_id in self._acknowledged_deletions & stored.keys()]
        for agent_id, version in self._acknowledged.items():
            found = stored[agent_id]["version"] if agent_id in stored else 0
            if found < version and agent_id not in self._asked_deletions:
                lost.append(f"agent {agent_id}: version {version} was acknowledged, {found} is stored")
        return lost

    def find_unfounded(self, stored: Stored) -> list[str]:
        """Say what was told and is not so: nothing of it may be newer than the database, or differ from it."""
        for agent in stored.values():
            self._note(agent)
        unfounded, self._contradictions = self._contradictions, []
        unfounded += [f"agent {agent_id} was told deleted" for agent_id in self._told_deletions & stored.keys()]
        for agent_id, version in self._told.items():
            found = stored[agent_id]["version"] if agent_id in stored else 0
            if found < version and agent_id not in self._asked_deletions:
                unfounded.append(f"agent {agent_id} was told in version {version}, {found} is stored")
        return unfounded

    def settle(self, stored: Stored) -> int:
        """Count the unanswered requests that were done; from now on all are answered."""
        known = set(self._names.values())
        done = len(self._open & known) + len(self._open_deletions - stored.keys())
        self._asked_deletions -= self._open_deletions & stored.keys()
        self._open, self._open_deletions = set(), set()
        return done
