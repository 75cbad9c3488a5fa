"""Ten thousand clients lose their connections at the same moment, miss a hundred events, and all come back at once.

Each has ten topics. Trunkline and Centrifugo do the same work under the same load generator (in C, on the other core):
the server's CPU is counted from the cut until it has noticed, and from the first handshake until the last missed event
has arrived, and what comes in is counted for each client: every missed event, once.

python -m benchmarks.recovery_storm --clients 10000
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.fanout import generator, machine
from benchmarks.fanout.generator import BUILD, Clients
from benchmarks.fanout.installing import NotInstalledError, go
from benchmarks.fanout.line_process import LineProcess
from benchmarks.fanout.machine import Cores, pinned
from benchmarks.fanout.measuring import free_port, wait_listening
from benchmarks.fanout.process_usage import read_usage
from benchmarks.part import Goal, Part, table
from benchmarks.peers.centrifugo.peer import MODULE, VERSION, configure

_ROOT = Path(__file__).parent.parent
_GROUPS, _TOPICS, _MISSED = 100, 10, 10
"""A group of clients has its own topics; each topic misses so many events."""

_SETTLE = 1.5
_PATIENCE = 120.0
_NUMBER_SPACE = 1 << 64
SHARE = 1 / 3
"""Of Centrifugo's CPU per recovered client: the goal."""

Position = tuple[str, int]
Event = tuple[str, str]
"""A topic's key, and the stamp that the load generator reads."""


@dataclass(frozen=True)
class Storm:
    """What came of it; times in seconds.

    Attributes:
        recovered: clients that got every missed event once.
        cut_cpu: of the server, until it had noticed the cut.
        recovery_cpu: of the server, from the first handshake until all had arrived.
        recovery_time: the same by the clock.
        load_share: of its core that the load generator used meanwhile.
    """

    clients: int
    recovered: int
    cut_cpu: float
    recovery_cpu: float
    recovery_time: float
    load_share: float

    @property
    def cpu_per_client(self) -> float:
        """Microseconds of the server's CPU for one client that was cut and came back."""
        return (self.cut_cpu + self.recovery_cpu) / self.clients * 1e6


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A server that takes part.

    Attributes:
        serve: runs it on a port.
        path: of the WebSocket.
        publish: publishes events, and returns the position of each.
        subscribe: the first message of a client with these topics; with positions, one that recovers.
        ready: what a client reads once a topic, subscribed or resumed.
        resumed: the same after the cut.
    """

    name: str
    title: str
    serve: Callable[[int], Sequence[str]]
    path: str
    publish: Callable[[LineProcess, int, Sequence[Event]], list[Position]]
    subscribe: Callable[[Sequence[str], Sequence[Position] | None], str]
    ready: str
    resumed: str
    install: Callable[[], object] = lambda: None


def _publish_by_line(server: LineProcess, _port: int, events: Sequence[Event]) -> list[Position]:
    return [(epoch, seq) for epoch, seq in server.ask(json.dumps(events), _PATIENCE)["positions"]]


def _publish_by_http(_server: LineProcess, port: int, events: Sequence[Event]) -> list[Position]:
    connection, positions = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE), list[Position]()
    for begin in range(0, len(events), 500):
        commands = [
            {"publish": {"channel": f"bench:{key}", "data": {"key": key, "at": stamp, "text": "x" * 64}}}
            for key, stamp in events[begin : begin + 500]
        ]
        connection.request(
            "POST", "/api/batch", json.dumps({"commands": commands}), {"Content-Type": "application/json"}
        )
        for reply in json.load(connection.getresponse())["replies"]:
            positions.append((reply["publish"]["epoch"], reply["publish"]["offset"]))
    connection.close()
    return positions


def _subscribe_trunkline(topics: Sequence[str], positions: Sequence[Position] | None) -> str:
    wanted = [f"bench:{key}" for key in topics] if positions is None else [
        {"topic": f"bench:{key}", "since": {"epoch": epoch, "seq": seq}}
        for key, (epoch, seq) in zip(topics, positions, strict=True)
    ]  # fmt: skip
    return json.dumps({"type": "subscribe", "topics": wanted}, separators=(",", ":"))


def _subscribe_centrifugo(topics: Sequence[str], positions: Sequence[Position] | None) -> str:
    commands: list[dict[str, object]] = [{"id": 1, "connect": {}}]
    for number, key in enumerate(topics):
        subscribe: dict[str, object] = {"channel": f"bench:{key}"}
        if positions is not None:
            epoch, offset = positions[number]
            subscribe |= {"recover": True, "epoch": epoch, "offset": offset}
        commands.append({"id": number + 2, "subscribe": subscribe})
    # The load generator takes a line for a client; byte 31 is its newline.
    return "\x1f".join(json.dumps(command, separators=(",", ":")) for command in commands)


def contenders() -> list[Contender]:
    """Who takes part."""
    return [
        Contender(
            name="trunkline",
            title="**Trunkline**",
            serve=lambda port: [sys.executable, "-m", "benchmarks.peers.trunkline.storm_server", str(port)],
            path="/api/ws/v2",
            publish=_publish_by_line,
            subscribe=_subscribe_trunkline,
            ready='"subscribed"',
            resumed='"resumed"',
        ),
        Contender(
            name="centrifugo",
            title="Centrifugo (Go)",
            serve=lambda port: configure(
                port, namespace={"name": "bench", "history_size": 1_000, "history_ttl": "300s", "force_recovery": True}
            ),
            path="/connection/websocket",
            publish=_publish_by_http,
            subscribe=_subscribe_centrifugo,
            ready='"subscribe":{',
            resumed='"recovered":true',
            install=lambda: go("centrifugo", MODULE, VERSION),
        ),
    ]


def missed_events() -> list[Event]:
    """What is published while nobody is there: numbers that no other combination of them adds up to."""
    chance = random.Random(7)
    return [
        (f"{group}-{topic}", f"stamp={chance.randrange(10**17, 10**18)}")
        for _ in range(_MISSED)
        for group in range(_GROUPS)
        for topic in range(_TOPICS)
    ]


def expected_sums(events: Sequence[Event]) -> list[int]:
    """The sum of the stamps that a client of each group must have read."""
    sums = [0] * _GROUPS
    for key, stamp in events:
        sums[int(key.partition("-")[0])] += int(stamp.removeprefix("stamp="))
    return [one % _NUMBER_SPACE for one in sums]


def _keys(group: int) -> list[str]:
    return [f"{group}-{topic}" for topic in range(_TOPICS)]


def _write_groups(contender: Contender, positions: dict[str, Position] | None) -> Path:
    file = BUILD / f"storm-{contender.name}-{'return' if positions else 'first'}"
    lines = (
        contender.subscribe(_keys(group), [positions[key] for key in _keys(group)] if positions else None)
        for group in range(_GROUPS)
    )
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


@contextmanager
def _serving(contender: Contender, port: int, cores: Cores) -> Iterator[LineProcess]:
    log = BUILD / "logs" / f"storm-{contender.name}.log"
    with pinned(cores.server):
        server = LineProcess(contender.serve(port), log, environment={"PYTHONPATH": str(_ROOT)}, folder=_ROOT)
    with server:
        wait_listening(server, port, 20.0)
        yield server


def measure(contender: Contender, clients: int, load: Path, cores: Cores) -> Storm:
    """Connect all, cut them, publish, let them come back."""
    port = free_port()
    with _serving(contender, port, cores) as server:
        first = [(key, "stamp=none") for group in range(_GROUPS) for key in _keys(group)]
        positions = dict(zip((key for key, _ in first), contender.publish(server, port, first), strict=True))
        crowd = Clients(
            path=contender.path, ready=contender.ready, ready_count=_TOPICS, replies={"{}": "{}"},
            groups=_write_groups(contender, None),
        )  # fmt: skip
        with pinned(cores.load):
            process = generator.start(load, port, clients, crowd, window=256)
        with process:
            generator.wait_connected(process)
            return _cut_and_return(contender, server, process, port, positions, clients)


def _cut_and_return(
    contender: Contender,
    server: LineProcess,
    load: LineProcess,
    port: int,
    positions: dict[str, Position],
    clients: int,
) -> Storm:
    before = read_usage(server.pid)
    load.ask("cut")
    time.sleep(_SETTLE)
    cut = read_usage(server.pid) - before
    events = missed_events()
    contender.publish(server, port, events)
    time.sleep(_SETTLE)
    file = _write_groups(contender, positions)
    before, began = read_usage(server.pid), time.monotonic()
    load.ask(f"return {contender.resumed} {file}")
    generator.wait_connected(load)
    each = _TOPICS * _MISSED
    told = generator.report(load, each)
    while told["events"] < each * clients and time.monotonic() < began + _PATIENCE:
        time.sleep(0.02)
        told = generator.report(load, each)
    took, used = time.monotonic() - began, read_usage(server.pid) - before
    time.sleep(_SETTLE)  # for what should not come any more
    return Storm(
        clients=clients,
        recovered=_count_recovered(load, each, clients, events),
        cut_cpu=cut.total,
        recovery_cpu=used.total,
        recovery_time=took,
        load_share=told["cpu_seconds"] / told["seconds"],
    )


def _count_recovered(load: LineProcess, each: int, clients: int, events: Sequence[Event]) -> int:
    """Clients that read each of their events once: as many as there were, and their stamps add up."""
    told, sums = generator.report(load, each), load.ask("sums")
    right = sum(int(one) == wanted for one, wanted in zip(sums["sums"], expected_sums(events), strict=True))
    if not told["least"] == told["most"] == each:
        print(f"  each of them should have read {each} events, and read {told['least']} to {told['most']}")
    lost = int(told["gone"]) + int(sums["unlike"])
    return max(0, clients * right // _GROUPS - lost)


def run(clients: int) -> Part:
    """Measure everyone, side by side."""
    load, cores = generator.build(), machine.choose_cores()
    storms: dict[str, Storm] = {}
    absent: list[str] = []
    for contender in contenders():
        try:
            contender.install()
        except NotInstalledError as error:
            absent.append(f"{contender.title} is left out: {error}.")
            continue
        storm = storms[contender.title] = measure(contender, clients, load, cores)
        print(f"  {contender.name}: {storm.cpu_per_client:.0f} µs of CPU a client, {storm.recovered:,} recovered, "
              f"{storm.recovery_time:.1f} s", flush=True)  # fmt: skip
    return _report(clients, storms, absent)


def _report(clients: int, storms: dict[str, Storm], absent: Sequence[str]) -> Part:
    ours, theirs = storms.get("**Trunkline**"), storms.get("Centrifugo (Go)")
    goals: list[Goal] = []
    ratios: dict[str, float] = {}
    work = f"{clients:,} clients cut at once"
    if ours is not None:
        words = "all recovered, none lost or doubled"
        goals.append(Goal(work, words, f"{ours.recovered:,} of {clients:,}", ours.recovered == clients))
    if ours is not None and theirs is not None:
        ratio = ratios["recovery storm, Trunkline over Centrifugo"] = ours.cpu_per_client / theirs.cpu_per_client
        goals.append(Goal(work, "CPU per recovered client ≤ 0.33 x Centrifugo", f"{ratio:.2f} x", ratio <= SHARE))
    cells = (
        [
            title, f"{one.cpu_per_client:.0f} µs", f"{one.cut_cpu / clients * 1e6:.0f} µs",
            f"{one.recovery_cpu / clients * 1e6:.0f} µs", f"{one.recovered:,} of {one.clients:,}",
            f"{one.recovery_time:.1f} s", f"{one.load_share:.0%}",
        ]
        for title, one in storms.items()
    )  # fmt: skip
    head = ("", "CPU a client", "to notice the cut", "to recover", "whole again", "until all were", "load's CPU")
    text = "\n".join(
        [
            f"### Recovery storm: {clients:,} clients, {_TOPICS} topics each, {_TOPICS * _MISSED} events missed",
            "", table(head, cells), *absent,
        ]
    )  # fmt: skip
    return Part(
        name="recovery_storm", markdown=text, goals=goals, ratios=ratios,
        figures={title.replace("*", ""): asdict(one) for title, one in storms.items()},
    )  # fmt: skip


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=10_000)
    print(run(parser.parse_args().clients).markdown)


if __name__ == "__main__":
    main()
