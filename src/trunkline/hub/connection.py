"""One connection as the hub sees it, and the contract of the transport under it."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from trunkline.codes import CloseCode
from trunkline.hub.access import Handshake, Principal
from trunkline.hub.outbox import Outbox
from trunkline.positions import Position
from trunkline.protocol.codec import Frame
from trunkline.protocol.server_session import ServerSession
from trunkline.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SNAPSHOTS_AT_A_TIME = 8


class Transport(Protocol):
    """Writes one connection's outbox to a socket. Neither method blocks or raises for a peer that has gone."""

    def wake(self) -> None:
        """The outbox has frames: take them soon and write them in order."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Write what is queued if the peer still reads, then close with this code; report `disconnect` in the end."""
        ...


class DirectTransport(Transport, Protocol):
    """A transport that lets the fan-out write to its socket itself, by the connection's `write_now`."""

    def write_later(self, data: bytes) -> None:
        """Write bytes that `write_now` left, before all else, and report `wrote` when they have gone."""
        ...

    def give_up(self) -> None:
        """Drop the socket: its peer has gone."""
        ...

    def taken(self) -> int:
        """Bytes that the peer has taken in all, counted from anywhere."""
        ...


class Connection:
    """One WebSocket: its session, outbox, subscriptions and the tasks that work for it.

    Attributes:
        id: name for logs.
        channels: log channel by topic, for topics that are attached.
        behind: while lagging, by topic, the position after which nothing was queued; else None.
        progress_at: when the peer last took something, or nothing waited for it, as far as was looked.
        taken: what the transport said at the last look that the peer has taken, if something waited then.
        unread_answers: bytes of answers, less all that the peer has taken since.
        closed_with: the code the server closed with, if it did.
        tasks: by topic, the task that opens it; None if there are none.
        work: the other tasks, None if there are none.
        direct: the transport, if the fan-out may write to its socket.
        deflates: whether it takes frames in their compressed form.
        write_now: while nothing waits and the socket takes bytes, writes finished frames to it: returns how many bytes
            it took, raises OSError. None at all other times.
    """

    __slots__ = (
        "_transport", "_turns", "behind", "channels", "closed_with", "closing", "deflates", "direct", "handshake", "id",
        "lagging", "opened_at", "outbox", "principal", "progress_at", "session", "taken", "tasks",
        "unread_answers", "work", "write_now",
    )  # fmt: skip

    def __init__(
        self,
        connection_id: str,
        transport: Transport,
        session: ServerSession,
        handshake: Handshake,
        *,
        budget: int,
        now: float,
    ) -> None:
        self.id = connection_id
        self.session = session
        self.handshake = handshake
        self.principal: Principal | None = None
        self.outbox = Outbox(budget)
        self.channels: dict[Topic, str] = {}
        self.lagging = False
        self.behind: dict[Topic, Position] | None = None
        self.opened_at = now
        self.progress_at = now
        self.taken: int | None = None
        self.closing = False
        self.closed_with: CloseCode | None = None
        self.unread_answers = 0
        self.tasks: dict[Topic, asyncio.Task[None]] | None = None
        self.work: set[asyncio.Task[None]] | None = None
        self.deflates = False
        self.direct: DirectTransport | None = None
        self.write_now: Callable[[bytes], int] | None = None
        self._transport = transport
        self._turns: asyncio.Semaphore | None = None

    def send(self, frame: Frame, now: float, *, urgent: bool = False, asked: bool = False) -> None:
        """Queue an answer or a snapshot; a peer that asks for answers and reads none of them is closed."""
        if self.closing:
            return
        if asked:
            if self.unread_answers > self.outbox.budget:
                self.close(CloseCode.SLOW)
                return
            self.unread_answers += len(frame)
        self.outbox.put(frame, now, urgent=urgent)
        self._transport.wake()

    def replay(self, frames: "Sequence[Frame]", now: float) -> None:
        """Queue frames of the log behind the answer that has counted them."""
        if not self.closing:
            self.outbox.put_all(frames, now)
            self._transport.wake()

    def offer(self, frame: Frame, now: float) -> bool:
        """Queue an event if the budget allows; False means that nothing was queued: it lags, or is closing."""
        if self.closing:
            return False
        if self.lagging or not self.outbox.fits(frame):
            if not self.lagging:
                self.lagging = True
                self.progress_at = now
            return False
        self.outbox.put(frame, now)
        self._transport.wake()
        return True

    def skip(self, topic: Topic, position: Position) -> None:
        """Note that an event was not queued: the topic must be resumed before the first such event."""
        if self.session.was_sent(topic, position):
            return
        if self.behind is None:
            self.behind = {}
        known = self.behind.get(topic)
        if known is None or (known.epoch == position.epoch and position.seq <= known.seq):
            self.behind[topic] = Position(position.epoch, position.seq - 1)

    def write_stopped(self, rest: bytes) -> None:
        """The socket did not take these bytes: they come first, and count as unwritten until it does."""
        self.write_now = None
        self.outbox.size += len(rest)
        if self.direct is not None:
            self.direct.write_later(rest)

    def write_failed(self, error: OSError, data: bytes) -> None:
        """A `write_now` wrote nothing: the socket is full, or its peer has gone."""
        if isinstance(error, BlockingIOError):
            self.write_stopped(data)
        else:
            self.write_now = None
            if self.direct is not None:
                self.direct.give_up()

    def close(self, code: CloseCode, reason: str | None = None) -> None:
        """Close with a code and its sentence. The transport reports the end to the hub."""
        if not self.closing:
            self.closing = True
            self.closed_with = code
            self._transport.close(int(code), reason or code.sentence)

    def idle_for(self, now: float) -> float:
        """Look what waits for the peer; return for how many seconds it has taken nothing of it, or 0."""
        before, self.taken = self.taken, None
        if self.outbox.size == 0:
            self.progress_at = now
        elif self.direct is not None:
            self.taken = self.direct.taken()
            if before is not None and self.taken > before:
                self.progress_at = now
        return now - self.progress_at

    def own_opening(self, topic: Topic, task: asyncio.Task[None]) -> None:
        """Keep the task that opens a topic."""
        if self.tasks is None:
            self.tasks = {}
        self.tasks[topic] = task

    def disown_opening(self, topic: Topic) -> asyncio.Task[None] | None:
        """Give back the task that opens a topic, if there is one."""
        if self.tasks is None:
            return None
        task = self.tasks.pop(topic, None)
        if not self.tasks:
            self.tasks = self._turns = None
        return task

    def resuming(self, feed: Topic) -> list[asyncio.Task[None]]:
        """The tasks that resume topics of this feed which fell behind; none for a topic."""
        if not feed.is_feed or self.tasks is None:
            return []
        return [
            task
            for topic, task in self.tasks.items()
            if topic.namespace == feed.namespace and topic != feed and self.session.is_resuming(topic)
        ]

    def snapshot_turn(self) -> asyncio.Semaphore:
        """What a snapshot is to be made under: only so many of a connection are made, or wait for room, at a time."""
        if self._turns is None:
            self._turns = asyncio.Semaphore(_SNAPSHOTS_AT_A_TIME)
        return self._turns

    def own(self, task: asyncio.Task[None]) -> None:
        """Keep a task that works for this connection until it ends."""
        if self.work is None:
            self.work = set()
        self.work.add(task)
        task.add_done_callback(self._disown)

    def _disown(self, task: asyncio.Task[None]) -> None:
        if self.work is not None:
            self.work.discard(task)
            self.work = self.work or None

    def cancel_work(self) -> None:
        """Cancel every task that works for this connection."""
        for task in (*(self.tasks or {}).values(), *(self.work or ())):
            task.cancel()
        self.tasks = self.work = None

    def __repr__(self) -> str:
        return f"<Connection {self.id} {self.principal.id if self.principal else 'unauthenticated'}>"
