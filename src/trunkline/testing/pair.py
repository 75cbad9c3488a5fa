"""A real client joined to a real hub in memory: no socket, no server, no waiting."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Self
from urllib.parse import urlsplit

from trunkline.client.line import ClientLine
from trunkline.client.socket import ConnectFailed, Endpoint
from trunkline.client.ws_client import WsClient, WsClientOptions
from trunkline.codes import CloseCode
from trunkline.hub.access import Handshake, Principal
from trunkline.line import ENDPOINT, Trunkline
from trunkline.protocol.client_effects import LineState, Notice
from trunkline.testing.clock import ManualClock, until
from trunkline.testing.fault_transport import FaultTransport, MemorySocket
from trunkline.testing.memory import ABNORMAL
from trunkline.transports.asgi import read_handshake


class _WatchedClient(WsClient):
    """A client that tells whether it has anything left to do, and does what is due when it is told to."""

    _is_handing_over = False

    @property
    def has_sent_all(self) -> bool:
        return self._outbox.empty()

    @property
    def has_handed_over_all(self) -> bool:
        return not self._inbox and not self._is_handing_over

    def look_at_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._tick()

    async def _hand_over(self, effect: Notice) -> None:
        self._is_handing_over = True
        try:
            await super()._hand_over(effect)
        finally:
            self._is_handing_over = False


class PairedLine(ClientLine):
    """A `ClientLine` whose connections are in memory, and which comes back only when it is told to. Made by `pair`.

    Attributes:
        clock: the client's time, which stands still; see `advance`.
        links: its connections to the hub, the newest last.
        patience: seconds to wait for what has to come.
    """

    def __init__(
        self,
        line: Trunkline,
        endpoint: Endpoint,
        *,
        principal: Principal | None,
        token: str | None,
        clock: ManualClock,
        options: WsClientOptions,
    ) -> None:
        self.clock = clock
        self.links: list[FaultTransport] = []
        self.patience = 5.0
        self._line = line
        self._principal = principal
        self._is_called = asyncio.Event()
        self._refusal: ConnectFailed | None = None
        # The same wait after every loss: it ends when the test says so.
        own = replace(options, open_socket=self._open, clock=clock, chance=lambda: 0.5)
        self._watched = _WatchedClient(endpoint, token=token, options=own)
        super().__init__(self._watched)

    @property
    def link(self) -> FaultTransport:
        """The newest connection, with its faults."""
        return self.links[-1]

    # Life

    async def __aenter__(self) -> Self:
        """Connect. See `reconnect` for what it raises."""
        await self.client.start()
        try:
            await self.reconnect()
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        """Close the line, and end every connection that is left.

        Raises:
            TimeoutError: a handler did not end in time; it was cancelled.
        """
        try:
            async with asyncio.timeout(self.patience):
                await super().close()
        finally:
            for link in self.links:
                link.drop()

    def drop(self) -> None:
        """Lose the connection, as on a dead network: no close frame, and what is underway is lost.

        The line stays away until `reconnect`, whatever the clock says.
        """
        self.link.drop()

    async def reconnect(self) -> None:
        """Connect at once. Returns when all subscriptions have their answers and what was missed has been handed over.

        A line that is still up is dropped first.

        Raises:
            LineClosed: the line is closed for good, as with a wrong token.
            ConnectFailed: the line has stopped.
        """
        if self.state is LineState.CONNECTED and not self.link.socket.has_ended:
            self.drop()
        await until(lambda: self.state is not LineState.CONNECTED, within=self.patience)
        self._call()
        answered = (LineState.CONNECTED, LineState.CLOSED)
        await until(lambda: self.state in answered or self._refusal is not None, within=self.patience)
        if self._refusal is not None and self.state is not LineState.CLOSED:
            raise self._refusal
        await self.client.wait_ready()
        await self.settle()

    # Time

    async def settle(self) -> None:
        """Wait until nothing is on its way: requests are answered, and all that was sent went through the handlers.

        What a fault holds up is not waited for, nor is a method of the server that still runs. What you iterate over
        has come as far as the iterator.

        Raises:
            TimeoutError: it did not settle in time.
        """
        await until(self._is_settled, within=self.patience)

    async def advance(self, seconds: float) -> None:
        """Settle, let the client's time pass, have it do what became due (a ping, giving a line up), and settle."""
        await self.settle()
        self.clock.advance(seconds)
        self._watched.look_at_clock()
        await self.settle()

    def _is_settled(self) -> bool:
        if self.state is LineState.CONNECTED:
            link = self.link
            sends = not self._watched.has_sent_all and not link.is_frozen("to_server")
            if sends or link.socket.has_ended or not link.is_quiet:
                return False
        return self._watched.has_handed_over_all

    # Connecting

    def _call(self) -> None:
        self._refusal = None
        self._is_called.set()
        self.client.reconnect_now()

    async def _open(self, endpoint: Endpoint) -> MemorySocket:
        """Join the hub, once for each time the line is called; until then the network gives no answer."""
        await self._is_called.wait()
        self._is_called.clear()
        try:
            self.links.append(await self._join(_read(endpoint)))
        except ConnectFailed as refusal:
            self._refusal = refusal
            raise
        return self.link.socket

    async def _join(self, handshake: Handshake) -> FaultTransport:
        """Go through the doors that a server's endpoint has, but for the one that a slow machine shuts."""
        hub = self._line.hub
        if hub.draining:
            raise ConnectFailed(ABNORMAL, "The line has stopped, and takes no connection")
        principal = self._principal or await hub.authenticate(handshake)
        if principal is None and handshake.token is not None:
            raise ConnectFailed(int(CloseCode.UNAUTHENTICATED), "The token is not valid or has expired.")
        return FaultTransport.connect(hub, principal, handshake=handshake, greet=True)


def _read(endpoint: Endpoint) -> Handshake:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in endpoint.headers.items()]
    return read_handshake({"headers": headers, "query_string": urlsplit(endpoint.url).query.encode()})


def pair(
    line: Trunkline,
    *,
    principal: Principal | None = None,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    clock: ManualClock | None = None,
    options: WsClientOptions | None = None,
) -> PairedLine:
    """Make a client of a started line, joined to its hub in memory.

    ```python
    async with line, pair(line, token="secret") as client:
        client.topics.subscribe("order:12", handler)
        client.drop()
        await line.publish(ORDER_CHANGED, order)
        await client.reconnect()
    ```

    It is a `ClientLine`, with `drop` and `reconnect`, and the faults of its `link`.

    Args:
        line: the line under test, with its doors, snapshots, calls and limits.
        principal: who connects; unless given, the line's `authenticate` is asked, with the token and the headers.
        token: an access token.
        headers: of the handshake, `Cookie` for example.
        clock: the client's time, in seconds; one of its own unless given.
        options: the client's; how it connects, its clock and its chance are the pair's.
    """
    endpoint = Endpoint(url=f"ws://memory{ENDPOINT}", headers=headers or {})
    return PairedLine(
        line,
        endpoint,
        principal=principal,
        token=token,
        clock=clock or ManualClock(),
        options=options or WsClientOptions(),
    )
