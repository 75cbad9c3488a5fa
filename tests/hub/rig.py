"""A hub on a memory broker, with clocks the test sets, and what the hub's tests publish."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from trunkline.brokers.base import LogLimits, Published
from trunkline.brokers.memory import MemoryBroker
from trunkline.events import EventType
from trunkline.hub.access import Action, Principal, allow_all
from trunkline.hub.admission import AdmissionOptions
from trunkline.hub.fanout import FlushOptions
from trunkline.hub.manager import HubOptions, TopicConnectionManager
from trunkline.protocol.server_session import SessionLimits
from trunkline.testing.clock import ManualClock
from trunkline.testing.memory import MemoryTransport

ANN = Principal("ann")
BOB = Principal("bob", scope="t2")


class Note(msgspec.Struct, frozen=True):
    key: str
    text: str = ""


NOTED = EventType("hub_noted", Note, topic="agent:{key}")
PRICED = EventType("hub_priced", Note, topic="price:{key}")
WHISPERED = EventType("hub_whispered", Note, topic="agent:{key}", feed=False)

Authorize = Callable[[Principal, Action, str], Awaitable[bool] | bool]


class Rig:
    """A hub that allows everyone everything, unless told otherwise."""

    def __init__(
        self,
        *,
        authorize: Authorize = allow_all,
        session: SessionLimits | None = None,
        log: LogLimits | None = None,
        budget: int = 4_000,
        flush: FlushOptions | None = None,
        namespace_flush: dict[str, FlushOptions] | None = None,
        most: int = 3,
        **access: Any,
    ) -> None:
        self.clock = ManualClock()
        self.broker = MemoryBroker(clock=self.clock, limits=log)
        options = HubOptions(
            session=session or SessionLimits(),
            budget=budget,
            flush=flush or FlushOptions(),
            namespace_flush=namespace_flush or {},
            max_connections=max(10, most),
            max_connections_per_principal=most,
            admission=AdmissionOptions(rate=1, burst=5),
            clock=self.clock,
            wall_clock=self.clock,
        )
        self.hub = TopicConnectionManager(self.broker, authorize=authorize, options=options, **access)

    async def start(self) -> None:
        await self.broker.start(self.hub.deliver)

    def connect(self, principal: Principal | None = ANN, **how: Any) -> MemoryTransport:
        return MemoryTransport.connect(self.hub, principal, **how)

    async def note(self, key: str, text: str = "", scope: str = "") -> Published:
        return await self.broker.publish(NOTED.event(Note(key, text), scope=scope))

    async def price(self, key: str, text: str = "", scope: str = "") -> Published:
        return await self.broker.publish(PRICED.event(Note(key, text), scope=scope))

    async def whisper(self, key: str, text: str = "") -> Published:
        return await self.broker.publish(WHISPERED.event(Note(key, text)))

    async def fill(self, key: str, count: int, size: int = 200) -> None:
        """Publish events of about that many bytes, each in a turn of the loop, so that whoever reads keeps up."""
        for n in range(count):
            await self.whisper(key, f"{n:{size}}")
            await asyncio.sleep(0)


async def started(**how: Any) -> Rig:
    rig = Rig(**how)
    await rig.start()
    return rig


def shape(messages: list[dict[str, Any]], *fields: str) -> list[Any]:
    """Each message's type with some of its fields, as a short thing to compare with."""
    if not fields:
        return [message["type"] for message in messages]
    return [(message["type"], *(message.get(field) for field in fields)) for message in messages]
