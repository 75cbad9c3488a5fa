"""Which server, which token: what was given, then the running server, then the settings."""

from pathlib import Path

import pytest

from trunkline.cli.failures import CommandFailed
from trunkline.cli.server_file import announced
from trunkline.cli.target import Target, address, find_target

pytestmark = pytest.mark.usefixtures("clean_environment")

TOKEN = "t" * 43


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return tmp_path


def test_the_running_server_is_found(data_dir: Path) -> None:
    with announced(data_dir, "http://127.0.0.1:4242"):
        assert find_target(None, None, data_dir) == Target("http://127.0.0.1:4242", TOKEN)


def test_without_one_the_settings_tell(data_dir: Path) -> None:
    assert find_target(None, None, data_dir).url == "http://127.0.0.1:8765"
    (data_dir / "trunkline.toml").write_text('host = "0.0.0.0"\nport = 99')
    assert find_target(None, None, data_dir).url == "http://127.0.0.1:99"


def test_what_is_given_wins(data_dir: Path) -> None:
    with announced(data_dir, "http://127.0.0.1:4242"):
        assert find_target("http://127.0.0.1:1", "other", data_dir) == Target("http://127.0.0.1:1", "other")


def test_the_token_of_this_machine_goes_to_no_other_unless_its_directory_is_named(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(data_dir))
    assert find_target("http://localhost:1", None, None).token == TOKEN
    assert find_target("https://example.org", None, None).token is None
    assert find_target("https://example.org", None, data_dir).token == TOKEN


def test_a_token_is_never_shown() -> None:
    assert TOKEN not in repr(Target("http://127.0.0.1:1", TOKEN))


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("127.0.0.1:80", "http://127.0.0.1:80"),
        ("http://localhost:8765/", "http://localhost:8765"),
        ("ws://h:1/api/ws/v2?token=x", "http://h:1"),
        ("wss://user:secret@h", "https://h"),
        ("http://[::1]:5", "http://[::1]:5"),
    ],
)
def test_an_address_is_taken_as_people_write_it(url: str, clean: str) -> None:
    assert find_target(url, "token", None).url == clean


@pytest.mark.parametrize("url", ["ftp://h", "http://", "http://h:port", "http://h:99999", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(CommandFailed, match="is no address of a server"):
        find_target(url, "token", None)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("box", "http://box:1"),
    ],
)
def test_a_bound_address_is_reached_from_this_machine(host: str, url: str) -> None:
    assert address(host, 1) == url
