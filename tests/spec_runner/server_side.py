"""Runs a vector against the server: the real hub, session and memory broker, and a client in memory."""

import asyncio
from itertools import count
from typing import Any, ClassVar

import msgspec

from tests.spec_runner.vectors import Step, Vector, kind_of
from trunkline.brokers.base import LogLimits
from trunkline.brokers.memory import MemoryBroker
from trunkline.codes import ErrorCode
from trunkline.errors import RequestError
from trunkline.events import Event, EventType
from trunkline.hub.access import Action, Handshake, Principal
from trunkline.hub.calls import CallContext
from trunkline.hub.manager import HubOptions, TopicConnectionManager
from trunkline.protocol.server_session import SessionLimits
from trunkline.testing import ManualClock, MemoryTransport
from trunkline.topics import parse_topic

_TURNS = 40
"""Turns of the event loop after which whatever a step set going has come to its end."""

_START = 1_767_225_600.0
"""What the wall clock says when a vector begins: 2026-01-01T00:00:00Z."""


class _VectorType(EventType[Any]):
    """Event types of the vectors, kept apart from those of the process."""

    _registry: ClassVar[dict[str, EventType[Any]]] = {}


class ServerRun:
    """The server's side of one conversation."""

    def __init__(self, vector: Vector) -> None:
        self.world = vector.server
        self._clock = ManualClock(0.0)
        self._epochs = count(1)
        self._snapshots: dict[str, Any] = dict(self.world.get("snapshots", {}))
        self._snapshots_free = asyncio.Event()
        self._snapshots_free.set()
        self._transport: MemoryTransport | None = None
        self._taken = 0

    async def play(self, steps: tuple[Step, ...]) -> None:
        """Carry out what happens to the server, and check what it does."""
        await self.start()
        for step in steps:
            kind = kind_of(step)
            if kind == "server":
                self.expect(step["server"])
            elif kind == "server_closes":
                assert self.transport.closed is not None, f"not closed: {step}"
                assert self.transport.closed[0] == step["server_closes"]
            else:
                await self.feed(kind, step)
        assert self.left() == [], "the server sent more than the vector says"
        await self.stop()

    async def start(self) -> None:
        """Begin a life of the server: a new broker, so new epochs."""
        limits = LogLimits(events=self.world.get("log_events", 1_000))
        self.broker = MemoryBroker(limits=limits, clock=self._clock, new_epoch=lambda: f"e{next(self._epochs)}")
        options = HubOptions(
            session=SessionLimits(**self.world.get("limits", {})),
            budget=self.world.get("budget", 1024 * 1024),
            clock=self._clock,
            wall_clock=lambda: _START + self._clock(),
        )
        self.hub = TopicConnectionManager(
            self.broker, authenticate=self._authenticate, authorize=self._authorize, options=options
        )
        for topic in self._snapshots:
            self.hub.snapshots.add(topic, self._snapshots[topic].get("type", "snapshot"), self._provider(topic))
        for method in self.world.get("calls", {}):
            self.hub.calls.add(method, self._call)
        await self.broker.start(self.hub.deliver)

    async def stop(self) -> None:
        """End it, with whatever is still connected."""
        if self._transport is not None:
            self._transport.lose()
        await self.settle()
        await self.broker.stop()

    @property
    def transport(self) -> MemoryTransport:
        """The client's present connection."""
        assert self._transport is not None, "nothing is connected"
        return self._transport

    async def settle(self) -> None:
        """Let everything come to its end that can."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def left(self) -> list[dict[str, Any]]:
        """Frames the server wrote that no step has named yet."""
        return [] if self._transport is None else self._transport.received[self._taken :]

    def expect(self, frame: dict[str, Any]) -> None:
        """Compare the next frame the server wrote.

        The id of a connection is random, so any will do. A sentence that ends in an ellipsis stands for all that
        begin like it.
        """
        assert self.left(), f"the server did not send {frame}"
        actual = self.left()[0]
        self._taken += 1
        if actual["type"] == "connected" and actual["connection_id"]:
            actual = {**actual, "connection_id": frame.get("connection_id")}
        beginning, ellipsis, _ = str(frame.get("error", "")).partition("…")
        if ellipsis and actual["error"].startswith(beginning):
            actual = {**actual, "error": frame["error"]}
        assert actual == frame

    async def feed(self, kind: str, step: Step) -> None:
        """Carry out one step that happens to the server; others are the client's alone."""
        act = getattr(self, f"_on_{kind}", None)
        if act is not None:
            await act(step[kind])
            await self.settle()

    # Steps

    async def _on_open(self, _: object) -> None:
        assert self.left() == [], "the server sent more than the vector says"
        name = self.world.get("principal", "ann")
        self._taken = 0
        self._transport = MemoryTransport.connect(
            self.hub,
            None if name is None else self._principal(name),
            greet=self.world.get("subprotocol", True),
            initial_topics=self.world.get("initial_topics", ()),
        )

    async def _on_client(self, frame: dict[str, Any]) -> None:
        self.transport.send(frame)

    async def _on_client_text(self, text: str) -> None:
        self.transport.send(text)

    async def _on_client_binary(self, _: object) -> None:
        self.transport.send_binary()

    async def _on_client_reads(self, reads: bool) -> None:
        if reads:
            self.transport.read_on()
        else:
            self.transport.stop_reading()

    async def _on_cut(self, _: object) -> None:
        self.transport.lose()

    async def _on_client_closes(self, code: int) -> None:
        self.hub.disconnect(self.transport.connection, code)

    async def _on_publish(self, event: dict[str, Any]) -> None:
        await self.broker.publish(self._event(event))

    async def _on_store(self, states: dict[str, Any]) -> None:
        for topic, data in states.items():
            self._snapshots[topic] = {**self._snapshots[topic], "data": data}

    async def _on_hold_snapshots(self, hold: bool) -> None:
        if hold:
            self._snapshots_free.clear()
        else:
            self._snapshots_free.set()

    async def _on_advance(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self.hub.sweep()
        self.broker.sweep()

    async def _on_restart(self, _: object) -> None:
        await self.stop()
        await self.start()

    async def _on_drain(self, retry_after_ms: int) -> None:
        self.hub.drain(lambda: retry_after_ms)
        self.hub.close_all()

    async def _on_revoke(self, what: dict[str, str]) -> None:
        self.hub.revoke("ann", parse_topic(what["topic"]), what["reason"])

    # The application

    def _principal(self, name: str) -> Principal:
        return Principal(name, self.world.get("scope", ""))

    def _authenticate(self, handshake: Handshake) -> Principal | None:
        name = self.world.get("tokens", {}).get(handshake.token)
        return None if name is None else self._principal(name)

    def _authorize(self, _principal: Principal, _action: Action, target: str) -> bool:
        return target not in self.world.get("forbidden", ())

    def _provider(self, topic: str) -> Any:
        async def provide(_principal: Principal) -> object:
            # The state is read when asked for; the answer may take its time.
            snapshot = self._snapshots[topic]
            await self._snapshots_free.wait()
            if "error" in snapshot:
                raise RequestError(snapshot["error"]["error"], code=ErrorCode(snapshot["error"]["code"]))
            return snapshot["data"]

        return provide

    async def _call(self, context: CallContext, _params: dict[str, Any]) -> object:
        outcome = self.world["calls"][context.method]
        if outcome.get("never"):
            await asyncio.Event().wait()
        if "error" in outcome:
            error = outcome["error"]
            raise RequestError(error["error"], code=ErrorCode(error["code"]), details=error.get("details"))
        for event in outcome.get("publishes", ()):
            context.published.append(await self.broker.publish(self._event(event)))
        return outcome["result"]

    def _event(self, event: dict[str, Any]) -> Event[Any]:
        namespace = event["topic"].partition(":")[0]
        type_ = _VectorType(event["type"], dict, topic=f"{namespace}:{{id}}", feed=event.get("feed", True))
        return Event(
            type=type_,
            topic=event["topic"],
            scope=event.get("scope", ""),
            id=event["id"],
            time=event["time"],
            data=event["data"],
            body=msgspec.json.encode(event["data"]),
        )
