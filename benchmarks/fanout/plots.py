"""Plots of a run as SVG, for light and dark pages alike."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

from benchmarks.fanout.measuring import Work
from benchmarks.fanout.results import PeerResult, Results, cpu_per_delivery

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP, _BOTTOM = 880, 290, 120, 26, 64, 34
_STYLE = """
  .page { fill: #ffffff } text { fill: #1f2328; font: 13px system-ui, sans-serif }
  .title { font-size: 16px; font-weight: 600 }
  .faint { fill: #59636e; font-size: 12px } .grid { stroke: #d1d9e0 } .ours { fill: #0969da } .theirs { fill: #8c959f }
  .failed { fill: #cf222e } .own { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #f0f6fc } .faint { fill: #9198a1 } .grid { stroke: #3d444d }
    .ours { fill: #4493f8 } .theirs { fill: #7d8590 } .failed { fill: #f85149 }
  }
"""


@dataclass(frozen=True)
class Bar:
    """One row: from `low` to `high`, or a sentence in its place."""

    title: str
    ours: bool
    low: float = 0.0
    high: float = 0.0
    label: str = ""
    failure: str | None = None


def draw_all(results: Results, folder: Path) -> list[Path]:
    """Draw what can be drawn of a run; return the files."""
    drawn = []
    for work in results.works:
        name = f"{work.clients}x{work.rate}"
        cpu = _rows(results, partial(_cpu_bar, work))
        latency = _rows(results, partial(_latency_bar, work))
        at = f"{work.clients:,} subscribers, {work.rate:,} events a second"
        drawn.append((f"cpu-{name}.svg", f"Server CPU per delivery, µs: {at}", cpu))
        drawn.append((f"latency-{name}.svg", f"Latency from p50 to p99, ms: {at}", latency))
    drawn.append(("memory.svg", "Memory of an idle connection with two subscriptions, KB", _rows(results, _memory_bar)))
    files = []
    for file, title, bars in drawn:
        if any(bar.high for bar in bars):
            (folder / file).write_text(draw(title, bars))
            files.append(folder / file)
    return files


def _rows(results: Results, make: Callable[[PeerResult], Bar | None]) -> list[Bar]:
    """Bars from the least to the most, failed ones last."""
    bars = [bar for one in results.peers if not one.absent and (bar := make(one)) is not None]
    return sorted(bars, key=lambda bar: (bar.failure is not None, bar.high))


def _start(one: PeerResult, failure: str | None) -> Bar:
    return Bar(one.peer.title.replace("*", "").replace("`", ""), one.peer.name.startswith("trunkline"), failure=failure)


def _cpu_bar(work: Work, one: PeerResult) -> Bar | None:
    bar, value = _start(one, one.failure(work)), cpu_per_delivery(one, work)
    if bar.failure or value is None:
        return bar if bar.failure else None
    return Bar(bar.title, bar.ours, 0.0, value, f"{value:.2f}")


def _latency_bar(work: Work, one: PeerResult) -> Bar | None:
    bar, outcome = _start(one, one.failure(work)), one.outcome(work)
    if bar.failure or outcome is None:
        return bar if bar.failure else None
    low, high = outcome.latency["p50"], outcome.latency["p99"]
    return Bar(bar.title, bar.ours, low, high, f"{low:.3g} to {high:.3g}")


def _memory_bar(one: PeerResult) -> Bar | None:
    bar, memory = _start(one, one.failures.get("idle")), one.idle_memory
    if memory is None:
        return bar if bar.failure else None
    return Bar(bar.title, bar.ours, 0.0, memory / 1024, f"{memory / 1024:.1f}")


@dataclass(frozen=True)
class Scale:
    """An axis: its marks, and where a value lies on it, from 0 to 1."""

    words: str
    marks: Sequence[float]
    share: Callable[[float], float]


def draw(title: str, bars: Sequence[Bar]) -> str:
    """Draw horizontal bars: lengths on a linear axis from zero, ranges on a logarithmic one."""
    shown = [bar for bar in bars if not bar.failure]
    values = [value for bar in shown for value in (bar.low, bar.high) if value > 0]
    scale = _logarithmic(values) if any(bar.low for bar in shown) else _linear(max(values))
    height = _TOP + _ROW * len(bars) + _BOTTOM

    def place(value: float) -> float:
        return _LEFT + scale.share(value) * (_WIDTH - _LEFT - _RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="16" y="28">{escape(title)}</text>',
        f'<text class="faint" x="16" y="47">less is better; {scale.words}</text>',
        *(part for value in scale.marks for part in _mark(value, height, place)),
        *(part for number, bar in enumerate(bars) for part in _bar(bar, _TOP + _ROW * number, place)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _linear(most: float) -> Scale:
    """From zero, with a mark at five steps of 1, 2 or 5 times a power of ten, or a few less."""
    power = 10.0 ** math.floor(math.log10(most / 5))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * 5 >= most)
    marks = [step * number for number in range(math.ceil(most / step) + 1)]
    return Scale("linear scale", marks, lambda value: value / marks[-1])


def _logarithmic(values: Sequence[float]) -> Scale:
    """Powers of ten around the values, with room below the least: a bar of no length could not be seen."""
    first = math.floor(math.log10(min(values) * 0.7))
    last = max(first + 1, math.ceil(math.log10(max(values))))
    marks = [10.0**power for power in range(first, last + 1)]
    return Scale("logarithmic scale", marks, lambda value: (math.log10(max(value, marks[0])) - first) / (last - first))


def _mark(value: float, height: int, place: Callable[[float], float]) -> list[str]:
    x = place(value)
    return [
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - _BOTTOM + 4}"/>',
        f'<text class="faint" x="{x:.1f}" y="{height - 12}" text-anchor="middle">{value:g}</text>',
    ]


def _bar(bar: Bar, top: int, place: Callable[[float], float]) -> list[str]:
    own = ' class="own"' if bar.ours else ""
    middle = top + _ROW / 2 + 4
    name = f'<text{own} x="{_LEFT - 10}" y="{middle:.1f}" text-anchor="end">{escape(bar.title)}</text>'
    if bar.failure:
        return [name, f'<text class="failed" x="{_LEFT + 6}" y="{middle:.1f}">fails: {escape(bar.failure)}</text>']
    begin, end = place(bar.low), place(bar.high)
    kind, width = "ours" if bar.ours else "theirs", max(2.0, end - begin)
    return [
        name,
        f'<rect class="{kind}" x="{begin:.1f}" y="{top + 4}" width="{width:.1f}" height="{_ROW - 8}" rx="2"/>',
        f'<text{own} x="{end + 6:.1f}" y="{middle:.1f}">{escape(bar.label)}</text>',
    ]
