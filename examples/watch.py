"""Watch every price, through reconnects, without missing one.

python examples/watch.py http://127.0.0.1:8000
"""

import asyncio
import contextlib
import sys

from trunkline import ReceivedEvent, connect


async def watch(url: str) -> None:
    async with connect(url) as line, line.subscribe("price:*") as updates:
        async for update in updates:
            if isinstance(update, ReceivedEvent):
                print(f"{update.data['symbol']} {update.data['price']}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(watch(sys.argv[1]))
