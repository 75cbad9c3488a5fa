"""Who is subscribed to what: channels to connections and back, each change in time proportional to itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trunkline.hub.connection import Connection
from trunkline.positions import Position
from trunkline.protocol.server_session import Attempt
from trunkline.topics import FEED_KEY, Topic

if TYPE_CHECKING:
    from trunkline.protocol.codec import Frame


class Cohort:
    """Subscribers of a channel that have been given the same of its pending events.

    Attributes:
        given: how many of the pending events, from the oldest, they have been given.
        members: connections, each with the topic under which it is subscribed.
    """

    __slots__ = ("given", "members")

    def __init__(self, given: int) -> None:
        self.given = given
        self.members: dict[Connection, Topic] = {}


class Subscribers:
    """The subscribers of one channel, and the events that wait to be written to them.

    Attributes:
        channel: its name, one string for all of them.
        cohorts: those that get what is pending in one write, those who have been given least first. One while nothing
            is pending.
        queued: those whose events are queued one by one: because their transport cannot be written to directly, or
            because they are subscribed to a topic and to its feed, and the order must be kept in both.
        holding: those whose live events are held back.
        pending: positions and frames of the events that not every cohort was given, in order.
        newest: of a feed, the position of the event that came last, if one did.
        since: when the oldest of `pending` came, in seconds.
        deflating: whether one of them took frames in their compressed form, ever.
    """

    __slots__ = ("channel", "cohorts", "deflating", "holding", "newest", "pending", "queued", "since")

    def __init__(self, channel: str = "") -> None:
        self.channel = channel
        self.cohorts: list[Cohort] = []
        self.queued: dict[Connection, Topic] = {}
        self.holding: dict[Connection, Attempt] = {}
        self.pending: list[tuple[Position, Frame]] = []
        self.newest: Position | None = None
        self.since = 0.0
        self.deflating = False

    @property
    def is_empty(self) -> bool:
        """Whether nobody is left."""
        return not (self.queued or self.holding or any(cohort.members for cohort in self.cohorts))

    def live_topic(self, connection: Connection) -> Topic | None:
        """The topic under which a connection is live here, or None."""
        for cohort in self.cohorts:
            if (topic := cohort.members.get(connection)) is not None:
                return topic
        return self.queued.get(connection)

    def join(self, connection: Connection, topic: Topic) -> None:
        """Give a connection what comes from now on, together with the others."""
        self.deflating = self.deflating or connection.deflates
        self._newest().members[connection] = topic

    def leave(self, connection: Connection) -> None:
        """Give a connection nothing any more."""
        for cohort in self.cohorts:
            cohort.members.pop(connection, None)
        self.queued.pop(connection, None)
        self.holding.pop(connection, None)

    def missing(self, connection: Connection) -> list[tuple[Position, "Frame"]]:
        """What is pending for a connection; from then on it counts as given."""
        for cohort in self.cohorts:
            if connection in cohort.members:
                entries = self.pending[cohort.given :]
                if entries:
                    self.advance(cohort, [connection])
                return entries
        return []

    def advance(self, cohort: Cohort, members: list[Connection]) -> None:
        """Count all that is pending as given to some of a cohort."""
        newest = self._newest().members
        for connection in members:
            if (topic := cohort.members.pop(connection, None)) is not None:
                newest[connection] = topic

    def advance_all(self, cohort: Cohort) -> None:
        """Count all that is pending as given to a whole cohort."""
        self.cohorts.remove(cohort)
        if self.cohorts and self.cohorts[-1].given == len(self.pending):
            self.cohorts[-1].members.update(cohort.members)
        else:
            cohort.given = len(self.pending)
            self.cohorts.append(cohort)

    def forget_given(self) -> None:
        """Keep of the pending events those that somebody was not given yet."""
        least = self.cohorts[0].given if self.cohorts else len(self.pending)
        del self.pending[:least]
        for cohort in self.cohorts:
            cohort.given -= least

    def _newest(self) -> Cohort:
        """The cohort that was given everything."""
        if not self.cohorts or self.cohorts[-1].given < len(self.pending):
            self.cohorts.append(Cohort(len(self.pending)))
        return self.cohorts[-1]


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

    def sent(self, connection: Connection, feed: Topic) -> Position | None:
        """Up to which event a feed was queued for a connection; None if it is not live there."""
        channel = connection.channels.get(feed)
        began = None if channel is None else connection.session.live_since(feed)
        if channel is None or began is None:
            return None
        newest = self._channels[channel].newest
        return began if newest is None else max(began, newest) if began.epoch == newest.epoch else newest

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
