"""A short lossy-link run: what counts is what arrived, not how fast."""

import pytest

from benchmarks.lossy_links import Plan, run


@pytest.mark.e2e
@pytest.mark.timeout(120)
async def test_every_event_arrives_once_and_in_order_over_links_that_are_cut() -> None:
    outcome = await run(Plan(clients=30, topics=10, rate=50, seconds=20, every=4, down=0.5))
    assert outcome.cuts > 30
    assert outcome.replay
    assert outcome.published == 1_000
    assert (outcome.delivered, outcome.doubled, outcome.disordered, outcome.resets) == (30_000, 0, 0, 0)
