"""Getting in by a browser, and what the browser thinks of the console's policy."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Visit
from tests.browser.deployment import Deployment
from tests.browser.visitor import Visitor


async def test_the_link_that_the_server_prints_opens_the_console(browser: Browser, deployment: Deployment) -> None:
    page = await browser.new_page()
    await page.goto(deployment.login_link)
    assert page.url == f"{deployment.url}/"
    await expect(page.get_by_role("navigation").first).to_be_visible()
    await page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_person_who_logs_in_gets_back_to_where_they_wanted_to_go(
    deployment: Deployment, profile: Visit, scheme: str
) -> None:
    visitor = await profile(deployment, color_scheme=scheme)
    visitor.expect_errors("status of 40[13]")
    await visitor.context.clear_cookies()
    page = await visitor.open("/operations?a=b")
    await visitor.shoot(page, "asked")
    await page.get_by_label("Access token").fill("wrong")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_have_text("That is not the access token.")
    await page.get_by_label("Access token").fill(deployment.server.token)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{deployment.url}/operations?a=b")
    await expect(page.get_by_role("navigation").first).to_be_visible()


INTRUSIONS = (
    "document.head.append(Object.assign(document.createElement('style'), {textContent: '*{color:red}'}))",
    "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.intruded = 1'}))",
    "document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">')",
    "fetch('http://127.0.0.1:9/').catch(() => {})",
    "new WebSocket('ws://127.0.0.1:9/')",
)


async def test_the_policy_of_the_page_stops_what_is_not_its_own(visitor: Visitor) -> None:
    visitor.expect_errors("Content Security Policy")
    page = await visitor.open()
    for intrusion in INTRUSIONS:
        await page.evaluate(
            f"""() => {{
                const stopped = new Promise((done) =>
                    addEventListener("securitypolicyviolation", done, {{ once: true }}));
                {intrusion};
                return stopped.then(() => undefined);
            }}"""
        )
    assert await page.evaluate("window.intruded") is None
