"""The facade: bus to broker to hub, its life, and what becomes of those who wait for it."""

import asyncio
import logging
from collections.abc import Callable, MutableMapping
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest

from trunkline.brokers.base import Broker, Delivery, Published
from trunkline.brokers.memory import MemoryBroker
from trunkline.bus import EventBus, event_bus
from trunkline.errors import BrokerError, NotFound, TrunklineError
from trunkline.events import Event, EventType
from trunkline.hub.access import Principal, allow_all, anonymous
from trunkline.hub.calls import CallContext
from trunkline.hub.manager import HubOptions
from trunkline.line import LineOptions, Trunkline
from trunkline.positions import Position
from trunkline.publishing import publish_event
from trunkline.testing.clock import ManualClock, until
from trunkline.testing.memory import MemoryTransport

ANN = Principal("ann")


class Price(msgspec.Struct, frozen=True):
    symbol: str
    price: float = 0.0


PRICED = EventType("line_priced", Price, topic="price:{symbol}")


def make_line(broker: Broker | None = None, bus: EventBus | None = None) -> Trunkline:
    return Trunkline(authenticate=anonymous, authorize=allow_all, bus=bus or EventBus(), broker=broker)


class Refusing(MemoryBroker):
    """A broker that can be told to fail, and to take its time."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.asked = 0

    async def publish(self, event: Event[Any]) -> Published:
        self.asked += 1
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return await super().publish(event)


async def test_a_published_event_reaches_its_subscribers_and_says_where_it_stands() -> None:
    async with make_line() as line:
        client = MemoryTransport.connect(line.hub, ANN)
        await client.subscribe("price:ACME")
        published = await line.publish(PRICED, Price("ACME", 1.5), scope="t1")
        assert (published.topic, published.position.seq, published.feed) == ("price:ACME", 1, "price:*@t1")
        event = await client.next()
        assert (event["type"], event["data"]) == ("line_priced", {"symbol": "ACME", "price": 1.5})


async def test_what_the_bus_carries_goes_out_too() -> None:
    @publish_event(PRICED)
    async def change(symbol: str) -> Price:
        return Price(symbol, 2.0)

    async with make_line(bus=event_bus) as line:
        client = MemoryTransport.connect(line.hub, ANN)
        await client.subscribe("price:*")
        await change("ACME")
        assert (await client.next())["data"]["price"] == 2.0


async def test_events_keep_their_order_and_concurrent_publishers_their_own() -> None:
    async with make_line() as line:
        client = MemoryTransport.connect(line.hub, ANN)
        await client.subscribe("price:*")

        async def publish(symbol: str) -> None:
            for n in range(50):
                assert (await line.publish(PRICED, Price(symbol, n))).position.seq == n + 1

        await asyncio.gather(*(publish(symbol) for symbol in "ABC"))
        events = await client.take(150)
        assert [event["feed_seq"] for event in events] == list(range(1, 151))
        for symbol in "ABC":
            own = [event["data"]["price"] for event in events if event["data"]["symbol"] == symbol]
            assert own == list(range(50))


async def test_one_id_sent_twice_takes_effect_once_and_both_senders_hear_of_it() -> None:
    bus = EventBus()
    hold = asyncio.Event()

    async def slow(_event: Event[Price]) -> None:
        await hold.wait()

    bus.subscribe(PRICED, slow)
    async with make_line(bus=bus) as line:
        first = asyncio.create_task(line.publish(PRICED, Price("OTHER")))
        event = PRICED.event(Price("ACME"))
        sending = [asyncio.create_task(line.send(event)) for _ in range(3)]
        await until(lambda: line._receipts.get(event.id))
        sending[1].cancel()
        hold.set()
        await asyncio.gather(first, sending[0], sending[2])
        assert sending[0].result() == sending[2].result()
        assert sending[0].result().position.seq == 1
        assert await line.send(event) == sending[0].result()
        assert line._receipts == {}


async def test_a_line_that_was_not_started_publishes_nothing() -> None:
    line = make_line()
    with pytest.raises(BrokerError, match="not started"):
        await line.publish(PRICED, Price("ACME"))
    async with line:
        await line.publish(PRICED, Price("ACME"))
    with pytest.raises(BrokerError, match="not started"):
        await line.publish(PRICED, Price("ACME"))


@pytest.mark.parametrize("failure", [BrokerError("full"), ZeroDivisionError("broken")])
async def test_a_broker_that_fails_is_told_to_the_sender_and_the_line_goes_on(failure: Exception) -> None:
    broker = Refusing()
    async with make_line(broker) as line:
        broker.failure = failure
        with pytest.raises(BrokerError, match=str(failure)):
            await line.publish(PRICED, Price("ACME"))
        broker.failure = None
        assert (await line.publish(PRICED, Price("ACME"))).position.seq == 1


async def test_a_broker_that_fails_for_an_event_of_the_bus_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    broker, bus = Refusing(), EventBus()
    async with make_line(broker, bus):
        broker.failure = BrokerError("full")
        await bus.publish(PRICED.event(Price("ACME")))
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "line_priced" in caplog.text


async def test_a_handler_that_would_wait_for_itself_is_told_so(caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus()
    async with make_line(bus=bus) as line:
        caught: list[TrunklineError] = []

        async def handle(event: Event[Price]) -> None:
            if event.data.symbol == "FIRST":
                with pytest.raises(TrunklineError, match=r"use `bus\.publish` there") as told:
                    await line.publish(PRICED, Price("SECOND"))
                caught.append(told.value)
                await bus.publish(PRICED.event(Price("THIRD")))

        bus.subscribe(PRICED, handle)
        await line.publish(PRICED, Price("FIRST"))
        assert len(caught) == 1
        assert (await line.broker.read("price:SECOND")).seq == 0
        assert (await line.broker.read("price:THIRD")).seq == 1
    assert not caplog.records


async def test_a_task_that_a_handler_started_may_publish_and_wait() -> None:
    bus = EventBus()
    async with make_line(bus=bus) as line:
        tasks: list[asyncio.Task[Published]] = []

        def handle(event: Event[Price]) -> None:
            if event.data.symbol == "FIRST":
                tasks.append(asyncio.create_task(line.publish(PRICED, Price("SECOND"))))

        bus.subscribe(PRICED, handle)
        await line.publish(PRICED, Price("FIRST"))
        assert (await tasks[0]).topic == "price:SECOND"


async def test_who_waits_for_a_line_that_stops_is_told() -> None:
    broker = Refusing()
    line = make_line(broker)
    await line.start()
    broker.open.clear()
    sending = [asyncio.create_task(line.publish(PRICED, Price(symbol))) for symbol in "AB"]
    await until(lambda: broker.asked)
    await line.stop()
    broker.open.set()
    for task in sending:
        with pytest.raises(BrokerError, match="stopped"):
            await task


async def test_stopping_says_goodbye_and_twice_is_once() -> None:
    line = make_line()
    await line.start()
    client = MemoryTransport.connect(line.hub, ANN)
    await line.stop()
    await line.stop()
    (goodbye,) = await client.take(1)
    assert goodbye["type"] == "goaway"
    assert 0 <= goodbye["retry_after_ms"] < 5_000
    assert client.closed is not None
    assert client.closed[0] == 4002
    assert len(asyncio.all_tasks()) == 1


async def test_starting_twice_is_once_and_a_stopped_line_starts_again() -> None:
    broker = Refusing()
    line = make_line(broker)
    for seq in (1, 2):
        await line.start()
        await line.start()
        client = MemoryTransport.connect(line.hub, ANN)
        await client.subscribe("price:ACME")
        assert line.hub.retry_after() is None
        assert (await line.publish(PRICED, Price("ACME"))).position.seq == seq
        assert broker.asked == seq
        await line.stop()
        await until(lambda: not line.hub.connections)


async def test_the_lifespan_is_the_line_s_life() -> None:
    line = make_line()
    async with line.lifespan(object()):
        assert await line.publish(PRICED, Price("ACME"))
    assert line.hub.draining


async def test_snapshots_and_calls_are_declared_on_the_line() -> None:
    async with make_line() as line:

        @line.snapshot("price:{symbol}", type="price_state")
        async def price(_principal: Principal, symbol: str) -> Price:
            if symbol == "NONE":
                raise NotFound("Price", symbol)
            return Price(symbol, 9.0)

        @line.snapshot("price:*")
        def prices(principal: Principal) -> list[str]:
            return [principal.id]

        @line.call("price.set")
        async def set_price(context: CallContext, params: Price) -> float:
            context.published.append(await line.publish(PRICED, params))
            return params.price

        assert await price(ANN, "X") == Price("X", 9.0)
        client = MemoryTransport.connect(line.hub, ANN)
        answers = await client.subscribe("price:ACME", "price:*", "price:NONE")
        assert {answer["topic"]: (answer["type"], answer.get("data")) for answer in answers} == {
            "price:ACME": ("price_state", {"symbol": "ACME", "price": 9.0}),
            "price:*": ("snapshot", ["ann"]),
            "price:NONE": ("error", None),
        }
        client.send(
            {"type": "call", "method": "price.set", "params": {"symbol": "ACME", "price": 3}, "message_id": "1"}
        )
        event, reply = sorted(await client.take(2), key=lambda message: str(message["type"]))
        assert (event["type"], event["seq"]) == ("line_priced", 1)
        assert (reply["result"], reply["positions"][0]["seq"]) == (3.0, 1)


async def test_the_sweep_survives_its_errors(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(MemoryBroker):
        swept = 0

        def sweep(self) -> None:
            self.swept += 1
            raise ZeroDivisionError

    broker = Failing()
    async with make_line(broker):
        await until(lambda: broker.swept == 2)
    assert caplog.text.count("A sweep failed") == 2


async def test_a_broker_of_one_s_own_needs_only_the_contract() -> None:
    """Typed structurally: no base class, and nothing of the memory broker."""

    class Counting:
        def __init__(self) -> None:
            self.inner = MemoryBroker()
            self.published: list[str] = []

        async def start(self, deliver: Callable[[Delivery], None]) -> None:
            await self.inner.start(deliver)

        async def stop(self) -> None:
            await self.inner.stop()

        async def publish(self, event: Event[Any]) -> Published:
            self.published.append(event.topic)
            return await self.inner.publish(event)

        def attach(self, channel: str) -> None:
            self.inner.attach(channel)

        def detach(self, channel: str) -> None:
            self.inner.detach(channel)

        async def read(self, channel: str, since: Position | None = None) -> Any:
            return await self.inner.read(channel, since)

        def sweep(self) -> None:
            self.inner.sweep()

    broker = Counting()
    async with make_line(broker) as line:
        await line.publish(PRICED, Price("ACME"))
    assert broker.published == ["price:ACME"]


async def test_the_line_alone_is_an_asgi_application_with_a_lifespan() -> None:
    line = make_line()
    said: list[str] = []
    incoming: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    started = asyncio.Event()

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message["type"])
        started.set()

    serving = asyncio.create_task(line({"type": "lifespan"}, incoming.get, send))
    incoming.put_nowait({"type": "lifespan.startup"})
    await started.wait()
    await line.publish(PRICED, Price("EUR"))
    incoming.put_nowait({"type": "lifespan.shutdown"})
    await serving
    with pytest.raises(BrokerError):
        await line.publish(PRICED, Price("EUR"))
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_loop_that_was_blocked_is_noticed() -> None:
    async with make_line() as line:
        await until(lambda: line.hub.loop_lag > 0)
        loop = asyncio.get_running_loop()
        blocked_until = loop.time() + 0.5
        while loop.time() < blocked_until:
            pass
        await until(lambda: line.hub.loop_lag >= 0.2)
        assert line.hub.admission.rate < line.hub.options.admission.rate


async def test_a_draining_line_serves_those_who_are_there_until_it_stops() -> None:
    options = LineOptions(hub=HubOptions(clock=ManualClock()))
    async with Trunkline(authorize=allow_all, bus=EventBus(), options=options) as line:
        client = MemoryTransport.connect(line.hub, ANN)
        await client.subscribe("price:ACME")
        line.drain(20.0)
        goodbye = await client.next()
        assert goodbye["type"] == "goaway"
        assert 0 <= goodbye["retry_after_ms"] <= 1_000
        assert (line.hub.retry_after() or 0) > 20
        await line.publish(PRICED, Price("ACME"))
        assert (await client.next())["type"] == "line_priced"
        line.drain(5.0)
    assert client.pending == []
    assert client.closed is not None
    assert client.closed[0] == 4002


async def test_a_peer_that_does_not_go_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.line._GOODBYE_TIME", 0.01)
    line = make_line()
    async with line:
        client = MemoryTransport.connect(line.hub, ANN)
        client.close = lambda code, reason: None  # type: ignore[method-assign]
    assert line.hub.connections
    client.lose()


# From other threads


async def test_another_thread_publishes_in_its_order_and_learns_where_each_event_stands() -> None:
    async with make_line() as line:
        client = MemoryTransport.connect(line.hub, ANN)
        await client.subscribe("price:ACME")

        def work() -> list[Published]:
            futures = [line.publish_threadsafe(PRICED, Price("ACME", float(n)), scope="t1") for n in range(100)]
            return [future.result(10) for future in futures]

        published = await asyncio.to_thread(work)
        assert [one.position.seq for one in published] == list(range(1, 101))
        assert published[0].feed == "price:*@t1"
        assert [message["data"]["price"] for message in await client.take(100)] == [float(n) for n in range(100)]


async def test_another_thread_is_told_what_the_broker_did_not_take() -> None:
    broker = Refusing()
    async with make_line(broker) as line:
        broker.failure = OSError("no route")
        future = await asyncio.to_thread(line.publish_threadsafe, PRICED, Price("ACME"))
        with pytest.raises(BrokerError, match="no route"):
            await asyncio.wrap_future(future)


async def test_publishing_from_a_thread_needs_a_line_that_runs_and_a_thread_that_is_not_its_own() -> None:
    line = make_line()
    with pytest.raises(BrokerError, match="not started"):
        await asyncio.to_thread(line.publish_threadsafe, PRICED, Price("ACME"))
    async with line:
        with pytest.raises(TrunklineError, match="own thread"):
            line.publish_threadsafe(PRICED, Price("ACME"))
    with pytest.raises(BrokerError, match="not started"):
        await asyncio.to_thread(line.publish_threadsafe, PRICED, Price("ACME"))


async def test_what_threads_gave_before_the_line_stopped_is_told_an_end() -> None:
    broker = Refusing()
    broker.open.clear()
    async with make_line(broker) as line:
        future = await asyncio.to_thread(line.publish_threadsafe, PRICED, Price("ACME"))
        await until(lambda: broker.asked == 1)
        late = await asyncio.to_thread(line.publish_threadsafe, PRICED, Price("ACME"))
    broker.open.set()
    for one in (future, late):
        with pytest.raises(BrokerError, match="stopped before"):
            await asyncio.wrap_future(one)


def test_an_event_loop_that_ended_without_stopping_the_line_is_named() -> None:
    line = make_line()
    asyncio.run(line.start())
    with pytest.raises(BrokerError, match="without stopping"):
        line.publish_threadsafe(PRICED, Price("ACME"))


async def test_threads_cannot_pile_up_events_without_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.line._WAITING_FROM_THREADS", 3)
    broker = Refusing()
    broker.open.clear()
    async with make_line(broker) as line:

        def work() -> list[Future[Published]]:
            futures = [line.publish_threadsafe(PRICED, Price("ACME")) for _ in range(3)]
            with pytest.raises(BrokerError, match="3 events of other threads"):
                line.publish_threadsafe(PRICED, Price("ACME"))
            return futures

        futures = await asyncio.to_thread(work)
        broker.open.set()
        for future in futures:
            await asyncio.wrap_future(future)
        again = await asyncio.to_thread(line.publish_threadsafe, PRICED, Price("ACME"))
        assert (await asyncio.wrap_future(again)).position.seq == 4
