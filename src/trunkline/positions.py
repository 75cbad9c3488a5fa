"""Where a reader stands in a log, and what an arriving sequence number means to it."""

from enum import Enum
from typing import NamedTuple


class Position(NamedTuple):
    """A point in one life of a log: everything up to and including `seq` has been processed.

    `epoch` names that life; `seq` counts 1, 2, 3 ... without holes, and 0 is the point before the first event.
    """

    epoch: str
    seq: int


class Step(Enum):
    """What an event with a given `seq` is to a reader at a given position."""

    NEXT = "next"
    OLD = "old"
    GAP = "gap"


def judge(processed: int, seq: int) -> Step:
    """Compare an arriving `seq` with the last processed one: the next, an old one to drop, or past a hole."""
    if seq == processed + 1:
        return Step.NEXT
    return Step.OLD if seq <= processed else Step.GAP
