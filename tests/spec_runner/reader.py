"""The application's end of one subscription: what it may receive next, and nothing else."""

from dataclasses import dataclass

from trunkline.positions import Position
from trunkline.protocol.client_effects import ReceivedSnapshot, TopicOpened


@dataclass
class Reader:
    """What the application holds of one subscription; it accepts exactly what may come next."""

    has_snapshot: bool
    cursor: Position | None = None
    is_broken: bool = False

    def opened(self, opened: TopicOpened) -> None:
        """Only an unbroken stream is resumed, and only a new or a broken one begins elsewhere without a snapshot."""
        if opened.resumed:
            assert not self.is_broken
            assert self.cursor is not None
            assert self.cursor.epoch == opened.position.epoch
        elif not self.has_snapshot:
            assert self.cursor is None or self.is_broken, "a hole that nobody told of"
            self.cursor, self.is_broken = opened.position, False

    def snapshot(self, snapshot: ReceivedSnapshot) -> None:
        """A snapshot holds at least what its position says, and begins anew, not before what was received."""
        assert snapshot.data >= snapshot.position.seq
        if self.cursor is not None and not self.is_broken and self.cursor.epoch == snapshot.position.epoch:
            assert snapshot.position.seq >= self.cursor.seq
        self.cursor, self.is_broken = snapshot.position, False

    def reset(self) -> None:
        """An unbroken stream breaks; that is told once."""
        assert self.cursor is not None
        assert not self.is_broken
        self.is_broken = True

    def event(self, position: Position) -> None:
        """The next event, and no other."""
        assert not self.is_broken
        assert self.cursor is not None
        assert position == Position(self.cursor.epoch, self.cursor.seq + 1)
        self.cursor = position
