"""`trunkline serve` that publishes events at a rate no person causes, once SIGUSR1 tells it to.

The events are what each change of an agent publishes: the agents that there are, in turn, each time one version newer.
The last one of each is named so that a page can be seen to have come to the end. Nothing else is other than in
production.
"""

import asyncio
import os
import signal
from typing import Final

import msgspec

from trunkline.agents.app import AgentsPlatform
from trunkline.agents.events import AGENT_UPDATED
from trunkline.agents.login import LOCAL
from trunkline.cli import main

COUNT: Final = "FLOOD_EVENTS"
SECONDS: Final = "FLOOD_SECONDS"
LAST: Final = "Last of all"
_PERIOD: Final = 0.01

_start = AgentsPlatform.start


async def _flood(platform: AgentsPlatform, count: int, seconds: float) -> None:
    """Publish as many as the time that has passed asks for, every few milliseconds."""
    agents = (await platform.agents.list(LOCAL.scope)).items
    clock = asyncio.get_running_loop().time
    begun, published = clock(), 0
    while published < count:
        due = min(count, int((clock() - begun) / seconds * count))
        for number in range(published, due):
            turn, place = divmod(number, len(agents))
            agent = agents[place]
            name = LAST if number + len(agents) >= count else f"{agent.name} {turn}"
            newer = msgspec.structs.replace(agent, name=name, version=agent.version + turn + 1)
            await platform.line.publish(AGENT_UPDATED, newer, scope=LOCAL.scope)
        published = max(published, due)
        await asyncio.sleep(_PERIOD)


async def _start_and_listen(platform: AgentsPlatform) -> None:
    await _start(platform)
    loop = asyncio.get_running_loop()
    floods: set[asyncio.Task[None]] = set()
    count, seconds = int(os.environ[COUNT]), float(os.environ[SECONDS])
    loop.add_signal_handler(signal.SIGUSR1, lambda: floods.add(loop.create_task(_flood(platform, count, seconds))))


if __name__ == "__main__":
    AgentsPlatform.start = _start_and_listen  # type: ignore[assignment, method-assign]
    main()
