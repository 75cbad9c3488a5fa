"""Joining a log to a stream without a hole: pure decisions, driven through every interleaving by property tests.

The way of one subscription: attach (live frames are held back), read the log, `decide`, send the missed frames or a
snapshot, then `release` what was held and is newer. See "Subscribe, snapshot, recover" in spec/protocol.md.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from trunkline.positions import Position

F = TypeVar("F")


class Logged(NamedTuple, Generic[F]):
    """One log entry: its sequence number in this log, and its frame."""

    seq: int
    frame: F


class LogView(NamedTuple, Generic[F]):
    """What a broker's log said at one moment.

    Attributes:
        epoch: the life of the log.
        seq: its last sequence number; 0 when nothing was ever published in this epoch.
        first: the oldest retained sequence number; `seq + 1` when nothing is retained.
        entries: the retained entries after the position that was asked for, in order, without holes.
    """

    epoch: str
    seq: int
    first: int
    entries: Sequence[Logged[F]]


class ResetReason(StrEnum):
    """Why a client must start from a snapshot although it had a position."""

    GAP = "gap"
    EPOCH = "epoch"
    SLOW = "slow"


class Resume(NamedTuple, Generic[F]):
    """The position can be honoured with these entries."""

    entries: Sequence[Logged[F]]


class Restart(NamedTuple):
    """The position cannot be honoured; `reason` is None if there was none."""

    reason: ResetReason | None


def decide(since: Position | None, view: LogView[F]) -> Resume[F] | Restart:
    """Decide between replay and a fresh start.

    A position is honoured when it is of this epoch, not in the future, and everything after it is retained.
    """
    if since is None:
        return Restart(None)
    if since.epoch != view.epoch or since.seq > view.seq:
        return Restart(ResetReason.EPOCH)
    if since.seq + 1 < view.first:
        return Restart(ResetReason.GAP)
    return Resume([entry for entry in view.entries if entry.seq > since.seq])


class Released(NamedTuple, Generic[F]):
    """Frames to send now, and the sequence number the subscriber then has."""

    frames: list[F]
    seq: int


class Hole(NamedTuple):
    """Held frames do not join what was sent: read the log again after `seq`."""

    seq: int


def release(sent: int, held: Sequence[Logged[F]]) -> Released[F] | Hole:
    """Join held live entries to what was sent up to `sent`: drop the old and the doubled, keep the order.

    Delivery between nodes is at least once and may be out of order, so `held` may hold doubles and be unsorted; a
    missing number is a `Hole`, never a silent skip.
    """
    frames: list[F] = []
    for entry in sorted(held, key=lambda e: e.seq):
        if entry.seq <= sent:
            continue
        if entry.seq != sent + 1:
            return Hole(sent)
        frames.append(entry.frame)
        sent = entry.seq
    return Released(frames, sent)
