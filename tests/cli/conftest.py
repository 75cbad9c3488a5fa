"""A real server for the commands, and ways to run them."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.server_process import ServerProcess, command, environment
from trunkline.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server with the model echo for all tests of this directory."""
    with ServerProcess(tmp_path_factory.mktemp("serve") / "data") as running:
        yield running


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing that sets Trunkline up, and a data directory of nobody."""
    for name in ("URL", "TOKEN", "MODEL", "HOST", "PORT", "CONFIG", "NO_AUTH", "DATABASE_URL"):
        monkeypatch.delenv(f"TRUNKLINE_{name}", raising=False)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path_factory.mktemp("nobody") / "data"))


@pytest.fixture
def run(clean_environment: None, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def run_command(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(arguments)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run_command


@pytest.fixture
def on_server(run: Run, server: ServerProcess) -> Run:
    """Run a command against the server."""

    def run_command(*arguments: str) -> Ran:
        return run(*arguments, "--data-dir", str(server.data_dir))

    return run_command


Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def spawn(server: ServerProcess) -> Iterator[Spawn]:
    """Start a command against the server in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, data_dir: str | None = None) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command(*arguments),
            env=environment(TRUNKLINE_DATA_DIR=data_dir or str(server.data_dir)),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()
