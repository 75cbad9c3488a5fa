"""Opening the console in the browser of whoever started the server."""

import os
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path

from trunkline.cli.server_file import replace_file

PAGE_FILE = "open.html"


def has_browser() -> bool:
    """Whether a browser of this machine would show itself to the person here: not over SSH, not in this terminal."""
    if os.environ.get("BROWSER"):
        return True
    return sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


@contextmanager
def opened(data_dir: Path, link: str) -> Iterator[None]:
    """Open a link, and keep the file that leads there while this process serves.

    The arguments of a browser's process can be read by everyone on the machine, and the link lets one in. So the
    browser is given a file that its owner alone can read, as Jupyter does it.
    """
    path = data_dir.resolve() / PAGE_FILE
    address = escape(link, quote=True)
    replace_file(
        path,
        f'<!doctype html><meta charset="utf-8"><title>Trunkline</title><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={address}"><a href="{address}">Open Trunkline</a>\n',
    )
    # A browser may take its time to begin.
    threading.Thread(target=webbrowser.open, args=(path.as_uri(),), name="browser", daemon=True).start()
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
