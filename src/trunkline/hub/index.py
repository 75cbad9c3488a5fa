"""Who is subscribed to what: channels to connections and back, each change in time proportional to itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trunkline.hub.connection import Connection
from trunkline.protocol.server_session import Attempt
from trunkline.topics import FEED_KEY, Topic

if TYPE_CHECKING:
    from trunkline.protocol.codec import Frame


class Subscribers:
    """The subscribers of one channel, and the events that wait to be written to them.

    Attributes:
        channel: its name, one string for all of them.
        joined: those that get what is pending in one write, all the same bytes.
        late: those that joined while events were pending, and how many of these they have already.
        queued: those whose events are queued one by one: because their transport cannot be written to directly, or
            because they are subscribed to a topic and to its feed, and the order must be kept in both.
        holding: those whose live events are held back.
        pending: numbers and frames of the events that no flush has taken yet, in order.
        epoch: the life of the log that `pending` belongs to.
        since: when the oldest of `pending` came, in seconds.
        writing: those whom the flush that runs has not written to yet.
        batch: numbers and frames of the events that it writes.
        deflating: whether one of them took frames in their compressed form, ever.
    """

    __slots__ = (
        "batch",
        "channel",
        "deflating",
        "epoch",
        "holding",
        "joined",
        "late",
        "pending",
        "queued",
        "since",
        "writing",
    )

    def __init__(self, channel: str = "") -> None:
        self.channel = channel
        self.joined: dict[Connection, Topic] = {}
        self.late: dict[Connection, tuple[Topic, int]] = {}
        self.queued: dict[Connection, Topic] = {}
        self.holding: dict[Connection, Attempt] = {}
        self.pending: list[tuple[int, Frame]] = []
        self.epoch = ""
        self.since = 0.0
        self.writing: dict[Connection, Topic] = {}
        self.batch: list[tuple[int, Frame]] = []
        self.deflating = False

    @property
    def is_empty(self) -> bool:
        """Whether nobody is left."""
        return not (self.joined or self.late or self.queued or self.holding)

    def live_topic(self, connection: Connection) -> Topic | None:
        """The topic under which a connection is live here, or None."""
        if (topic := self.joined.get(connection) or self.queued.get(connection)) is not None:
            return topic
        late = self.late.get(connection)
        return None if late is None else late[0]

    def join(self, connection: Connection, topic: Topic) -> None:
        """Give a connection what comes from now on, together with the others."""
        self.deflating = self.deflating or connection.deflates
        if self.pending:
            self.late[connection] = (topic, len(self.pending))
        else:
            self.joined[connection] = topic

    def leave(self, connection: Connection) -> None:
        """Give a connection nothing any more."""
        for place in (self.joined, self.late, self.queued, self.holding, self.writing):
            place.pop(connection, None)

    def missing(self, connection: Connection) -> list[tuple[int, "Frame"]]:
        """What is on its way to a connection and not written to it; from then on it counts as given."""
        being_written = self.batch if self.writing.pop(connection, None) is not None else []
        if not self.pending:
            return being_written
        if (topic := self.joined.pop(connection, None)) is not None:
            self.late[connection] = (topic, len(self.pending))
            return being_written + self.pending
        if (late := self.late.get(connection)) is not None:
            self.late[connection] = (late[0], len(self.pending))
            return being_written + self.pending[late[1] :]
        return being_written


class SubscriberIndex:
    """Both directions of the index.

    Args:
        attach: called with a channel when its first subscriber comes.
        detach: called with a channel when its last subscriber has gone.
    """

    def __init__(self, attach: Callable[[str], None], detach: Callable[[str], None]) -> None:
        self._attach = attach
        self._detach = detach
        self._channels: dict[str, Subscribers] = {}

    def get(self, channel: str | None) -> Subscribers | None:
        """The subscribers of a channel, or None if it has none."""
        return self._channels.get(channel) if channel is not None else None

    def hold(self, connection: Connection, attempt: Attempt, channel: str) -> None:
        """Attach a connection to a channel with its live events held back."""
        subscribers = self._channels.get(channel)
        if subscribers is None:
            subscribers = self._channels[channel] = Subscribers(channel)
            self._attach(channel)
        subscribers.leave(connection)
        subscribers.holding[connection] = attempt
        connection.channels[attempt.topic] = subscribers.channel

    def go_live(self, connection: Connection, topic: Topic) -> None:
        """Write live events of an attached topic from now on. Nothing may be pending for the connection."""
        subscribers = self._channels[connection.channels[topic]]
        subscribers.leave(connection)
        overlapping = self._overlapping(connection, topic)
        if not overlapping and connection.direct is not None:
            subscribers.join(connection, topic)
            return
        subscribers.queued[connection] = topic
        for other in overlapping:
            place = self._channels[connection.channels[other]]
            if place.live_topic(connection) is not None:
                place.leave(connection)
                place.queued[connection] = other

    @staticmethod
    def _overlapping(connection: Connection, topic: Topic) -> list[Topic]:
        """The topics of the connection whose events may be this one's too: its feed's topics, or its topic's feed."""
        if topic.is_feed:
            return [other for other in connection.channels if other.namespace == topic.namespace and other != topic]
        feed = Topic(topic.namespace, FEED_KEY)
        return [feed] if feed in connection.channels else []

    def drop(self, connection: Connection, topic: Topic) -> None:
        """Detach a topic from a connection; nothing happens if it is not attached."""
        channel = connection.channels.pop(topic, None)
        if channel is None:
            return
        subscribers = self._channels[channel]
        subscribers.leave(connection)
        if subscribers.is_empty:
            del self._channels[channel]
            self._detach(channel)

    def drop_all(self, connection: Connection) -> None:
        """Detach everything of a connection."""
        for topic in list(connection.channels):
            self.drop(connection, topic)

    def __len__(self) -> int:
        """How many channels have subscribers."""
        return len(self._channels)
