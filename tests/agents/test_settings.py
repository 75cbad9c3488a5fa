from pathlib import Path

import pytest

from trunkline.agents.settings import DEFAULT_PORT, BadSettings, default_data_dir, is_loopback, load_settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", "DATA_DIR", "HOST", "PORT", "MODEL", "NO_AUTH", "LOG_LEVEL", "DATABASE_URL", "LEGACY"):
        monkeypatch.delenv(f"TRUNKLINE_{name}", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))


def write(directory: Path, text: str) -> Path:
    path = directory / "trunkline.toml"
    path.write_text(text, "utf-8")
    return path


def test_defaults_are_for_one_person_at_one_machine() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.no_auth, settings.legacy) == ("127.0.0.1", DEFAULT_PORT, False, True)
    assert settings.is_local
    assert settings.data_dir == default_data_dir()
    assert settings.storage_url == f"sqlite:///{settings.data_dir.as_posix()}/trunkline.db"


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 'host = "127.0.0.2"\nport = 1001\nmodel = "file"\n[limits]\nmax_subscriptions = 7\n')
    monkeypatch.setenv("TRUNKLINE_PORT", "1002")
    monkeypatch.setenv("TRUNKLINE_MODEL", "environment")
    monkeypatch.setenv("TRUNKLINE_LIMITS__MAX_CONNECTIONS", "9")
    settings = load_settings(data_dir=tmp_path, model="flag", port=None)
    assert (settings.host, settings.port, settings.model) == ("127.0.0.2", 1002, "flag")
    assert (settings.limits.max_subscriptions, settings.limits.max_connections) == (7, 9)


def test_the_data_directory_of_the_environment_finds_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "port = 1001")
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path))
    assert load_settings().port == 1001


def test_a_named_file_is_read_and_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_CONFIG", str(write(tmp_path, "legacy = false")))
    assert load_settings().legacy is False
    monkeypatch.setenv("TRUNKLINE_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(BadSettings, match="which TRUNKLINE_CONFIG names"):
        load_settings()


def test_origins_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_ALLOWED_ORIGINS", "https://a.example, http://b.example:81")
    assert load_settings().allowed_origins == ("https://a.example", "http://b.example:81")


def test_the_platform_decides_where_data_lives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert default_data_dir() == tmp_path / "xdg" / "trunkline"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert default_data_dir() == Path.home() / ".local" / "share" / "trunkline"
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_data_dir() == Path.home() / "Library" / "Application Support" / "trunkline"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert default_data_dir() == tmp_path / "local" / "trunkline"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("LocalHost", True)),
        *(("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("example.org", False)),
    ],
)
def test_loopback_is_told_by_the_address(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_no_auth_is_refused_on_an_address_that_others_reach() -> None:
    assert load_settings(no_auth=True).no_auth
    with pytest.raises(BadSettings, match=r"`no_auth` lets everyone in, and 0\.0\.0\.0 can be reached"):
        load_settings(no_auth=True, host="0.0.0.0")


def test_a_bad_value_is_named_with_where_it_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSettings, match=r"`port` from --port is not usable: .*65535 \(it is 99999\)"):
        load_settings(port=99_999)
    with pytest.raises(BadSettings, match=r"`log_level` from --log-level"):
        load_settings(log_level="loud")
    with pytest.raises(BadSettings, match="is no origin"):
        load_settings(allowed_origins=["example.org"])
    path = write(tmp_path, 'port = "x"\nprot = 1\n[limits]\nmax_connections = 0\n')
    with pytest.raises(BadSettings) as caught:
        load_settings(data_dir=tmp_path)
    assert f"`port` from {path}" in str(caught.value)
    assert f"There is no setting `prot`; it stands in {path}" in str(caught.value)
    assert "`limits.max_connections`" in str(caught.value)
    monkeypatch.setenv("TRUNKLINE_PORT", "many")
    with pytest.raises(BadSettings, match="`port` from TRUNKLINE_PORT"):
        load_settings()
    monkeypatch.setenv("TRUNKLINE_LIMITS", "{")
    with pytest.raises(BadSettings, match="limits"):
        load_settings(port=1)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "port = ")
    with pytest.raises(BadSettings, match=f"The settings file {path} cannot be read"):
        load_settings(data_dir=tmp_path)
