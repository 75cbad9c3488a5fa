"""`trunkline doctor`, and each thing it looks at."""

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.e2e.server_process import ServerProcess
from trunkline.agents.settings import Settings
from trunkline.cli import checks
from trunkline.cli.server_file import announced


def test_a_running_server_is_looked_into(on_server: Run, server: ServerProcess) -> None:
    ran = on_server("doctor")
    assert (ran.code, ran.err) == (0, "")
    verdicts = {line.split()[1]: line.split()[0] for line in ran.out.splitlines()}
    wanted = {"Python": "ok", "Data": "ok", "Token": "ok", "Database": "ok", "Server": "ok", "WebSocket": "ok"}
    assert wanted.items() <= verdicts.items()
    assert verdicts["Model"] == "warn"
    assert f"runs at {server.url}" in ran.out
    assert "tables of this version" in ran.out
    assert server.token not in ran.out


def test_before_the_first_start_all_is_well(run: Run, tmp_path: Path) -> None:
    (tmp_path / "trunkline.toml").write_text("port = 0")
    ran = run("doctor", "--data-dir", str(tmp_path))
    assert ran.code == 0
    assert "will be made at the first start" in ran.out
    assert "none runs; port 0 of 127.0.0.1 is free" in ran.out


def test_a_failure_is_the_exit_code(run: Run, server: ServerProcess) -> None:
    ran = run("doctor", "--url", server.url, "--token", "x" * 40)
    assert ran.code == 1
    assert ran.err == "This must be put right.\n"
    assert f"fail  Server     The server at {server.url} does not take this token." in ran.out


def test_python() -> None:
    assert checks.check_python().verdict == "ok"
    assert checks.check_python((3, 10, 4)).verdict == "fail"


def test_extras() -> None:
    missing = {check.verdict: check.finding for check in checks.check_extras(lambda module: module != "fastapi")}
    assert missing["fail"] == "agents missing: pip install 'trunkline[agents]'"
    assert missing["ok"] == "server, openai, local"
    few = list(checks.check_extras(lambda module: module not in ("openai", "xllamacpp")))
    assert [check.verdict for check in few] == ["ok", "warn", "warn"]


def test_a_data_directory_that_others_can_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "token").write_text("x")
    (tmp_path / "token").chmod(0o644)
    directory, token = checks.check_data_dir(tmp_path)
    assert (directory.verdict, token.verdict) == ("warn", "warn")
    assert token.finding.endswith(f"chmod 600 '{tmp_path / 'token'}'")


def test_a_data_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (check,) = checks.check_data_dir(tmp_path / "file")
    assert check.verdict == "fail"
    (check,) = checks.check_data_dir(tmp_path / "new" / "deep")
    assert check.verdict == "ok"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert [check.verdict for check in checks.check_data_dir(tmp_path)] == ["fail"]
    assert [check.verdict for check in checks.check_data_dir(tmp_path / "new")] == ["fail"]


@pytest.mark.parametrize(
    ("revision", "verdict"), [("0000", "warn"), (None, "warn"), (checks.newest_revision(), "ok"), ("9999", "fail")]
)
def test_the_migration_state(
    clean_environment: None, tmp_path: Path, revision: str | None, verdict: checks.Verdict
) -> None:
    with closing(sqlite3.connect(tmp_path / "trunkline.db")) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version SELECT ? WHERE ? IS NOT NULL", (revision, revision))
    assert checks.check_database(Settings(data_dir=tmp_path)).verdict == verdict


def test_a_file_that_is_no_database(clean_environment: None, tmp_path: Path) -> None:
    (tmp_path / "trunkline.db").write_text("nothing of the kind, and long enough to be looked at" * 100)
    assert checks.check_database(Settings(data_dir=tmp_path)).verdict == "fail"


def test_a_port_in_use(clean_environment: None, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        check = checks.check_port(Settings(data_dir=tmp_path, port=listener.getsockname()[1]))
    assert check.verdict == "fail"
    assert check.finding.endswith("give --port")


def test_a_server_that_ended_without_a_goodbye_is_told(clean_environment: None, tmp_path: Path) -> None:
    with announced(tmp_path, "http://127.0.0.1:1") as path:
        kept = path.read_text().replace(str(os.getpid()), "99999999")
    path.write_text(kept)
    assert (
        "(process 99999999 ended without a goodbye)" in checks.check_port(Settings(data_dir=tmp_path, port=0)).finding
    )


@pytest.mark.parametrize(
    ("models", "verdict"),
    [
        ([], "warn"),
        ([{"id": "echo", "provider": "echo", "default": True, "available": True}], "warn"),
        ([{"id": "m", "provider": "local", "default": True, "available": False, "problem": "Install."}], "fail"),
        ([{"id": "m", "provider": "openai", "default": True, "available": True}], "ok"),
    ],
)
def test_the_default_model(models: list[dict[str, object]], verdict: checks.Verdict) -> None:
    assert checks.check_models(models).verdict == verdict
