"""`make bench`: every benchmark of performance in one run, its goals and figures in one report.

python -m benchmarks --quick
"""

import argparse
import asyncio
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    commit_to_client,
    deflate,
    flat_costs,
    many_connections,
    recovery_storm,
    serve_start,
    where_time_goes,
)
from benchmarks.browser_frames import __main__ as browser_frames
from benchmarks.comparing import compare, render_comparison
from benchmarks.fanout.__main__ import perform, publish, read_arguments
from benchmarks.fanout.generator import BUILD
from benchmarks.fanout.goals import judge
from benchmarks.fanout.plots import draw_all
from benchmarks.fanout.results import Results
from benchmarks.fanout.tables import render_details, render_goals, render_ratios, render_surroundings
from benchmarks.part import Part

RESULTS = BUILD / "results"
_COMMIT_RATE = 20.0


def other_parts(quick: bool) -> dict[str, Callable[[], Part]]:
    """Everything but the fan-out, in the order of the report."""
    plan = commit_to_client.Plan(seconds=8.0 if quick else 30.0, rate=_COMMIT_RATE)
    return {
        "storm": lambda: recovery_storm.run(3_000 if quick else 10_000),
        "connections": lambda: many_connections.run(5_000 if quick else 18_000),
        "flat": lambda: flat_costs.run(100_000 if quick else 1_000_000),
        "latency": lambda: commit_to_client.report(asyncio.run(commit_to_client.run(plan))),
        "start": serve_start.run,
        "browser": lambda: browser_frames.run(5.0 if quick else 10.0),
        "time": where_time_goes.run,
        "deflate": deflate.run,
    }


def read_command_line(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    names = ", ".join(("fanout", *other_parts(quick=True)))
    parser.add_argument("--parts", metavar="NAMES", help=f"some of {names}, joined by commas")
    parser.add_argument("--only", metavar="PEERS", help="peers of the fan-out, joined by commas")
    parser.add_argument("--quick", action="store_true", help="less of everything: for a look, not for figures")
    parser.add_argument("--rounds", default="1", help="how often the fan-out is done; the median counts")
    parser.add_argument("--publish", action="store_true", help="write the report into docs/, and README.md's table")
    return parser.parse_args(arguments)


def fan_out(options: argparse.Namespace) -> Results:
    """The benchmark beside the peers."""
    flags = ["--rounds", options.rounds]
    flags += ["--quick"] if options.quick else []
    flags += ["--only", options.only] if options.only else []
    return perform(read_arguments(flags))


def read_ratios(file: Path, quick: bool) -> dict[str, float]:
    """The ratios of a run before, if it was one of the same kind."""
    if not file.exists():
        return {}
    told: dict[str, Any] = json.loads(file.read_text())
    return told.get("ratios", {}) if told.get("quick") == quick else {}


def assemble(fanout: Results | None, parts: Sequence[Part], before: dict[str, float], quick: bool) -> dict[str, Any]:
    """Everything that a run says: texts by the name of their place in the documentation, and figures for a file."""
    goals = [*(judge(fanout) if fanout else ()), *(goal for part in parts for goal in part.goals)]
    ratios = {
        **(fanout.ratios if fanout else {}),
        **{name: value for part in parts for name, value in part.ratios.items()},
    }
    lines = list(render_goals(goals))
    lines += render_details(fanout) if fanout else []
    lines += [part.markdown for part in parts]
    lines += render_surroundings(fanout) if fanout else []
    if before:
        alone = [*(name for name in ratios if name not in before), *(name for name in before if name not in ratios)]
        lines.append(render_comparison(compare(before, ratios), alone))
    figures = {
        "quick": quick,
        "goals": [{"work": one.work, "goal": one.goal, "measured": one.measured, "met": one.met} for one in goals],
        "ratios": ratios,
        "fanout": fanout.as_dict() if fanout else None,
        **{part.name: part.figures for part in parts},
    }
    texts = {"results": "\n".join(lines), **({"ratios": render_ratios(fanout)} if fanout else {})}
    return {"texts": texts, "figures": figures}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything, or some, and write results.json, results.md and the plots."""
    options = read_command_line(arguments)
    others = other_parts(options.quick)
    wanted = options.parts.split(",") if options.parts else ["fanout", *others]
    if unknown := [name for name in wanted if name not in ("fanout", *others)]:
        raise SystemExit(f"There is no part {', '.join(unknown)}. Parts: fanout, {', '.join(others)}")
    before = read_ratios(RESULTS / "results.json", options.quick)
    fanout = fan_out(options) if "fanout" in wanted else None
    parts: list[Part] = []
    for name in others:
        if name in wanted:
            print(f"\n{name}", flush=True)
            parts.append(others[name]())
    told = assemble(fanout, parts, before, options.quick)
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    (RESULTS / "results.json").write_text(json.dumps(told["figures"], indent=1, ensure_ascii=False) + "\n")
    report = "\n".join([told["texts"].get("ratios", ""), told["texts"]["results"]])
    (RESULTS / "results.md").write_text(report)
    if fanout:
        draw_all(fanout, RESULTS)
    if options.publish:
        publish(RESULTS, told["texts"])
    print(f"\n{report}\nAll of it is in {RESULTS}")


if __name__ == "__main__":
    main()
