from trunkline.codes import CloseCode
from trunkline.hub.access import Handshake, Principal
from trunkline.hub.connection import Connection
from trunkline.protocol.codec import Frame
from trunkline.protocol.server_session import ServerSession, SessionLimits


class Recording:
    """A transport that notes what it is told and takes nothing."""

    def __init__(self) -> None:
        self.woken = 0
        self.closed: list[tuple[int, str]] = []

    def wake(self) -> None:
        self.woken += 1

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


def made(budget: int = 100) -> tuple[Connection, Recording]:
    transport = Recording()
    session = ServerSession(SessionLimits(), now=0.0, authenticated=True)
    return Connection("c1", transport, session, Handshake(), budget=budget, now=0.0), transport


def test_the_transport_is_woken_for_what_is_queued_and_closed_once() -> None:
    connection, transport = made()
    connection.send(Frame(b"x"), 0.0)
    assert connection.offer(Frame(b"y"), 0.0)
    assert (transport.woken, len(connection.outbox)) == (2, 2)
    connection.close(CloseCode.SLOW)
    connection.close(CloseCode.DRAIN, "again")
    assert transport.closed == [(4000, CloseCode.SLOW.sentence)]
    connection.send(Frame(b"z"), 0.0)
    assert not connection.offer(Frame(b"z"), 0.0)
    assert (transport.woken, len(connection.outbox)) == (2, 2)


def test_lag_begins_with_the_first_event_over_the_budget_and_lasts() -> None:
    connection, _ = made(budget=10)
    assert connection.offer(Frame(b"x" * 10), 1.0)
    assert not connection.offer(Frame(b"x"), 2.0)
    assert not connection.offer(Frame(b""), 3.0)
    assert (connection.lagging, connection.progress_at) == (True, 2.0)


def test_answers_that_nobody_reads_are_bounded_and_other_frames_are_not_counted() -> None:
    connection, transport = made(budget=10)
    connection.send(Frame(b"x" * 1_000), 0.0)
    for _ in range(11):
        connection.send(Frame(b"x"), 0.0, asked=True)
    assert not transport.closed
    connection.send(Frame(b"x"), 0.0, asked=True)
    assert transport.closed == [(4000, CloseCode.SLOW.sentence)]


def test_a_connection_is_named_for_logs() -> None:
    connection, _ = made()
    assert repr(connection) == "<Connection c1 unauthenticated>"
    connection.principal = Principal("ann")
    assert repr(connection) == "<Connection c1 ann>"
