"""All tabs of a browser on one line."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Deploy, Visit
from tests.browser.console import answer, ask, be_live, go_to, line_text, make_thread, messages
from tests.browser.deployment import Deployment
from tests.browser.paced_model import PacedAnswer
from tests.browser.visitor import Visitor

NO_SHARED_WORKER = "delete globalThis.SharedWorker"
NOTHING_TO_SHARE_BY = f"{NO_SHARED_WORKER}; delete globalThis.BroadcastChannel"


async def open_three(visitor: Visitor, thread: int) -> list[Page]:
    """The dashboard, and a chat twice."""
    pages = [await visitor.open(path) for path in ("/", f"/threads/{thread}", f"/threads/{thread}")]
    for page in pages:
        await be_live(page)
    return pages


async def connections(deployment: Deployment) -> int:
    """Sockets that are open at the server."""
    return int(await deployment.metric("trunkline_connections"))


async def test_three_tabs_have_one_connection(deployment: Deployment, visitor: Visitor) -> None:
    thread = await make_thread(deployment)
    dashboard, chat, other = await open_three(visitor, thread["id"])
    await ask(chat, "Who hears me?")
    for page in (chat, other):
        await expect(answer(page)).to_contain_text("You wrote: Who hears me?")
    await expect(dashboard.get_by_role("row", name="Ada")).to_contain_text("Answered")
    assert (await connections(deployment), await deployment.sockets_opened()) == (1, 1)
    await chat.close()
    await ask(other, "And now?")
    await expect(answer(other)).to_contain_text("You wrote: And now?")
    assert await deployment.sockets_opened() == 1


@pytest.mark.timeout(120)
async def test_the_tab_that_has_the_socket_is_closed_in_mid_answer(deploy: Deploy, profile: Visit) -> None:
    """Without shared workers one tab has the socket, and when it goes the next one takes over."""
    paced = PacedAnswer()
    deployment = await deploy(paced)
    thread = await make_thread(deployment)
    visitor = await profile(deployment)
    await visitor.context.add_init_script(NO_SHARED_WORKER)
    leader, chat, other = await open_three(visitor, thread["id"])
    await go_to(other, "Operations")
    await expect(other.get_by_role("main")).to_contain_text("another tab")
    await other.go_back()
    await ask(chat, "Go on")
    paced.say(30)
    for page in (chat, other):
        await expect(answer(page)).to_have_text(paced.said)
    assert await deployment.sockets_opened() == 1
    await leader.close()
    paced.finish()
    for page in (chat, other):
        await be_live(page)
        await expect(answer(page)).to_have_text(paced.text)
        assert await messages(page).count() == 2
    assert (await connections(deployment), await deployment.sockets_opened()) == (1, 2)


async def test_without_anything_to_share_by_each_tab_has_a_line_of_its_own(
    deployment: Deployment, profile: Visit
) -> None:
    visitor = await profile(deployment)
    await visitor.context.add_init_script(NOTHING_TO_SHARE_BY)
    thread = await make_thread(deployment)
    _, chat, other = await open_three(visitor, thread["id"])
    await ask(chat, "Alone?")
    await expect(answer(other)).to_contain_text("You wrote: Alone?")
    assert await connections(deployment) == 3


async def test_a_line_that_is_cut_comes_back_for_all_tabs_at_once(deployment: Deployment, visitor: Visitor) -> None:
    thread = await make_thread(deployment)
    pages = await open_three(visitor, thread["id"])
    visitor.expect_errors()
    deployment.proxy.refusing = True
    deployment.proxy.cut()
    for page in pages:
        await expect(line_text(page)).to_have_text(re.compile("^Reconnecting"))
    deployment.proxy.refusing = False
    for page in pages:
        await be_live(page)
    assert (await connections(deployment), await deployment.sockets_opened()) == (1, 2)
