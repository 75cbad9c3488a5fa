"""The server's clock, as rows and events show it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Makes timestamps of an injected source of Unix seconds."""

    def __init__(self, unix_seconds: Callable[[], float] = time.time) -> None:
        self.unix_seconds = unix_seconds

    def now(self) -> str:
        """This moment in RFC 3339, UTC, with milliseconds."""
        moment = datetime.fromtimestamp(self.unix_seconds(), UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
