"""`trunkline agent`: list, create and delete agents."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from trunkline.cli.agent_lookup import Agent, find_agent
from trunkline.cli.failures import CommandFailed
from trunkline.cli.options import DataDirOption, JsonOption, TokenOption, UrlOption
from trunkline.cli.rest import Rest
from trunkline.cli.screen import Screen, one_line
from trunkline.cli.table import table
from trunkline.cli.target import find_target

agent_commands = typer.Typer(help="List, create and delete agents.")


@agent_commands.command("list")
def list_agents(
    as_objects: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List the agents."""
    with Rest(find_target(url, token, data_dir)) as rest:
        agents = list(rest.pages("/api/agents"))
    screen = Screen()
    if as_objects:
        screen.line(json.dumps(agents, indent=2))
    elif agents:
        for number, row in enumerate(table(("ID", "NAME", "STATUS", "MODEL", "CHANGED"), map(_row, agents))):
            screen.line(screen.styled(row, bold=number == 0))
    else:
        screen.note("There are no agents yet. Create one with `trunkline agent create NAME`.")


def _row(agent: Agent) -> Sequence[str]:
    changed = datetime.fromisoformat(agent["updated_at"]).astimezone()
    name, model = one_line(agent["name"], 40), one_line(agent["model"], 40) or "(default)"
    return str(agent["id"]), name, agent["status"], model, f"{changed:%Y-%m-%d %H:%M}"


@agent_commands.command("create")
def create_agent(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    model: Annotated[str, typer.Option("--model", help="A name of `trunkline model list`; else the default.")] = "",
    system: Annotated[str, typer.Option("--system", metavar="TEXT", help="Who the agent is.")] = "",
    task: Annotated[str, typer.Option("--task", metavar="TEXT", help="What it is to do.")] = "",
    as_object: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Create an agent."""
    draft = {"name": name, "model": model, "system_instructions": system, "task_instructions": task}
    with Rest(find_target(url, token, data_dir)) as rest:
        made: Agent = rest.post("/api/agents", draft)
    screen = Screen()
    if as_object:
        screen.line(json.dumps(made, indent=2))
        return
    shown = f"Agent {made['id']} created: {one_line(made['name'], 40)} ({made['model'] or 'the default model'})."
    screen.line(f"{shown} Talk with it: trunkline chat {made['id']}")


@agent_commands.command("delete")
def delete_agent(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Its id or its name.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Delete an agent with its threads."""
    with Rest(find_target(url, token, data_dir)) as rest:
        found = find_agent(rest, agent)
        shown = f"{found['id']} ({one_line(found['name'], 40)})"
        if not yes and not _confirmed(f"Delete agent {shown} with all its threads?"):
            raise CommandFailed("Nothing was deleted.")
        rest.delete(f"/api/agents/{found['id']}")
    Screen().line(f"Agent {shown} deleted.")


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise CommandFailed("Nobody is here to be asked. Give --yes to delete without a question.")
    return typer.confirm(question)
