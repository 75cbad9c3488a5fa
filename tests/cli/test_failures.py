"""Every failure is one sentence on stderr and an exit code, never a traceback."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.e2e.server_process import ServerProcess, environment
from trunkline import __version__


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nothing listens, and nothing else will: the port stays bound."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def assert_sentence(err: str) -> None:
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [["agent", "list"], ["tail", "agent:*"], ["chat", "1"], ["model", "list"]])
def test_no_server(run: Run, nobody: str, command: list[str]) -> None:
    failed = run(*command, "--url", nobody)
    assert (failed.code, failed.out) == (1, "")
    how = "Start one with `trunkline serve`, or give its address with --url, or its data directory with --data-dir."
    assert failed.err == f"No server answers at {nobody}. {how}\n"


@pytest.mark.parametrize("command", [["agent", "list"], ["tail", "agent:*"], ["chat", "1"]])
def test_a_wrong_token(run: Run, server: ServerProcess, command: list[str]) -> None:
    failed = run(*command, "--url", server.url, "--token", "wrong-token")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith(f"The server at {server.url} does not take this token.")
    assert "wrong-token" not in failed.err
    assert_sentence(failed.err)


def test_no_token(run: Run, server: ServerProcess) -> None:
    failed = run("agent", "list", "--url", server.url)
    assert failed.err.startswith(f"The server at {server.url} wants its access token.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--nonsense"], "No such option: --nonsense. See `trunkline --help`."),
        (["nonsense"], "No such command 'nonsense'. See `trunkline --help`."),
        (["agent"], "Missing command. See `trunkline agent --help`."),
        (["tail"], "Missing argument 'TOPIC...'. See `trunkline tail --help`."),
        (["tail", "nonsense"], "Invalid topic format: nonsense. Write a topic as thread:45, or 'agent:*'"),
        (["chat", "1", "--url", "ftp://x"], "'ftp://x' is no address of a server: write it as http://127.0.0.1:8765"),
        (["serve", "--host", "0.0.0.0", "--no-auth"], "`no_auth` lets everyone in, and 0.0.0.0 can be reached"),
        (["serve", "--log-level", "loud"], "The setting `log_level` from --log-level is not usable"),
    ],
)
def test_wrong_use(run: Run, arguments: list[str], sentence: str) -> None:
    failed = run(*arguments)
    assert failed.code == 1
    assert failed.err.startswith(sentence)
    assert_sentence(failed.err)


def test_a_port_in_use(run: Run, nobody: str, tmp_path: Path) -> None:
    port = nobody.rpartition(":")[2]
    failed = run("serve", "--port", port, "--data-dir", str(tmp_path / "data"), "--model", "echo")
    assert failed.code == 1
    assert failed.err.startswith(f"Port {port} of 127.0.0.1 cannot be bound")
    assert_sentence(failed.err)


def test_something_else_answers(run: Run, other_server: str) -> None:
    failed = run("agent", "list", "--url", other_server)
    assert failed.err == f"What answers at {other_server} is no Trunkline server (501)\n"
    failed = run("tail", "agent:*", "--url", other_server)
    assert failed.code == 1
    assert_sentence(failed.err)


@pytest.fixture
def other_server() -> Iterator[str]:
    """An HTTP server that knows no method."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = (
            "import http.server, socket, sys\n"
            "class Quiet(http.server.BaseHTTPRequestHandler):\n"
            "    log_message = lambda *_: None\n"
            "server = http.server.HTTPServer(('127.0.0.1', 0), Quiet, bind_and_activate=False)\n"
            "server.socket.close()\n"
            "server.socket = socket.socket(fileno=int(sys.argv[1]))\n"
            "server.serve_forever()\n"
        )
        descriptor = listener.fileno()
        process = subprocess.Popen([sys.executable, "-c", script, str(descriptor)], pass_fds=[descriptor])
        with process:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            process.kill()


def test_the_version_and_the_help(run: Run) -> None:
    assert run("--version").out == f"trunkline {__version__}\n"
    assert run().out == run("--help").out
    assert "serve" in run("-h").out


def test_without_typer_a_sentence_says_what_to_install() -> None:
    script = "import sys; sys.modules['typer'] = None; from trunkline.cli import main; sys.exit(main(['--version']))"
    ran = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=False)
    needed = "The command line needs more than the library: pip install 'trunkline[agents]' (typer is missing).\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", needed)
