"""A short soak: what counts is what the server still holds, object by object, not how much memory it has."""

import pytest

from benchmarks.soak import FAST, Client, Plan, more_than, run, serving

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


async def test_nothing_is_left_of_clients_that_have_gone() -> None:
    outcome = await run(Plan(cycles=3_000, every=1_000, warm_up=1_000))
    assert [row.cycles for row in outcome.rows] == [1_000, 2_000, 3_000]
    assert [more_than(outcome.before.counts, row.counts) for row in outcome.rows] == [[], [], []]
    assert outcome.left == {}


@pytest.mark.parametrize(("ws", "transport"), [("websockets-sansio", "AsgiTransport"), (FAST, "FastTransport")])
async def test_what_is_there_is_counted(ws: str, transport: str) -> None:
    async with serving(Plan(ws=ws)) as server:
        before = await server.look_before()
        async with Client(1, server.port) as client:
            await client.subscribe()
            await client.mark()
            counts = await server.ask()
        after = await server.look_at_rest(before, 1)
    there = {name: counts[name] - before.counts[name] for name in counts}
    assert there["log bytes"] > 0
    assert (there["tasks"] > 0) == (ws != FAST)
    for name in ("connections", "sockets", "Connection", "ServerSession", transport):
        assert there[name] == 1
    assert (there["topics"], there["logs"]) == (2, 2)
    assert more_than(before.counts, after.counts) == []
