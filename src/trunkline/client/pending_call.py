"""The answers to calls, those that have come and those that are waited for."""

import asyncio
from typing import Any

from trunkline.errors import LineClosed, RequestError
from trunkline.positions import Position
from trunkline.protocol import messages as m
from trunkline.protocol.call_queue import CallState, QueuedCall


class CallResult:
    """The answer to a call: `result` as JSON data, and the positions of the events it produced."""

    def __init__(self, reply: m.Reply) -> None:
        self.result: Any = reply.result
        self.positions = {p.topic: Position(p.epoch, p.seq) for p in reply.positions}

    def __repr__(self) -> str:
        return f"CallResult(result={self.result!r}, positions={self.positions!r})"


def read_reply(reply: m.Reply) -> CallResult:
    """Turn a reply into its result.

    Raises:
        RequestError: the server refused the call.
    """
    if reply.error is not None:
        raise RequestError(reply.error.error, code=reply.error.code, details=reply.error.details)
    return CallResult(reply)


class PendingCall:
    """A queued call: it is sent when the line is there, in the order of calls, until it is answered.

    Attributes:
        key: its idempotency key.
        method: what is called.
    """

    def __init__(self, call: QueuedCall) -> None:
        self.key = call.key
        self.method = call.method
        self._call = call
        self._ended = asyncio.Event()
        self._reply: m.Reply | None = None

    @property
    def state(self) -> CallState:
        """Pending, sent, confirmed or failed."""
        return self._call.state

    async def result(self) -> CallResult:
        """Wait for the answer, however long the line is gone.

        Raises:
            RequestError: the server refused the call.
            LineClosed: the line was closed before the answer; a call kept in a file is sent by the next client.
        """
        await self._ended.wait()
        if self._reply is None:
            raise LineClosed(None, f"The line was closed before {self.method} was answered")
        return read_reply(self._reply)

    def end(self, reply: m.Reply | None) -> None:
        """Note the answer, or with None that none will come to this client."""
        self._reply = self._reply or reply
        self._ended.set()
