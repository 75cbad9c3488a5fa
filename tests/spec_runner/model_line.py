"""A server and a client of one line in a single thread, whose every next step is chosen by the test.

The server is the real `ServerSession` over logs of its own; what a hub does between two awaits is one step here. The
client is the real `ClientSession`, and a `Reader` for each subscription checks all that the application receives
against what was published.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import msgspec

from tests.spec_runner.reader import Reader
from trunkline.codes import ErrorCode
from trunkline.errors import RequestError
from trunkline.positions import Position
from trunkline.protocol import client_effects as e
from trunkline.protocol import client_session as c
from trunkline.protocol import server_session as s
from trunkline.protocol.codec import Frame
from trunkline.protocol.recovery import Logged, LogView
from trunkline.topics import feed_topic, parse_topic

LIMITS = s.SessionLimits(messages_per_second=1e9, message_burst=1_000_000_000, held_events=4)


class Told(NamedTuple):
    """An event as it was published: where it stands in each of its logs, and its frame."""

    positions: dict[str, Position]
    frame: Frame


@dataclass
class Log:
    """One life of a channel."""

    epoch: str
    seq: int = 0
    entries: list[Logged[Frame]] = field(default_factory=list)

    def append(self, frame: Frame) -> None:
        self.entries.append(Logged(self.seq, frame))

    def view(self, since: Position | None) -> LogView[Frame]:
        first = self.entries[0].seq if self.entries else self.seq + 1
        after = self.seq if since is None or since.epoch != self.epoch else since.seq
        return LogView(self.epoch, self.seq, first, [entry for entry in self.entries if entry.seq > after])


class ReadAt(NamedTuple):
    """A log is to be read for an attempt."""

    attempt: s.Attempt


class Viewed(NamedTuple):
    """A log was read, and the attempt is to hear of it."""

    attempt: s.Attempt
    view: LogView[Frame]


class Taken(NamedTuple):
    """A snapshot was made, and the attempt is to hear of it."""

    attempt: s.Attempt
    state: int


Work = s.OpenTopic | s.TakeSnapshot | ReadAt | Viewed | Taken


class ModelServer:
    """Logs, one connection, and work that waits to be done in an order of the test's choosing."""

    def __init__(self, topics: tuple[str, ...], snapshots: frozenset[str]) -> None:
        self.snapshots = snapshots
        self.channels = (*topics, *sorted({feed_topic(topic) for topic in topics}))
        self.published: dict[str, Told] = {}
        self.to_client: deque[str] = deque()
        self.late: list[Told] = []
        self.work: list[Work] = []
        self._epochs = count(1)
        self.logs = {channel: self._new_log() for channel in self.channels}
        self.session: s.ServerSession | None = None
        self._live: set[str] = set()
        self._holding: dict[str, s.Attempt] = {}
        self._behind: dict[str, Position] = {}
        self.lagging = False

    def _new_log(self) -> Log:
        return Log(f"e{next(self._epochs)}")

    # Logs

    def publish(self, topic: str) -> Told:
        """Append an event to its logs; delivering it is another step."""
        numbers, positions = [], {}
        for channel in (topic, feed_topic(topic)):
            log = self.logs[channel]
            log.seq += 1
            numbers.append(log.seq)
            positions[channel] = Position(log.epoch, log.seq)
        id_ = f"event {len(self.published)}"
        message = {"type": "changed", "topic": topic, "seq": numbers[0], "feed_seq": numbers[1], "id": id_}
        told = Told(positions, Frame(msgspec.json.encode({**message, "time": "now", "data": None})))
        for channel in positions:
            self.logs[channel].append(told.frame)
        self.published[id_] = told
        return told

    def deliver(self, told: Told) -> None:
        """Hand an event to the connection's subscriptions, as the hub does."""
        channels = [channel for channel in told.positions if channel in self._live]
        if channels and self.lagging:
            for channel in channels:
                epoch, seq = told.positions[channel]
                self._behind.setdefault(channel, Position(epoch, seq - 1))
        elif channels:
            self.to_client.append(told.frame.text)
        for channel, position in told.positions.items():
            if self.session is not None and (attempt := self._holding.get(channel)) is not None:
                self.session.hold(attempt, Logged(position.seq, told.frame))

    def trim(self, channel: str, keep: int) -> None:
        """Forget all but the newest entries of a log."""
        entries = self.logs[channel].entries
        del entries[: max(0, len(entries) - keep)]

    def forget(self, channel: str) -> bool:
        """Forget a log nobody is subscribed to, and its epoch; False if somebody is.

        A channel is idle for minutes before it is forgotten, so no event of it is late then.
        """
        if channel in self._live or channel in self._holding:
            return False
        self.late.clear()
        self.logs[channel] = self._new_log()
        return True

    # The connection

    def connect(self) -> None:
        """A client has connected."""
        self.cut()
        self.session = s.ServerSession(LIMITS, now=0.0, authenticated=True)

    def cut(self) -> None:
        """The connection is gone, and all that was on its way."""
        self.session = None
        self.lagging = False
        for part in (self.to_client, self.work, self._live, self._holding, self._behind):
            part.clear()

    def restart(self) -> None:
        """Lose everything."""
        self.cut()
        self.late.clear()
        self.logs = {channel: self._new_log() for channel in self.channels}

    def receive(self, text: str) -> None:
        """A frame came from the client."""
        if self.session is not None:
            self._perform(self.session.receive(text, 0.0))

    def catch_up(self) -> None:
        """The client reads again: resume what it missed."""
        self.lagging = False
        behind, self._behind = self._behind, {}
        for topic, position in behind.items():
            if self.session is not None:
                self._perform(self.session.fell_behind(parse_topic(topic), position))

    def do(self, index: int) -> None:
        """Do a piece of the waiting work."""
        work = self.work.pop(index % len(self.work))
        attempt, session = work.attempt, self.session
        if session is None or not session.is_current(attempt):
            return
        log = self.logs[str(attempt.topic)]
        match work:
            case s.OpenTopic():
                self._live.discard(str(attempt.topic))
                self._holding[str(attempt.topic)] = attempt
                self.work.append(ReadAt(attempt))
            case ReadAt():
                self.work.append(Viewed(attempt, log.view(attempt.position or attempt.since)))
            case Viewed(view=view):
                self._perform(session.attached(attempt, view))
            case s.TakeSnapshot():
                self.work.append(Taken(attempt, log.seq))
            case Taken(state=state):
                kind = "state" if str(attempt.topic) in self.snapshots else None
                self._perform(session.provide(attempt, kind, state))

    def fail(self, index: int) -> None:
        """Let the topic of a piece of waiting work fail for an error on the server."""
        attempt = self.work.pop(index % len(self.work)).attempt
        if self.session is not None:
            self._perform(self.session.refuse(attempt, RequestError("It broke", code=ErrorCode.INTERNAL)))

    def _perform(self, effects: list[s.Effect]) -> None:
        for effect in effects:
            match effect:
                case s.Send(frame=frame):
                    self.to_client.append(frame.text)
                case s.Replay(frames=frames):
                    self.to_client += [frame.text for frame in frames]
                case s.OpenTopic() | s.TakeSnapshot():
                    self.work.append(effect)
                case s.ReadLog(attempt=attempt):
                    self.work.append(ReadAt(attempt))
                case s.GoLive(attempt=attempt):
                    del self._holding[str(attempt.topic)]
                    self._live.add(str(attempt.topic))
                case s.DropTopic(topic=topic):
                    self._live.discard(str(topic))
                    self._holding.pop(str(topic), None)
                    self._behind.pop(str(topic), None)
                case s.Count():
                    pass
                case _:
                    raise AssertionError(f"The server should not do this: {effect}")


class ModelClient:
    """The real client session with a reader for each subscription."""

    def __init__(self, server: ModelServer) -> None:
        self.session = c.ClientSession()
        self.readers: dict[str, Reader] = {}
        self.to_server: deque[str] = deque()
        self.now = 0.0
        self._server = server

    @property
    def is_connected(self) -> bool:
        return self.session.state is e.LineState.CONNECTED

    @property
    def wants_to_retry(self) -> bool:
        """Whether a subscription failed for a passing reason and waits for its next try."""
        deadline = self.session.next_deadline()
        return self.is_connected and deadline is not None and deadline <= self.now + 1.0

    def connect(self) -> None:
        """Wait as long as the client wants to, then connect."""
        if self.session.state is e.LineState.IDLE:
            self.take(self.session.start())
        if self.session.state is e.LineState.WAITING:
            self.advance(30.0)
        if self.session.state is e.LineState.CONNECTING:
            self._server.connect()
            self.take(self.session.opened(self.now))

    def cut(self) -> None:
        """The connection is lost."""
        self.to_server.clear()
        self._server.cut()
        self.take(self.session.closed(1006, "", self.now, 0.5))

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.take(self.session.tick(self.now, 0.5))

    def subscribe(self, name: str, since: Position | None = None) -> None:
        """Want a topic, from nowhere or from a position."""
        if name not in self.readers:
            self.readers[name] = Reader(name in self._server.snapshots, since)
            self.take(self.session.subscribe(name, since))

    def unsubscribe(self, name: str) -> None:
        """Want a topic no more."""
        if self.readers.pop(name, None) is not None:
            self.take(self.session.unsubscribe(name))

    def receive(self, text: str) -> None:
        """A frame came from the server."""
        self.take(self.session.receive(text, self.now))

    def take(self, effects: list[e.Effect]) -> None:
        """Carry effects out, and check what the application gets."""
        for effect in effects:
            match effect:
                case e.SendText(text=text):
                    self.to_server.append(text)
                case e.CloseSocket():
                    self.to_server.clear()
                    self._server.cut()
                case e.TopicOpened(topic=topic):
                    self.readers[topic].opened(effect)
                case e.ReceivedSnapshot(topic=topic):
                    self.readers[topic].snapshot(effect)
                case e.ReceivedReset(topic=topic):
                    self.readers[topic].reset()
                case e.ReceivedEvent(id=id_, subscriptions=names):
                    for name in names:
                        self.readers[name].event(self._server.published[id_].positions[name])
                case e.TopicFailed() | e.CallEnded():
                    raise AssertionError(f"This should not happen: {effect}")
                case _:
                    pass
