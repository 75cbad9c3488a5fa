"""One browser profile that is logged in, its pages, and what its developer tools would show in red."""

import asyncio
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, WebError

from tests.browser.deployment import Deployment

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
# What a browser says by itself about a network that is gone.
NETWORK_GONE = r"WebSocket connection to|net::ERR_|Failed to load resource"


class Visitor:
    """A profile: pages opened by it share cookies, storage and workers, as the tabs of one person do.

    Attributes:
        context: the profile, in playwright's words.
        complaints: errors in the developer tools that no test expects.
    """

    def __init__(self, deployment: Deployment, context: BrowserContext, name: str) -> None:
        self.context = context
        self.complaints: list[str] = []
        self._deployment = deployment
        self._name = name
        self._expected: list[re.Pattern[str]] = []
        self._offline = asyncio.Event()
        context.on("console", self._hear)
        context.on("weberror", self._catch)

    @property
    def pages(self) -> list[Page]:
        """The open tabs."""
        return self.context.pages

    async def log_in(self) -> None:
        """Get a session by the access token."""
        form: dict[str, str | float | bool] = {"token": self._deployment.server.token, "next": "/healthz"}
        answer = await self.context.request.post(f"{self._deployment.url}/login", form=form)
        assert answer.ok, await answer.text()

    async def open(self, path: str = "/") -> Page:
        """Open a tab."""
        page = await self.context.new_page()
        await page.goto(self._deployment.url + path)
        return page

    def expect_errors(self, pattern: str = NETWORK_GONE) -> None:
        """From now on such errors are no complaints."""
        self._expected.append(re.compile(pattern))

    async def pull_network(self) -> None:
        """Nothing passes any more, no end is told, and the browser notices that it has no network."""
        self.expect_errors()
        self._deployment.proxy.freeze()
        await self.context.set_offline(True)

    async def plug_in_network(self) -> None:
        """The network is back. What was underway meanwhile is lost, as after a change of networks."""
        self._deployment.proxy.cut()
        self._deployment.proxy.thaw()
        await self.context.set_offline(False)

    async def shoot(self, page: Page, name: str) -> None:
        """Keep a picture of a page for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=SCREENSHOTS / f"{self._name}-{name}.png", animations="disabled")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"{message.text} ({message.location.get('url', '')})")

    def _catch(self, error: WebError) -> None:
        self._note(f"uncaught: {error.error}")

    def _note(self, complaint: str) -> None:
        if not any(pattern.search(complaint) for pattern in self._expected):
            self.complaints.append(complaint)


async def visit(browser: Browser, deployment: Deployment, name: str, **options: Any) -> Visitor:
    """Make a profile and log it in.

    Args:
        browser: whose profile it is.
        deployment: what it is logged in to.
        name: begins the names of its pictures.
        options: of playwright's `new_context`: `viewport`, `color_scheme`, `bypass_csp` …
    """
    context = await browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **options})
    context.set_default_timeout(15_000)
    visitor = Visitor(deployment, context, name)
    await visitor.log_in()
    return visitor
