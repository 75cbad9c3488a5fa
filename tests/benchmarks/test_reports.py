"""What `make bench` says of what it measured; the figures here are made up, and nothing is timed."""

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import assemble, read_command_line, read_ratios
from benchmarks.comparing import compare, render_comparison
from benchmarks.fanout.__main__ import fill, publish
from benchmarks.fanout.generator import Clients
from benchmarks.fanout.goals import judge
from benchmarks.fanout.measuring import Outcome, Work
from benchmarks.fanout.peer import Peer
from benchmarks.fanout.results import PeerResult, Results
from benchmarks.part import Goal, Part, table
from benchmarks.recovery_storm import expected_sums, missed_events

LIGHT, HEAVY = Work(1_000, 100, 4.0), Work(1_000, 4_000, 3.0)


def outcome(cpu: float, *, p99: float = 5.0, failure: str | None = None, delivered: int = 400_000) -> Outcome:
    return Outcome(
        offered=400, published=400, delivered=delivered, lost=0, misordered=0, gone=0, seconds=4.0, cpu=cpu,
        user=cpu / 4, cpu_share=cpu / 4, load_share=0.5, others_share=0.0, publisher_cpu=0.0,
        latency={"p50": 2.0, "p90": 3.0, "p99": p99, "max": 9.0},
        probe={"p50": 1.0, "p90": 1.0, "p99": 2.0, "max": 3.0},
        bytes=277.0, failure=failure,
    )  # fmt: skip


def result(name: str, **outcomes: Outcome) -> PeerResult:
    peer = Peer(name=name, title=name.upper(), serve=lambda _port: [], clients=Clients())
    works = {"light": LIGHT.name, "heavy": HEAVY.name}
    return PeerResult(peer, outcomes={works[work]: [one] for work, one in outcomes.items()}, memory=[4_000.0])


@pytest.fixture
def results() -> Results:
    made = Results("2026-01-01T00:00+00:00", {"cores": "2"}, [LIGHT, HEAVY], 5_000, 1)
    made.peers = [
        result("trunkline", light=outcome(1.6), heavy=outcome(1.6, p99=25.0)),
        result("uws", light=outcome(2.0)),
        result("nchan", light=outcome(1.0, failure="published 1 of 400")),
    ]
    return made


def test_a_goal_is_met_or_missed_by_the_figures_of_the_run(results: Results) -> None:
    goals = {(goal.work, goal.goal): goal for goal in judge(results)}
    uws = goals[LIGHT.name, "CPU per delivery ≤ 1.05 x UWS"]
    assert (uws.measured, uws.met) == ("0.80 x", True)
    nchan = goals[LIGHT.name, "CPU per delivery ≤ 0.85 x NCHAN"]
    assert (nchan.measured, nchan.met) == ("1.60 x (it fails: published 1 of 400)", False)
    assert goals[HEAVY.name, "p99 ≤ 20 ms"].met is False
    assert goals["idle, two subscriptions", "≤ 4 KB a connection"].met is True
    assert not any(goal.work == "1,000 x 1,000/s" for goal in goals.values())


def test_ratios_are_of_those_who_did_the_work(results: Results) -> None:
    assert results.ratios == {
        "CPU per delivery, 1,000 x 100/s, uws": 1.25,
        "memory of a connection, uws": 1.0,
        "memory of a connection, nchan": 1.0,
    }


def test_ratios_of_two_runs_agree_within_fifteen_percent_either_way() -> None:
    compared = compare(
        {"a": 1.0, "b": 1.0, "c": 1.0, "gone": 1.0, "zero": 0.0}, {"a": 1.15, "b": 0.86, "c": 1.2, "zero": 1.0}
    )
    assert {one.name: one.agrees for one in compared} == {"a": True, "b": False, "c": False, "zero": False}
    text = render_comparison(compared, missing=["gone"])
    assert "In one of the two runs only: gone." in text
    assert "1 of 4 ratios agree within 15%" in text
    assert "| c | 1.000 | 1.200 | +20% | **no** |" in text


def test_a_report_has_every_goal_in_one_table_and_the_same_in_its_file(results: Results) -> None:
    part = Part(
        name="storm", markdown="### Storm\n",
        goals=[Goal("storm", "none lost", "1 lost", False), Goal("x", "y", "", None)],
        ratios={"storm": 0.5}, figures={"clients": 3},
    )  # fmt: skip
    told = assemble(results, [part], {"storm": 0.4}, quick=False)
    text = told["texts"]["results"]
    assert "| storm | none lost | 1 lost | **no** |" in text
    assert "| x | y |  | ? |" in text
    assert (
        text.index("### Goals") < text.index("1,000 subscribers x 100") < text.index("### Storm") < text.index("0 of 1")
    )
    figures = json.loads(json.dumps(told["figures"]))
    assert figures["ratios"]["storm"] == 0.5
    assert figures["storm"] == {"clients": 3}
    assert len(figures["goals"]) == len(judge(results)) + 2
    assert "In one of the two runs only: CPU per delivery, 1,000 x 100/s, uws; " in text
    assert "ratios" not in assemble(None, [part], {}, quick=True)["texts"]


def test_a_run_is_compared_with_one_of_its_kind_only(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert read_ratios(file, quick=False) == {}
    file.write_text(json.dumps({"quick": False, "ratios": {"a": 1.5}}))
    assert read_ratios(file, quick=False) == {"a": 1.5}
    assert read_ratios(file, quick=True) == {}


def test_texts_go_between_their_marks_and_nowhere_else() -> None:
    page = "before <!-- goals --> old <!-- /goals --> after"
    assert fill(page, "goals", " new\n") == "before <!-- goals -->\n\nnew\n\n<!-- /goals --> after"
    assert fill(page, "others", "new") == page


def test_a_table_says_which_column_is_text() -> None:
    assert table(("", "a"), [["x", "1"]]) == "|  | a |\n|---|---:|\n| x | 1 |\n"


def test_the_command_line_has_the_flags_that_the_documentation_names() -> None:
    options = read_command_line(["--quick", "--only", "trunkline,uws", "--parts", "fanout", "--publish"])
    assert (options.quick, options.only, options.parts, options.publish) == (True, "trunkline,uws", "fanout", True)


def test_lost_and_doubled_events_of_a_storm_do_not_add_up_to_what_is_right() -> None:
    events = missed_events()
    right = expected_sums(events)
    assert len({stamp for _, stamp in events}) == len(events)
    assert len(set(right)) == len(right)
    (key, _), instead = events[0], next(stamp for other, stamp in events[1:] if other == events[0][0])
    assert expected_sums([(key, instead), *events[1:]])[0] != right[0]


def test_publishing_replaces_what_the_pages_showed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.fanout.__main__.ROOT", tmp_path)
    (tmp_path / "docs" / "performance").mkdir(parents=True)
    (tmp_path / "docs" / "performance" / "of-yesterday.svg").touch()
    page = (
        "<!-- ratios -->old<!-- /ratios --> words <!-- results -->old<!-- /results --> <!-- plots -->old<!-- /plots -->"
    )
    (tmp_path / "docs" / "performance.md").write_text(page)
    (tmp_path / "README.md").write_text("<!-- ratios -->old<!-- /ratios -->")
    run = tmp_path / "run"
    run.mkdir()
    for name in ("results.json", "results.md", "memory.svg"):
        (run / name).touch()
    publish(run, {"ratios": "the ratios", "results": "the results"})
    text = (tmp_path / "docs" / "performance.md").read_text()
    assert "old" not in text
    assert all(words in text for words in ("the ratios", " words ", "the results", "](performance/memory.svg)"))
    assert "the ratios" in (tmp_path / "README.md").read_text()
    assert {file.name for file in (tmp_path / "docs" / "performance").iterdir()} == {"results.json", "memory.svg"}
