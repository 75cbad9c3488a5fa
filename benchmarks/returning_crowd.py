"""Lose 10,000 clients at the same moment and let them come back: how hard they knock, and how long it takes.

Real client sessions and the server's real admission on a clock of the simulation; no network. Compared are the waits
that the server computes from its load, one fixed second for everyone, and no advice but the clients' own backoff.

python benchmarks/returning_crowd.py
"""

import argparse
import heapq
import random
from collections import Counter
from collections.abc import Callable

from trunkline import AdmissionOptions, ClientSession, LineState
from trunkline.hub.admission import Admission

Advice = Callable[[float], float | None]
"""Makes of the computed wait what a refused client is told; None tells it nothing."""


def computed(wait: float) -> float | None:
    """Whole seconds, as `Retry-After` carries them."""
    return float(int(wait))


def one_second(_wait: float) -> float | None:
    """The same for everyone."""
    return 1.0


def nothing(_wait: float) -> float | None:
    """No advice."""
    return None


class Crowd:
    """Clients that have lost their server at second 0, and what they do until all are back.

    Attributes:
        taken: handshakes taken, by second.
        asked: handshakes tried, by second.
    """

    def __init__(self, clients: int, options: AdmissionOptions, advice: Advice = computed) -> None:
        self.taken: Counter[int] = Counter()
        self.asked: Counter[int] = Counter()
        self._admission = Admission(options, 0.0)
        self._advice = advice
        self._chance = random.Random(7)
        self._sessions = [ClientSession() for _ in range(clients)]
        self._due: list[tuple[float, int]] = []
        for number, session in enumerate(self._sessions):
            session.start()
            session.opened(-100.0)
            session.closed(1006, "", 0.0, self._chance.random())
            self._wait(number)

    def run(self) -> None:
        """Let every client do as it wants until all are back, in the order of time."""
        while self._due:
            now, number = heapq.heappop(self._due)
            session = self._sessions[number]
            session.tick(now, self._chance.random())
            if session.state is not LineState.CONNECTING:
                raise RuntimeError(f"Client {number} was due, and does not connect")
            self.asked[int(now)] += 1
            wait = self._admission.ask(now)
            if wait is None:
                session.opened(now)
                self.taken[int(now)] += 1
            else:
                session.closed(1006, "busy", now, self._chance.random(), retry_after=self._advice(wait))
                self._wait(number)

    def _wait(self, number: int) -> None:
        deadline = self._sessions[number].next_deadline()
        if deadline is not None:
            heapq.heappush(self._due, (deadline, number))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=10_000)
    clients = parser.parse_args().clients
    options = AdmissionOptions()
    print(f"{clients:,} clients, {options.rate:g} handshakes a second and {options.burst} at once are taken")
    print("| refused clients are told | handshakes a client | most in a second after the first | all back after |")
    print("|---|---|---|---|")
    for name, advice in (("nothing", nothing), ("1 s, everyone", one_second), ("computed", computed)):
        crowd = Crowd(clients, options, advice)
        crowd.run()
        knocks, worst = crowd.asked.total() / clients, max(crowd.asked[second] for second in crowd.asked if second)
        print(f"| {name} | {knocks:.1f} | {worst:,} | {max(crowd.taken) + 1} s |")


if __name__ == "__main__":
    main()
