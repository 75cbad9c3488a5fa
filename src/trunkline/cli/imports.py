"""Importing much at once."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from what is imported: imports make no garbage, and what they make stays.

    It would look through all of it again and again meanwhile, a twentieth of the start, and at every full collection
    of a server, which answers nobody as long as that takes.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
