"""The browser of this machine, and how a test runs it."""

import os
import shutil
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING: Final = (
    "The tests of the console need Chromium. Debian has it: `apt-get install chromium`, which `make test` does by "
    "itself where it may. Elsewhere install Chromium or Chrome, or name one by TRUNKLINE_CHROMIUM=/path/to/it."
)
_FLAGS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # So that the heap can be measured after everything that is garbage has gone.
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
)


def find_chromium() -> str:
    """The path of the browser.

    Raises:
        LookupError: there is none; the sentence says what to do.
    """
    named = os.environ.get("TRUNKLINE_CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise LookupError(f"TRUNKLINE_CHROMIUM names {named}, which cannot be run. {MISSING}" if named else MISSING)
    return found


def flags() -> list[str]:
    """What it is started with. Its sandbox does not work for root."""
    return [*_FLAGS, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]
