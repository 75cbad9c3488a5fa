"""`trunkline serve`: what it says and leaves behind."""

import json
import re
from pathlib import Path

import httpx2

from tests.cli.conftest import Run
from tests.e2e.server_process import ServerProcess


def test_it_says_where_it_is_and_how_to_come_in(server: ServerProcess) -> None:
    greeting = server.greeting
    assert f"listens at {server.url}\n" in greeting
    link = re.search(r"http://\S+/login\?once=\S+", greeting)
    assert link is not None
    assert link[0].startswith(server.url)
    assert f"in {server.data_dir / 'token'}\n" in greeting
    assert "echo, which repeats what you write" in greeting
    assert server.token not in greeting
    assert httpx2.get(link[0]).status_code == 303
    assert httpx2.get(link[0]).is_client_error


def test_other_commands_find_it_by_a_file_of_the_owner_alone(server: ServerProcess) -> None:
    path = server.data_dir / "server.json"
    assert json.loads(path.read_text()) == {"url": server.url, "pid": server.process.pid}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_one_on_the_same_data_is_refused(run: Run, server: ServerProcess) -> None:
    ran = run("serve", "--data-dir", str(server.data_dir), "--port", "0")
    assert ran.code == 1
    where = f"process {server.process.pid}, at {server.url}"
    assert ran.err == f"A server runs on {server.data_dir} already: {where}.\n"


def test_a_file_left_by_a_dead_server_stops_nobody(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with ServerProcess(data_dir) as first:
        first.kill()
        assert (data_dir / "server.json").exists()
        with ServerProcess(data_dir) as second:
            assert json.loads((data_dir / "server.json").read_text())["pid"] == second.process.pid


def test_without_auth_everyone_here_is_let_in(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", flags=("--no-auth",)) as server:
        assert "whoever reaches this address is let in" in server.greeting
        assert httpx2.get(f"{server.url}/api/agents").status_code == 200
        assert not (tmp_path / "data" / "token").exists()


def test_a_reader_that_leaves_does_not_stop_it(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        assert server.process.stdout is not None
        server.process.stdout.close()
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        assert server.stop() == 0


def test_a_data_directory_that_is_a_file_is_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    ran = run("serve", "--data-dir", str(tmp_path / "data"), "--port", "0", "--model", "echo")
    assert ran.code == 1
    assert ran.err.startswith("The data directory") or ran.err.startswith("The settings file")
    assert len(ran.err.splitlines()) == 1
