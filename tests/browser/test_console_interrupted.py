"""Answers that are interrupted on their way to the page: no character is lost, and the page says how its line is."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Deploy, Visit
from tests.browser.console import answer, ask, be_live, line_text, make_thread, message_field, messages, stored_messages
from tests.browser.deployment import Deployment
from tests.browser.paced_model import PacedAnswer
from tests.browser.visitor import Visitor


async def test_a_page_reloaded_in_mid_answer_goes_on_where_it_was(deploy: Deploy, profile: Visit) -> None:
    paced = PacedAnswer()
    deployment = await deploy(paced)
    thread = await make_thread(deployment)
    visitor = await profile(deployment)
    page = await visitor.open(f"/threads/{thread['id']}")
    await ask(page, "Go on")
    paced.say(20)
    await expect(answer(page)).to_have_text(paced.said)
    for _ in range(3):
        await page.reload()
        paced.say(20)
        await expect(answer(page)).to_have_text(paced.said)
    await visitor.shoot(page, "in-mid-answer")
    paced.finish()
    await expect(answer(page)).to_have_text(paced.text)
    await expect(page.get_by_role("button", name="Stop the answer")).to_have_count(0)
    assert await messages(page).count() == 2


@pytest.mark.timeout(150)
async def test_an_answer_is_whole_after_ten_seconds_without_network(deploy: Deploy, profile: Visit) -> None:
    paced = PacedAnswer([f"word{number:03}" for number in range(200)])
    deployment = await deploy(paced)
    thread = await make_thread(deployment)
    visitor = await profile(deployment)
    page = await visitor.open(f"/threads/{thread['id']}")
    await be_live(page)
    await ask(page, "Go on")
    await paced.speak(2)
    await expect(answer(page)).to_have_text(paced.said)
    seen = paced.said
    await visitor.pull_network()
    await paced.speak(10)
    # It asks at once whether its line is one, and gives it up when no answer came for 8 s.
    await expect(line_text(page)).to_have_text(re.compile("^(Offline|Reconnecting)"))
    await expect(answer(page)).to_have_text(seen)
    await visitor.shoot(page, "without-network")
    await visitor.plug_in_network()
    await be_live(page)
    await paced.speak(1)
    await expect(answer(page)).to_have_text(paced.said)
    paced.finish()
    await expect(answer(page)).to_have_text(paced.text)
    assert await messages(page).count() == 2
    assert [message["content"] for message in await stored_messages(deployment, thread)] == ["Go on", paced.text]


@pytest.mark.timeout(150)
async def test_a_server_killed_in_mid_answer_leaves_its_text_and_says_so(deploy: Deploy, profile: Visit) -> None:
    paced, second = PacedAnswer(), PacedAnswer(["Here", "I", "am"])
    deployment = await deploy(paced, second)
    thread = await make_thread(deployment)
    visitor = await profile(deployment)
    visitor.expect_errors()
    page = await visitor.open(f"/threads/{thread['id']}")
    await ask(page, "Go on")
    paced.say(30)
    await expect(answer(page)).to_have_text(paced.said)
    # The text is saved each second; what was saved is kept.
    await asyncio.sleep(2)
    await deployment.kill()
    await expect(line_text(page)).to_have_text(re.compile("^Reconnecting"))
    await expect(answer(page)).to_have_text(paced.said)
    await visitor.shoot(page, "server-gone")
    await deployment.restart()
    await be_live(page)
    failure = page.get_by_role("alert").filter(has_text="The answer failed")
    await expect(failure).to_contain_text(re.compile("server", re.IGNORECASE))
    await expect(answer(page)).to_have_text(paced.said)
    await visitor.shoot(page, "server-back")
    second.finish()
    await ask(page, "Are you there?")
    await expect(answer(page)).to_have_text(second.text)
    assert await messages(page).count() == 4


@pytest.mark.timeout(150)
async def test_a_message_written_offline_is_sent_once_after_a_reload(deployment: Deployment, visitor: Visitor) -> None:
    thread = await make_thread(deployment)
    page = await visitor.open(f"/threads/{thread['id']}")
    await be_live(page)
    await expect(message_field(page)).to_be_visible()
    visitor.expect_errors()
    deployment.proxy.refusing = True
    deployment.proxy.cut()
    await expect(line_text(page)).to_have_text(re.compile("^Reconnecting"))
    await ask(page, "Written in a tunnel")
    await expect(messages(page, "user")).to_contain_text(["Written in a tunnel"])
    await expect(page.get_by_text("Sent when the line is back")).to_be_visible()
    await expect(line_text(page)).to_contain_text("1 waiting")
    await visitor.shoot(page, "kept")
    deployment.proxy.refusing = False
    await page.reload()
    await be_live(page)
    await expect(messages(page, "user")).to_have_count(1)
    await expect(messages(page, "assistant")).to_contain_text(["You wrote: Written in a tunnel"])
    written = [message["content"] for message in await stored_messages(deployment, thread) if message["role"] == "user"]
    assert written == ["Written in a tunnel"]
