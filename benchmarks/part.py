"""What one benchmark of `make bench` hands to the report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A goal, and what was measured; `met` is None where a figure is missing."""

    work: str
    goal: str
    measured: str
    met: bool | None


@dataclass(frozen=True, kw_only=True)
class Part:
    """The outcome of one benchmark.

    Attributes:
        name: for files.
        markdown: its section of the report.
        goals: its rows of the table of goals.
        ratios: what two runs are compared by.
        figures: everything, for a file.
    """

    name: str
    markdown: str
    goals: Sequence[Goal] = ()
    ratios: Mapping[str, float] = field(default_factory=dict)
    figures: Any = None


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown; the first column is text, the others are figures."""
    columns = list(head)
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(['---'] + ['---:'] * (len(columns) - 1))}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"
