"""Two runs beside each other: whether what should hold still did."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.part import table

AGREEMENT = 0.15


@dataclass(frozen=True)
class Compared:
    """A ratio in the run before and in this one."""

    name: str
    before: float
    now: float

    @property
    def differs_by(self) -> float:
        """As a share of the run before."""
        return self.now / self.before - 1 if self.before else float("inf")

    @property
    def agrees(self) -> bool:
        """Whether the two are within 15 % of each other, whichever came first."""
        low, high = sorted((self.before, self.now))
        return low > 0 and high / low <= 1 + AGREEMENT


def compare(before: Mapping[str, float], now: Mapping[str, float]) -> list[Compared]:
    """What both runs measured, in the order of this one."""
    return [Compared(name, before[name], value) for name, value in now.items() if name in before]


def render_comparison(compared: list[Compared], missing: Sequence[str] = ()) -> str:
    """A table, how many agree, and what only one of the two runs could measure."""
    agreeing = sum(one.agrees for one in compared)
    head = f"### Beside the run before\n\n{agreeing} of {len(compared)} ratios agree within {AGREEMENT:.0%}.\n\n"
    alone = f"\nIn one of the two runs only: {'; '.join(missing)}.\n" if missing else ""
    return head + table(("ratio", "before", "now", "difference", "agrees"), _rows(compared)) + alone


def _rows(compared: list[Compared]) -> Iterator[list[str]]:
    for one in compared:
        told = "yes" if one.agrees else "**no**"
        yield [one.name, f"{one.before:.3f}", f"{one.now:.3f}", f"{one.differs_by:+.0%}", told]
