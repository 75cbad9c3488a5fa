"""A short run of the killed server: what counts is what was acknowledged, told and stored. And the account it keeps."""

from typing import Any

import pytest

from benchmarks.agent_ledger import Ledger
from benchmarks.killed_server import Plan, run


@pytest.mark.e2e
@pytest.mark.timeout(120)
async def test_kills_under_load_lose_nothing_and_make_nothing_up() -> None:
    outcome = await run(Plan(kills=4, changes=60, longest=0.5))
    assert outcome.violations == []
    assert outcome.told_again == 0
    assert outcome.kills == 4
    assert outcome.acknowledged >= 240
    # Twelve clients follow the feed, four two agents, four all three: each new server gave each a fresh state.
    assert (outcome.snapshots, outcome.resets) == (5 * 32, 4 * 32)
    assert outcome.events >= 240 * 16


def agent(agent_id: int, version: int, name: str) -> dict[str, Any]:
    return {"id": agent_id, "version": version, "name": name}


def stored(*agents: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {agent["id"]: agent for agent in agents}


def test_the_ledger_finds_what_was_lost() -> None:
    ledger = Ledger()
    ledger.acknowledge(agent(1, 2, "a"))
    ledger.acknowledge(agent(2, 1, "b"))
    ledger.ask_deletion(2)
    ledger.acknowledge_deletion(2)
    assert ledger.find_lost(stored(agent(1, 3, "c"))) == []
    assert ledger.find_lost(stored(agent(1, 1, "z"), agent(2, 1, "b"))) == [
        "agent 2: its deletion",
        "agent 1: version 2 was acknowledged, 1 is stored",
    ]
    assert ledger.find_lost({}) == ["agent 1: version 2 was acknowledged, 0 is stored"]


def test_the_ledger_finds_what_was_told_and_is_not_so() -> None:
    ledger = Ledger()
    ledger.told(agent(1, 2, "a"))
    ledger.told_deleted(3)
    assert ledger.find_unfounded(stored(agent(1, 2, "a"))) == []
    assert ledger.find_unfounded(stored(agent(1, 1, "z"), agent(3, 1, "c"))) == [
        "agent 3 was told deleted",
        "agent 1 was told in version 2, 1 is stored",
    ]


def test_the_ledger_finds_a_version_that_was_told_and_given_again() -> None:
    ledger = Ledger()
    ledger.told(agent(1, 2, "never committed"))
    ledger.acknowledge(agent(1, 2, "committed"))
    (contradiction,) = ledger.find_unfounded(stored(agent(1, 3, "later")))
    assert contradiction == "agent 1 has two names at version 2: never committed, committed"


def test_the_ledger_counts_the_unanswered_requests_that_were_done() -> None:
    ledger = Ledger()
    done, undone, overwritten = ledger.ask(), ledger.ask(), ledger.ask()
    ledger.told(agent(1, 2, overwritten))
    for deleted in (2, 3):
        ledger.ask_deletion(deleted)
    state = stored(agent(1, 3, done), agent(2, 1, "still there"))
    assert ledger.find_unfounded(state) == []
    assert ledger.settle(state) == 3
    ledger.told(agent(4, 1, undone))
    assert ledger.settle(state) == 0
    for left in (2, 3):
        ledger.acknowledge(agent(left, 1, f"agent {left}"))
    assert ledger.find_lost({}) == ["agent 2: version 1 was acknowledged, 0 is stored"], "3 was deleted, 2 was not"
