"""The commands put together, and what becomes of their errors."""

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from trunkline import TrunklineError, __version__
from trunkline.cli.agents import agent_commands
from trunkline.cli.chat import chat
from trunkline.cli.doctor import doctor
from trunkline.cli.failures import CommandFailed, Interrupted
from trunkline.cli.models import model_commands
from trunkline.cli.screen import Screen
from trunkline.cli.serve import serve
from trunkline.cli.tail import tail

_FAILED = 1
_INTERRUPTED = 130

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve)
app.command()(tail)
app.command()(chat)
app.add_typer(agent_commands, name="agent")
app.add_typer(model_commands, name="model")
app.command()(doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        Screen().line(f"trunkline {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def trunkline(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """One WebSocket per user for everything: an agents platform, and commands to use it."""
    if context.invoked_subcommand is None:
        Screen().line(context.get_help())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every failure becomes a sentence on stderr and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    code = _run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    return code


def _run(arguments: Sequence[str] | None) -> int:
    command = typer.main.get_command(app)
    try:
        given = None if arguments is None else list(arguments)
        result = command.main(given, prog_name="trunkline", standalone_mode=False)
    except (Interrupted, KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Typer makes an exit of a broken pipe.
        _forget_stdout()
        return 0
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        Screen().error(_sentence(error))
        return _FAILED
    return result if isinstance(result, int) else 0


def _sentence(error: Exception) -> str:
    """What a person gets to read of an error."""
    if hasattr(error, "format_message"):
        return _of_usage(error)
    if isinstance(error, ModuleNotFoundError) and not (error.name or "trunkline").startswith("trunkline"):
        return f"This needs {error.name}, which is not installed: pip install 'trunkline[agents]'"
    if isinstance(error, (CommandFailed, TrunklineError)):
        return str(error)
    if isinstance(error, OSError):
        return f"The system refused: {error}"
    where = "`python -X dev -m trunkline.cli` instead of `trunkline` shows where."
    return f"Something unforeseen went wrong, {type(error).__name__}: {error}. {where}"


def _of_usage(error: Any) -> str:
    """A wrong option or argument. Typer brings its own copy of click's errors, which are told by what they can do."""
    said = " ".join(str(error.format_message()).split()).removesuffix(".")
    context = getattr(error, "ctx", None)
    return f"{said}. See `{context.command_path if context else 'trunkline'} --help`."


def _forget_stdout() -> None:
    """Nobody reads stdout any more: what is written at the end of the process goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
