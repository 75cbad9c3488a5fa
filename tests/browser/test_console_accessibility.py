"""Every page in both colour schemes, and on a phone: no axe violations, and a picture to look at."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.console import answer, ask, be_live, make_agent, make_thread
from tests.browser.deployment import Deployment
from tests.browser.visitor import DESKTOP, PHONE, Visitor

AXE = (Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text
QUESTION = "Please show **bold**, `code` and a list:\n\n- one\n- two\n\n```python\nprint('hello')\n```"
# The rules of WCAG 2.2 A and AA, and what axe calls best practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

Show = Callable[[Page], Awaitable[None]]


async def violations(page: Page) -> list[str]:
    """What axe finds, a line each."""
    await page.add_script_tag(content=AXE("utf-8"))
    found: dict[str, Any] = await page.evaluate("(tags) => axe.run({ runOnly: tags })", TAGS)
    return [
        f"{violation['id']}: {violation['help']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


async def prepare(deployment: Deployment) -> int:
    """Agents and a conversation; the id of its thread."""
    thread = await make_thread(deployment, "A first conversation")
    await make_agent(deployment, "Grace", model="echo", system_instructions="You are brief.")
    return int(thread["id"])


async def nothing(_page: Page) -> None:
    """As it is."""


async def open_agent_form(page: Page) -> None:
    await page.get_by_role("button", name="New agent").click()
    await expect(page.get_by_role("form", name="Agent")).to_be_visible()


async def open_shortcuts(page: Page) -> None:
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()


async def open_finder(page: Page) -> None:
    await page.keyboard.press("Control+k")
    await expect(page.get_by_placeholder("Find")).to_be_visible()


async def converse(page: Page) -> None:
    await ask(page, QUESTION)
    await expect(answer(page)).to_contain_text("You wrote:")
    await expect(page.get_by_role("button", name="Stop the answer")).to_have_count(0)


PAGES: dict[str, tuple[str, Show]] = {
    "dashboard": ("/", nothing),
    "agent-form": ("/", open_agent_form),
    "shortcuts": ("/", open_shortcuts),
    "finder": ("/", open_finder),
    "chat": ("/threads/{thread}", converse),
    "operations": ("/operations", nothing),
    "not-found": ("/nowhere", nothing),
    "no-such-thread": ("/threads/99999", nothing),
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(deployment: Deployment, profile: Visit, scheme: str, size: str) -> None:
    visitor = await profile(
        deployment, color_scheme=scheme, viewport=PHONE if size == "phone" else DESKTOP, bypass_csp=True
    )
    welcome = await visitor.open("/")
    await expect(welcome.get_by_role("button", name="Create a first agent")).to_be_enabled()
    found = {"welcome": await look(visitor, welcome, "welcome")}
    thread = await prepare(deployment)
    for name, (path, show) in PAGES.items():
        page = await visitor.open(path.format(thread=thread))
        await be_live(page)
        await expect(page.get_by_role("heading", level=1)).not_to_have_count(0)
        await show(page)
        found[name] = await look(visitor, page, name)
    assert {name: lines for name, lines in found.items() if lines} == {}


async def look(visitor: Visitor, page: Page, name: str) -> list[str]:
    """Take a picture and ask axe; then close the tab."""
    await page.evaluate("document.fonts.ready")
    await visitor.shoot(page, name)
    found = await violations(page)
    await page.close()
    return found
