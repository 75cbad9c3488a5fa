"""Tokens, sessions and one-time links, without a server."""

import os
import stat
import threading
from pathlib import Path

import pytest

from trunkline import Handshake, Principal
from trunkline.agents.login import LINK_LIFETIME, LOCAL, SESSION_LIFETIME, LocalAccess, open_token
from trunkline.agents.settings import BadSettings

TOKEN = "t" * 43


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(clock: Clock) -> LocalAccess:
    return LocalAccess(TOKEN, cookie="session", clock=clock)


def with_cookie(value: str) -> Handshake:
    return Handshake(headers={"cookie": f"other=1; session={value}"})


def test_the_token_lets_in_and_nothing_else_does(access: LocalAccess) -> None:
    assert access.authenticate(Handshake(token=TOKEN)) == LOCAL
    for wrong in ("", TOKEN[:-1], TOKEN + "t", "é" * 43, "\ud800"):
        assert access.authenticate(Handshake(token=wrong)) is None
    assert access.authenticate(Handshake()) is None


def test_a_wrong_token_is_not_saved_by_a_good_session(access: LocalAccess) -> None:
    handshake = Handshake(headers={"cookie": f"session={access.open_session()}"}, token="wrong")
    assert access.authenticate(handshake) is None


def test_without_a_token_everyone_is_the_local_principal() -> None:
    access = LocalAccess(None, cookie="session")
    assert access.is_open
    assert access.authenticate(Handshake()) == LOCAL
    assert not access.is_token("")


def test_a_session_lasts_its_time_and_across_restarts(access: LocalAccess, clock: Clock) -> None:
    session = access.open_session()
    again = LocalAccess(TOKEN, cookie="session", clock=clock)
    principal = again.authenticate(with_cookie(session))
    assert principal == Principal("local", "local", int(clock.now + SESSION_LIFETIME))
    clock.now += SESSION_LIFETIME
    assert again.authenticate(with_cookie(session)) is None


def test_a_session_holds_no_token_and_cannot_be_forged(access: LocalAccess) -> None:
    session = access.open_session()
    assert TOKEN not in session
    expiry, nonce, signature = session.split(".")
    later = str(int(expiry) + 1)
    forged = [f"{later}.{nonce}.{signature}", f"{expiry}.{nonce}.{signature[:-1]}", signature, "", "..", "a.b.c"]
    assert all(access.read_session(value) is None for value in forged)
    assert LocalAccess("u" * 43, cookie="session").read_session(session) is None


def test_a_link_works_once(access: LocalAccess) -> None:
    once = access.make_link()
    assert not access.redeem_link(once[:-1])
    assert access.redeem_link(once)
    assert not access.redeem_link(once)


def test_a_link_works_for_ten_minutes(access: LocalAccess, clock: Clock) -> None:
    first, second = access.make_link(), access.make_link()
    assert first != second
    clock.now += LINK_LIFETIME - 1
    assert access.redeem_link(first)
    clock.now += 1
    assert not access.redeem_link(second)


def test_old_links_give_way_to_many_new_ones(access: LocalAccess) -> None:
    first = access.make_link()
    others = [access.make_link() for _ in range(40)]
    assert not access.redeem_link(first)
    assert access.redeem_link(others[-1])


# The token's file


def test_the_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    token = open_token(tmp_path)
    assert len(token) == 43  # 256 bits in base64url
    assert open_token(tmp_path) == token
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_token_that_others_could_read_is_closed(tmp_path: Path) -> None:
    open_token(tmp_path)
    (tmp_path / "token").chmod(0o644)
    open_token(tmp_path)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_servers_that_start_together_take_one_token(tmp_path: Path) -> None:
    barrier, tokens = threading.Barrier(8), set[str]()

    def start() -> None:
        barrier.wait()
        tokens.add(open_token(tmp_path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 1


def test_a_token_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(BadSettings, match="is too short to be one; delete the file"):
        open_token(tmp_path)
    (tmp_path / "token").write_bytes(b"\xff" * 43)
    with pytest.raises(BadSettings, match="cannot be used"):
        open_token(tmp_path)
    with pytest.raises(BadSettings, match="cannot be used"):
        open_token(tmp_path / "missing")
