"""A conversation as a person has it at a terminal."""

import json
import termios
from collections.abc import Iterator

import httpx2
import pytest

from tests.cli.conftest import Run
from tests.e2e.server_process import ServerProcess, command
from tests.e2e.terminal import CTRL_C, CTRL_D, Terminal


@pytest.fixture
def terminal(server: ServerProcess, on_server: Run) -> Iterator[Terminal]:
    """A chat with echo, before the first question."""
    agent = json.loads(on_server("agent", "create", "Ada", "--model", "echo", "--json").out)["id"]
    with Terminal(*command("chat", str(agent), "--data-dir", str(server.data_dir))) as sat_down:
        sat_down.wait_for("Talking with Ada (echo). Ctrl-C stops an answer, Ctrl-D leaves.\n")
        sat_down.wait_for("you> ")
        yield sat_down


def test_questions_and_answers_until_ctrl_d(terminal: Terminal) -> None:
    terminal.press("Hello\n")
    terminal.wait_for("Ada> I am echo")
    terminal.wait_for("You wrote: Hello\n")
    terminal.wait_for("you> ")
    terminal.press("Again\n")
    terminal.wait_for("You wrote: Again\n")
    terminal.wait_for("you> ")
    terminal.press(CTRL_D)
    assert terminal.wait() == 0


def test_ctrl_c_stops_the_answer_and_at_the_prompt_leaves(terminal: Terminal) -> None:
    terminal.press("word " * 300 + "\n")
    terminal.wait_for("Ada> I am echo")
    terminal.press(CTRL_C)
    terminal.wait_for("(stopped)\n")
    terminal.wait_for("you> ")
    terminal.press("half a line")
    terminal.press(CTRL_C)
    assert terminal.wait() == 130
    assert termios.tcgetattr(terminal.modes)[3] & termios.ECHO


def test_the_last_question_comes_back_with_the_arrow_key(terminal: Terminal) -> None:
    terminal.press("Hello\n")
    terminal.wait_for("You wrote: Hello\n")
    terminal.wait_for("you> ")
    terminal.press("\x1b[A!\n")
    terminal.wait_for("You wrote: Hello!\n")


def test_what_others_say_in_the_thread_is_shown_and_the_prompt_comes_again(
    terminal: Terminal, on_server: Run, server: ServerProcess
) -> None:
    terminal.press("Hello\n")
    terminal.wait_for("You wrote: Hello\n")
    terminal.wait_for("you> ")
    agents = json.loads(on_server("agent", "list", "--json").out)
    url = f"{server.url}/api/threads"
    mine = httpx2.get(url, params={"agent_id": agents[-1]["id"]}, headers=server.headers).json()["items"][0]["id"]
    terminal.press("half")
    terminal.wait_for("half")
    httpx2.post(f"{url}/{mine}/messages", json={"content": "Me too"}, headers=server.headers)
    terminal.wait_for("user> Me too\n")
    terminal.wait_for("you> half")
