"""`trunkline doctor`: what is here, what is wrong, and what to do about it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from trunkline.agents.settings import load_settings
from trunkline.cli import checks
from trunkline.cli.checks import Check
from trunkline.cli.failures import CommandFailed
from trunkline.cli.models import models_here
from trunkline.cli.options import DataDirOption, TokenOption, UrlOption
from trunkline.cli.rest import Rest
from trunkline.cli.screen import Screen
from trunkline.cli.server_file import find_server
from trunkline.cli.target import Target, find_target

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(url: UrlOption = None, token: TokenOption = None, data_dir: DataDirOption = None) -> None:
    """Look at the installation, the data directory and the server, and say what to do about what is wrong."""
    screen = Screen()
    failures = 0
    for check in _examine(url, token, data_dir):
        verdict = screen.styled(f"{check.verdict:<4}", colour=_COLOURS[check.verdict])
        screen.line(f"{verdict}  {check.thing:<9}  {screen.styled(check.finding)}")
        failures += check.verdict == "fail"
    if failures:
        raise CommandFailed(f"{failures} of these must be put right." if failures > 1 else "This must be put right.")


def _examine(url: str | None, token: str | None, data_dir: Path | None) -> Iterator[Check]:
    yield checks.check_python()
    yield from checks.check_extras()
    settings = load_settings(data_dir=data_dir)
    yield from checks.check_data_dir(settings.data_dir)
    yield checks.check_database(settings)
    if url or find_server(settings.data_dir):
        yield from _examine_server(find_target(url, token, data_dir))
    else:
        yield checks.check_port(settings)
        yield checks.check_models(asyncio.run(models_here(settings.model)))


def _examine_server(target: Target) -> Iterator[Check]:
    try:
        with Rest(target) as rest:
            rest.get("/readyz")
            yield Check("ok", "Server", f"runs at {target.url}")
            models = rest.get("/api/models")["items"]
    except CommandFailed as error:
        yield Check("fail", "Server", str(error))
        return
    yield asyncio.run(checks.check_line(target))
    yield checks.check_models(models)
