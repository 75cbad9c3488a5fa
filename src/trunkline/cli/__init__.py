"""The command line, `trunkline`."""

import sys
from collections.abc import Sequence

from trunkline.cli.imports import uncollected

_NEEDED = "The command line needs more than the library: pip install 'trunkline[agents]'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 after an error, 130 after Ctrl-C.

    Args:
        arguments: without the program's name; those of the process unless given.
    """
    try:
        with uncollected():
            from trunkline.cli.app import run  # noqa: PLC0415 - without the extra `agents` there is no typer to import
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "trunkline"):
            raise
        print(f"{_NEEDED} ({missing} is missing).", file=sys.stderr)
        return 1
    return run(arguments)
