import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from trunkline import (
    CallContext,
    CallCut,
    CallState,
    CloseCode,
    EventBus,
    EventType,
    Handshake,
    LineClosed,
    LineState,
    Principal,
    ReceivedEvent,
    ReceivedReset,
    ReceivedSnapshot,
    StateChanged,
    Trunkline,
    Update,
    allow_all,
)
from trunkline.client.socket import ConnectFailed
from trunkline.testing import ManualClock, pair, until


class Count(msgspec.Struct, frozen=True):
    key: str
    value: int


COUNTED = EventType("pair_test_counted", Count, topic="count:{key}")


def authenticate(handshake: Handshake) -> Principal | None:
    if handshake.token is not None:
        return Principal(handshake.token) if handshake.token in ("ann", "bob") else None
    return Principal(name) if (name := handshake.cookies.get("user")) else None


class App:
    """A counter: a line with a snapshot and a call, and what came of it at a client."""

    def __init__(self) -> None:
        self.value = 0
        self.callers: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.line = Trunkline(authenticate=authenticate, authorize=allow_all, bus=EventBus())
        self.line.snapshot("count:{key}")(self.read)
        self.line.call("count.up")(self.up)

    async def read(self, _principal: Principal, key: str) -> Count:
        await asyncio.sleep(0)
        return Count(key, self.value)

    async def up(self, context: CallContext, _params: dict[str, int]) -> str:
        self.callers.append(context.principal.id)
        await self.may_answer.wait()
        await self.count(1)
        return context.principal.id

    async def count(self, times: int) -> None:
        for _ in range(times):
            self.value += 1
            await self.line.publish(COUNTED, Count("1", self.value))


def values(updates: list[Update]) -> list[int]:
    return [update.data["value"] for update in updates if not isinstance(update, ReceivedReset)]


@pytest.fixture
async def app() -> AsyncIterator[App]:
    app = App()
    async with app.line:
        yield app
    assert not app.line.hub.connections


@pytest.fixture(autouse=True)
async def no_tasks_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}


async def test_a_pair_subscribes_calls_and_hears_events_as_over_any_line(app: App) -> None:
    async with pair(app.line, token="ann") as client:
        async with client.subscribe("count:1") as updates:
            snapshot = await anext(updates)
            assert isinstance(snapshot, ReceivedSnapshot)
            assert (await client.call("count.up", {})).result == "ann"
            event = await anext(updates)
            assert isinstance(event, ReceivedEvent)
            assert event.read(COUNTED) == Count("1", 1)
        await client.settle()
        assert app.line.hub.topics == 0
    assert app.line.hub.stats.connections_closed == {"1000": 1}


async def test_a_dropped_line_stays_away_until_it_is_told_and_comes_back_with_everything(app: App) -> None:
    updates: list[Update] = []
    async with pair(app.line, token="ann") as client:
        client.topics.subscribe("count:1", updates.append)
        await client.settle()
        await app.count(2)
        await client.settle()
        client.drop()
        await app.count(3)
        await client.advance(1_000)
        assert (client.state, app.line.hub.connections) == (LineState.CONNECTING, {})
        await client.reconnect()
        assert values(updates) == [0, 1, 2, 3, 4, 5]
        assert (client.state, client.client.stats.connects, len(client.links)) == (LineState.CONNECTED, 2, 2)


async def test_a_line_that_is_up_is_dropped_before_it_reconnects(app: App) -> None:
    async with pair(app.line, token="ann") as client:
        old = client.link
        await client.reconnect()
        assert (old.socket.close_code, len(app.line.hub.connections)) == (1006, 1)


async def test_the_application_is_told_of_the_loss_and_of_the_return_once(app: App) -> None:
    told: list[object] = []
    async with pair(app.line, token="ann") as client:
        client.client.on_connect = lambda: told.append("connected")
        client.client.on_disconnect = told.append
        client.drop()
        await client.reconnect()
        client.drop()
        await client.reconnect()
    changes = [change for change in told if isinstance(change, StateChanged)]
    assert [told[1], told[3]] == ["connected", "connected"]
    assert [change.state for change in changes] == ["waiting", "waiting", "closed"]
    assert [change.retry_in for change in changes] == [0.25, 0.75, None], "half of what it may be, whatever the chance"


async def test_a_pair_leaves_no_connection_behind(app: App) -> None:
    async with pair(app.line, token="ann") as client:
        client.link.half_open()
        await client.reconnect()
        client.link.freeze()
        assert len(app.line.hub.connections) == 2
    assert not app.line.hub.connections


async def test_reconnect_waits_for_slow_handlers(app: App) -> None:
    updates: list[Update] = []

    async def handle(update: Update) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        updates.append(update)

    async with pair(app.line, token="ann") as client:
        client.topics.subscribe("count:1", handle)
        await client.settle()
        client.drop()
        await app.count(5)
        await client.reconnect()
        assert values(updates) == [0, 1, 2, 3, 4, 5]


async def test_settling_gives_up_on_a_handler_that_does_not_end(app: App) -> None:
    may_end = asyncio.Event()

    async def handle(_update: Update) -> None:
        await may_end.wait()

    async with pair(app.line, token="ann") as client:
        client.patience = 0.01
        client.topics.subscribe("count:1", handle)
        with pytest.raises(TimeoutError):
            await client.settle()
        may_end.set()
        client.patience = 5.0
        await client.settle()


async def test_a_handler_that_does_not_end_keeps_no_test_from_ending(app: App) -> None:
    has_begun, never = asyncio.Event(), asyncio.Event()

    async def handle(_update: Update) -> None:
        has_begun.set()
        await never.wait()

    with pytest.raises(TimeoutError):
        async with pair(app.line, token="ann") as client:
            client.topics.subscribe("count:1", handle)
            await has_begun.wait()
            client.patience = 0.01
    assert not app.line.hub.connections


async def test_a_line_that_has_stopped_takes_nobody_and_a_line_that_runs_again_does(app: App) -> None:
    updates: list[Update] = []
    async with pair(app.line, token="ann") as client:
        client.topics.subscribe("count:1", updates.append)
        await client.settle()
        await app.count(1)
        await app.line.stop()
        with pytest.raises(ConnectFailed):
            await client.reconnect()
        await app.line.start()
        await client.reconnect()
        await app.count(1)
        await client.settle()
        assert values(updates) == [0, 1, 2]


@pytest.mark.parametrize(
    ("token", "headers", "principal", "caller"),
    [
        ("bob", None, None, "bob"),
        (None, {"Cookie": "user=carl"}, None, "carl"),
        ("nonsense", None, Principal("dora"), "dora"),
    ],
)
async def test_who_connects(
    app: App, token: str | None, headers: dict[str, str] | None, principal: Principal | None, caller: str
) -> None:
    async with pair(app.line, token=token, headers=headers, principal=principal) as client:
        await client.call("count.up", {})
    assert app.callers == [caller]


async def test_a_wrong_token_is_refused_for_good(app: App) -> None:
    with pytest.raises(LineClosed) as caught:
        await pair(app.line, token="nonsense").__aenter__()
    assert caught.value.code == CloseCode.UNAUTHENTICATED


async def test_nobody_in_particular_may_connect_and_is_asked_who_it_is(app: App) -> None:
    async with pair(app.line) as client:
        client.topics.subscribe("count:1", lambda _update: None)
        await until(lambda: client.state is LineState.CLOSED)
        with pytest.raises(LineClosed) as caught:
            await client.reconnect()
    assert caught.value.code == CloseCode.UNAUTHENTICATED


async def test_a_call_without_a_key_ends_with_the_drop_and_one_with_a_key_outlives_it(app: App) -> None:
    async with pair(app.line, token="ann") as client:
        app.may_answer.clear()
        calling = asyncio.create_task(client.call("count.up", {}))
        kept = client.enqueue("count.up", {})
        await until(lambda: len(app.callers) == 2)
        client.drop()
        with pytest.raises(CallCut):
            await calling
        assert kept.state is CallState.PENDING
        app.may_answer.set()
        await client.reconnect()
        assert (await kept.result()).result == "ann"


async def test_time_stands_still_until_it_is_told_to_go(app: App) -> None:
    clock = ManualClock(5.0)
    async with pair(app.line, token="ann", clock=clock) as client:
        assert client.clock is clock
        before = app.line.hub.stats.messages_received
        await client.advance(20)
        assert app.line.hub.stats.messages_received == before
        await client.advance(100)
        assert app.line.hub.stats.messages_received == before + 1  # the ping
        assert client.state is LineState.CONNECTED


async def test_two_clients_of_one_line(app: App) -> None:
    by_ann: list[Update] = []
    by_bob: list[Update] = []
    async with pair(app.line, token="ann") as ann, pair(app.line, token="bob") as bob:
        ann.topics.subscribe("count:1", by_ann.append)
        bob.topics.subscribe("count:1", by_bob.append)
        await ann.settle()
        await bob.settle()
        ann.drop()
        await app.count(1)
        await bob.settle()
        assert (values(by_ann), values(by_bob)) == ([0], [0, 1])
        await ann.reconnect()
        assert values(by_ann) == [0, 1]
