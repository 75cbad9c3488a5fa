"""What the parts of a line have around them, all of it in the test's hand: time, waiting, and the way between nodes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tests.hub.stepped_loop import SteppedLoop
from trunkline.brokers.base import Delivery, LogLimits, Published
from trunkline.brokers.memory import MemoryBroker
from trunkline.codes import ErrorCode
from trunkline.errors import BrokerError, NotFound, RequestError
from trunkline.events import Event
from trunkline.positions import Position
from trunkline.protocol.codec import Frame
from trunkline.protocol.recovery import LogView
from trunkline.testing.clock import ManualClock

if TYPE_CHECKING:
    import asyncio

LOG = LogLimits(events=8, size=3_000, age=8.0)
TOTAL_SIZE = 6_000
IDLE_AFTER = 6.0
LATEST = 1.5
"""Seconds after which every delivery has arrived; a channel is idle for longer before it is forgotten."""

What = Literal["leave", "log", "snapshot"]
Outcome = Literal["yes", "no", "passing", "broken", "cancelled"]


class Question(NamedTuple):
    """Something that the hub waits for: the leave to subscribe, a log, a snapshot."""

    what: What
    answer: "asyncio.Future[bool]"

    def end(self, outcome: Outcome) -> None:
        """Answer it, or fail in one of the ways in which applications and brokers do."""
        match outcome:
            case "yes":
                self.answer.set_result(True)
            case "no" if self.what == "leave":
                self.answer.set_result(False)
            case "no":
                self.answer.set_exception(NotFound("Agent", 404))
            case "passing":
                self.answer.set_exception(RequestError("Not now", code=ErrorCode.INTERNAL))
            case "broken":
                self.answer.set_exception(BrokerError("It broke"))
            case "cancelled":
                self.answer.cancel()


@dataclass
class World:
    """What outlives a server.

    Attributes:
        waits: what the hub has to wait for at present; everything else is there at once.
        published: where each event stands in each of its channels, by its id.
        epochs: names for lives of logs, none twice.
    """

    waits: frozenset[What] = frozenset()
    published: dict[str, dict[str, Position]] = field(default_factory=dict)
    epochs: "count[int]" = field(default_factory=lambda: count(1))
    clock: ManualClock = field(default_factory=ManualClock)
    loop: SteppedLoop = field(default_factory=SteppedLoop)
    _questions: list[Question] = field(default_factory=list)

    async def ask(self, what: What) -> bool:
        """Wait for the test's answer, if this is something to wait for."""
        if what not in self.waits:
            return True
        question = Question(what, self.loop.create_future())
        self._questions.append(question)
        return await question.answer

    @property
    def questions(self) -> list[Question]:
        """What is waited for; what was given up is dropped."""
        self._questions = [question for question in self._questions if not question.answer.done()]
        return self._questions


class Late(NamedTuple):
    """A delivery on its way, and when it set out."""

    at: float
    delivery: Delivery


class LateBroker:
    """A memory broker as from another node: deliveries arrive when the test says so, in any order, once or more.

    Reading takes its time too: a view is of the moment at which the log was read, not of its arrival.

    Attributes:
        waiting: deliveries on their way, in the order of publishing.
        arrived: deliveries that may arrive once more.
        has_doubled: whether one has.
    """

    def __init__(self, world: World) -> None:
        self.memory = MemoryBroker(
            limits=LOG,
            total_size=TOTAL_SIZE,
            idle_after=IDLE_AFTER,
            clock=world.clock,
            new_epoch=lambda: f"e{next(world.epochs)}",
        )
        self.waiting: list[Late] = []
        self.arrived: list[Late] = []
        self.has_doubled = False
        self._world = world
        self._deliver: Callable[[Delivery], None] | None = None

    def arrive(self, index: int, *, again: bool = False) -> None:
        """Let a delivery arrive, or once more one that has arrived."""
        if again:
            late = self.arrived[index]
            self.has_doubled = True
        else:
            late = self.waiting.pop(index)
            self.arrived.append(late)
        if self._deliver is not None:
            self._world.loop.do(self._deliver, late.delivery)

    def hurry(self, now: float) -> None:
        """Let arrive what would be too late at that time."""
        while self.waiting and now - self.waiting[0].at > LATEST:
            self.arrive(0)
        self.arrived = [late for late in self.arrived if now - late.at <= LATEST]

    def is_whole(self, channel: str, after: Position) -> bool:
        """Whether the log still has everything after a position."""
        log = self.memory._logs.get(channel)
        return log is not None and log.epoch == after.epoch and log.seq - len(log.entries) <= after.seq <= log.seq

    def end(self, channel: str) -> Position | None:
        """The position after the last event, or None if there is no log."""
        log = self.memory._logs.get(channel)
        return None if log is None else Position(log.epoch, log.seq)

    # The contract

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Begin; what is delivered sets out now, and arrives later."""
        self._deliver = deliver
        await self.memory.start(lambda delivery: self.waiting.append(Late(self._world.clock(), delivery)))

    async def stop(self) -> None:
        """End."""
        self._deliver = None
        await self.memory.stop()

    async def publish(self, event: Event[Any]) -> Published:
        """Publish as memory does."""
        return await self.memory.publish(event)

    def attach(self, channel: str) -> None:
        """Attach as memory does."""
        self.memory.attach(channel)

    def detach(self, channel: str) -> None:
        """Detach as memory does."""
        self.memory.detach(channel)

    async def read(self, channel: str, since: Position | None = None) -> LogView[Frame]:
        """View a log now, and have the view when the test says so."""
        view = await self.memory.read(channel, since)
        await self._world.ask("log")
        return view

    def sweep(self) -> None:
        """Sweep as memory does."""
        self.memory.sweep()
