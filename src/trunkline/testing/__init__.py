"""What tests of applications, brokers and transports need: a pair in memory, time set by hand, faults, and suites.

`trunkline.testing.fixtures` is a pytest plugin. `trunkline.testing.broker_suite` and
`trunkline.testing.transport_suite` hold the behaviour suites; they need pytest with pytest-asyncio in auto mode. All
three are imported by their own names.
"""

from trunkline.testing.clock import ManualClock, until
from trunkline.testing.fault_proxy import FaultProxy
from trunkline.testing.fault_transport import FaultTransport
from trunkline.testing.memory import MemoryTransport
from trunkline.testing.pair import PairedLine, pair

__all__ = ["FaultProxy", "FaultTransport", "ManualClock", "MemoryTransport", "PairedLine", "pair", "until"]
