"""What a page bears: thousands of events a second, and being used for hours."""

import asyncio
import json
import re
import signal

import pytest
from playwright.async_api import CDPSession, Page, expect

from tests.browser.conftest import Deploy, Visit
from tests.browser.console import be_live, make_agent, make_thread
from tests.browser.deployment import Deployment
from tests.browser.flooding_server import COUNT, LAST, SECONDS
from tests.browser.visitor import Visitor

EVENTS = 10_000
AGENTS = 40
VIEW_CHANGES = 510
ROUND = 51
"""View changes that end on the dashboard, where they began: the heap is compared on the same page."""

WATCH_FRAMES = """() => {
    let last = performance.now();
    globalThis.longestGap = 0;
    globalThis.frames = 0;
    const look = (now) => {
        globalThis.longestGap = Math.max(globalThis.longestGap, now - last);
        globalThis.frames += 1;
        last = now;
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}"""

# Through all pages by the links of the frame, as fast as the pages are there.
CHANGE_VIEWS = """async (count) => {
    const places = [...document.querySelectorAll('nav[aria-label="Pages"] a')].filter((link) => link.offsetParent);
    const frame = () => new Promise(requestAnimationFrame);
    for (let change = 0; change < count; change += 1) {
        const link = places[(change + 1) % places.length];
        link.click();
        await frame();
        while (link.getAttribute("aria-current") !== "page" || !document.querySelector("h1")) {
            await frame();
        }
        await frame();
    }
}"""


@pytest.mark.timeout(180)
async def test_no_second_is_without_frames_under_ten_thousand_events(deploy: Deploy, profile: Visit) -> None:
    flood = {COUNT: str(EVENTS), SECONDS: "10"}
    deployment = await deploy(module="tests.browser.flooding_server", **flood)
    for number in range(AGENTS):
        await make_agent(deployment, f"Agent {number:02}")
    visitor = await profile(deployment)
    page = await visitor.open()
    await be_live(page)
    await expect(page.get_by_role("row", name=re.compile("^Agent"))).to_have_count(AGENTS)
    before = await deployment.metric("trunkline_events_published_total")
    await page.evaluate(WATCH_FRAMES)
    deployment.server.process.send_signal(signal.SIGUSR1)
    await asyncio.sleep(10)
    await expect(page.get_by_role("row", name=re.compile(f"^{LAST}"))).to_have_count(AGENTS, timeout=60_000)
    assert await deployment.metric("trunkline_events_published_total") - before == EVENTS
    longest, frames = await page.evaluate("[globalThis.longestGap, globalThis.frames]")
    assert longest < 1_000, f"{frames} frames, and none for {longest:.0f} ms"
    for fault in ("gaps", "duplicates_suppressed", "reorderings"):
        assert await deployment.metric(f"trunkline_{fault}_total") == 0


@pytest.mark.timeout(300)
async def test_the_heap_is_as_before_after_five_hundred_view_changes(deployment: Deployment, visitor: Visitor) -> None:
    await make_thread(deployment)
    page = await visitor.open()
    await be_live(page)
    session = await visitor.context.new_cdp_session(page)
    # What is made once, by the first visits of each page, is no leak.
    await change_views(page, 2 * ROUND)
    before = await heap(session)
    await change_views(page, VIEW_CHANGES)
    after = await heap(session)
    assert after < before * 1.1, f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after"
    assert await deployment.sockets_opened() == 1


async def change_views(page: Page, count: int) -> None:
    """Go through the pages, that many times."""
    for _ in range(count // ROUND):
        await page.evaluate(CHANGE_VIEWS, ROUND)


async def heap(session: CDPSession) -> int:
    """Bytes of what the page holds when everything that is garbage has gone.

    Compiled code does not count: V8 goes on compiling what is used often, for minutes, and that is no leak.
    """
    chunks: list[str] = []

    def take(event: dict[str, str]) -> None:
        chunks.append(event["chunk"])

    session.on("HeapProfiler.addHeapSnapshotChunk", take)
    await session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    session.remove_listener("HeapProfiler.addHeapSnapshotChunk", take)
    snapshot = json.loads("".join(chunks))
    meta, nodes = snapshot["snapshot"]["meta"], snapshot["nodes"]
    fields, kinds = meta["node_fields"], meta["node_types"][0]
    kind_of, size_of, step = fields.index("type"), fields.index("self_size"), len(fields)
    return sum(
        size
        for kind, size in zip(nodes[kind_of::step], nodes[size_of::step], strict=True)
        if kinds[kind] not in ("code", "native")
    )
