"""Whether a page keeps its frames while it takes 10,000 events a second, in Chromium.

python -m benchmarks.browser_frames
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright

_FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_FRAME: Final = 1000 / 60
_WARM_UP: Final = 2.0


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


def run(rate: int, seconds: float) -> Frames:
    """Serve, look, and tell."""
    browser = os.environ.get("TRUNKLINE_CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise SystemExit("There is no Chromium on PATH; install it, or name it in TRUNKLINE_CHROMIUM.")
    with serving(rate) as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=list(_FLAGS))
        try:
            return measure(chromium.new_page(), url, seconds)
        finally:
            chromium.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a page with events and one without, and print both."""
    parser = argparse.ArgumentParser(prog="benchmarks.browser_frames", description=__doc__)
    parser.add_argument("--rate", type=int, default=10_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args(arguments)
    for rate in (1, options.rate):
        print(json.dumps({"rate": rate, **asdict(run(rate, options.seconds))}))


if __name__ == "__main__":
    main()
