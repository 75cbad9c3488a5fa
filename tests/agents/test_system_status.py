"""The server's status: what a second amounts to, who is told, and what is said about it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from tests.agents.rig import ANA, NOON, Heart, ManualSleep
from trunkline import __version__
from trunkline.agents.events import SystemSample
from trunkline.agents.storage.clock import Clock
from trunkline.agents.system_status import (
    INTERVAL,
    KEPT,
    STATUS_SNAPSHOT,
    STATUS_TOPIC,
    StatusSampler,
    SystemState,
    judge,
)
from trunkline.testing import ManualClock, until
from trunkline.testing.memory import MemoryTransport


@dataclass
class Watched:
    """A heart with a sampler whose time the test lets pass."""

    heart: Heart
    clock: ManualClock = field(default_factory=ManualClock)
    sleep: ManualSleep = field(default_factory=ManualSleep)
    problem: str | None = None
    looks: int = 0

    def __post_init__(self) -> None:
        self.sampler = StatusSampler(
            self.heart.line,
            self.heart.runner,
            self.storage,
            clock=self.clock,
            wall_clock=Clock(lambda: NOON + self.clock.now),
            sleep=self.sleep,
        )
        self.heart.line.snapshot(STATUS_TOPIC, type=STATUS_SNAPSHOT)(self.sampler.state)

    async def storage(self) -> str | None:
        self.looks += 1
        return self.problem

    async def second(self, seconds: float = 1.0) -> SystemSample:
        self.clock.advance(seconds)
        await self.sampler.tick()
        return (await self.state()).samples[-1]

    async def state(self) -> SystemState:
        return await self.sampler.state(self.heart.principal)

    def listener(self) -> MemoryTransport:
        return MemoryTransport.connect(self.heart.line.hub, self.heart.principal)


@pytest.fixture
async def watched(heart: Heart) -> AsyncIterator[Watched]:
    yield Watched(heart)


async def subscribe(transport: MemoryTransport, *topics: str) -> list[dict[str, Any]]:
    transport.send({"type": "subscribe", "topics": list(topics), "message_id": "s"})
    return [await transport.next() for _ in topics]


# Who is told


async def test_while_nobody_listens_nothing_is_published_and_the_storage_left_alone(watched: Watched) -> None:
    for _ in range(3):
        watched.clock.advance(1.0)
        await watched.sampler.tick()
    await subscribe(watched.listener(), "agent:*")
    await watched.sampler.tick()
    assert (watched.heart.heard.of("system_status"), watched.looks) == ([], 0)


async def test_who_listens_gets_what_was_and_then_each_second(watched: Watched) -> None:
    await watched.second()
    listener = watched.listener()
    [snapshot] = await subscribe(listener, STATUS_TOPIC)
    assert (snapshot["type"], snapshot["data"]["now"]["version"]) == ("system_state", __version__)
    assert [sample["time"] for sample in snapshot["data"]["samples"]] == ["2026-03-01T12:16:41.000Z"]
    told = []
    for _ in range(3):
        watched.clock.advance(1.0)
        await watched.sampler.tick()
        told.append(await listener.next())
    assert [(event["type"], event["topic"]) for event in told] == [("system_status", STATUS_TOPIC)] * 3
    assert [event["data"]["sample"]["uptime"] for event in told] == [2.0, 3.0, 4.0]
    listener.send({"type": "unsubscribe", "topics": [STATUS_TOPIC]})
    assert (await listener.next())["type"] == "unsubscribe_success"
    await watched.sampler.tick()
    assert len(watched.heart.heard.of("system_status")) == 3


async def test_five_minutes_are_kept(watched: Watched) -> None:
    for _ in range(KEPT + 5):
        watched.clock.advance(1.0)
        await watched.sampler.tick()
    state = await watched.state()
    assert [sample.uptime for sample in state.samples] == [float(second) for second in range(6, KEPT + 6)]
    assert state.now.sample == state.samples[-1]


async def test_who_comes_within_the_first_second_gets_a_sample_too(watched: Watched) -> None:
    state = await watched.state()
    assert [sample.uptime for sample in state.samples] == [0.0]


async def test_it_runs_by_the_second_and_leaves_nothing_behind(watched: Watched) -> None:
    listener = watched.listener()
    await subscribe(listener, STATUS_TOPIC)
    tasks = asyncio.all_tasks()
    running = asyncio.create_task(watched.sampler.run())
    for _ in range(2):
        await watched.sleep.until_asleep(INTERVAL)
        watched.sleep.advance(INTERVAL)
        assert (await listener.next())["type"] == "system_status"
    running.cancel()
    await asyncio.wait([running])
    await until(lambda: asyncio.all_tasks() <= tasks)


async def test_a_line_that_takes_no_events_does_not_end_it(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    await subscribe(watched.listener(), STATUS_TOPIC)
    relay, watched.heart.line._relay = watched.heart.line._relay, None
    await watched.sampler.tick()
    watched.heart.line._relay = relay
    assert "The status of this second was not told: The line is not started" in caplog.text


# What a second amounts to


async def test_connections_topics_and_subscriptions_are_counted(watched: Watched) -> None:
    one, two = watched.listener(), watched.listener()
    await subscribe(one, "agent:*", "thread:*")
    await subscribe(two, "agent:*")
    sample = await watched.second()
    assert (sample.connections, sample.opened, sample.closed) == (2, 2, 0)
    assert (sample.topics, sample.subscriptions) == (2, 3)
    one.lose()
    sample = await watched.second()
    assert (sample.connections, sample.opened, sample.closed, sample.subscriptions) == (1, 2, 1, 1)


async def test_rates_are_those_of_the_second(watched: Watched) -> None:
    listener = watched.listener()
    await subscribe(listener, "agent:*")
    for _ in range(4):
        await watched.heart.agent()
    await watched.heart.published()
    for _ in range(4):
        await listener.next()
    sample = await watched.second(2.0)
    assert (sample.published, sample.delivered) == (2.0, 2.0)
    sample = await watched.second()
    assert (sample.published, sample.delivered) == (0.0, 0.0)


async def test_latency_is_estimated_from_what_was_written_in_the_second(watched: Watched) -> None:
    latency = watched.heart.line.hub.stats.write_latency
    for _ in range(99):
        latency.observe(0.0004)
    latency.observe(0.2)
    sample = await watched.second()
    assert sample.latency_p50 == pytest.approx(0.253, abs=0.001)
    assert sample.latency_p99 == pytest.approx(0.5)
    latency.observe(0.2)
    sample = await watched.second()
    assert sample.latency_p50 == pytest.approx(175.0)
    sample = await watched.second()
    assert (sample.latency_p50, sample.latency_p99) == (None, None)


async def test_those_who_come_back_are_counted_by_what_they_got(watched: Watched) -> None:
    recoveries = watched.heart.line.hub.stats.recoveries
    recoveries["resumed"] += 3
    recoveries["snapshot"] += 1
    sample = await watched.second()
    assert (sample.recovered, sample.resumed, sample.refetched) == (4.0, 3, 1)
    sample = await watched.second()
    assert (sample.recovered, sample.resumed, sample.refetched) == (0.0, 3, 1)


async def test_the_worst_lag_of_the_second_is_told(watched: Watched) -> None:
    for seconds in (0.01, 300.0, 0.02):
        watched.heart.line.hub.observe_lag(seconds)
    assert (await watched.second()).loop_lag == 300_000.0
    watched.heart.line.hub.observe_lag(0.01)
    assert (await watched.second()).loop_lag < 300_000.0


async def test_answers_in_progress_are_counted(watched: Watched) -> None:
    heart = watched.heart
    thread = await heart.thread()
    run = await heart.ask(thread)
    sample = await watched.second()
    assert (sample.runs_running, sample.runs_queued) == (1, 0)
    heart.model.finish()
    await heart.ended(run)
    sample = await watched.second()
    assert (sample.runs_running, sample.runs_queued) == (0, 0)


async def test_an_answer_that_waits_for_its_turn_is_queued(watched: Watched) -> None:
    heart = watched.heart
    for _ in range(17):
        thread = await heart.thread()
        await heart.say(thread)
        await heart.runner.submit(ANA, thread.id)
    await heart.heard.until("run_started", 16)
    sample = await watched.second()
    assert (sample.runs_running, sample.runs_queued) == (16, 1)


# What is said about it


async def test_a_storage_that_cannot_be_used_is_told(watched: Watched) -> None:
    watched.problem = "The database does not answer."
    now = (await watched.state()).now
    assert now.status == "degraded"
    assert now.message.startswith("The database does not answer.")
    watched.problem = None
    assert "database" not in (await watched.state()).now.message


async def test_a_storage_is_looked_at_while_somebody_listens(watched: Watched) -> None:
    listener = watched.listener()
    await subscribe(listener, STATUS_TOPIC)
    watched.problem = "The database does not answer."
    told = []
    for _ in range(2):
        await watched.sampler.tick()
        told.append("database" in (await listener.next())["data"]["message"])
        await asyncio.sleep(0)
    assert told == [False, True]


async def test_a_drain_is_told(watched: Watched) -> None:
    watched.heart.line.drain()
    now = (await watched.state()).now
    assert (now.status, now.message.partition(":")[0]) == ("stopping", "The server stops")


async def test_what_is_late_or_slow_is_said_in_sentences(watched: Watched) -> None:
    fine = await watched.second()
    fine = replace(fine, loop_lag=3.0, connections=120)
    late, slow = replace(fine, loop_lag=312.4), replace(fine, lagging=3)
    assert judge([fine], stopping=False, problem=None) == ("ok", "Everything is on time.")
    assert judge([fine, late], stopping=False, problem=None) == (
        "degraded",
        "The server is busy: it ran 312 ms late.",
    )
    assert judge([slow, late], stopping=False, problem="The database does not answer.") == (
        "degraded",
        "The database does not answer. The server is busy: it ran 312 ms late. "
        "3 of 120 connections read too slowly and have to catch up.",
    )
    assert judge([late], stopping=True, problem=None)[0] == "stopping"
