"""As many connections in one server process as this machine has descriptors for, each with two subscriptions.

The load generator, in C, connects them over loopback from several source addresses; counted is the server's resident
memory above that of the empty server, and that each of them is really served: an event goes to all.

python -m benchmarks.many_connections --count 18000
"""

import argparse
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.fanout import generator, machine
from benchmarks.fanout.generator import CONNECT_TIME, SOURCE_ADDRESSES
from benchmarks.fanout.measuring import running
from benchmarks.fanout.peer import Peer
from benchmarks.fanout.process_usage import read_usage, resident
from benchmarks.part import Goal, Part
from benchmarks.peers.trunkline.peer import PEERS

_WARM_UP = 200
_SETTLE = 1.0
_PATIENCE = 15.0
_RESERVE = 500
"""Descriptors that a process needs for itself."""

GOAL = 4096


@dataclass(frozen=True)
class Many:
    """What was measured: bytes and microseconds of the server's CPU for one connection, and who got the event."""

    count: int
    memory: float
    connect_cpu: float
    reached: int


def most(wanted: int) -> int:
    """As many of them as the descriptors of a process allow."""
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - _RESERVE)


def measure(peer: Peer, count: int) -> Many:
    """Connect them, look, publish to all."""
    load, cores, clients = generator.build(), machine.choose_cores(), peer.idle_clients or peer.clients
    with running(peer, cores) as run:
        with generator.start(load, run.port, _WARM_UP, clients) as few:
            generator.wait_connected(few)
        time.sleep(_SETTLE)
        empty, before = resident(run.server.pid), read_usage(run.server.pid)
        with machine.pinned(cores.load):
            many = generator.start(load, run.port, count, clients, window=256)
        with many:
            many.read(CONNECT_TIME * 2)
            used = read_usage(run.server.pid) - before
            time.sleep(_SETTLE)
            memory = resident(run.server.pid) - empty
            many.ask("start")
            run.publisher.tell("publish 1 1")
            run.publisher.read(_PATIENCE)
            time.sleep(_SETTLE)
            told = generator.report(many, 1)
    return Many(count, memory / count, used.total / count * 1e6, told["events"])


def limits(count: int) -> str:
    """A sentence on what limits more."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    tracked = Path("/proc/sys/net/netfilter/nf_conntrack_max")
    memory = Path("/proc/sys/net/ipv4/tcp_mem").read_text().split()[2]
    parts = [
        f"one descriptor a connection, of {descriptors:,} that a process may have here (`ulimit -Hn`)",
        f"{high - low + 1:,} ports of each source address of the clients ({SOURCE_ADDRESSES} on loopback here; one for "
        "each client's machine elsewhere)",
        f"the kernel's memory for TCP ({int(memory) * 4 // 1024:,} MB)",
    ]
    if tracked.exists():
        entries = int(tracked.read_text())
        parts.insert(2, f"{entries:,} entries of connection tracking, two for a connection within one machine")
    return f"What limits more than {count:,}, in the order in which it is met: {'; '.join(parts)}. Several server " \
        "processes have a limit of descriptors each."  # fmt: skip


def run(wanted: int) -> Part:
    """Measure, and tell."""
    count = most(wanted)
    many = measure(PEERS[0], count)
    print(f"  {count:,} connections: {many.memory / 1024:.1f} KB and {many.connect_cpu:.0f} µs each", flush=True)
    work = f"{count:,} connections, two subscriptions each"
    text = (
        f"### {work}, in one process\n\n{many.memory / 1024:.2f} KB of resident memory a connection, "
        f"{many.connect_cpu:.0f} µs of CPU to connect and subscribe; an event reached {many.reached:,} of them. "
        f"{limits(count)}\n"
    )
    goals = [
        Goal(work, "≤ 4 KB each", f"{many.memory / 1024:.2f} KB", many.memory <= GOAL),
        Goal(work, "all are served", f"{many.reached:,} of {count:,}", many.reached == count),
    ]
    ratios = {"memory of a connection over 4 KB": many.memory / GOAL}
    return Part(name="many_connections", markdown=text, goals=goals, ratios=ratios, figures=asdict(many))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=18_000)
    print(run(parser.parse_args().count).markdown)


if __name__ == "__main__":
    main()
