import pytest

from trunkline.hub.access import Handshake, Principal, allow_all, anonymous, deny_all, nobody


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        (None, {}),
        ("", {}),
        ("session=abc; theme=dark", {"session": "abc", "theme": "dark"}),
        ('session="a b"', {"session": "a b"}),
        ("\x00\xff;;=", {}),
        ("Path=/", {}),
    ],
)
def test_cookies_are_read_and_never_raise(header: str | None, cookies: dict[str, str]) -> None:
    assert Handshake(headers={} if header is None else {"cookie": header}).cookies == cookies


def test_the_doors_that_come_with_it() -> None:
    someone = Principal("ann")
    assert nobody(Handshake()) is None
    assert anonymous(Handshake()) == Principal("anonymous", scope="")
    assert not deny_all(someone, "subscribe", "agent:1")
    assert allow_all(someone, "call", "agent.delete")
