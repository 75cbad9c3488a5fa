"""The log of the application: for people on a terminal, one JSON object a line everywhere else.

The library and the application write through stdlib `logging`; structlog only renders.
"""

import logging
import sys
from typing import TextIO

# Lines of other libraries below this level tell about themselves, and at debug level some of them show headers and
# URLs with credentials in them.
_OTHERS = logging.WARNING


def configure_logs(level: str, stream: TextIO | None = None) -> logging.Handler:
    """Send all log lines to `stream` (stderr unless given), Trunkline's own from `level` up.

    Returns the handler, for `remove_logs`. To be called once, by whoever owns the process.
    """
    target = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(target)
    handler.setFormatter(_Rendering(for_people=target.isatty()))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(_OTHERS)
    logging.getLogger("trunkline").setLevel(level.upper())
    logging.captureWarnings(True)
    return handler


def remove_logs(handler: logging.Handler) -> None:
    """Undo `configure_logs`."""
    logging.captureWarnings(False)
    logging.getLogger("trunkline").setLevel(logging.NOTSET)
    logging.getLogger().removeHandler(handler)


class _Rendering(logging.Formatter):
    """Renders with structlog, which is loaded for the first line: a start in order logs none."""

    def __init__(self, *, for_people: bool) -> None:
        super().__init__()
        self._for_people = for_people
        self._made: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        if self._made is None:
            self._made = _formatter(for_people=self._for_people)
        return self._made.format(record)


def _formatter(*, for_people: bool) -> logging.Formatter:
    import structlog  # noqa: PLC0415

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if for_people else "iso", utc=not for_people),
    ]
    # Neither renderer shows local variables: a token may be among them.
    rendering: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if for_people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
