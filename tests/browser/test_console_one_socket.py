"""One socket for everything a person does, counted by the server."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.console import be_live, go_to, make_thread
from tests.browser.deployment import Deployment
from tests.browser.visitor import Visitor

TURNS = 100


async def turn(page: Page) -> None:
    """Dashboard, chat, operations, and back."""
    await go_to(page, "Chat")
    await expect(page.get_by_role("heading", level=1)).to_have_text("First")
    await go_to(page, "Operations")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Operations")
    await go_to(page, "Dashboard")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Agents")


@pytest.mark.timeout(300)
async def test_a_hundred_turns_through_all_pages_open_one_socket(deployment: Deployment, visitor: Visitor) -> None:
    await make_thread(deployment)
    page = await visitor.open()
    await be_live(page)
    for _ in range(TURNS):
        await turn(page)
    assert await deployment.sockets_opened() == 1
