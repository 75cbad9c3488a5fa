"""The in-process event bus: handlers subscribe by event type, events reach them in the order of publishing."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from trunkline.events import D, Event, EventType
from trunkline.handler_watch import HandlerWatch

logger = logging.getLogger(__name__)

Handler = Callable[[Event[D]], Awaitable[None] | None]
"""Takes an event; sync or async. What it raises is logged and stops no other handler."""


@dataclass(frozen=True, slots=True, eq=False)
class BusSubscription:
    """One handler's place on the bus; give it to `EventBus.unsubscribe`."""

    event_type: EventType[Any] | None
    handler: Handler[Any]
    watched: bool = True


class EventBus:
    """Publish and subscribe by event type inside one process.

    Ordering: handlers of one event run one after the other, in the order they subscribed, and the next event starts
    when the last handler of the one before has returned; so every handler sees one order. An event published by a
    handler is dispatched after the event being handled. The handlers of an event are those subscribed when its turn
    comes. One event loop at a time.

    Attributes:
        watch: logs handlers that keep the event loop; a line that starts gives the bus its own.
    """

    def __init__(self) -> None:
        self.watch = HandlerWatch()
        self._subscriptions: list[BusSubscription] = []
        self._nested: deque[Event[Any]] = deque()
        self._last: asyncio.Future[None] | None = None
        self._rescue: asyncio.Task[None] | None = None
        self._inside: ContextVar[asyncio.Task[Any] | None] = ContextVar("trunkline_bus_dispatching", default=None)

    @property
    def in_handler(self) -> bool:
        """Whether the caller runs in a handler of this bus, so that waiting for another event's turn never ends."""
        inside = self._inside.get()
        return inside is not None and inside is asyncio.current_task()

    def subscribe(
        self, event_type: EventType[D] | None, handler: Handler[D], *, watched: bool = True
    ) -> BusSubscription:
        """Call `handler` for each event of a type, or of every type with None.

        Args:
            watched: whether it is logged when it keeps the event loop.
        """
        subscription = BusSubscription(event_type, handler, watched)
        self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: BusSubscription) -> None:
        """Remove one handler and leave all others, equal ones included. Unknown subscriptions are ignored."""
        self._subscriptions = [s for s in self._subscriptions if s is not subscription]

    async def publish(self, event: Event[Any]) -> None:
        """Hand an event to its handlers and return when they are done.

        Called by a handler, it returns at once and the event follows the one being handled. Cancelling the caller
        while it waits for its turn publishes nothing; cancelling it later cancels the handler that runs, and what
        handlers had published by then is still dispatched.
        """
        if self._inside.get() is not None and self._last is not None:
            self._nested.append(event)
            return
        before, mine = self._last, asyncio.get_running_loop().create_future()
        self._last = mine
        try:
            if before is not None:
                await asyncio.shield(before)
            await self._dispatch_with_nested(event)
        finally:
            self._pass_on(before, mine)

    async def _dispatch_with_nested(self, event: Event[Any]) -> None:
        token = self._inside.set(asyncio.current_task())
        try:
            await self._dispatch(event)
            while self._nested:
                await self._dispatch(self._nested.popleft())
        finally:
            self._inside.reset(token)

    def _pass_on(self, before: "asyncio.Future[None] | None", mine: "asyncio.Future[None]") -> None:
        """Give the turn to the next in line, after the one before if that still runs (a wait that was cancelled)."""
        if before is not None and not before.done():
            before.add_done_callback(lambda _: self._finish(mine))
        else:
            self._finish(mine)

    def _finish(self, mine: "asyncio.Future[None]") -> None:
        mine.set_result(None)
        if self._last is not mine:
            return
        self._last = None
        if self._nested:
            # Their dispatch was cancelled, and nobody waits in line who would take them along.
            self._rescue = asyncio.get_running_loop().create_task(self.publish(self._nested.popleft()))

    async def _dispatch(self, event: Event[Any]) -> None:
        for subscription in tuple(self._subscriptions):
            if subscription.event_type is None or subscription.event_type.name == event.type.name:
                await self._call(subscription, event)

    async def _call(self, subscription: BusSubscription, event: Event[Any]) -> None:
        handler = subscription.handler
        try:
            if subscription.watched:
                await self.watch.run("Subscriber of the bus", handler, event)
            elif (result := handler(event)) is not None:
                await result
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            logger.exception("Handler %r waited for something cancelled on %s %s", handler, event.type.name, event.id)
        except Exception:
            logger.exception("Handler %r failed on %s %s", handler, event.type.name, event.id)


event_bus = EventBus()
"""The process-wide bus that `@publish_event` uses outside a unit of work."""
