"""What a person does on the console, and what they see, by the names a screen reader gives to it."""

import re
from collections.abc import Mapping
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.browser.deployment import Deployment

LIVE = re.compile(r"^Live")


def places(page: Page) -> Locator:
    """The links to the pages, of those two places where they are the one that is shown."""
    return page.get_by_role("navigation", name="Pages").locator("visible=true")


async def go_to(page: Page, name: str) -> None:
    """Go to Dashboard, Chat or Operations."""
    await places(page).get_by_role("link", name=re.compile(f"^{name}")).click()


def line_text(page: Page) -> Locator:
    """What the page says of its line."""
    return page.locator("[data-line] [data-tone]")


async def be_live(page: Page) -> None:
    """Wait until the line is up."""
    await expect(line_text(page)).to_have_text(LIVE, timeout=30_000)


def message_field(page: Page) -> Locator:
    """Where one writes."""
    return page.get_by_role("textbox", name="Message", exact=True)


def messages(page: Page, role: str | None = None) -> Locator:
    """The messages of the thread, in order; those of "user" or "assistant" alone."""
    chosen = "article" if role is None else f"article[data-role={role}]"
    return page.get_by_role("log", name="Messages").locator(chosen)


def answer(page: Page) -> Locator:
    """The text of the newest answer, finished or not."""
    return messages(page, "assistant").last.locator("> div").first


async def ask(page: Page, text: str) -> None:
    """Write a message and send it."""
    await message_field(page).fill(text)
    await message_field(page).press("Enter")


async def make_agent(deployment: Deployment, name: str = "Ada", **fields: Any) -> dict[str, Any]:
    """An agent, made by somebody else."""
    return await deployment.post("/api/agents", {"name": name, **fields})


async def make_thread(deployment: Deployment, title: str = "First") -> dict[str, Any]:
    """An agent and a thread of it."""
    agent = await make_agent(deployment)
    return await deployment.post("/api/threads", {"agent_id": agent["id"], "title": title})


async def stored_messages(deployment: Deployment, thread: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of a thread as the server has them."""
    page = await deployment.get(f"/api/threads/{thread['id']}/messages?limit=200")
    items: list[dict[str, Any]] = page["items"]
    return items
