from hypothesis import given
from hypothesis import strategies as st

from trunkline.hub.access import Handshake
from trunkline.hub.connection import Connection
from trunkline.hub.index import SubscriberIndex
from trunkline.protocol.server_session import Attempt, ServerSession, SessionLimits
from trunkline.topics import Topic


class Unwritten:
    """A transport for connections that nothing is sent to."""

    def wake(self) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


def connection(name: str) -> Connection:
    session = ServerSession(SessionLimits(), now=0.0, authenticated=True)
    return Connection(name, Unwritten(), session, Handshake(), budget=1, now=0.0)


TOPICS = [Topic("a", "1"), Topic("a", "2"), Topic("a", "*")]
STEPS = st.tuples(st.sampled_from(["hold", "live", "drop", "gone"]), st.integers(0, 2), st.sampled_from(TOPICS))


@given(st.lists(STEPS, max_size=50))
def test_both_directions_agree_and_channels_are_attached_while_they_have_subscribers(
    steps: list[tuple[str, int, Topic]],
) -> None:
    attached: set[str] = set()
    index = SubscriberIndex(attached.add, attached.remove)
    connections = [connection(str(n)) for n in range(3)]
    expected: dict[tuple[int, Topic], str] = {}
    for step, n, topic in steps:
        one = connections[n]
        if step == "hold":
            index.hold(one, Attempt(topic), topic.channel("s"))
            expected[n, topic] = "holding"
        elif step == "live" and (n, topic) in expected:
            index.go_live(one, topic)
            expected[n, topic] = "live"
        elif step == "drop":
            index.drop(one, topic)
            expected.pop((n, topic), None)
        elif step == "gone":
            index.drop_all(one)
            expected = {key: state for key, state in expected.items() if key[0] != n}

        assert attached == {topic.channel("s") for _, topic in expected}
        assert len(index) == len(attached)
        for m, other in enumerate(connections):
            assert other.channels == {own: own.channel("s") for k, own in expected if k == m}
            for each in TOPICS:
                subscribers = index.get(each.channel("s"))
                state = expected.get((m, each))
                assert (subscribers is not None and subscribers.live_topic(other) is not None) == (state == "live")
                assert (subscribers is not None and other in subscribers.holding) == (state == "holding")
    assert index.get(None) is None
