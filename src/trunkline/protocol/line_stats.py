"""What a client's line went through, and how much of it the server has been told."""

from dataclasses import dataclass

from trunkline.protocol.messages import Seen

_TOLD_AT_ONCE = 1_000_000
"""The most of one kind that a server believes in one report."""


@dataclass(slots=True)
class LineStats:
    """What this line went through.

    Attributes:
        connects: sockets that were opened.
        gaps: holes seen in a topic, each repaired by subscribing again.
        duplicates: events dropped because they were processed before.
        reordered: events dropped because they came after a later one; the repair of the hole brings them in order.
        resets: streams that had to start from a snapshot.
        recovered: missed events that were replayed.
    """

    connects: int = 0
    gaps: int = 0
    duplicates: int = 0
    reordered: int = 0
    resets: int = 0
    recovered: int = 0


class SeenReport:
    """Tells a server with each ping what is new in the stats; what no pong answered is told again."""

    def __init__(self, stats: LineStats) -> None:
        self._stats = stats
        self._answered = Seen()
        self._asked: Seen | None = None

    def news(self) -> Seen | None:
        """What to send with a ping, or None where there is nothing to tell."""
        stats, told = self._stats, self._answered
        self._asked = Seen(gaps=stats.gaps, duplicates=stats.duplicates, reordered=stats.reordered)
        news = Seen(
            gaps=min(_TOLD_AT_ONCE, stats.gaps - told.gaps),
            duplicates=min(_TOLD_AT_ONCE, stats.duplicates - told.duplicates),
            reordered=min(_TOLD_AT_ONCE, stats.reordered - told.reordered),
        )
        return news if news != Seen() else None

    def answered(self) -> None:
        """A pong came: the server knows what was sent."""
        self._answered, self._asked = self._asked or self._answered, None

    def cut(self) -> None:
        """The connection ended: whether the server heard the last report is not known, so it is told again."""
        self._asked = None
