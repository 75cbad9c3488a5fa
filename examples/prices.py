"""A price ticker: typed events, and a snapshot that joins the stream without a gap.

uvicorn examples.prices:app
"""

from fastapi import FastAPI
from msgspec import Struct

from trunkline import EventType, Principal, Trunkline, allow_all, anonymous


class Price(Struct, frozen=True):
    symbol: str
    price: float


PRICE_CHANGED = EventType("price_changed", Price, topic="price:{symbol}")
prices: dict[str, Price] = {}

line = Trunkline(authenticate=anonymous, authorize=allow_all)
app = FastAPI(lifespan=line.lifespan)
line.mount(app)


@line.snapshot("price:{symbol}")
def read_price(_principal: Principal, symbol: str) -> Price | None:
    return prices.get(symbol)


@line.snapshot("price:*")
def read_prices(_principal: Principal) -> list[Price]:
    return list(prices.values())


@app.put("/prices/{symbol}")
async def change_price(symbol: str, price: float) -> None:
    prices[symbol] = Price(symbol, price)
    await line.publish(PRICE_CHANGED, prices[symbol])
