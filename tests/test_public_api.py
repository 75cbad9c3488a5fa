"""What `trunkline` and `trunkline.testing` offer, pinned: a name comes or goes by decision, told in the changelog."""

import inspect
import sys
from types import ModuleType

import pytest

import trunkline
import trunkline.testing

PUBLIC = [
    "Action", "AdmissionOptions", "Broker", "BrokerError", "BusSubscription", "CallContext", "CallCut",
    "CallQueueFull", "CallResult", "CallState", "CallStore", "KeepAliveOptions", "Learned", "MemoryCallStore",
    "PendingCall", "SqliteCallStore", "ClientLine", "ClientOptions", "ClientSession", "CloseCode", "Conflict",
    "ConnectFailed", "Delivery", "Dialect", "ENDPOINT", "Endpoint", "ErrorCode", "Event", "EventBus",
    "EventType", "FlushOptions", "Forbidden", "Frame", "HandlerReference", "Handshake", "Histogram", "HubOptions",
    "EventTooLarge", "HubStats", "WatchOptions",
    "InvalidTopic", "LineClosed", "LineOptions", "LineState", "LineStats", "LogLimits", "MemoryBroker",
    "NotFound", "Notice", "Noticed", "OutboxRelay", "OutboxStore", "Position", "Principal", "Published",
    "Receipt", "ReceivedEvent", "ReceivedReset", "ReceivedSnapshot", "RequestError", "SessionLimits", "Stamp",
    "StateChanged", "Subscription", "TokenBucket", "Topic", "TopicConnectionManager", "TopicFailed",
    "TopicManager", "TopicOpened", "TopicPattern", "Trunkline", "TrunklineError", "Unauthenticated",
    "UnitOfWork", "Update", "WsClient", "WsClientOptions", "__version__", "allow_all", "anonymous", "connect",
    "current_unit", "deny_all", "event_bus", "feed_channel", "make_stamp", "may_reconnect", "nobody",
    "origin_allowed", "parse_topic", "publish_event", "read_handshake", "recording", "render_metrics",
    "stamp_now", "typescript_interfaces",
]  # fmt: skip

FOR_TESTS = ["FaultProxy", "FaultTransport", "ManualClock", "MemoryTransport", "PairedLine", "pair", "until"]


EVERY_NAME = [(module, name) for module in (trunkline, trunkline.testing) for name in sorted(module.__all__)]


@pytest.mark.parametrize(("module", "names"), [(trunkline, PUBLIC), (trunkline.testing, FOR_TESTS)])
def test_the_public_names(module: ModuleType, names: list[str]) -> None:
    assert sorted(module.__all__) == sorted(names)
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize(("module", "name"), EVERY_NAME)
def test_every_public_name_exists_and_is_described(module: ModuleType, name: str) -> None:
    found = getattr(module, name)
    if not (inspect.isclass(found) or inspect.isfunction(found)):
        assert name in {"ENDPOINT", "Action", "Notice", "Update", "__version__", "event_bus"}, (
            f"{name} needs a docstring"
        )
        return
    assert found.__doc__
    assert not found.__doc__.startswith(f"{name}("), "a dataclass's made-up docstring says nothing"


@pytest.mark.parametrize(("module", "name"), EVERY_NAME)
def test_every_public_method_is_described(module: ModuleType, name: str) -> None:
    found = getattr(module, name)
    if not inspect.isclass(found):
        return
    bare = [
        method
        for method, what in vars(found).items()
        if not method.startswith("_")
        and (inspect.isfunction(what) or isinstance(what, property | classmethod | staticmethod))
        and not inspect.getdoc(what)
    ]
    assert not bare


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        trunkline.nonsense  # noqa: B018
    assert "trunkline.nonsense" not in sys.modules
