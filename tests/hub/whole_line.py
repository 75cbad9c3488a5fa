"""A broker, a hub and client sessions on one line, in which nothing happens unless the test lets it.

The parts are the real ones. Between them are the network (`Wire`), the way from the node that publishes (`LateBroker`)
and whatever the hub has to wait for (`Question`). A `Reader` for each subscription checks all that the application
receives against what was published.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from tests.hub.rig import NOTED, WHISPERED, Note
from tests.hub.stepped_world import LateBroker, World
from tests.spec_runner.reader import Reader
from trunkline.codes import ErrorCode
from trunkline.events import Event, Stamp
from trunkline.hub.access import Action, Handshake, Principal
from trunkline.hub.connection import Connection
from trunkline.hub.fanout import FlushOptions
from trunkline.hub.manager import HubOptions, TopicConnectionManager
from trunkline.positions import Position
from trunkline.protocol import client_effects as e
from trunkline.protocol.client_session import ClientSession
from trunkline.protocol.server_session import SessionLimits
from trunkline.topics import parse_topic

SCOPES = {"agent:1": "", "agent:2": "", "agent:3": "t2"}
"""The topics, and the scope whose feed has the events of each."""

NAMES = (*SCOPES, "agent:*")

FEW = 4
"""Events that a subscription may have held back, so that it is often too many; otherwise it never is."""

HUB = HubOptions(
    session=SessionLimits(messages_per_second=4.0, message_burst=8, held_bytes=1_500),
    budget=1_200,
    lag_timeout=10.0,
    flush=FlushOptions(slice=0.0, look_after=1),
)
PEOPLE = {name: Principal(name, scope) for name, scope in (("ann", ""), ("bob", ""), ("cyd", "t2"))}
_BY_TOKEN = "bob"
"""The one whose handshake says nothing, and who sends a token as the first message."""

_DIRECT = frozenset({"ann", "bob"})
"""Those whose sockets the fan-out writes to; the third is written to as any ASGI server does."""

_LOST = 1006
_ALL = 1 << 62


@dataclass
class Piece:
    """Bytes on their way to the network, and how many the hub counts them for."""

    data: bytes
    counts: int


def _first_frame(data: bytes) -> tuple[int, int] | None:
    """Where the payload of the first whole frame begins and ends."""
    if len(data) < 4:
        return None
    start, size = (4, int.from_bytes(data[2:4], "big")) if data[1] == 126 else (2, data[1])
    return None if len(data) < start + size else (start, start + size)


class Wire:
    """One connection. Bytes go on it only when the test says so.

    Attributes:
        to_server: frames of the client on their way.
        to_client: frames that the network has taken whole, and the client has not read.
        room: bytes that the network takes at once, where the fan-out may write to it.
        code: with which the hub has closed it; 1006 if it has not.
        is_closing: whether the hub has closed it.
        has_ended: whether the hub knows that it is over.
    """

    connection: Connection

    def __init__(self, world: World, hub: TopicConnectionManager, principal: Principal | None, *, direct: bool) -> None:
        self.to_server: deque[str] = deque()
        self.to_client: deque[str] = deque()
        self.room = _ALL
        self.code = _LOST
        self.is_closing = self.has_ended = False
        self._do = world.loop.do
        self._hub = hub
        self._leaving: deque[Piece] = deque()
        self._came = b""
        self.connection = self._do(lambda: hub.connect(self, Handshake(), principal, greet=True))
        if direct:
            self.connection.direct = self
            self._may_write()

    # As the hub sees it

    def wake(self) -> None:
        """There is something to write; it is written when the test says so."""
        if hasattr(self, "connection"):
            self.connection.write_now = None

    def close(self, code: int, reason: str) -> None:
        """The hub is done with the connection; it hears of the end when the test says so."""
        self.code = code
        self.is_closing = True
        self.wake()

    def write_later(self, data: bytes) -> None:
        """Bytes that the network did not take at once."""
        self._leaving.append(Piece(data, len(data)))

    def give_up(self) -> None:
        """Nobody gives this network up."""
        raise AssertionError

    def taken(self) -> int:
        """Less for each byte that the hub has written and the network has not taken."""
        return -sum(len(piece.data) for piece in self._leaving)

    def _may_write(self) -> None:
        if self.connection.direct is not None and not self.has_output and not self.is_closing:
            self.connection.write_now = self._write_now

    def _write_now(self, data: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        taken = min(self.room, len(data))
        self.room -= taken
        self._bring(data[:taken])
        return taken

    # As the test sees it

    @property
    def has_output(self) -> bool:
        """Whether there is something to write."""
        return not self.has_ended and bool(self._leaving or self.connection.outbox)

    def write(self, size: int) -> None:
        """Let the network take that many bytes."""
        self.room = size
        self._leaving += [Piece(frame.wire, len(frame)) for frame in self.connection.outbox.take(size)]
        while self._leaving and self.room:
            piece = self._leaving[0]
            taken = min(self.room, len(piece.data))
            self.room -= taken
            self._bring(piece.data[:taken])
            piece.data = piece.data[taken:]
            if not piece.data:
                self._leaving.popleft()
                self._do(self._hub.wrote, self.connection, piece.counts, 0.0)
        self._may_write()

    def _bring(self, data: bytes) -> None:
        """Let bytes reach the client; a frame is read once it is whole."""
        self._came += data
        while (frame := _first_frame(self._came)) is not None:
            start, end = frame
            self.to_client.append(self._came[start:end].decode())
            self._came = self._came[end:]

    def hear(self) -> None:
        """Let the next frame of the client arrive."""
        self._do(self._hub.receive, self.connection, self.to_server.popleft())

    def end(self) -> None:
        """Let the hub hear that it is over."""
        self._do(self._hub.disconnect, self.connection, self.code)
        self.has_ended = True
        self.to_server.clear()


class Server:
    """One life of a server, with the connections it knows of and what it published."""

    def __init__(self, world: World, snapshots: frozenset[str], held: int) -> None:
        self.broker = LateBroker(world)
        session = HUB.session if held == FEW else replace(HUB.session, held_bytes=_ALL)
        options = replace(HUB, session=replace(session, held_events=held), clock=world.clock, wall_clock=world.clock)
        self.hub = TopicConnectionManager(
            self.broker, authenticate=_by_token, authorize=self._may_subscribe, options=options
        )
        for name in snapshots:
            self.hub.snapshots.add(name, "state", self._state_of(name))
        self.wires: list[Wire] = []
        self.events: list[Event[Note]] = []
        self._world = world
        world.loop.run(self.broker.start(self.hub.deliver))

    def _may_subscribe(self, _principal: Principal, _action: Action, _topic: str) -> Awaitable[bool]:
        return self._world.ask("leave")

    def _state_of(self, name: str) -> Callable[[Principal], Awaitable[int]]:
        async def count_events(principal: Principal) -> int:
            """Say how many events there are, as of the moment at which the question was asked."""
            end = self.broker.end(parse_topic(name).channel(principal.scope))
            await self._world.ask("snapshot")
            return 0 if end is None else end.seq

        return count_events

    def publish(self, topic: str, *, in_feed: bool, size: int) -> None:
        """Publish an event of about that many bytes."""
        kind = NOTED if in_feed else WHISPERED
        data = Note(topic.partition(":")[2], "x" * size)
        stamp = Stamp(f"event {len(self._world.published)}", "2026-01-01T00:00:00.000Z")
        self.send(kind.event(data, scope=SCOPES[topic], stamp=stamp))

    def send(self, event: Event[Note]) -> None:
        """Publish an event, or publish it again."""
        published = self._world.loop.run(self.broker.publish(event))
        if event.id in self._world.published:
            return
        positions = {published.topic: published.position}
        if published.feed is not None and published.feed_position is not None:
            positions[published.feed] = published.feed_position
        self._world.published[event.id] = positions
        self.events.append(event)

    def end(self, wire: Wire) -> None:
        """Hear that a connection is over."""
        self.wires.remove(wire)
        wire.end()

    def stop(self) -> None:
        """Lose everything, as a process does that ends; nothing of it is left."""
        for wire in list(self.wires):
            self.end(wire)
        self._world.loop.run(self.broker.stop())
        assert (self.hub.topics, self.hub.connections, self.hub._per_principal) == (0, {}, {})
        assert self.broker.memory._attached == set()


def _by_token(handshake: Handshake) -> Principal | None:
    return PEOPLE.get(handshake.token or "")


class Application:
    """A client session, the wire it has at present, and a reader for each subscription.

    Attributes:
        readers: by name, what each subscription may receive next.
        wire: its connection, or None.
        heard: all that the session told, in order.
        sent: every message that was sent.
    """

    def __init__(self, line: "WholeLine", principal: Principal) -> None:
        self.principal = principal
        self.readers: dict[str, Reader] = {}
        self.wire: Wire | None = None
        self.heard: list[e.Effect] = []
        self.sent: list[dict[str, Any]] = []
        self._has_two_ways = False
        self._attempts: Counter[str] = Counter()
        self._line = line
        self._sends_token = principal.id == _BY_TOKEN
        self.session = ClientSession(token=principal.id if self._sends_token else None)
        self.take(self.session.start())

    @property
    def state(self) -> e.LineState:
        """The state of the line."""
        return self.session.state

    def connect(self) -> None:
        """The socket that the session wants is open."""
        server = self._line.server
        known = None if self._sends_token else self.principal
        self.wire = Wire(self._line.world, server.hub, known, direct=self.principal.id in _DIRECT)
        server.wires.append(self.wire)
        self._attempts.clear()
        self.take(self.session.opened(self._line.now))

    def lose(self, code: int = _LOST) -> None:
        """The socket is over, as the client sees it, or could not be opened."""
        self.wire = None
        self.take(self.session.closed(code, "", self._line.now, 0.5))

    def read(self) -> None:
        """Read the next frame."""
        assert self.wire is not None
        self.take(self.session.receive(self.wire.to_client.popleft(), self._line.now))

    def tick(self) -> None:
        """Let the session look at the clock."""
        self.take(self.session.tick(self._line.now, 0.5))

    def close_or_start(self) -> None:
        """End the line, or begin it again."""
        self.take(self.session.start() if self.state is e.LineState.CLOSED else self.session.close())

    def subscribe(self, name: str, since: Position | None = None) -> None:
        """Want a topic, from nowhere or from a position."""
        if name not in self.readers:
            self.readers[name] = Reader(name in self._line.snapshots, since)
            self._has_two_ways |= "agent:*" in self.readers and len(self.readers) > 1
            self.take(self.session.subscribe(name, since))

    def unsubscribe(self, name: str) -> None:
        """Want a topic no more."""
        if self.readers.pop(name, None) is not None:
            self.take(self.session.unsubscribe(name))

    def refresh(self, name: str) -> None:
        """Want a fresh snapshot."""
        self.take(self.session.refresh(name))

    @property
    def had_to_repair(self) -> bool:
        """Whether frames came twice or with a hole.

        That may be where a topic or its feed is opened and too many events come meanwhile to be held back.
        """
        stats = self.session.stats
        return bool(stats.gaps or stats.duplicates) and not (self._has_two_ways and self._line.held == FEW)

    def channel(self, name: str) -> str:
        """The log behind a name."""
        return parse_topic(name).channel(self.principal.scope)

    def take(self, effects: list[e.Effect]) -> None:
        """Carry effects out."""
        self.heard += effects
        for effect in effects:
            match effect:
                case e.SendText(text=text):
                    self._send(text)
                case e.CloseSocket():
                    self.wire = None
                case e.OpenSocket() | e.StateChanged() | e.Noticed():
                    pass
                case _:
                    self._hand_over(effect)

    def _send(self, text: str) -> None:
        assert self.wire is not None
        self.wire.to_server.append(text)
        message = msgspec.json.decode(text)
        self.sent.append(message)
        if message["type"] == "subscribe":
            self._attempts.update(item if isinstance(item, str) else item["topic"] for item in message["topics"])

    def _hand_over(self, effect: e.Effect) -> None:
        """Check what the application gets."""
        match effect:
            case e.TopicOpened(topic=name):
                self.readers[name].opened(effect)
            case e.ReceivedSnapshot(topic=name):
                self.readers[name].snapshot(effect)
            case e.ReceivedReset(topic=name, reason=reason):
                self._reset(name, reason)
            case e.ReceivedEvent(id=id_, subscriptions=names):
                for name in names:
                    self.readers[name].event(self._line.world.published[id_][self.channel(name)])
            case e.TopicFailed(topic=name, code=code):
                assert code in (None, ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND)
                del self.readers[name]
            case _:
                raise AssertionError(f"This should not happen: {effect}")

    def _reset(self, name: str, reason: str) -> None:
        """A stream may only break where the log cannot make it whole.

        Three cases cannot be told apart here: a client that has a topic and its feed may have by the one what the log
        has lost of the other; to a connection that lags a doubled delivery counts as skipped; and a reset may be of
        an attempt that was replaced meanwhile.
        """
        reader, broker = self.readers[name], self._line.server.broker
        assert reader.cursor is not None
        if broker.is_whole(self.channel(name), reader.cursor):
            is_of_doubles = reason == "slow" and broker.has_doubled
            assert self._has_two_ways or is_of_doubles or self._attempts[name] > 1, "a reset without need"
        reader.reset()


class WholeLine:
    """A server and its clients. Each method is one thing that may happen.

    Args:
        snapshots: the names that have one.
        held: events that a subscription may have held back.
    """

    def __init__(self, snapshots: frozenset[str], held: int = FEW) -> None:
        self.snapshots = snapshots
        self.held = held
        self.world = World()
        self.server = Server(self.world, snapshots, held)
        self.clients = [Application(self, principal) for principal in PEOPLE.values()]

    @property
    def now(self) -> float:
        """The time, in seconds."""
        return self.world.clock()

    # One thing

    def crash(self) -> None:
        """The server ends and another one begins; the clients will notice."""
        self.server.stop()
        self.server = Server(self.world, self.snapshots, self.held)

    def drain(self) -> None:
        """The server begins to send everyone away for a second, or has finished and takes whoever comes."""
        hub = self.server.hub
        if hub.draining:
            self.world.loop.do(hub.close_all)
            hub.admit()
        else:
            self.world.loop.do(hub.drain, lambda: 1_000)

    def revoke(self, client: Application, name: str) -> None:
        """The right to a topic ends."""
        hub = self.server.hub
        self.world.loop.do(hub.revoke, client.principal.id, parse_topic(name), "No more")

    def advance(self, seconds: float) -> None:
        """Let time pass, with the sweeps and ticks that belong to it."""
        self.server.broker.hurry(self.now + seconds)
        self.world.clock.advance(seconds)
        self.server.broker.sweep()
        self.world.loop.do(self.server.hub.sweep)
        for client in self.clients:
            client.tick()

    def end_one(self, wire: Wire, *, flush: bool) -> None:
        """The server hears of the end of a connection; what it had to say is written before, or lost."""
        if flush:
            wire.write(_ALL)
        self.server.end(wire)

    def over(self) -> list[Wire]:
        """The connections that are over, of which the server has not heard."""
        held = [client.wire for client in self.clients]
        return [wire for wire in self.server.wires if wire.is_closing or wire not in held]

    def lost(self) -> list[Application]:
        """The clients whose connection is over and read to its end, and who have not noticed."""
        return [c for c in self.clients if c.wire is not None and c.wire.has_ended and not c.wire.to_client]

    # All that is due

    def go_on(self, *, answers: bool = True) -> bool:
        """Do the next thing that is due; False if nothing is. What the hub waits for is due if it is to be answered."""
        world, server = self.world, self.server
        if world.loop.has_work:
            world.loop.step()
        elif answers and world.questions:
            world.questions[0].end("yes")
        elif server.broker.waiting:
            server.broker.arrive(0)
        elif over := self.over():
            self.end_one(over[0], flush=True)
        elif hearing := [wire for wire in server.wires if wire.to_server]:
            hearing[0].hear()
        elif writing := [wire for wire in server.wires if wire.has_output]:
            writing[0].write(500)
        elif reading := [client for client in self.clients if client.wire is not None and client.wire.to_client]:
            reading[0].read()
        elif lost := self.lost():
            lost[0].lose(lost[0].wire.code if lost[0].wire is not None else _LOST)
        elif server.hub.draining:
            self.drain()
        else:
            return any(self.go_back(client) for client in self.clients)
        return True

    def go_back(self, client: Application) -> bool:
        """Let a client connect, or try again what failed for a passing reason, when it is time to."""
        deadline = client.session.next_deadline()
        if client.state is e.LineState.CLOSED:
            client.close_or_start()
        elif client.state is e.LineState.CONNECTING:
            client.connect()
        elif deadline is not None and (client.state is e.LineState.WAITING or deadline <= self.now + 1.0):
            self.advance(max(0.0, deadline - self.now))
        else:
            return False
        return True

    def settle(self) -> None:
        """Let everything happen that is due, until nothing is."""
        for _ in range(20_000):
            if not self.go_on():
                return
        raise AssertionError("the line does not come to rest")

    # What holds at rest

    def check_that_all_have_caught_up(self) -> None:
        """At rest nothing is missing, and nothing goes on."""
        assert not self.world.loop.tasks()
        for client in self.clients:
            assert client.state is e.LineState.CONNECTED
            for name, reader in client.readers.items():
                assert not reader.is_broken
                assert reader.cursor == self.server.broker.end(client.channel(name)), (client.principal.id, name)
        for wire in self.server.wires:
            connection = wire.connection
            assert not (connection.tasks or connection.work or connection.behind or connection.lagging)
            assert connection.outbox.size == 0

    def close(self) -> None:
        """Everyone leaves, and nothing of them remains."""
        self.server.stop()
        while self.world.loop.has_work:
            self.world.loop.step()
        assert not self.world.loop.tasks()
