"""Where the running server is, and which of these files count for nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.cli.server_file import SERVER_FILE, RunningServer, announced, find_server, read_server_file

URL = "http://127.0.0.1:8765"


def write(data_dir: Path, content: object) -> None:
    (data_dir / SERVER_FILE).write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_server_is_found_while_it_serves(tmp_path: Path) -> None:
    with announced(tmp_path, URL) as path:
        assert find_server(tmp_path) == RunningServer(URL, os.getpid())
        assert os.name != "posix" or path.stat().st_mode & 0o777 == 0o600
    assert find_server(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_a_dead_server_left_counts_for_nothing(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write(tmp_path, {"url": URL, "pid": dead.pid})
    assert read_server_file(tmp_path) == RunningServer(URL, dead.pid)
    assert find_server(tmp_path) is None


@pytest.mark.parametrize(
    "content", ["", "no json", "[]", "{}", {"url": URL}, {"url": 1, "pid": 1}, {"url": URL, "pid": -1}]
)
def test_a_file_that_makes_no_sense_counts_for_nothing(tmp_path: Path, content: object) -> None:
    write(tmp_path, content)
    assert read_server_file(tmp_path) is None


def test_the_file_of_a_later_server_stays(tmp_path: Path) -> None:
    with announced(tmp_path, URL):
        write(tmp_path, {"url": URL, "pid": 1})
    assert read_server_file(tmp_path) == RunningServer(URL, 1)


def test_a_file_that_was_taken_away_is_not_missed(tmp_path: Path) -> None:
    with announced(tmp_path, URL) as path:
        path.unlink()
