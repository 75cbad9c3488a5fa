import pytest

from trunkline.errors import NotFound
from trunkline.hub.access import Principal
from trunkline.hub.snapshots import SnapshotRegistry
from trunkline.topics import parse_topic

ANN = Principal("ann")


async def test_a_field_is_what_the_provider_s_annotation_says() -> None:
    def read_order(_principal: Principal, id: int) -> int:
        return id + 1

    snapshots = SnapshotRegistry()
    snapshots.add("order:{id}", "order_state", read_order)
    assert await snapshots.take(ANN, parse_topic("order:41")) == ("order_state", 42)
    with pytest.raises(NotFound, match="Order abc not found"):
        await snapshots.take(ANN, parse_topic("order:abc"))


async def test_the_first_pattern_that_fits_gives_the_snapshot() -> None:
    snapshots = SnapshotRegistry()
    snapshots.add("thread:latest", "thread_latest", lambda _principal: "the latest")
    snapshots.add("thread:{id}", "thread_history", lambda principal, id: (principal.id, id))
    snapshots.add("thread:*", "thread_list", lambda principal: [principal.id])
    assert await snapshots.take(ANN, parse_topic("thread:latest")) == ("thread_latest", "the latest")
    assert await snapshots.take(ANN, parse_topic("thread:45")) == ("thread_history", ("ann", "45"))
    assert await snapshots.take(ANN, parse_topic("thread:*")) == ("thread_list", ["ann"])
    assert await snapshots.take(ANN, parse_topic("agent:45")) is None


async def test_a_provider_may_be_async() -> None:
    async def provide(_principal: Principal, id: str) -> str:
        return id

    snapshots = SnapshotRegistry()
    snapshots.add("thread:{id}", "thread_history", provide)
    assert await snapshots.take(ANN, parse_topic("thread:45")) == ("thread_history", "45")


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="Not a topic pattern"):
        SnapshotRegistry().add("thread", "x", lambda _principal: None)


def test_a_provider_that_does_not_take_the_fields_of_its_pattern_is_refused_where_it_is_declared() -> None:
    snapshots = SnapshotRegistry()
    with pytest.raises(TypeError, match=r"takes \(_principal, nope\); .* with \(principal, id=\.\.\.\)"):
        snapshots.add("order:{id}", "order", lambda _principal, nope: nope)
    with pytest.raises(TypeError, match=r"is called with \(principal\)"):
        snapshots.add("order:*", "orders", lambda: None)
    snapshots.add("order:{id}", "order", lambda _principal, **_fields: None)
