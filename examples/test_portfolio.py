"""The portfolio's handler against a line that breaks: the real ticker, a real client, no network and no waiting.

make test ARGS=examples/test_portfolio.py
"""

import pytest

from examples.portfolio import Portfolio
from examples.prices import change_price, line, prices
from trunkline import Trunkline
from trunkline.testing import PairedLine

pytest_plugins = ["trunkline.testing.fixtures"]


@pytest.fixture
def trunkline_line() -> Trunkline:
    prices.clear()
    return line


@pytest.fixture
async def portfolio(trunkline_client: PairedLine) -> Portfolio:
    portfolio = Portfolio({"EUR": 100})
    trunkline_client.topics.subscribe("price:EUR", portfolio.handle)
    await trunkline_client.settle()
    return portfolio


async def change(*values: float) -> None:
    for value in values:
        await change_price("EUR", value)


async def test_a_drop_in_mid_stream_misses_nothing(trunkline_client: PairedLine, portfolio: Portfolio) -> None:
    await change(1, 2)
    await trunkline_client.settle()
    await change(3)
    trunkline_client.drop()  # 3 was underway
    await change(4, 5)
    await trunkline_client.reconnect()
    assert portfolio.history == [100, 200, 300, 400, 500]


async def test_a_doubled_event_counts_once(trunkline_client: PairedLine, portfolio: Portfolio) -> None:
    await change(1, 2)
    await trunkline_client.settle()
    trunkline_client.link.duplicate(2)
    await change(3)
    await trunkline_client.settle()
    assert trunkline_client.client.stats.duplicates == 2
    assert portfolio.history == [100, 200, 300]


async def test_after_too_long_an_absence_the_history_begins_anew(
    trunkline_client: PairedLine, portfolio: Portfolio
) -> None:
    await change(1, 2)
    await trunkline_client.settle()
    trunkline_client.drop()
    await change(*range(3, 1_101))  # a topic's log holds 1,000 events
    await trunkline_client.reconnect()
    assert trunkline_client.client.stats.resets == 1
    assert portfolio.history == [110_000]
