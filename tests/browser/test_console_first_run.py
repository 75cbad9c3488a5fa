"""The first minutes with nothing set up: two clicks to an answer of a real model."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Deploy, Visit
from tests.browser.console import answer, messages


@pytest.mark.model
@pytest.mark.timeout(180)
async def test_two_clicks_lead_to_an_answer_of_the_small_model(deploy: Deploy, profile: Visit) -> None:
    deployment = await deploy(model="local/smollm2")
    visitor = await profile(deployment)
    page = await visitor.open()
    await expect(page.get_by_text("It answers with SmolLM2")).to_be_visible()
    await visitor.shoot(page, "welcome")
    await page.get_by_role("button", name="Create a first agent").click()
    await page.get_by_role("button", name="What can you help me with?").click()
    await page.wait_for_url(f"{deployment.url}/threads/*")
    await expect(messages(page, "assistant")).to_have_count(1, timeout=60_000)
    await page.reload()
    await expect(page.get_by_role("button", name="Answer again")).to_be_visible(timeout=90_000)
    text = await answer(page).inner_text()
    [thread] = (await deployment.get("/api/threads"))["items"]
    stored = (await deployment.get(f"/api/threads/{thread['id']}/messages"))["items"]
    assert len(text) > 20
    assert [message["role"] for message in stored] == ["user", "assistant"]
    await visitor.shoot(page, "answered")
