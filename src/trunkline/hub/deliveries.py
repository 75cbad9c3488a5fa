"""The way of an event to its subscribers: together with others, one by one, or held back until an answer."""

from collections.abc import Callable

from trunkline.brokers.base import Delivery
from trunkline.hub.connection import Connection
from trunkline.hub.fanout import Fanouts
from trunkline.hub.index import SubscriberIndex, Subscribers
from trunkline.hub.stats import HubStats
from trunkline.positions import Position
from trunkline.protocol.codec import Frame, without_feed
from trunkline.protocol.recovery import Logged
from trunkline.topics import FEED_KEY, Topic


class Deliveries:
    """Gives each event to those who are subscribed to its topic or feed, once for each connection.

    Args:
        index: who is subscribed.
        fanouts: write to many connections together.
        stats: deliveries and lags are counted here.
        clock: the hub's, in seconds.
    """

    def __init__(self, index: SubscriberIndex, fanouts: Fanouts, stats: HubStats, clock: Callable[[], float]) -> None:
        self._index = index
        self._fanouts = fanouts
        self._stats = stats
        self._clock = clock

    def deliver(self, delivery: Delivery) -> None:
        """Let an event go to its subscribers."""
        published, frame = delivery
        of_topic = self._index.get(published.topic)
        of_feed = self._index.get(published.feed)
        if of_topic is not None:
            self._spread(published.topic, of_topic, published.position, frame)
            apart = None
            for connection in of_topic.queued:
                if published.feed is None or not _misreads_feed(connection, published.feed, of_feed):
                    self._queue(connection, delivery)
                    continue
                apart = apart or Delivery(published, without_feed(frame))
                self._queue(connection, apart)
        if of_feed is not None and published.feed_position is not None:
            of_feed.newest = published.feed_position
            self._spread(published.topic, of_feed, published.feed_position, frame)
            for connection in of_feed.queued:
                if of_topic is None or connection not in of_topic.queued:
                    self._queue(connection, delivery)

    def _spread(self, channel: str, subscribers: Subscribers, position: Position, frame: Frame) -> None:
        """Let an event go to those who are written to together, and to those who wait for an answer first."""
        if subscribers.cohorts:
            self._fanouts.of(channel).add(subscribers, position, frame)
        for connection, attempt in subscribers.holding.items():
            connection.session.hold(attempt, Logged(position.seq, frame))

    def _queue(self, connection: Connection, delivery: Delivery) -> None:
        """Queue an event for one connection; where it lags, note where each subscription must be resumed."""
        published, frame = delivery
        if connection.offer(frame, self._clock()):
            self._stats.events_delivered += 1
            return
        if connection.closing:
            return
        if not connection.behind:
            self._stats.lag_started += 1
        for channel, position in (
            (published.topic, published.position),
            (published.feed, published.feed_position),
        ):
            subscribers = self._index.get(channel)
            topic = subscribers.live_topic(connection) if subscribers else None
            if topic is not None and position is not None:
                connection.skip(topic, position)

    def give_pending(self, connection: Connection) -> None:
        """Queue what is on its way to a connection, so that what is sent now comes after it."""
        if not self._fanouts.is_idle:
            for topic, channel in connection.channels.items():
                subscribers = self._index.get(channel)
                if subscribers is not None and (entries := subscribers.missing(connection)):
                    self._fanouts.of(channel).offer(connection, topic, entries)


def _misreads_feed(connection: Connection, feed: str, subscribers: Subscribers | None) -> bool:
    """Whether a subscriber of a topic would take an event's number in its feed for what it is not.

    Its own feed may be another one, of its own scope; or it is resumed, and the event comes once more with it.
    """
    if len(connection.channels) == 1:
        return False
    own = connection.channels.get(Topic(feed.partition(":")[0], FEED_KEY))
    return own is not None and (own != feed or (subscribers is not None and connection in subscribers.holding))
