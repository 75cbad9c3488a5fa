"""`trunkline serve`: run the agents platform until a signal ends it."""

import os
import signal
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

import typer

from trunkline import __version__
from trunkline.agents.login import TOKEN_FILE
from trunkline.agents.logs import configure_logs, remove_logs
from trunkline.agents.models.catalog import ModelSettings, choose_default
from trunkline.agents.models.echo import ECHO_NAME
from trunkline.agents.models.install import is_installed
from trunkline.agents.settings import DEFAULT_PORT, Settings, load_settings
from trunkline.cli.failures import CommandFailed, Interrupted
from trunkline.cli.imports import uncollected
from trunkline.cli.open_page import has_browser, opened
from trunkline.cli.options import DataDirOption
from trunkline.cli.rest import Rest
from trunkline.cli.screen import Screen
from trunkline.cli.server_file import announced, find_server
from trunkline.cli.target import Target

_LINK_MINUTES = 10


def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help=f"Port; 0 takes a free one.  [default: {DEFAULT_PORT}]")] = None,
    data_dir: DataDirOption = None,
    model: Annotated[str | None, typer.Option(help="The model of agents that name none.")] = None,
    no_auth: Annotated[
        bool | None, typer.Option("--no-auth", help="Let everyone on this machine in, without a token.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.  [default: info]")] = None,
    open_page: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open the page in a browser.  [default: at a terminal]")
    ] = None,
) -> None:
    """Run the agents platform: REST, WebSocket and the page, until Ctrl-C.

    What no option says is taken from TRUNKLINE_* in the environment, then from trunkline.toml in the data directory.
    """
    settings = load_settings(host=host, port=port, data_dir=data_dir, model=model, no_auth=no_auth, log_level=log_level)
    _refuse_second(settings.data_dir)
    ending = _Ending()
    with ExitStack() as stack:
        stack.callback(remove_logs, configure_logs(settings.log_level))
        stack.enter_context(ending)
        _run(settings, stack, _is_to_open(open_page))
    if ending.was_interrupted:
        raise Interrupted


class _Terminated(BaseException):
    """SIGTERM came: the server has ended in order, or has not begun yet."""


class _Ending:
    """What uvicorn's last act, to raise the signal again that ended it, comes to: an end in order with its exit code.

    Attributes:
        was_interrupted: whether the signal was that of Ctrl-C.
    """

    def __init__(self) -> None:
        self.was_interrupted = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        """Take the signals."""
        self._before = {
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._terminate),
            signal.SIGINT: signal.signal(signal.SIGINT, self._interrupt),
        }

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _terminate(self, _number: int, _frame: FrameType | None) -> NoReturn:
        raise _Terminated

    def _interrupt(self, _number: int, _frame: FrameType | None) -> NoReturn:
        self.was_interrupted = True
        raise KeyboardInterrupt


def _is_to_open(wanted: bool | None) -> bool:
    """Whether to open the page: as it was said, else where a person sits at a terminal and has a browser beside it."""
    return (Screen().is_terminal and has_browser()) if wanted is None else wanted


def _run(settings: Settings, stack: ExitStack, is_to_open: bool) -> None:
    def on_ready(link: str) -> None:
        parts = urlsplit(link)
        url = f"{parts.scheme}://{parts.netloc}"
        stack.enter_context(announced(settings.data_dir, url))
        with suppress(BrokenPipeError):
            _greet(Screen(), settings, url, link)
        if is_to_open:
            stack.enter_context(opened(settings.data_dir, link))

    def on_drain(answers: int) -> None:
        if answers:
            what = "1 answer is" if answers == 1 else f"{answers} answers are"
            left = f"{settings.drain_seconds:g} s at most. Ctrl-C again stops at once."
            Screen().note(f"{what} being finished, {left}")

    with suppress(_Terminated, KeyboardInterrupt):
        # A second of imports that no other command needs to wait for.
        with uncollected():
            from trunkline.agents.server import run  # noqa: PLC0415

        run(settings, on_ready, on_drain)


def _refuse_second(data_dir: Path) -> None:
    """Two servers on one directory would take each other's answers for left over."""
    running = find_server(data_dir)
    if running is None or running.pid == os.getpid():
        return
    try:
        with Rest(Target(running.url)) as rest:
            rest.get("/healthz")
    except CommandFailed:
        return  # the process of that number is another one
    raise CommandFailed(f"A server runs on {data_dir} already: process {running.pid}, at {running.url}.")


def _greet(screen: Screen, settings: Settings, url: str, link: str) -> None:
    screen.line(f"{screen.styled(f'Trunkline {__version__}', bold=True)} listens at {screen.styled(url, bold=True)}")
    if settings.no_auth:
        screen.line(f"  Open    {screen.styled(link)}")
        screen.line("  Token   none is asked for: whoever reaches this address is let in")
    else:
        screen.line(f"  Open    {screen.styled(link)}")
        screen.line(f"          {screen.styled(f'This link works once, for {_LINK_MINUTES} minutes.', dim=True)}")
        screen.line(f"  Token   in {screen.styled(str(settings.data_dir / TOKEN_FILE))}")
    screen.line(f"  Model   {screen.styled(_default_model(settings))}")
    screen.line("Ctrl-C stops the server.")


def _default_model(settings: Settings) -> str:
    models = replace(ModelSettings.from_env(os.environ), model=settings.model)
    if models.wants_listing:
        return f"the first that {models.base_url} lists"
    name = choose_default(models, local_installed=is_installed())
    if name != ECHO_NAME:
        return name
    how = "" if settings.model else " For answers: `trunkline model install`, or set OPENAI_API_KEY."
    return f"{name}, which repeats what you write.{how}"
