"""Whether a page keeps its frames while it takes 10,000 events a second, in Chromium, and what the client weighs.

python -m benchmarks.browser_frames
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright

from benchmarks.fanout.generator import BUILD
from benchmarks.fanout.installing import npm
from benchmarks.part import Goal, Part, table

_FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_FRAME: Final = 1000 / 60
_WARM_UP: Final = 2.0
_RATE: Final = 10_000
_WEB: Final = Path(__file__).parent.parent.parent / "web"
_OURS: Final = "@trunkline/client"
_BUDGET: Final = 6 * 1024
_OTHERS: Final = {"socket.io-client": "4.8.4", "centrifuge": "5.8.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """What a page did.

    Attributes:
        received: events that it took, a second.
        holes: events that did not follow the one before.
        frames: frames drawn, a second.
        dropped: frames that came more than one and a half frames after the one before, of all.
        longest: the longest time between two frames, in milliseconds.
        busy: share of the page's main thread that was used.
    """

    received: float
    holes: int
    frames: float
    dropped: int
    longest: float
    median: float
    busy: float


@contextmanager
def serving(rate: int) -> Iterator[str]:
    """Run the server in a process of its own; yields its address."""
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--port",
        "0",
        "--no-access-log",
        "--ws",
        "trunkline.transports.uvicorn:DetachingProtocol",
    ]
    process = subprocess.Popen(
        [*command, "benchmarks.browser_frames.app:app"],
        env={**os.environ, "EVENTS_A_SECOND": str(rate)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "running on" in line:
                yield line.partition("running on ")[2].split()[0]
                return
        raise SystemExit("The server did not start; `make web` builds the client that it serves.")
    finally:
        process.terminate()
        process.wait(10)


def measure(page: Page, url: str, seconds: float) -> Frames:
    """Look at the page for a while, once it runs."""
    page.goto(url)
    page.wait_for_function("document.querySelector('output').textContent > 0")
    page.wait_for_timeout(_WARM_UP * 1000)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = _task_time(session.send("Performance.getMetrics"))
    seen: dict[str, Any] = page.evaluate(f"measure({seconds})")
    busy = _task_time(session.send("Performance.getMetrics")) - before
    gaps: list[float] = seen["gaps"]
    return Frames(
        received=seen["received"] / seconds,
        holes=seen["holes"],
        frames=len(gaps) / seconds,
        dropped=sum(gap > 1.5 * _FRAME for gap in gaps),
        longest=max(gaps),
        median=median(gaps),
        busy=busy / seconds,
    )


def _task_time(metrics: dict[str, Any]) -> float:
    return next(float(metric["value"]) for metric in metrics["metrics"] if metric["name"] == "TaskDuration")


def look(rate: int, seconds: float, query: str = "") -> Frames:
    """Serve, and look at the page for a while; `?tabs` has the line that all tabs share."""
    browser = os.environ.get("TRUNKLINE_CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise SystemExit("There is no Chromium on PATH; install it, or name it in TRUNKLINE_CHROMIUM.")
    with serving(rate) as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=list(_FLAGS))
        try:
            return measure(chromium.new_page(), f"{url}/{query}", seconds)
        finally:
            chromium.close()


def measure_sizes() -> dict[str, int]:
    """Gzipped bytes of this client and of others, each bundled whole, as a page that uses it would get it."""
    npm("browser_clients", _OTHERS)
    entries = {_OURS: _WEB / "client" / "dist" / "index.js"}
    for name in _OTHERS:
        entry = BUILD / "browser_clients" / f"{name}.js"
        entry.write_text(f'export * from "{name}";\n')
        entries[name] = entry
    command = ["node", str(_WEB.parent / "benchmarks" / "client_size.mjs"), *map(str, entries.values())]
    told = subprocess.run(command, cwd=_WEB, capture_output=True, text=True, check=True)
    sizes: dict[str, int] = json.loads(told.stdout)
    return {name: sizes[str(path)] for name, path in entries.items()}


def run(seconds: float = 10.0) -> Part:
    """Look at a page that hears an event a second and at one that hears 10,000, and weigh the clients."""
    idle, own, shared = look(1, seconds), look(_RATE, seconds), look(_RATE, seconds, "?tabs")
    sizes = measure_sizes()
    goals = [
        Goal("page in Chromium", "core ≤ 6 KB gzipped", f"{sizes[_OURS] / 1024:.2f} KB", sizes[_OURS] <= _BUDGET),
        _judge("the line that tabs share", shared, seconds),
        _judge("a line of its own", own, seconds),
    ]
    looks = {"1 event/s": idle, "a line of its own": own, "the line that tabs share": shared}
    rows = [
        [
            words,
            f"{one.received:,.0f}",
            f"{one.frames:.1f}",
            str(one.dropped),
            f"{one.longest:.0f} ms",
            f"{one.busy:.0%}",
        ]
        for words, one in looks.items()
    ]
    text = (
        "### The browser's end\n\n"
        f"{table(('', 'events/s', 'frames/s', 'dropped', 'longest gap', 'main thread'), rows)}\n"
        f"{table(('client', 'minified and gzipped'), ([name, f'{size:,} B'] for name, size in sizes.items()))}"
    )
    ratios = {f"bytes of {name} over ours": sizes[name] / sizes[_OURS] for name in _OTHERS}
    figures = {"idle": asdict(idle), "own": asdict(own), "shared": asdict(shared), "sizes": sizes}
    return Part(name="browser", markdown=text, goals=goals, ratios=ratios, figures=figures)


def _judge(which: str, frames: Frames, seconds: float) -> Goal:
    told = f"{frames.dropped} dropped of {frames.frames * seconds:.0f}; {frames.received:,.0f} events/s"
    met = frames.dropped == 0 and frames.holes == 0 and frames.received >= 0.99 * _RATE
    return Goal(f"page in Chromium, {which}", f"{_RATE:,} events/s, no animation frame dropped", told, met)


if __name__ == "__main__":
    print(run().markdown)
