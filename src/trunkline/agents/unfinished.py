"""Connections whose request never becomes whole, such as a handshake that stops in the middle of its headers."""

import logging
from collections.abc import Collection, Iterable
from typing import Any

logger = logging.getLogger(__name__)


class UnfinishedRequests:
    """Closes connections that wait for a request's headers at two looks in a row.

    Uvicorn gives the pause between two requests a time, and a request itself none.

    Args:
        connections: those of the server: of HTTP, and what became of upgraded ones.
        protocol: the server's class for HTTP.
    """

    def __init__(self, connections: Collection[Any], protocol: type[Any]) -> None:
        self._connections = connections
        self._protocol = protocol
        self._seen: set[Any] = set()

    def look(self) -> None:
        """Close what was unfinished at the last look and still is."""
        requests: Iterable[Any] = (one for one in self._connections if isinstance(one, self._protocol))
        unfinished = {one for one in requests if _is_unfinished(one)}
        overdue = unfinished & self._seen
        for one in overdue:
            one.transport.close()
        if overdue:
            logger.info("%d connections were closed whose request did not become whole", len(overdue))
        self._seen = unfinished - overdue


def _is_unfinished(connection: Any) -> bool:
    """Whether it waits for headers, and not for the next request of one that is done."""
    cycle = connection.cycle
    return (cycle is None or cycle.response_complete) and connection.timeout_keep_alive_task is None
