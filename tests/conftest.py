"""Settings that pytest's own configuration cannot hold."""

import logging

from hypothesis import settings

# A deadline per example would let a busy machine decide a test; pytest's timeout still ends one that hangs.
settings.register_profile("trunkline", deadline=None, print_blob=True)
# `pytest --hypothesis-profile=long` looks longer; state machines have their number of runs in proportion.
settings.register_profile("long", settings.get_profile("trunkline"), max_examples=2_000)
settings.load_profile("trunkline")


def _is_not_about_speed(record: logging.LogRecord) -> bool:
    """Asyncio's debug mode logs turns of the loop that took long, which on a busy machine any turn may."""
    return not record.getMessage().startswith("Executing ")


logging.getLogger("asyncio").addFilter(_is_not_about_speed)
