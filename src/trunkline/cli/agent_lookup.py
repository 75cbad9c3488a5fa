"""Finding an agent by what a person calls it."""

from typing import Any
from urllib.parse import quote

from trunkline.cli.failures import CommandFailed
from trunkline.cli.rest import Refused, Rest

Agent = dict[str, Any]


def find_agent(rest: Rest, wanted: str) -> Agent:
    """The agent with this id or, if there is none, with this name.

    Raises:
        CommandFailed: there is none, or several have the name.
    """
    if wanted.isascii() and wanted.isdecimal():
        try:
            found: Agent = rest.get(f"/api/agents/{quote(wanted)}")
            return found
        except Refused as refusal:
            if refusal.status not in (404, 422):
                raise
    named = [agent for agent in rest.pages("/api/agents") if agent["name"] == wanted]
    if not named:
        raise CommandFailed(f"Agent {wanted} not found. `trunkline agent list` shows those there are.")
    if len(named) > 1:
        ids = ", ".join(str(agent["id"]) for agent in named)
        raise CommandFailed(f"{len(named)} agents are called {wanted}. Say which one by its id: {ids}.")
    return named[0]
