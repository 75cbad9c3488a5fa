"""All rows, as one session sees them."""

from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.agents.storage.agents import AgentRows
from trunkline.agents.storage.call_keys import CallKeyRows
from trunkline.agents.storage.clock import Clock
from trunkline.agents.storage.messages import MessageRows
from trunkline.agents.storage.runs import RunRows
from trunkline.agents.storage.threads import ThreadRows


class Rows:
    """The repositories of one session. They return structs, never rows, and raise what the database raises."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self.agents = AgentRows(session, clock)
        self.threads = ThreadRows(session, clock)
        self.messages = MessageRows(session, clock)
        self.runs = RunRows(session, clock)
        self.call_keys = CallKeyRows(session, clock)
