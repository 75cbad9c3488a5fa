"""Runs a vector against the client: the real session and topic manager, without a socket and without a clock."""

from collections import deque
from typing import Any, cast

import msgspec

from tests.spec_runner.vectors import Step, Vector, kind_of
from trunkline.client.topic_manager import HandlerReference, TopicManager
from trunkline.client.ws_client import Listener, WsClient
from trunkline.positions import Position
from trunkline.protocol.client_effects import (
    CallEnded,
    CloseSocket,
    Effect,
    Noticed,
    OpenSocket,
    QueuedCallEnded,
    ReceivedEvent,
    ReceivedReset,
    ReceivedSnapshot,
    SendText,
    StateChanged,
    TopicFailed,
    TopicOpened,
    Update,
)
from trunkline.protocol.client_session import ClientSession

_DEFAULT_HANDLER = "app"


class SessionClient:
    """What `TopicManager` needs of a `WsClient`, over a session that is driven by hand."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session
        self.effects: list[Effect] = []
        self.listeners: list[Listener] = []

    def add_listener(self, listener: Listener) -> None:
        self.listeners.append(listener)

    def subscribe(self, topic: str, since: Position | None = None) -> None:
        self.effects += self.session.subscribe(topic, since)

    def refresh(self, topic: str) -> bool:
        self.effects += self.session.refresh(topic)
        return self.session.has_snapshot(topic)

    def unsubscribe(self, topic: str) -> None:
        self.effects += self.session.unsubscribe(topic)


class ClientRun:
    """The client's side of one conversation.

    The ids a client gives its messages are its own business: an id of the vector stands for the one that the session
    really used, and is bound to it when the message is sent.
    """

    def __init__(self, vector: Vector) -> None:
        self.session = ClientSession(token=vector.client.get("token"))
        self._chance = vector.client.get("chance", 0.5)
        self._client = SessionClient(self.session)
        self._topics = TopicManager(cast("WsClient", self._client))
        self._handlers: dict[tuple[str, str], HandlerReference] = {}
        self._handed_to: list[str] = []
        self._now = 0.0
        self._real_ids: dict[str, str] = {}
        self.sent: deque[dict[str, Any]] = deque()
        self.delivered: deque[dict[str, Any]] = deque()

    async def play(self, steps: tuple[Step, ...]) -> None:
        """Carry out what happens to the client, and check what it does."""
        for step in steps:
            kind = kind_of(step)
            if kind in ("client", "client_closes"):
                assert self.sent, f"the client did not do {step}"
                self.bind(step, self.sent[0])
                assert self.with_vector_ids(self.sent.popleft()) == step
            elif kind in ("delivered", "state"):
                assert self.delivered, f"the application did not get {step}"
                assert self.with_vector_ids(self.delivered.popleft()) == step
            elif kind == "positions":
                expected = {topic: Position(**position) for topic, position in step["positions"].items()}
                assert self.session.positions() == expected
            else:
                await self.feed(kind, step)
        assert list(self.sent) == [], "the client sent more than the vector says"
        assert list(self.delivered) == [], "the application got more than the vector says"

    async def feed(self, kind: str, step: Step) -> None:
        """Carry out one step that happens to the client; others are the server's alone."""
        act = getattr(self, f"_on_{kind}", None)
        if act is not None:
            effects = act(step[kind])
            made, self._client.effects = self._client.effects, []
            await self._take([*made, *effects])

    # Steps

    def _on_app(self, request: dict[str, Any]) -> list[Effect]:
        handler = request.get("handler", _DEFAULT_HANDLER)
        match request:
            case {"connect": True}:
                return self.session.start()
            case {"close": True}:
                return self.session.close()
            case {"subscribe": topic}:
                since = Position(**request["since"]) if "since" in request else None
                self._handlers[topic, handler] = self._topics.subscribe(topic, self._handler(handler), since=since)
                return []
            case {"unsubscribe": topic}:
                self._topics.unsubscribe_handler(self._handlers.pop((topic, handler)))
                return []
            case {"call": method}:
                return self.session.call(method, request.get("params", {}), request.get("key"))[1]
            case _:
                raise ValueError(f"Unknown request of the application: {request}")

    def _handler(self, name: str) -> Any:
        def take(_update: Update) -> None:
            if name not in self._handed_to:
                self._handed_to.append(name)

        return take

    def _on_open(self, _: object) -> list[Effect]:
        return self.session.opened(self._now)

    def _on_refused(self, how: dict[str, Any]) -> list[Effect]:
        return self.session.closed(how.get("code", 1006), "", self._now, self._chance, how.get("retry_after"))

    def _on_cut(self, code: int) -> list[Effect]:
        return self.session.closed(code, "", self._now, self._chance)

    _on_server_closes = _on_cut

    def _on_server(self, frame: dict[str, Any]) -> list[Effect]:
        real = self._real_ids.get(frame.get("message_id", ""))
        known = frame if real is None else {**frame, "message_id": real}
        return self.session.receive(msgspec.json.encode(known), self._now)

    def _on_server_text(self, text: str) -> list[Effect]:
        return self.session.receive(text, self._now)

    def _on_advance(self, seconds: float) -> list[Effect]:
        self._now += seconds
        return self.session.tick(self._now, self._chance)

    # Outcomes

    async def _take(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case OpenSocket():
                    assert self.session.state == "connecting"
                case SendText(text=text):
                    self.sent.append({"client": _given(**msgspec.json.decode(text))})  # null means absent
                case CloseSocket(code=code):
                    self.sent.append({"client_closes": code})
                case CallEnded() | QueuedCallEnded():
                    self.delivered.append(describe(effect, []))
                case _:
                    self._handed_to = []
                    for listener in self._client.listeners:
                        result = listener(effect)
                        if result is not None:
                            await result
                    self.delivered.append(describe(effect, self._handed_to))

    def bind(self, step: Step, done: dict[str, Any]) -> None:
        """Let the vector's id of a message stand for the one that was really sent."""
        named, real = step.get("client", {}).get("message_id"), done.get("client", {}).get("message_id")
        if named is not None and real is not None:
            self._real_ids.setdefault(named, real)

    def with_vector_ids(self, done: dict[str, Any]) -> dict[str, Any]:
        """Write what was done with the vector's ids."""
        names = {real: named for named, real in self._real_ids.items()}
        shown = {kind: dict(value) if isinstance(value, dict) else value for kind, value in done.items()}
        if "message_id" in (frame := shown.get("client", {})):
            frame["message_id"] = names.get(frame["message_id"], frame["message_id"])
        if isinstance(shown.get("delivered"), dict) and "reply" in shown["delivered"]:
            reply = shown["delivered"]["reply"]
            shown["delivered"]["reply"] = {**reply, "call": names.get(reply["call"], reply["call"])}
        return shown


def describe(effect: Effect, handed_to: list[str]) -> dict[str, Any]:
    """What reached the application, as a step of a vector."""
    match effect:
        case StateChanged(state=state, code=code, retry_in=retry_in):
            return {"state": str(state), **_given(code=code, retry_in=retry_in)}
        case ReceivedEvent():
            numbers = _given(seq=effect.seq, feed_seq=effect.feed_seq)
            event = {"type": effect.type, "topic": effect.topic, **numbers, "data": effect.data}
            delivered: dict[str, Any] = {"event": event, "for": list(effect.subscriptions)}
        case ReceivedSnapshot(type=type_, topic=topic, position=position):
            delivered = {"snapshot": {"type": type_, "topic": topic, **position._asdict(), "data": effect.data}}
        case ReceivedReset(topic=topic, reason=reason):
            delivered = {"reset": {"topic": topic, "reason": reason}}
        case TopicOpened(topic=topic, position=position, resumed=resumed, recovered=recovered):
            how = {"recovered": recovered} if resumed else {}
            return {"delivered": {"opened": {"topic": topic, **position._asdict(), **how}}}
        case TopicFailed(topic=topic, code=code_, sentence=sentence):
            return {"delivered": {"failed": {"topic": topic, **_given(code=code_), "error": sentence}}}
        case CallEnded(message_id=message_id, reply=reply):
            outcome = {"cut": True} if reply is None else _plain(reply)
            outcome = {name: value for name, value in outcome.items() if name not in ("type", "message_id")}
            return {"delivered": {"reply": {"call": message_id, **outcome}}}
        case Noticed(message=message):
            plain = _plain(message)
            return {"delivered": {"notice": _given(type=plain["type"], code=plain.get("code"))}}
        case _:
            raise ValueError(f"Nothing for the application: {effect}")
    if handed_to != [_DEFAULT_HANDLER]:
        delivered["to"] = list(handed_to)
    return {"delivered": delivered}


def _plain(message: object) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(message))
    return plain


def _given(**fields: object) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
