"""The options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="TRUNKLINE_URL",
        metavar="URL",
        help="Where the server is. Unless given: the server that runs on the data directory.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="TRUNKLINE_TOKEN",
        metavar="TOKEN",
        show_default=False,
        help="The access token. Unless given: the one in the data directory.",
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where the server keeps its data. Unless given: TRUNKLINE_DATA_DIR, or this user's data directory.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
