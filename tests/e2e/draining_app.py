"""An application of somebody else's, served by plain uvicorn: `python -m tests.e2e.draining_app PORT`.

Its line drains on signals and finishes by publishing three events, one each tenth of a second.
"""

import asyncio
import sys

import msgspec
import uvicorn

from trunkline import EventType, Trunkline, allow_all, anonymous


class Step(msgspec.Struct, frozen=True):
    n: int


STEPPED = EventType("stepped", Step, topic="work:1")
line = Trunkline(authenticate=anonymous, authorize=allow_all)


async def finish() -> None:
    for n in range(3):
        await line.publish(STEPPED, Step(n))
        await asyncio.sleep(0.1)


line.drain_on_signals(within=10.0, finish=finish)

if __name__ == "__main__":
    uvicorn.run(line, port=int(sys.argv[1]), log_level="warning", ws="websockets-sansio")
