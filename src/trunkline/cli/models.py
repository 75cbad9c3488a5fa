"""`trunkline model`: what models there are, and the one that runs on this machine."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import typer

from trunkline.agents.models.base import ModelNotInstalled
from trunkline.agents.models.catalog import ModelCatalog, ModelSettings
from trunkline.agents.models.install import install_local_model
from trunkline.agents.settings import load_settings
from trunkline.cli.failures import CommandFailed
from trunkline.cli.options import DataDirOption, JsonOption, TokenOption, UrlOption
from trunkline.cli.rest import Rest
from trunkline.cli.screen import Screen, one_line
from trunkline.cli.server_file import find_server
from trunkline.cli.table import table
from trunkline.cli.target import find_target

model_commands = typer.Typer(help="List the models, and install the one that runs here.")


@model_commands.command("list")
def list_models(
    as_objects: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List the models of the running server or, where none runs, those that one started now would have."""
    settings = load_settings(data_dir=data_dir)
    screen = Screen()
    if url or find_server(settings.data_dir):
        with Rest(find_target(url, token, data_dir)) as rest:
            models = rest.get("/api/models")["items"]
    else:
        screen.note("No server runs; a server started now would have these.")
        models = asyncio.run(models_here(settings.model))
    if as_objects:
        screen.line(msgspec.json.format(msgspec.json.encode(models), indent=2).decode())
        return
    for number, row in enumerate(table(("MODEL", "PROVIDER", "HERE", ""), map(_row, models))):
        screen.line(screen.styled(row, bold=number == 0))


async def models_here(configured: str | None) -> list[dict[str, Any]]:
    """The models that a server started in this environment would have, as `/api/models` lists them."""
    catalog = ModelCatalog(replace(ModelSettings.from_env(os.environ), model=configured))
    try:
        return [msgspec.to_builtins(model) for model in await catalog.list()]
    finally:
        await catalog.aclose()


def _row(model: dict[str, Any]) -> Sequence[str]:
    name = one_line(model["id"], 60)
    here = "yes" if model["available"] else "no"
    shown = one_line(model["problem"] or model["description"], 100)
    return (f"{name} *" if model["default"] else name), model["provider"], here, shown


@model_commands.command("install")
def install_model() -> None:
    """Install local/smollm2, a small model that runs on this machine and needs no key (130 MB)."""
    screen = Screen()
    try:
        was_missing = install_local_model(screen.note)
    except ModelNotInstalled as error:
        raise CommandFailed(str(error)) from error
    if was_missing:
        screen.line("The local model is installed. A server that starts now uses it unless told otherwise.")
    else:
        screen.line("The local model is installed already.")
