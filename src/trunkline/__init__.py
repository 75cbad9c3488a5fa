"""Trunkline: one WebSocket per user for everything, with nothing missed, doubled or out of order."""

import importlib
from typing import TYPE_CHECKING, Any

from trunkline.brokers.base import Broker, Delivery, LogLimits, Published
from trunkline.brokers.memory import MemoryBroker
from trunkline.bus import BusSubscription, EventBus, event_bus
from trunkline.codes import CloseCode, ErrorCode, may_reconnect
from trunkline.errors import (
    BrokerError,
    CallCut,
    CallQueueFull,
    Conflict,
    EventTooLarge,
    Forbidden,
    InvalidTopic,
    LineClosed,
    NotFound,
    RequestError,
    TrunklineError,
    Unauthenticated,
)
from trunkline.events import Event, EventType, Stamp, make_stamp, stamp_now
from trunkline.handler_watch import WatchOptions
from trunkline.hub.access import Action, Handshake, Principal, allow_all, anonymous, deny_all, nobody
from trunkline.hub.admission import AdmissionOptions
from trunkline.hub.calls import CallContext
from trunkline.hub.fanout import FlushOptions
from trunkline.hub.manager import HubOptions, TopicConnectionManager
from trunkline.hub.stats import Histogram, HubStats
from trunkline.line import ENDPOINT, LineOptions, Trunkline
from trunkline.positions import Position
from trunkline.protocol.call_queue import CallState
from trunkline.protocol.client_effects import (
    LineState,
    Notice,
    Noticed,
    ReceivedEvent,
    ReceivedReset,
    ReceivedSnapshot,
    StateChanged,
    TopicFailed,
    TopicOpened,
    Update,
)
from trunkline.protocol.client_session import ClientOptions, ClientSession
from trunkline.protocol.codec import Frame
from trunkline.protocol.keepalive import KeepAliveOptions, Learned
from trunkline.protocol.line_stats import LineStats
from trunkline.protocol.rate import TokenBucket
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
from trunkline.transports.asgi import Dialect, origin_allowed, read_handshake

if TYPE_CHECKING:
    from trunkline.client.call_store import CallStore, MemoryCallStore, SqliteCallStore
    from trunkline.client.line import ClientLine, Subscription, connect
    from trunkline.client.pending_call import CallResult, PendingCall
    from trunkline.client.socket import ConnectFailed, Endpoint
    from trunkline.client.topic_manager import HandlerReference, TopicManager
    from trunkline.client.ws_client import WsClient, WsClientOptions
    from trunkline.metrics import Measured
    from trunkline.protocol.typescript import typescript_interfaces

__version__ = "0.1.0"

# The client's shell needs `websockets`, which a server that only publishes need not load, nor what makes TypeScript.
_LAZY = {
    "CallStore": "trunkline.client.call_store",
    "MemoryCallStore": "trunkline.client.call_store",
    "PendingCall": "trunkline.client.pending_call",
    "SqliteCallStore": "trunkline.client.call_store",
    "CallResult": "trunkline.client.pending_call",
    "ClientLine": "trunkline.client.line",
    "ConnectFailed": "trunkline.client.socket",
    "Endpoint": "trunkline.client.socket",
    "HandlerReference": "trunkline.client.topic_manager",
    "Subscription": "trunkline.client.line",
    "TopicManager": "trunkline.client.topic_manager",
    "WsClient": "trunkline.client.ws_client",
    "WsClientOptions": "trunkline.client.ws_client",
    "connect": "trunkline.client.line",
    "typescript_interfaces": "trunkline.protocol.typescript",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'trunkline' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


def render_metrics(line: "Measured", *, legacy_connections: int | None = None) -> tuple[bytes, str]:
    """The body and the content type of an answer to a Prometheus scrape. Needs the extra `server`."""
    from trunkline import metrics  # noqa: PLC0415 - an extra, not needed to import this package

    return metrics.render_metrics(line, legacy_connections=legacy_connections)


__all__ = [
    "ENDPOINT",
    "Action",
    "AdmissionOptions",
    "Broker",
    "BrokerError",
    "BusSubscription",
    "CallContext",
    "CallCut",
    "CallQueueFull",
    "CallResult",
    "CallState",
    "CallStore",
    "ClientLine",
    "ClientOptions",
    "ClientSession",
    "CloseCode",
    "Conflict",
    "ConnectFailed",
    "Delivery",
    "Dialect",
    "Endpoint",
    "ErrorCode",
    "Event",
    "EventBus",
    "EventTooLarge",
    "EventType",
    "FlushOptions",
    "Forbidden",
    "Frame",
    "HandlerReference",
    "Handshake",
    "Histogram",
    "HubOptions",
    "HubStats",
    "InvalidTopic",
    "KeepAliveOptions",
    "Learned",
    "LineClosed",
    "LineOptions",
    "LineState",
    "LineStats",
    "LogLimits",
    "MemoryBroker",
    "MemoryCallStore",
    "NotFound",
    "Notice",
    "Noticed",
    "OutboxRelay",
    "OutboxStore",
    "PendingCall",
    "Position",
    "Principal",
    "Published",
    "Receipt",
    "ReceivedEvent",
    "ReceivedReset",
    "ReceivedSnapshot",
    "RequestError",
    "SessionLimits",
    "SqliteCallStore",
    "Stamp",
    "StateChanged",
    "Subscription",
    "TokenBucket",
    "Topic",
    "TopicConnectionManager",
    "TopicFailed",
    "TopicManager",
    "TopicOpened",
    "TopicPattern",
    "Trunkline",
    "TrunklineError",
    "Unauthenticated",
    "UnitOfWork",
    "Update",
    "WatchOptions",
    "WsClient",
    "WsClientOptions",
    "__version__",
    "allow_all",
    "anonymous",
    "connect",
    "current_unit",
    "deny_all",
    "event_bus",
    "feed_channel",
    "make_stamp",
    "may_reconnect",
    "nobody",
    "origin_allowed",
    "parse_topic",
    "publish_event",
    "read_handshake",
    "recording",
    "render_metrics",
    "stamp_now",
    "typescript_interfaces",
]
