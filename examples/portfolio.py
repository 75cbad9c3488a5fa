"""Keep the worth of a portfolio, and how it got there, by the prices of the ticker.

python examples/portfolio.py http://127.0.0.1:8000 EUR=100 USD=250
"""

import asyncio
import contextlib
import sys

from trunkline import ReceivedReset, Update, connect


class Portfolio:
    """Some amounts, what they are worth in all, and every worth they had since the history began."""

    def __init__(self, amounts: dict[str, int]) -> None:
        self.amounts = amounts
        self.prices: dict[str, float] = {}
        self.history: list[float] = []

    @property
    def total(self) -> float:
        return sum(amount * self.prices.get(symbol, 0.0) for symbol, amount in self.amounts.items())

    def handle(self, update: Update) -> None:
        if isinstance(update, ReceivedReset):
            self.history.clear()  # what came between is unknown; the snapshot that follows begins it anew
        elif update.data is not None:
            self.prices[update.data["symbol"]] = update.data["price"]
            self.history.append(self.total)


async def follow(url: str, portfolio: Portfolio) -> None:
    def show(update: Update) -> None:
        portfolio.handle(update)
        print(f"{portfolio.total:.2f}", flush=True)

    async with connect(url) as line:
        for symbol in portfolio.amounts:
            line.topics.subscribe(f"price:{symbol}", show)
        await asyncio.Event().wait()


if __name__ == "__main__":
    held = (argument.split("=") for argument in sys.argv[2:])
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(follow(sys.argv[1], Portfolio({symbol: int(amount) for symbol, amount in held})))
