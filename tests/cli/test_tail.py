"""`trunkline tail` against a real server."""

import json
import signal
from typing import IO

import pytest

from tests.cli.conftest import Run, Spawn
from tests.e2e.server_process import ServerProcess
from trunkline.cli.tail import Once


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().rstrip("\n")


def test_events_are_shown_one_a_line_until_ctrl_c(spawn: Spawn, on_server: Run) -> None:
    tail = spawn("tail", "agent:*")
    assert "agent_list" in line_of(tail.stdout)
    made = json.loads(on_server("agent", "create", "Tailed", "--model", "echo", "--json").out)
    time, topic, kind, *rest = line_of(tail.stdout).split()
    assert (topic, kind, rest) == (f"agent:{made['id']}", "agent_created", ["Tailed:", "idle,", "echo,", "v1"])
    assert len(time) == len("12:34:56.789")
    on_server("agent", "delete", "Tailed", "--yes")
    assert line_of(tail.stdout).endswith("agent_deleted           Tailed")
    tail.send_signal(signal.SIGINT)
    assert tail.communicate() == ("", "")
    assert tail.returncode == 130


def test_json_has_what_the_wire_has(spawn: Spawn, on_server: Run) -> None:
    tail = spawn("tail", "--json", "agent:*")
    snapshot = json.loads(line_of(tail.stdout))
    assert snapshot.keys() == {"type", "topic", "epoch", "seq", "data"}
    made = json.loads(on_server("agent", "create", "Jsön", "--json").out)
    event = json.loads(line_of(tail.stdout))
    assert event.keys() == {"type", "topic", "seq", "feed_seq", "id", "time", "data"}
    assert (event["type"], event["data"]) == ("agent_created", made)
    assert event["feed_seq"] == snapshot["seq"] + 1
    on_server("agent", "delete", str(made["id"]), "--yes")


def test_an_event_of_two_topics_is_shown_once(spawn: Spawn, on_server: Run) -> None:
    made = json.loads(on_server("agent", "create", "Both", "--json").out)
    tail = spawn("tail", "--json", "agent:*", f"agent:{made['id']}")
    assert {json.loads(line_of(tail.stdout))["type"] for _ in range(2)} == {"agent_list", "agent_state"}
    on_server("agent", "delete", str(made["id"]), "--yes")
    assert json.loads(line_of(tail.stdout))["type"] == "agent_deleted"
    on_server("agent", "create", "Next")
    assert json.loads(line_of(tail.stdout))["type"] == "agent_created"
    on_server("agent", "delete", "Next", "--yes")


def test_a_refused_topic_is_a_sentence_and_its_neighbours_go_on(spawn: Spawn, on_server: Run) -> None:
    tail = spawn("tail", "agent:*", "thread:99999")
    assert "agent_list" in line_of(tail.stdout)
    assert line_of(tail.stderr) == "Thread 99999 not found"
    on_server("agent", "create", "Neighbour")
    assert "agent_created" in line_of(tail.stdout)
    on_server("agent", "delete", "Neighbour", "--yes")


def test_refusals_alone_end_it(on_server: Run) -> None:
    failed = on_server("tail", "thread:99999")
    assert (failed.code, failed.out, failed.err) == (1, "", "Thread 99999 not found\n")
    failed = on_server("tail", "secret:1")
    assert (failed.code, failed.err) == (1, "Not allowed: secret:1\n")


def test_a_proxy_of_the_environment_is_not_asked_for_a_server_on_this_machine(
    on_server: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "ws_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert on_server("tail", "thread:99999").err == "Thread 99999 not found\n"
    assert on_server("doctor").code == 0


def test_it_ends_quietly_when_nobody_reads_it(spawn: Spawn) -> None:
    tail = spawn("tail", "agent:*")
    assert tail.stdout is not None
    tail.stdout.readline()
    tail.stdout.close()
    assert tail.wait() == 0
    assert tail.stderr is not None
    assert tail.stderr.read() == ""


def test_the_token_of_the_environment_is_taken(spawn: Spawn, server: ServerProcess, on_server: Run) -> None:
    ran = on_server("agent", "list", "--url", server.url, "--token", server.token)
    assert ran.code == 0
    assert server.token not in ran.out + ran.err


def test_ids_are_remembered_as_far_as_they_are_to_be() -> None:
    once = Once(remembered=2)
    assert [once.is_new(name) for name in ("a", "b", "a", "c", "a")] == [True, True, False, True, True]
