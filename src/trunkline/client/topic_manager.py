"""`TopicManager`: handlers by topic over one `WsClient`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from trunkline.client.ws_client import WsClient, call_back
from trunkline.errors import RequestError
from trunkline.positions import Position
from trunkline.protocol.client_effects import (
    Notice,
    ReceivedEvent,
    ReceivedReset,
    ReceivedSnapshot,
    TopicFailed,
    Update,
)
from trunkline.topics import parse_topic

Handler = Callable[[Update], Awaitable[None] | None]
"""Takes what comes for a topic, in order; sync or async. What it raises is logged."""

FailureHandler = Callable[[RequestError], Awaitable[None] | None]
"""Told once when the server refused the topic or took it away; the handler is gone then."""


@dataclass(frozen=True, slots=True, eq=False)
class HandlerReference:
    """One handler's place at a topic."""

    topic: str
    handler: Handler
    on_failure: FailureHandler | None


class TopicManager:
    """Keeps the handlers of each topic, subscribes with the first, unsubscribes with the last.

    After a reconnect the client subscribes again by itself, with positions. Updates of one topic reach its handlers
    in order; an event of `agent:12` reaches handlers of `agent:12` and handlers of `agent:*`, each once.
    """

    def __init__(self, client: WsClient) -> None:
        self._client = client
        self._handlers: dict[str, list[HandlerReference]] = {}
        self._joining: set[HandlerReference] = set()
        client.add_listener(self._route)

    @property
    def topics(self) -> list[str]:
        """The topics that have handlers."""
        return list(self._handlers)

    def subscribe(
        self,
        topic: str,
        handler: Handler,
        *,
        since: Position | None = None,
        on_failure: FailureHandler | None = None,
    ) -> HandlerReference:
        """Add a handler to a topic.

        A handler that joins a topic whose snapshot came before makes a fresh snapshot come, for all its handlers,
        and is handed nothing before it.

        Raises:
            InvalidTopic: it is no topic.
        """
        parse_topic(topic)
        reference = HandlerReference(topic, handler, on_failure)
        known = self._handlers.get(topic)
        if known is None:
            self._handlers[topic] = [reference]
            self._client.subscribe(topic, since)
        else:
            known.append(reference)
            if self._client.refresh(topic):
                self._joining.add(reference)
        return reference

    def unsubscribe_handler(self, reference: HandlerReference) -> None:
        """Remove one handler alone; the topic is given up with its last one. A handler removed before is ignored."""
        self._joining.discard(reference)
        left = [r for r in self._handlers.get(reference.topic, ()) if r is not reference]
        if left:
            self._handlers[reference.topic] = left
        elif self._handlers.pop(reference.topic, None) is not None:
            self._client.unsubscribe(reference.topic)

    async def _route(self, effect: Notice) -> None:
        match effect:
            case ReceivedEvent(subscriptions=topics):
                for topic in topics:
                    await self._hand_over(topic, effect)
            case ReceivedSnapshot(topic=topic) | ReceivedReset(topic=topic):
                await self._hand_over(topic, effect)
            case TopicFailed():
                await self._fail(effect)
            case _:
                pass

    async def _hand_over(self, topic: str, update: Update) -> None:
        for reference in tuple(self._handlers.get(topic, ())):
            if reference in self._joining and isinstance(update, ReceivedSnapshot):
                self._joining.discard(reference)
            # An earlier handler may have waited, and this one may have been removed meanwhile.
            if reference not in self._joining and reference in self._handlers.get(topic, ()):
                await call_back(reference.handler, update)

    async def _fail(self, failure: TopicFailed) -> None:
        error = failure.to_error()
        for reference in self._handlers.pop(failure.topic, []):
            self._joining.discard(reference)
            if reference.on_failure is not None:
                await call_back(reference.on_failure, error)
