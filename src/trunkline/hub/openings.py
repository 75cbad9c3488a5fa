"""The way of a subscription from its request, or from where it fell behind, to live."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from trunkline.brokers.base import Broker
from trunkline.errors import Forbidden, RequestError, internal_error
from trunkline.hub.access import Access, Principal
from trunkline.hub.connection import Connection
from trunkline.hub.index import SubscriberIndex
from trunkline.hub.snapshots import SnapshotRegistry
from trunkline.protocol.server_session import Attempt, Effect, ReadLog, TakeSnapshot
from trunkline.topics import FEED_KEY, Topic

logger = logging.getLogger(__name__)

Step = ReadLog | TakeSnapshot
"""What an attempt has to wait for next."""

Perform = Callable[[Connection, Iterable[Effect]], Step | None]


class Openings:
    """Runs one task for each attempt: leave to subscribe, the log, the snapshot, and what the session makes of them.

    Args:
        broker: has the logs.
        index: who is subscribed.
        access: whom the application allows what.
        snapshots: providers by topic pattern.
        perform: carries effects out, and returns what is to be waited for.
    """

    def __init__(
        self,
        broker: Broker,
        index: SubscriberIndex,
        access: Access,
        snapshots: SnapshotRegistry,
        perform: Perform,
    ) -> None:
        self._broker = broker
        self._index = index
        self._access = access
        self._snapshots = snapshots
        self._perform = perform

    def start(self, connection: Connection, attempt: Attempt) -> None:
        """Begin to open a topic. Of one that fell behind live events are held from this moment on."""
        if attempt.lagged:
            self._index.hold(connection, attempt, connection.channels[attempt.topic])
        task = asyncio.get_running_loop().create_task(self._open(connection, attempt))
        connection.own_opening(attempt.topic, task)

    def drop(self, connection: Connection, topic: Topic) -> None:
        """End a subscription, and the task that still opens it."""
        task = connection.disown_opening(topic)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        self._index.drop(connection, topic)
        if connection.behind is not None:
            connection.behind.pop(topic, None)

    def go_live(self, connection: Connection, attempt: Attempt) -> None:
        """Let live events go out. A feed with topics that are behind is so too: it would send what comes after them."""
        topic, position = attempt.topic, attempt.position
        self._index.go_live(connection, topic)
        if position is not None and connection.resuming(topic):
            self._perform(connection, connection.session.fell_behind(topic, position))

    def catch_up(self, connection: Connection) -> None:
        """Resume what a drained connection missed; from here on its live events are held, not skipped."""
        behind, connection.behind, connection.lagging = connection.behind or {}, None, False
        for feed in {Topic(topic.namespace, FEED_KEY) for topic in behind} - behind.keys():
            if (sent := self._index.sent(connection, feed)) is not None:
                behind[feed] = sent
        for topic, position in behind.items():
            self._perform(connection, connection.session.fell_behind(topic, position))

    async def _open(self, connection: Connection, attempt: Attempt) -> None:
        """Drive one attempt from authorization to live."""
        session = connection.session
        try:
            await self._drive(connection, attempt)
        except RequestError as error:
            self._perform(connection, session.refuse(attempt, error))
        except (Exception, asyncio.CancelledError) as error:
            # A provider may have waited for something that others cancelled; its subscriber still gets an answer.
            if isinstance(error, asyncio.CancelledError) and (connection.closing or not session.is_current(attempt)):
                raise
            logger.exception("Subscribing %r to %s failed", connection, attempt.topic)
            self._perform(connection, session.refuse(attempt, internal_error(f"{attempt.topic} could not be opened")))
        finally:
            if session.is_current(attempt):
                connection.disown_opening(attempt.topic)

    async def _drive(self, connection: Connection, attempt: Attempt) -> None:
        principal, session = connection.principal, connection.session
        if principal is None:
            raise Forbidden(str(attempt.topic))
        if not attempt.answered:
            await self._access.require(principal, "subscribe", str(attempt.topic))
        elif before := connection.resuming(attempt.topic):
            await asyncio.wait(before)
        await connection.outbox.room()
        if connection.closing or not session.is_current(attempt):
            return  # the application did not let itself be interrupted
        channel = attempt.topic.channel(principal.scope)
        self._index.hold(connection, attempt, channel)
        view = await self._broker.read(channel, attempt.since)
        await connection.outbox.room()
        follow = self._perform(connection, session.attached(attempt, view))
        while follow is not None:
            follow = await self._follow(connection, follow, channel, principal)

    async def _follow(self, connection: Connection, step: Step, channel: str, principal: Principal) -> Step | None:
        session, attempt = connection.session, step.attempt
        if isinstance(step, ReadLog):
            await connection.outbox.room()
            view = await self._broker.read(channel, attempt.position)
            await connection.outbox.room()
            return self._perform(connection, session.attached(attempt, view))
        if not self._snapshots.has(attempt.topic):
            return self._perform(connection, session.provide(attempt))
        # A peer that does not read has the server keep no more snapshots for it than are made at a time.
        async with connection.snapshot_turn():
            await connection.outbox.room()
            taken = await self._snapshots.take(principal, attempt.topic)
            kind, data = taken if taken is not None else (None, None)
            await connection.outbox.room()
            return None if connection.closing else self._perform(connection, session.provide(attempt, kind, data))
