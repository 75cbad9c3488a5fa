"""The contract of every broker. Each sentence is a test in `trunkline.testing.broker_suite`.

1.  `publish` gives the event the next `seq` of its topic's log and, if it is in a feed, the next `feed_seq` of the
    feed's log; numbers start at 1 and have no holes within an epoch.
2.  `publish` returns after the event is in its logs.
3.  Publishing an id again returns the positions it was given first, appends nothing and delivers nothing.
4.  An attachment is effective, at the latest, when a `read` that was begun after it returns. A node whose attachment
    of a channel is effective when an event is published to it gets the event in a `Delivery`; one that
    attached both its topic and its feed gets one `Delivery`.
5.  Deliveries of one channel arrive in the order of its numbers. Delivery between nodes is at least once.
6.  A node that has not attached a channel, or detached it, gets no delivery for it.
7.  `read` returns the epoch, the last number, the oldest retained number, and every retained entry after the
    position it was asked for, in order; a view is one moment, and joins the deliveries without a hole.
8.  A log keeps its newest events within its limits of count, bytes and age; trimming never changes epoch or numbers.
9.  A channel that nobody attached and nobody published to within the idle time is forgotten with its epoch; the next
    use starts a new epoch, which was never used before.
10. All logs together stay within the total limit; the logs that were longest without an event give way first.
11. A read of a channel that was never used creates its epoch, so that a subscriber at 0 misses nothing after it.
12. What the broker cannot do raises `BrokerError`, and then nothing was published.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from trunkline.events import Event
from trunkline.positions import Position
from trunkline.protocol.codec import Frame
from trunkline.protocol.recovery import LogView


class Published(NamedTuple):
    """Where an event stands: in its topic's log, and in its feed's if it is in one."""

    topic: str
    position: Position
    feed: str | None
    feed_position: Position | None


class Delivery(NamedTuple):
    """An event on its way to the subscribers of one node."""

    published: Published
    frame: Frame


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How much a topic's log keeps: events, bytes of frames, and seconds since they were published."""

    events: int = 1_000
    size: int = 1024 * 1024
    age: float = 300.0


class Broker(Protocol):
    """Logs and delivery between nodes. See the module's docstring for the contract."""

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Begin; `deliver` is called on the event loop for each event of an attached channel and must not block."""
        ...

    async def stop(self) -> None:
        """End: no delivery follows."""
        ...

    async def publish(self, event: Event[Any]) -> Published:
        """Append an event to its logs and deliver it."""
        ...

    def attach(self, channel: str) -> None:
        """This node has a subscriber of the channel from now on. Attaching twice is attaching once."""
        ...

    def detach(self, channel: str) -> None:
        """This node's last subscriber of the channel has gone."""
        ...

    async def read(self, channel: str, since: Position | None = None) -> LogView[Frame]:
        """View a log; with `since`, its entries after that position if the position is of the log's epoch."""
        ...

    def sweep(self) -> None:
        """Forget what is too old. Called about once a second; does a bounded amount of work."""
        ...
