"""Two browsers at one server: each sees what the other does, within a second and by itself."""

from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.console import answer, ask, be_live, make_thread, messages
from tests.browser.deployment import Deployment

SOON = 1_000
"""Milliseconds."""


async def test_each_sees_the_others_changes_within_a_second(deployment: Deployment, profile: Visit) -> None:
    await make_thread(deployment)
    ann, ben = await profile(deployment), await profile(deployment)
    mine, theirs = await ann.open(), await ben.open()
    for page in (mine, theirs):
        await be_live(page)
        await expect(page.get_by_role("row", name="Ada")).to_be_visible()
    await mine.get_by_role("button", name="New agent").click()
    form = mine.get_by_role("form", name="Agent")
    await form.get_by_label("Name").fill("Grace")
    await form.get_by_role("button", name="Create").click()
    await expect(mine.get_by_role("row", name="Grace")).to_be_visible()
    await expect(theirs.get_by_role("row", name="Grace")).to_be_visible(timeout=SOON)
    await theirs.get_by_role("button", name="Edit Grace").click()
    form = theirs.get_by_role("form", name="Agent")
    await form.get_by_label("Name").fill("Rear Admiral Grace")
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_have_count(0)
    await expect(mine.get_by_role("row", name="Rear Admiral Grace")).to_be_visible(timeout=SOON)


async def test_both_read_one_conversation(deployment: Deployment, profile: Visit) -> None:
    thread = await make_thread(deployment)
    ann, ben = await profile(deployment), await profile(deployment)
    mine, theirs = await ann.open(f"/threads/{thread['id']}"), await ben.open(f"/threads/{thread['id']}")
    for page in (mine, theirs):
        await be_live(page)
    await ask(mine, "Hello from Ann")
    await expect(messages(theirs, "user")).to_contain_text(["Hello from Ann"], timeout=SOON)
    for page in (mine, theirs):
        await expect(answer(page)).to_contain_text("You wrote: Hello from Ann")
    await ask(theirs, "And from Ben")
    await expect(messages(mine, "user")).to_contain_text(["Hello from Ann", "And from Ben"], timeout=SOON)
