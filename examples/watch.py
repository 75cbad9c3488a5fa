"""Watch every price, through reconnects and restarts.

python examples/watch.py http://127.0.0.1:8000
"""

import asyncio
import contextlib
import sys
from typing import Any

from trunkline import ReceivedEvent, ReceivedSnapshot, connect


async def watch(url: str) -> None:
    async with connect(url) as line, line.subscribe("price:*") as updates:
        async for update in updates:
            if isinstance(update, ReceivedEvent):
                show(update.data)
            elif isinstance(update, ReceivedSnapshot):
                for price in update.data:
                    show(price)


def show(price: dict[str, Any]) -> None:
    print(f"{price['symbol']} {price['price']}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(watch(sys.argv[1]))
