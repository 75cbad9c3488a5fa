"""`AgentsPlatform`: the parts of the application, wired, and their life. It knows no web framework."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

from trunkline import (
    Action,
    EventBus,
    Handshake,
    HubOptions,
    LineOptions,
    Principal,
    SessionLimits,
    Trunkline,
    TrunklineError,
    Unauthenticated,
    origin_allowed,
)
from trunkline.agents.calls import register_calls
from trunkline.agents.legacy import LegacyDialect
from trunkline.agents.login import LocalAccess, open_token
from trunkline.agents.models.catalog import ModelCatalog, ModelSettings
from trunkline.agents.readiness import Readiness
from trunkline.agents.runner import Runner
from trunkline.agents.services import AgentService, ChatService, RunService, ThreadService
from trunkline.agents.settings import BadSettings, Limits, Settings
from trunkline.agents.snapshots import AgentsAccess, register_snapshots
from trunkline.agents.storage import Database
from trunkline.agents.system_status import STATUS_SNAPSHOT, STATUS_TOPIC, StatusSampler

logger = logging.getLogger(__name__)

_RESTART_DELAY = 1.0
_GOODBYE_TIME = 8.0


class AgentsPlatform:
    """Database, line, models, runner and services of one process.

    Making one touches nothing; `start` does, and `async with` starts and stops.

    Attributes:
        settings: what it runs with.
        line: carries the events; mount it.
        catalog: the models.
        agents, threads, chat, runs: the services.
        runner: answers threads.
        readiness: tells whether the database takes writes.
        status: tells how the server is.
        legacy_connections: WebSockets opened at the endpoint of the older protocol.

    Raises:
        BadSettings: the database URL is none that can be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.line = Trunkline(
            authenticate=self._authenticate,
            authorize=self._authorize,
            bus=EventBus(),
            options=LineOptions(hub=_hub_options(settings.limits), allowed_origins=settings.allowed_origins),
        )
        try:
            self.database = Database(settings.storage_url, publish=self.line.send)
        except ValueError as error:
            raise BadSettings(f"The setting `database_url` is not usable: {error}") from error
        self.catalog = ModelCatalog(replace(ModelSettings.from_env(os.environ), model=settings.model))
        self.runs = RunService(self.database)
        self.runner = Runner(self.runs, self.catalog, self.line.publish)
        self.agents = AgentService(self.database, self.runner, self.catalog.why_not)
        self.threads = ThreadService(self.database, self.runner)
        self.chat = ChatService(self.database, self.threads, self.runner)
        self.readiness = Readiness(self.database.probe)
        self.status = StatusSampler(self.line, self.runner, self.readiness.problem)
        self.legacy_connections = 0
        self._rights = AgentsAccess(self.database)
        self._access: LocalAccess | None = None
        self._relaying: asyncio.Task[None] | None = None
        self._sampling: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None
        self._draining = False
        self._hurried = False
        register_snapshots(self.line, self.database, self.runner)
        register_calls(self.line, self.database, self.chat, self.runner)
        self.line.snapshot(STATUS_TOPIC, type=STATUS_SNAPSHOT)(self.status.state)

    @property
    def access(self) -> LocalAccess:
        """Who may use the server.

        Raises:
            TrunklineError: the platform was not started.
        """
        if self._access is None:
            raise TrunklineError("The platform is not started: use it as a lifespan or with `async with`")
        return self._access

    def _authenticate(self, handshake: Handshake) -> Principal | None:
        principal = self.access.authenticate(handshake)
        if principal is None and _is_of_own_page(handshake):
            raise Unauthenticated("The session has ended, or there was none: log in again.")
        return principal

    async def _authorize(self, principal: Principal, action: Action, topic: str) -> bool:
        return await self._rights.authorize(principal, action, topic)

    # Life

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Open the data directory, migrate, start the line, and mark runs that an earlier process left.

        Raises:
            BadSettings: the data directory or the token cannot be used.
            StorageUnavailable: the database cannot be used.
        """
        try:
            _make_directory(self.settings.data_dir)
            token = None if self.settings.no_auth else open_token(self.settings.data_dir)
            self._access = LocalAccess(token, cookie=f"trunkline_{self.settings.port}")
            await self.database.migrate()
            await self.line.start()
            # Nobody is connected yet, so what an earlier process left is told before anyone could hear it twice.
            await self._relay_the_rest()
            relay = keep_running("The outbox relay", self.database.relay.run)
            self._relaying = asyncio.get_running_loop().create_task(relay)
            await self.runner.start()
            sampling = keep_running("The status sampler", self.status.run)
            self._sampling = asyncio.get_running_loop().create_task(sampling)
        except BaseException:
            await self.stop()
            raise

    async def drain(self, within: float | None = None) -> None:
        """End in order, in `within` seconds: say goodbye, let answers be finished, tell their ends, close every socket.

        At once the platform is no longer ready, takes no more runs and no more WebSockets, and tells its clients that
        they will have to come back. Answers in progress have all the time there is but the last few seconds; then
        they are cut, their texts kept. REST goes on; what is written at the very end is told at the next start.
        Draining twice is draining once.

        Args:
            within: seconds; the setting `drain_seconds` unless given.
        """
        if self._draining:
            return
        self._draining = True
        window = self.settings.drain_seconds if within is None else within
        self.line.drain(window)
        await self._finish_answers(window - min(_GOODBYE_TIME, window / 2))
        await self.runner.stop()
        if self._relaying is not None:
            self._relaying.cancel()
            await asyncio.gather(self._relaying, return_exceptions=True)
            await self._relay_the_rest()
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.gather(self._sampling, return_exceptions=True)
        await self.line.stop()

    async def _finish_answers(self, within: float) -> None:
        self._finishing = asyncio.get_running_loop().create_task(self.runner.finish())
        if self._hurried:
            self._finishing.cancel()
        await asyncio.wait([self._finishing], timeout=within)
        self._finishing.cancel()

    def hurry(self) -> None:
        """Wait for no answer: cut those in progress now, or when the drain begins."""
        self._hurried = True
        if self._finishing is not None:
            self._finishing.cancel()

    async def stop(self) -> None:
        """Drain without waiting for answers, and close what is open."""
        await self.drain(0.0)
        await self.catalog.aclose()
        await self.database.stop()

    async def _relay_the_rest(self) -> None:
        try:
            await self.database.relay.drain()
        except TrunklineError as error:
            logger.warning("Some events wait in the outbox for the next start: %s", error)

    async def why_not_ready(self) -> str | None:
        """A sentence if the server should get no work now, or None."""
        if self._draining:
            return "The server drains."
        return await self.readiness.problem()

    def speak_legacy(self, handshake: Handshake) -> LegacyDialect:
        """Make the translator of a connection to the older endpoint, and count it."""
        self.legacy_connections += 1
        return LegacyDialect(handshake)


async def keep_running(name: str, work: Callable[[], Awaitable[None]], delay: float = _RESTART_DELAY) -> None:
    """Run a background task for ever: one that dies or ends is logged and started again after `delay` seconds."""
    while True:
        try:
            await work()
            logger.error("%s ended by itself; it is started again", name)
        except Exception:
            logger.exception("%s died; it is started again", name)
        await asyncio.sleep(delay)


def _is_of_own_page(handshake: Handshake) -> bool:
    """Whether a page of this server connects, which has its session and no token that it could still send."""
    return handshake.token is None and "origin" in handshake.headers and origin_allowed(handshake, frozenset())


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(f"The data directory {path} cannot be used: {error}") from error


def _hub_options(limits: Limits) -> HubOptions:
    session = SessionLimits(
        max_message_bytes=limits.max_message_bytes,
        max_subscriptions=limits.max_subscriptions,
        messages_per_second=limits.messages_per_second,
        message_burst=limits.message_burst,
    )
    return HubOptions(
        session=session,
        max_connections=limits.max_connections,
        max_connections_per_principal=limits.max_connections_per_principal,
    )
