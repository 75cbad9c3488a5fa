"""Measuring one server at one work: started, loaded, counted, ended."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.fanout import generator
from benchmarks.fanout.generator import BUILD
from benchmarks.fanout.line_process import LineProcess, ProcessFailedError
from benchmarks.fanout.machine import Cores, busy_seconds, pinned
from benchmarks.fanout.peer import Peer
from benchmarks.fanout.process_usage import Usage, read_usage, resident
from benchmarks.peers.pacing import OVERTIME

_ROOT = Path(__file__).parent.parent.parent
_LOOK = 0.1
_GRACE = 2.0
"""Seconds after the overtime until which deliveries count."""

_SETTLE = 0.5
_WARM_UP = 200
_PUBLISHING_GRACE = 10.0


@dataclass(frozen=True)
class Work:
    """Subscribers of one topic, events a second, for how many seconds, and how often: the middle one counts."""

    clients: int
    rate: int
    seconds: float
    times: int = 1

    @property
    def name(self) -> str:
        """For tables and files."""
        return f"{self.clients:,} x {self.rate:,}/s"

    @property
    def offered(self) -> int:
        """Deliveries a second that it comes to."""
        return self.clients * self.rate


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a work.

    Attributes:
        offered: events that should have been published; `published` were.
        delivered: events that arrived, at all clients together.
        lost: deliveries of published events that did not arrive in time.
        misordered: events that arrived doubled or out of order.
        gone: clients whose connection the server ended.
        cpu: seconds of the server's CPU, `user` of them in user mode.
        cpu_share: of the server's core, while it published and delivered.
        load_share: of the generator's core meanwhile; the load is no limit while it is well under 1.
        others_share: of one core, what all else used of the two; figures are good while it is small.
        publisher_cpu: seconds of CPU of a publisher from outside, on the generator's core.
        latency: milliseconds from when an event was due until a client had read it: p50, p90, p99, max.
        probe: milliseconds until a ping was answered meanwhile.
        bytes: received by one client for one event, all protocol included.
        failure: why this server failed the work; None if it did not.
    """

    offered: int
    published: int
    delivered: int
    lost: int
    misordered: int
    gone: int
    seconds: float
    cpu: float
    user: float
    cpu_share: float
    load_share: float
    others_share: float
    publisher_cpu: float
    latency: dict[str, float]
    probe: dict[str, float]
    bytes: float
    failure: str | None = None

    @property
    def cpu_per_delivery(self) -> float:
        """Microseconds."""
        return self.cpu / self.delivered * 1e6 if self.delivered else 0.0

    @property
    def user_per_delivery(self) -> float:
        """Microseconds."""
        return self.user / self.delivered * 1e6 if self.delivered else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return {**asdict(self), "cpu_per_delivery": self.cpu_per_delivery, "user_per_delivery": self.user_per_delivery}


class WorkFailedError(Exception):
    """A server did not get as far as being measured."""


@dataclass(frozen=True)
class Running:
    """A server that listens, and who makes it publish."""

    port: int
    server: LineProcess
    publisher: LineProcess

    @property
    def publishes_outside(self) -> bool:
        """Whether another process publishes."""
        return self.publisher is not self.server


@contextmanager
def running(peer: Peer, cores: Cores) -> Iterator[Running]:
    """Run a server on its core, and its publisher, if it has one, on the other."""
    port = free_port()
    with ExitStack() as stack:
        environment = {"PYTHONPATH": str(_ROOT), **_python_path(), **peer.environment}
        with pinned(cores.server):
            log = BUILD / "logs" / f"{peer.name}.log"
            server = stack.enter_context(LineProcess(peer.serve(port), log, environment=environment, folder=_ROOT))
        wait_listening(server, port, peer.startup)
        publisher = server
        if peer.publisher is not None:
            with pinned(cores.load):
                log = BUILD / "logs" / f"{peer.name}-publisher.log"
                command = peer.publisher(port)
                publisher = stack.enter_context(LineProcess(command, log, environment=environment, folder=_ROOT))
        yield Running(port, server, publisher)


def _python_path() -> dict[str, str]:
    """Keep what the caller's PYTHONPATH puts first, such as another worktree's sources."""
    given = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{given}:{_ROOT}"} if given else {}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_listening(server: LineProcess, port: int, patience: float) -> None:
    """Wait until a server takes connections, some seconds at most."""
    deadline = time.monotonic() + patience
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError:
            if not server.running:
                server.read(1.0)
            if time.monotonic() > deadline:
                raise WorkFailedError(f"did not listen within {patience:g} s") from None
            time.sleep(0.05)


@contextmanager
def loaded(load: Path, cores: Cores, run: Running, peer: Peer, work: Work) -> Iterator[LineProcess]:
    """Connect the clients of a work."""
    with pinned(cores.load):
        process = generator.start(load, run.port, work.clients, peer.clients, probing=True)
    with process:
        generator.wait_connected(process)
        time.sleep(_SETTLE)
        yield process


def measure(peer: Peer, work: Work, load: Path, cores: Cores) -> Outcome:
    """Have a server do a work, and tell what came of it.

    Raises:
        WorkFailedError: the server did not start, or not all clients could connect.
    """
    try:
        with running(peer, cores) as run, loaded(load, cores, run, peer, work) as process:
            return _publish_and_count(run, work, process, cores)
    except ProcessFailedError as error:
        raise WorkFailedError(str(error)) from error


def _publish_and_count(run: Running, work: Work, load: LineProcess, cores: Cores) -> Outcome:
    load.ask("start")
    began, busy, before = time.monotonic(), busy_seconds(cores), read_usage(run.server.pid)
    outside = read_usage(run.publisher.pid)
    run.publisher.tell(f"publish {work.rate} {work.seconds}")
    published = run.publisher.read(work.seconds * OVERTIME + _PUBLISHING_GRACE)["published"]
    told, seconds = _wait_delivered(load, published, work, began)
    used = read_usage(run.server.pid) - before
    publisher_cpu = (read_usage(run.publisher.pid) - outside).total if run.publishes_outside else 0.0
    others = busy_seconds(cores) - busy - used.total - told["cpu_seconds"] - publisher_cpu
    return _outcome(work, published, told, Spent(seconds, used, publisher_cpu, max(0.0, others)))


def _wait_delivered(load: LineProcess, published: int, work: Work, began: float) -> tuple[dict[str, Any], float]:
    """Wait until everything has arrived, or time is over; return the report and the seconds until then."""
    ends = began + work.seconds * OVERTIME + _GRACE
    told = generator.report(load, published)
    while told["events"] < published * work.clients and time.monotonic() < ends:
        time.sleep(_LOOK)
        told = generator.report(load, published)
    return told, time.monotonic() - began


@dataclass(frozen=True)
class Spent:
    """Seconds: by the clock, then of CPU: the server's, the publisher's if it has one, and everybody else's."""

    seconds: float
    server: Usage
    publisher: float
    others: float


def _outcome(work: Work, published: int, told: dict[str, Any], spent: Spent) -> Outcome:
    offered = round(work.rate * work.seconds)
    return Outcome(
        offered=offered,
        published=published,
        delivered=told["events"],
        lost=told["lost"],
        misordered=told["misordered"],
        gone=told["gone"],
        seconds=spent.seconds,
        cpu=spent.server.total,
        user=spent.server.user,
        cpu_share=spent.server.total / spent.seconds,
        load_share=told["cpu_seconds"] / told["seconds"],
        others_share=spent.others / spent.seconds,
        publisher_cpu=spent.publisher,
        latency={name: told["latency_ms"][name] for name in ("p50", "p90", "p99", "max")},
        probe={name: told["probe_ms"][name] for name in ("p50", "p90", "p99", "max")},
        bytes=told["bytes"] / told["events"] if told["events"] else 0.0,
        failure=_failure(offered, published, told, spent.seconds),
    )


def _failure(offered: int, published: int, told: dict[str, Any], seconds: float) -> str | None:
    if told["gone"]:
        return f"ended {told['gone']:,} connections"
    if told["misordered"]:
        return f"{told['misordered']:,} events doubled or out of order"
    if published < offered:
        return f"published {published:,} of {offered:,}"
    if told["lost"]:
        return f"{told['lost']:,} deliveries missing after {seconds:.1f} s"
    return None


def measure_memory(peer: Peer, count: int, load: Path, cores: Cores) -> float:
    """Resident bytes of the server per idle connection, above what it takes with none.

    Raises:
        WorkFailedError: the server did not start, or not all clients could connect.
    """
    clients = peer.idle_clients or peer.clients
    try:
        with running(peer, cores) as run:
            # What is loaded and made for the first of all connections belongs to none.
            with generator.start(load, run.port, _WARM_UP, clients) as few:
                generator.wait_connected(few)
            time.sleep(_SETTLE)
            empty = resident(run.server.pid)
            with pinned(cores.load):
                many = generator.start(load, run.port, count, clients)
            with many:
                generator.wait_connected(many)
                time.sleep(_SETTLE)
                return (resident(run.server.pid) - empty) / count
    except ProcessFailedError as error:
        raise WorkFailedError(str(error)) from error
