"""What goes wrong has its sentence on the page, and nothing typed is lost."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Deploy, Visit
from tests.browser.console import LIVE, ask, be_live, go_to, line_text, make_thread, message_field
from tests.browser.deployment import Deployment
from tests.browser.paced_model import PacedAnswer
from tests.browser.visitor import Visitor


async def test_a_thread_that_somebody_else_deletes_leaves_what_was_typed(
    deployment: Deployment, visitor: Visitor
) -> None:
    thread = await make_thread(deployment)
    page = await visitor.open(f"/threads/{thread['id']}")
    await message_field(page).fill("A thought of mine")
    async with deployment.rest() as rest:
        await rest.delete(f"/api/threads/{thread['id']}")
    await expect(page.get_by_role("heading", name="This thread was deleted")).to_be_visible()
    await expect(page.get_by_text("A thought of mine")).to_be_visible()
    await visitor.shoot(page, "deleted")


async def test_a_session_that_ended_asks_for_a_new_one_and_comes_back(deployment: Deployment, visitor: Visitor) -> None:
    thread = await make_thread(deployment)
    page = await visitor.open(f"/threads/{thread['id']}")
    await be_live(page)
    visitor.expect_errors()
    await message_field(page).fill("Half a sentence")
    await visitor.context.clear_cookies()
    deployment.proxy.cut()
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_label("Access token").fill(deployment.server.token)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{deployment.url}/threads/{thread['id']}")
    await be_live(page)
    await expect(message_field(page)).to_have_value("Half a sentence")


async def test_a_page_that_cannot_be_loaded_says_so_and_takes_nothing_away(
    deployment: Deployment, visitor: Visitor
) -> None:
    await make_thread(deployment)
    visitor.expect_errors()
    visitor.expect_errors("dynamically imported module|preload CSS")
    await visitor.context.route("**/assets/operations-page*", lambda route: route.abort())
    page = await visitor.open()
    await be_live(page)
    await go_to(page, "Operations")
    await expect(page.get_by_role("alert")).to_contain_text("This page could not be shown")
    await expect(line_text(page)).to_have_text(LIVE)
    await visitor.shoot(page, "not-loaded")
    await go_to(page, "Dashboard")
    await expect(page.get_by_role("row", name="Ada")).to_be_visible()
    await go_to(page, "Operations")
    await visitor.context.unroute("**/assets/operations-page*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("heading", name="Operations", level=1)).to_be_visible()


async def test_pages_not_seen_yet_are_there_when_the_server_has_gone(deployment: Deployment, visitor: Visitor) -> None:
    page = await visitor.context.new_page()
    loaded = page.expect_request_finished(lambda request: "/assets/operations-page" in request.url)
    async with loaded, page.expect_response("**/assets/operations-page*.js"):
        await page.goto(f"{deployment.url}/chat")
    await be_live(page)
    visitor.expect_errors()
    await deployment.kill()
    await go_to(page, "Operations")
    await expect(page.get_by_role("heading", name="Operations", level=1)).to_be_visible()


@pytest.mark.timeout(120)
async def test_an_answer_that_is_stopped_stays_as_far_as_it_came(deploy: Deploy, profile: Visit) -> None:
    paced = PacedAnswer()
    deployment = await deploy(paced)
    thread = await make_thread(deployment)
    visitor = await profile(deployment)
    page = await visitor.open(f"/threads/{thread['id']}")
    await ask(page, "Go on")
    paced.say(12)
    await expect(page.get_by_text(paced.said)).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("This answer was stopped.")).to_be_visible()
    await expect(page.get_by_text(paced.said)).to_be_visible()


async def test_the_console_comes_up_by_itself_after_the_server_does(deployment: Deployment, visitor: Visitor) -> None:
    await make_thread(deployment)
    page = await visitor.open()
    await expect(page.get_by_role("row", name="Ada")).to_be_visible()
    visitor.expect_errors()
    await deployment.kill()
    await expect(line_text(page)).to_have_text(re.compile("^Reconnecting"))
    await expect(page.get_by_role("row", name="Ada")).to_be_visible()
    await deployment.restart()
    await be_live(page)
