"""Running the application under uvicorn."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from trunkline.agents.api.application import create_app
from trunkline.agents.app import AgentsPlatform
from trunkline.agents.data_lock import exclusive
from trunkline.agents.settings import BadSettings, Settings
from trunkline.agents.storage import database_file
from trunkline.agents.unfinished import UnfinishedRequests

logger = logging.getLogger(__name__)

# Room for the frame that is just over the limit, so that the session refuses it by its own code.
_MESSAGE_MARGIN = 4 * 1024
_BACKLOG = 2_048
# Of uvicorn's ticks, ten a second: a request has fifteen seconds at least to become whole, and thirty at most.
_TICKS_A_LOOK = 150
_ANY_ADDRESS = frozenset({"0.0.0.0", "::"})


class _Server(uvicorn.Server):
    """Owns the platform's life, so that what fails at its start is raised and not only logged."""

    def __init__(
        self,
        config: uvicorn.Config,
        platform: AgentsPlatform,
        on_started: Callable[[], None],
        on_drain: Callable[[int], None],
    ) -> None:
        super().__init__(config)
        self._platform = platform
        self._on_started = on_started
        self._on_drain = on_drain
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unfinished: UnfinishedRequests | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await self._platform.start()
        await super().startup(sockets)
        self._unfinished = UnfinishedRequests(self.server_state.connections, self.config.http_protocol_class)
        self._on_started()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_A_LOOK == 0 and self._unfinished is not None:
            self._unfinished.look()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, with the listener open so that whoever comes is told when to come back; then close what is open."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._platform.settings.drain_seconds
        try:
            self._on_drain(self._platform.runner.in_progress)
            await self._platform.drain()
            self.config.timeout_graceful_shutdown = max(1, int(ends_at - clock()))
            await super().shutdown(sockets)
        finally:
            await self._platform.stop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end at the first signal; at the second wait for nothing and nobody."""
        if self.should_exit:
            self.force_exit = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._platform.hurry)
        super().handle_exit(sig, frame)


def run(
    settings: Settings, on_ready: Callable[[str], None], on_drain: Callable[[int], None] = lambda _answers: None
) -> None:
    """Serve until a signal ends it.

    Args:
        settings: what to run with; port 0 takes a free one.
        on_ready: called once the server listens, with the address to open: a one-time login link, or the plain
            address where everyone is let in.
        on_drain: called when a signal has come, with the number of answers that are waited for.

    Raises:
        BadSettings: the address is in use or cannot be bound, or the data directory cannot be used or is in use.
        StorageUnavailable: the database cannot be used.
    """
    # Uvicorn shuts down in order, and then raises the signal again for those who want to know.
    with (
        contextlib.closing(bind(settings)) as listener,
        exclusive(settings.data_dir, database_file(settings.storage_url)),
        contextlib.suppress(KeyboardInterrupt),
    ):
        bound = settings.model_copy(update={"port": listener.getsockname()[1]})
        make_server(bound, on_ready, on_drain).run(sockets=[listener])


def make_server(
    settings: Settings, on_ready: Callable[[str], None], on_drain: Callable[[int], None] = lambda _answers: None
) -> uvicorn.Server:
    """Make the server of a listener that is bound to the settings' host and port; see `run`."""
    platform = AgentsPlatform(settings)
    config = uvicorn.Config(
        create_app(settings, platform),
        host=settings.host,
        port=settings.port,
        # The fast path, by name: only uvicorn itself needs it.
        ws=f"trunkline.transports.uvicorn:{'Deflating' if settings.deflate else 'Detaching'}Protocol",
        ws_max_size=settings.limits.max_message_bytes + _MESSAGE_MARGIN,
        ws_per_message_deflate=False,
        # The hub knows what to do with a peer that does not read, and is given the time for it.
        ws_ping_interval=30.0,
        ws_ping_timeout=90.0,
        lifespan="off",
        log_config=None,
        # The application writes its own access log, without queries.
        access_log=False,
        server_header=False,
        # Nothing stands in front of this server that could be believed about its clients.
        proxy_headers=False,
    )
    return _Server(config, platform, lambda: on_ready(_address_to_open(settings, platform)), on_drain)


def bind(settings: Settings) -> socket.socket:
    """Bind the settings' address.

    Raises:
        BadSettings: it is in use, not allowed, or not of this machine.
    """
    host, port = settings.host, settings.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise BadSettings(_explain(host, port, error)) from error


def _explain(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"The host {host} cannot be found: {error.strerror}. Give an address of this machine with --host."
    if isinstance(error, PermissionError):
        return f"Port {port} may not be bound by this user. Choose one above 1023 with --port."
    return f"Port {port} of {host} cannot be bound: {error.strerror}. Stop what uses it, or choose another with --port."


def _address_to_open(settings: Settings, platform: AgentsPlatform) -> str:
    host = "localhost" if settings.host in _ANY_ADDRESS else settings.host
    address = f"http://[{host}]:{settings.port}/" if ":" in host else f"http://{host}:{settings.port}/"
    return address if platform.access.is_open else f"{address}login?once={platform.access.make_link()}"
