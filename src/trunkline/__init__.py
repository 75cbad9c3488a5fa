"""Trunkline: one WebSocket per user for everything, with nothing missed, doubled or out of order."""

from trunkline.brokers.base import Broker, Delivery, LogLimits, Published
from trunkline.brokers.memory import MemoryBroker
from trunkline.bus import BusSubscription, EventBus, event_bus
from trunkline.codes import CloseCode, ErrorCode, may_reconnect
from trunkline.errors import (
    BrokerError,
    Conflict,
    Forbidden,
    InvalidTopic,
    LineClosed,
    NotFound,
    RequestError,
    ServerBusy,
    TrunklineError,
    Unauthenticated,
)
from trunkline.events import Event, EventType, Stamp, make_stamp, stamp_now
from trunkline.hub.access import Action, Handshake, Principal, allow_all, anonymous, deny_all, nobody
from trunkline.hub.calls import CallContext
from trunkline.hub.manager import HubOptions, TopicConnectionManager
from trunkline.hub.stats import Histogram, HubStats
from trunkline.line import ENDPOINT, LineOptions, Trunkline
from trunkline.positions import Position
from trunkline.protocol.codec import Frame
from trunkline.protocol.server_session import SessionLimits
from trunkline.publishing import (
    OutboxRelay,
    OutboxStore,
    Receipt,
    UnitOfWork,
    current_unit,
    publish_event,
    recording,
)
from trunkline.topics import Topic, TopicPattern, feed_channel, parse_topic
from trunkline.transports.asgi import Dialect

__version__ = "0.1.0"
