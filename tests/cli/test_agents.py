"""`trunkline agent` against a real server."""

import json

import pytest

from tests.cli.conftest import Run


def test_an_agent_is_created_listed_and_deleted(on_server: Run) -> None:
    made = on_server("agent", "create", "Grace", "--model", "echo", "--system", "You are Grace.", "--task", "Count.")
    assert made.code == 0
    assert made.out.startswith("Agent ")
    assert "created: Grace (echo)" in made.out
    listed = json.loads(on_server("agent", "list", "--json").out)
    grace = next(agent for agent in listed if agent["name"] == "Grace")
    assert (grace["system_instructions"], grace["task_instructions"]) == ("You are Grace.", "Count.")
    shown = on_server("agent", "list").out.splitlines()
    assert shown[0].split() == ["ID", "NAME", "STATUS", "MODEL", "CHANGED"]
    assert any(line.split()[:4] == [str(grace["id"]), "Grace", "idle", "echo"] for line in shown)
    deleted = on_server("agent", "delete", "Grace", "--yes")
    assert (deleted.code, deleted.out) == (0, f"Agent {grace['id']} (Grace) deleted.\n")
    assert on_server("agent", "delete", "Grace", "--yes").err.startswith("Agent Grace not found.")


def test_an_agent_made_as_json_can_be_deleted_by_its_id(on_server: Run) -> None:
    made = json.loads(on_server("agent", "create", "Jean", "--json").out)
    assert on_server("agent", "delete", str(made["id"]), "-y").code == 0


def test_a_name_of_several_agents_is_refused(on_server: Run) -> None:
    ids = [json.loads(on_server("agent", "create", "Twin", "--json").out)["id"] for _ in range(2)]
    refused = on_server("agent", "delete", "Twin", "--yes")
    assert refused.code == 1
    assert refused.err == f"2 agents are called Twin. Say which one by its id: {ids[0]}, {ids[1]}.\n"
    for agent_id in ids:
        on_server("agent", "delete", str(agent_id), "--yes")


def test_a_number_may_be_a_name(on_server: Run) -> None:
    on_server("agent", "create", "99999999")
    assert on_server("agent", "delete", "99999999", "--yes").out.endswith("(99999999) deleted.\n")


def test_without_a_terminal_nothing_is_deleted_unasked(on_server: Run) -> None:
    on_server("agent", "create", "Kept")
    refused = on_server("agent", "delete", "Kept")
    assert (refused.code, refused.err) == (
        1,
        "Nobody is here to be asked. Give --yes to delete without a question.\n",
    )
    assert on_server("agent", "delete", "Kept", "--yes").code == 0


@pytest.mark.parametrize("name", ["", "x" * 10_000])
def test_what_the_server_refuses_is_its_sentence(on_server: Run, name: str) -> None:
    refused = on_server("agent", "create", name)
    assert refused.code == 1
    assert len(refused.err.splitlines()) == 1
    assert "name" in refused.err
