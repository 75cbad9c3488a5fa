"""Tells of refused requests without letting anybody fill the log: a line a second for each connection."""

import logging
from dataclasses import dataclass

logger = logging.getLogger(__name__)

_PAUSE = 1.0


@dataclass(slots=True)
class _Told:
    at: float
    kind: str
    untold: int = 0


class RefusalLog:
    """Logs the first refusal of a connection at once, and of what follows within a second the number."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def tell(self, connection_id: str, kind: str, now: float) -> None:
        """A request was refused, with an error of this kind."""
        told = self._told.get(connection_id)
        if told is None:
            self._told[connection_id] = _Told(now, kind)
            logger.info("Refused a request of connection %s: %s", connection_id, kind)
            return
        told.kind = kind
        told.untold += 1
        if now - told.at >= _PAUSE:
            self._tell_number(connection_id, told)
            told.at = now

    def forget(self, connection_id: str) -> None:
        """The connection has ended."""
        told = self._told.pop(connection_id, None)
        if told is not None and told.untold:
            self._tell_number(connection_id, told)

    def _tell_number(self, connection_id: str, told: _Told) -> None:
        if told.untold == 1:
            logger.info("Refused a request of connection %s: %s", connection_id, told.kind)
        else:
            sentence = "Refused %d requests of connection %s, the last of them: %s"
            logger.info(sentence, told.untold, connection_id, told.kind)
        told.untold = 0
