"""Who is subscribed to what: channels to connections and back, each change in time proportional to itself."""

from collections.abc import Callable

from trunkline.hub.connection import Connection
from trunkline.protocol.server_session import Attempt
from trunkline.topics import Topic


class Subscribers:
    """The subscribers of one channel: those that are written to, and those whose live events are held back."""

    __slots__ = ("holding", "live")

    def __init__(self) -> None:
        self.live: dict[Connection, Topic] = {}
        self.holding: dict[Connection, Attempt] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nobody is left."""
        return not self.live and not self.holding


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
            subscribers = self._channels[channel] = Subscribers()
            self._attach(channel)
        subscribers.live.pop(connection, None)
        subscribers.holding[connection] = attempt
        connection.channels[attempt.topic] = channel

    def go_live(self, connection: Connection, topic: Topic) -> None:
        """Write live events of an attached topic from now on."""
        subscribers = self._channels[connection.channels[topic]]
        subscribers.holding.pop(connection, None)
        subscribers.live[connection] = topic

    def drop(self, connection: Connection, topic: Topic) -> None:
        """Detach a topic from a connection; nothing happens if it is not attached."""
        channel = connection.channels.pop(topic, None)
        if channel is None:
            return
        subscribers = self._channels[channel]
        subscribers.live.pop(connection, None)
        subscribers.holding.pop(connection, None)
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
