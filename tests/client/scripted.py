"""Sockets without a network: the test is the server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from trunkline.client.socket import ConnectFailed, Endpoint
from trunkline.client.ws_client import WsClientOptions
from trunkline.protocol.backoff import BackoffOptions
from trunkline.protocol.client_session import ClientOptions
from trunkline.testing import until

AT_ONCE = BackoffOptions(floor=0.0, cap=0.0)
"""No waiting between tries, so that no test waits either."""


class ScriptedSocket:
    """An open socket whose other end the test holds.

    Attributes:
        sent: every message the client sent.
        taken: how many frames the client has read.
        closed_with: the code the client closed with.
        aborted: whether the client dropped it.
        may_send: cleared to let `send` block, as a full network would.
    """

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.taken = 0
        self.closed_with: int | None = None
        self.aborted = False
        self.close_code = 1006
        self.close_reason = ""
        self.may_send = asyncio.Event()
        self.may_send.set()
        self._incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self._given = 0

    # The client's side

    async def __aiter__(self) -> AsyncIterator[str]:
        while (text := await self._incoming.get()) is not None:
            self.taken += 1
            yield text

    async def send(self, text: str) -> None:
        await self.may_send.wait()
        self.sent.append(msgspec.json.decode(text))

    async def close(self, code: int) -> None:
        self.closed_with = self.close_code = code
        self._incoming.put_nowait(None)

    def abort(self) -> None:
        self.aborted = True
        while not self._incoming.empty():
            self._incoming.get_nowait()
        self._incoming.put_nowait(None)

    # The server's side

    def say(self, type_: str, **fields: object) -> None:
        self.say_text(msgspec.json.encode({"type": type_, **fields}).decode())

    def say_text(self, text: str) -> None:
        self._incoming.put_nowait(text)

    def publish(self, topic: str, seq: int, feed_seq: int | None = None) -> None:
        numbers = {"seq": seq, "feed_seq": feed_seq}
        self.say("changed", topic=topic, **numbers, id=f"{topic} {seq}", time="now", data={"n": seq})

    def hang_up(self, code: int, reason: str = "") -> None:
        self.close_code, self.close_reason = code, reason
        self._incoming.put_nowait(None)

    async def heard(self, type_: str) -> dict[str, Any]:
        """Wait for the next message of a type, past others."""
        while True:
            await until(lambda: len(self.sent) > self._given)
            self._given += 1
            if self.sent[self._given - 1]["type"] == type_:
                return self.sent[self._given - 1]

    async def accept(self, *, epoch: str = "e1", seq: int = 0, state: object = None) -> dict[str, Any]:
        """Answer the next `subscribe`: with a snapshot if there is a state, `resumed` if there is a position."""
        message = await self.heard("subscribe")
        for item in message["topics"]:
            since = item.get("since") if isinstance(item, dict) else None
            topic = item["topic"] if isinstance(item, dict) else item
            fields: dict[str, Any] = {"topic": topic, "message_id": message["message_id"], "epoch": epoch, "seq": seq}
            if since is not None:
                self.say("resumed", **{**fields, **since}, recovered=0)
            elif state is not None:
                self.say("state", **fields, data=state)
            else:
                self.say("subscribed", **fields)
        return message


class Network:
    """Gives out sockets and refusals, in the order the test says; sockets once it says nothing."""

    def __init__(self) -> None:
        self.sockets: list[ScriptedSocket] = []
        self.endpoints: list[Endpoint] = []
        self.refusals: list[Exception] = []
        self.is_reachable = asyncio.Event()
        self.is_reachable.set()

    async def open_socket(self, endpoint: Endpoint) -> ScriptedSocket:
        self.endpoints.append(endpoint)
        await self.is_reachable.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        self.sockets.append(ScriptedSocket())
        return self.sockets[-1]

    def refuse(self, code: int = 1006, *, retry_after: float | None = None) -> None:
        self.refusals.append(ConnectFailed(code, "refused", retry_after))

    async def socket(self, number: int = 1) -> ScriptedSocket:
        """Wait for the socket of that number, counted from 1."""
        await until(lambda: len(self.sockets) >= number)
        return self.sockets[number - 1]

    def options(self, session: ClientOptions | None = None, *, inbox_limit: int = 1_000) -> WsClientOptions:
        return WsClientOptions(
            session=session or ClientOptions(backoff=AT_ONCE),
            inbox_limit=inbox_limit,
            open_socket=self.open_socket,
            chance=lambda: 0.5,
        )
