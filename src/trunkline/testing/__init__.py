"""What tests of applications, brokers and transports need: time they set by hand, a hub without sockets, and suites.

`trunkline.testing.broker_suite` and `trunkline.testing.transport_suite` hold the behaviour suites; they need pytest
with pytest-asyncio in auto mode, and are imported by their own names.
"""

from trunkline.testing.clock import ManualClock, until
from trunkline.testing.fault_proxy import FaultProxy
from trunkline.testing.memory import MemoryTransport

__all__ = ["FaultProxy", "ManualClock", "MemoryTransport", "until"]
