"""`trunkline chat` against a real server with the model echo."""

import json
import signal

import httpx2
import pytest

from tests.cli.conftest import Run, Spawn
from tests.e2e.server_process import ServerProcess
from trunkline.agents.models.echo import INTRODUCTION


@pytest.fixture
def agent(on_server: Run) -> int:
    agent_id: int = json.loads(on_server("agent", "create", "Echo", "--model", "echo", "--json").out)["id"]
    return agent_id


def messages(server: ServerProcess, thread_id: int) -> list[tuple[str, str]]:
    found = httpx2.get(f"{server.url}/api/threads/{thread_id}/messages", headers=server.headers).json()["items"]
    return [(message["role"], message["content"]) for message in found]


def threads(server: ServerProcess, agent_id: int) -> list[dict[str, object]]:
    found = httpx2.get(f"{server.url}/api/threads", params={"agent_id": agent_id}, headers=server.headers)
    items: list[dict[str, object]] = found.json()["items"]
    return items


def test_one_question_is_answered_on_stdout(spawn: Spawn, server: ServerProcess, agent: int) -> None:
    chat = spawn("chat", str(agent), "--message", "Good  day\nto you")
    out, err = chat.communicate()
    assert (chat.returncode, err) == (0, "")
    assert out == f"{INTRODUCTION}Good  day\nto you\n"
    (thread,) = threads(server, agent)
    assert thread["title"] == "Good day to you"
    assert messages(server, int(str(thread["id"]))) == [("user", "Good  day\nto you"), ("assistant", out[:-1])]


def test_questions_come_line_by_line_from_a_pipe(spawn: Spawn, server: ServerProcess, agent: int) -> None:
    chat = spawn("chat", str(agent))
    out, err = chat.communicate("one\n\ntwo\nthree")
    assert (chat.returncode, err) == (0, "")
    assert out.splitlines() == [f"{INTRODUCTION}{said}" for said in ("one", "two", "three")]
    assert len(threads(server, agent)) == 1


def test_a_thread_is_taken_up_again(spawn: Spawn, server: ServerProcess, agent: int) -> None:
    spawn("chat", str(agent), "--message", "one").communicate()
    thread_id = str(threads(server, agent)[0]["id"])
    out, _ = spawn("chat", "--thread", thread_id, str(agent), "--message", "two").communicate()
    assert out == f"{INTRODUCTION}two\n"
    assert len(messages(server, int(thread_id))) == 4


def test_ctrl_c_stops_the_answer(spawn: Spawn, server: ServerProcess, agent: int) -> None:
    chat = spawn("chat", str(agent), "--message", "word " * 500)
    assert chat.stdout is not None
    begun = chat.stdout.read(40)
    chat.send_signal(signal.SIGINT)
    shown = begun + chat.stdout.read()
    assert chat.stderr is not None
    assert (chat.wait(), chat.stderr.read()) == (130, "(stopped)\n")
    (thread,) = threads(server, agent)
    kept = messages(server, int(str(thread["id"])))[-1]
    assert kept == ("assistant", shown.removesuffix("\n"))
    assert len(kept[1]) < 500


def test_ctrl_c_while_nothing_is_asked_leaves(spawn: Spawn, agent: int) -> None:
    chat = spawn("chat", str(agent))
    assert chat.stdin is not None
    assert chat.stdout is not None
    chat.stdin.write("one\n")
    chat.stdin.flush()
    assert chat.stdout.readline() == f"{INTRODUCTION}one\n"
    chat.send_signal(signal.SIGINT)
    assert chat.wait() == 130
    assert chat.stdout.read() == ""


def test_an_answer_that_fails_is_its_sentence(spawn: Spawn, server: ServerProcess, agent: int) -> None:
    path, config = f"{server.url}/api/agents/{agent}", {"config": {"temperature": 9}}
    assert httpx2.patch(path, json=config, headers=server.headers).status_code == 200
    chat = spawn("chat", str(agent), "--message", "Hello")
    out, err = chat.communicate()
    assert (chat.returncode, out) == (1, "")
    assert err == "The agent's option 'temperature' must be a number from 0 to 2, not 9.\n"


def test_an_agent_of_a_model_that_cannot_be_here_is_refused(on_server: Run) -> None:
    failed = on_server("agent", "create", "Lost", "--model", "no-such-model")
    assert failed.code == 1
    assert failed.err.startswith("There is no model 'no-such-model' here")


def test_what_is_not_there_is_a_sentence(on_server: Run, agent: int) -> None:
    failed = on_server("chat", "Nobody", "--message", "x")
    assert failed.err == "Agent Nobody not found. `trunkline agent list` shows those there are.\n"
    failed = on_server("chat", str(agent), "--thread", "99999", "--message", "x")
    assert (failed.code, failed.err) == (1, "Thread 99999 not found\n")


def test_a_thread_of_another_agent_is_refused(on_server: Run, spawn: Spawn, server: ServerProcess, agent: int) -> None:
    spawn("chat", str(agent), "--message", "one").communicate()
    thread_id = str(threads(server, agent)[0]["id"])
    other = json.loads(on_server("agent", "create", "Other", "--json").out)["id"]
    failed = on_server("chat", str(other), "--thread", thread_id, "--message", "x")
    assert failed.err == f"Thread {thread_id} is with agent {agent}, not with {other} (Other).\n"
