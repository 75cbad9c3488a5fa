"""One socket for all tabs, in a real browser: the notebook of `web/client/examples/tabs`."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.chromium import find_chromium, flags
from tests.transports.servers import uvicorn_server
from trunkline.testing import FaultProxy
from web.client.examples.tabs.app import FOLDER, app, books, write

WITHOUT_WORKER: Final = "delete globalThis.SharedWorker"
WITH_A_WORKER_THAT_IS_MISSING: Final = """
const { SharedWorker } = globalThis;
globalThis.SharedWorker = class extends SharedWorker {
  constructor(_url, options) { super("/missing.js", options); }
};
"""
WITHOUT_ANYTHING: Final = "delete globalThis.SharedWorker; delete globalThis.BroadcastChannel"


class Notebook:
    """The notebook's server behind a proxy, and the pages of one browser profile that show one book."""

    def __init__(self, url: str, proxy: FaultProxy, context: BrowserContext) -> None:
        self.book = f"b{uuid4().hex[:8]}"
        self.context = context
        self.proxy = proxy
        self._server = url
        self.url = f"http://127.0.0.1:{proxy.port}"
        self._opened_before = 0

    async def begin(self) -> None:
        """Count sockets from now on."""
        self._opened_before = 0
        self._opened_before = await self.sockets_opened()

    async def open(self, book: str | None = None) -> Page:
        page = await self.context.new_page()
        await page.goto(f"{self.url}/?book={book or self.book}")
        await expect(page.locator("output")).to_have_text(re.compile("^connected"))
        return page

    @property
    def elsewhere(self) -> str:
        """A page without a line."""
        return f"{self.url}/metrics"

    async def open_three(self) -> list[Page]:
        return [await self.open() for _ in range(3)]

    async def sockets_opened(self) -> int:
        async with httpx2.AsyncClient() as client:
            text = (await client.get(f"{self._server}/metrics")).text
        found = re.search(r"^trunkline_sockets_opened_total (\S+)$", text, re.MULTILINE)
        assert found is not None
        return int(float(found[1])) - self._opened_before

    async def write(self, *texts: str) -> None:
        for text in texts:
            await write(self.book, text)

    def texts(self) -> list[str]:
        return [note.text for note in books.get(self.book, [])]

    async def serve_files_without_network(self) -> None:
        """Let the page itself be loaded while the network is gone, as from a cache."""

        async def from_disk(route: Route) -> None:
            path = re.sub(r"^https?://[^/]+|\?.*$", "", route.request.url)
            inside = path.removeprefix("/client/")
            file = FOLDER.parent.parent / "dist" / inside if inside != path else FOLDER / (path[1:] or "index.html")
            await route.fulfill(path=file)

        await self.context.grant_permissions(["local-network-access"])
        await self.context.route(re.compile(r"/(\?.*)?$|/client/"), from_disk)

    def pull_network(self) -> None:
        self.proxy.freeze()
        self.proxy.cut()

    def plug_in_network(self) -> None:
        self.proxy.thaw()
        self.proxy.cut()  # Whatever began meanwhile is lost.


@asynccontextmanager
async def _served() -> AsyncIterator[tuple[str, FaultProxy]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        async with uvicorn_server(app, listener, lifespan=True), FaultProxy(port) as proxy:
            yield f"http://127.0.0.1:{port}", proxy


@pytest_asyncio.fixture(loop_scope="session")
async def notebook(browser: Browser) -> AsyncIterator[Notebook]:
    async with _in_profile_of(browser) as notebook:
        yield notebook


@pytest_asyncio.fixture(loop_scope="session")
async def caching_notebook(browser: Browser) -> AsyncIterator[Notebook]:
    """The notebook in a browser that keeps pages which are left, as all do unless they are driven by playwright."""
    chromium = await browser.browser_type.launch(
        executable_path=find_chromium(), args=flags(), ignore_default_args=["--disable-back-forward-cache"]
    )
    async with _in_profile_of(chromium) as notebook:
        yield notebook
    await chromium.close()


@asynccontextmanager
async def _in_profile_of(browser: Browser) -> AsyncIterator[Notebook]:
    async with _served() as (url, proxy):
        context = await browser.new_context()
        context.set_default_timeout(15_000)
        expect.set_options(timeout=15_000)
        errors: list[str] = []
        context.on("weberror", lambda error: errors.append(str(error.error)))
        notebook = Notebook(url, proxy, context)
        await notebook.begin()
        yield notebook
        await context.close()
        expect.set_options(timeout=5_000)
        assert errors == []


async def _crash(page: Page) -> None:
    """End the page's process, as when it runs out of memory."""
    crashed = asyncio.Event()
    page.on("crash", lambda _: crashed.set())
    session = await page.context.new_cdp_session(page)
    crashing = asyncio.create_task(session.send("Page.crash"))
    await crashed.wait()
    crashing.cancel()
    await asyncio.gather(crashing, return_exceptions=True)


async def _shows(pages: list[Page], *texts: str) -> None:
    for page in pages:
        await expect(page.locator("li")).to_have_text(list(texts))


async def _state(page: Page, text: str) -> None:
    await expect(page.locator("output")).to_have_text(text)


async def test_three_tabs_have_one_connection(notebook: Notebook) -> None:
    pages = await notebook.open_three()
    for page in pages:
        await _state(page, "connected (worker, 3 tabs)")
    assert await notebook.sockets_opened() == 1
    await notebook.write("one", "two")
    await _shows(pages, "one", "two")
    late = await notebook.open()
    await _shows([late], "one", "two")
    assert await notebook.sockets_opened() == 1


async def test_each_tab_hears_its_own_topics_alone(notebook: Notebook) -> None:
    own, other = await notebook.open(), await notebook.open("another")
    await notebook.write("mine")
    await _shows([own], "mine")
    await write("another", "theirs")
    await expect(other.locator("li")).to_have_text([note.text for note in books["another"]])
    await _shows([own], "mine")
    assert await notebook.sockets_opened() == 1


async def test_without_a_shared_worker_one_tab_holds_the_socket(notebook: Notebook) -> None:
    await notebook.context.add_init_script(WITHOUT_WORKER)
    pages = await notebook.open_three()
    await _state(pages[0], "connected (leader, 3 tabs)")
    for page in pages[1:]:
        await _state(page, "connected (follower, 3 tabs)")
    await notebook.write("one")
    await _shows(pages, "one")
    assert await notebook.sockets_opened() == 1


async def test_a_worker_that_cannot_be_loaded_is_done_without(notebook: Notebook) -> None:
    await notebook.context.add_init_script(WITH_A_WORKER_THAT_IS_MISSING)
    pages = [await notebook.open(), await notebook.open()]
    await _state(pages[0], "connected (leader, 2 tabs)")
    await _state(pages[1], "connected (follower, 2 tabs)")
    assert await notebook.sockets_opened() == 1


async def test_without_anything_to_share_by_each_tab_has_a_socket(notebook: Notebook) -> None:
    await notebook.context.add_init_script(WITHOUT_ANYTHING)
    pages = [await notebook.open(), await notebook.open()]
    for page in pages:
        await _state(page, "connected (alone, 1 tabs)")
    await notebook.write("one")
    await _shows(pages, "one")
    assert await notebook.sockets_opened() == 2


@pytest.mark.parametrize("how", ["closes", "crashes"])
@pytest.mark.parametrize("share", ["worker", "leader"])
async def test_when_the_first_tab_goes_no_event_is_lost(notebook: Notebook, share: str, how: str) -> None:
    if share == "leader":
        await notebook.context.add_init_script(WITHOUT_WORKER)
    first, *others = await notebook.open_three()
    await _state(first, f"connected ({share}, 3 tabs)")
    texts = [f"note {number}" for number in range(200)]

    async def write_on() -> None:
        for text in texts:
            await notebook.write(text)
            await asyncio.sleep(0.01)

    writing = asyncio.create_task(write_on())
    await expect(others[0].locator("li").nth(20)).to_be_attached()
    await (first.close() if how == "closes" else _crash(first))
    await writing
    await _shows(others, *texts)
    for page in others:
        await _state(page, f"connected ({'worker' if share == 'worker' else await _share(page)}, 2 tabs)")
    if share == "leader":
        assert sorted([await _share(page) for page in others]) == ["follower", "leader"]
        assert await notebook.sockets_opened() == 2


async def _share(page: Page) -> str:
    share: str = await page.evaluate("line.share")
    return share


@pytest.mark.parametrize("share", ["worker", "leader"])
async def test_a_tab_that_is_put_away_stalls_nobody_and_comes_back_without_a_hole(
    caching_notebook: Notebook, share: str
) -> None:
    notebook = caching_notebook
    if share == "leader":
        await notebook.context.add_init_script(WITHOUT_WORKER)
    cached, other = await notebook.open(), await notebook.open()
    await notebook.write("before")
    await _shows([cached, other], "before")
    await cached.evaluate("addEventListener('pageshow', ({ persisted }) => { globalThis.wasCached = persisted; })")
    await cached.goto(notebook.elsewhere)
    await _state(other, f"connected ({share}, 1 tabs)")
    await notebook.write("meanwhile")
    await _shows([other], "before", "meanwhile")
    await cached.go_back(wait_until="commit")
    await _shows([cached], "before", "meanwhile")
    assert await cached.evaluate("globalThis.wasCached") is True
    await notebook.write("after")
    await _shows([cached, other], "before", "meanwhile", "after")


async def test_a_tab_that_crashes_gives_its_topics_up(notebook: Notebook) -> None:
    watching = await notebook.open()
    crashing = await notebook.open("gone")
    await watching.wait_for_function("line.getView().positions.length === 2")
    await _crash(crashing)
    await watching.wait_for_function("line.getView().tabs === 1 && line.getView().positions.length === 1")


async def test_a_message_written_offline_is_sent_once_after_a_reload(notebook: Notebook) -> None:
    await notebook.context.add_init_script(WITHOUT_WORKER)
    await notebook.serve_files_without_network()
    page = await notebook.open()
    notebook.pull_network()
    await page.fill("input", "written offline")
    await page.press("input", "Enter")
    await expect(page.locator("small")).to_have_text("1 waiting")
    await page.evaluate("Promise.all(calls.pendingCalls.map(({ stored }) => stored))")
    await page.reload()
    await expect(page.locator("small")).to_have_text("1 waiting")
    notebook.plug_in_network()
    await _shows([page], "written offline")
    await expect(page.locator("small")).to_have_text("0 waiting")
    assert notebook.texts() == ["written offline"]


@pytest.mark.parametrize(
    ("prevented_by", "reason"),
    [
        ("Object.defineProperty(globalThis, 'indexedDB', { value: undefined })", "This browser has no IndexedDB here"),
        (
            "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); }",
            "This browser does not let the page store anything",
        ),
        ("", "The storage that this browser gives to the page is full"),
    ],
)
async def test_where_nothing_can_be_stored_the_page_says_so_and_sends_all_the_same(
    notebook: Notebook, prevented_by: str, reason: str
) -> None:
    await notebook.context.add_init_script(prevented_by)
    page = await notebook.open()
    if not prevented_by:
        session = await notebook.context.new_cdp_session(page)
        await session.send("Storage.overrideQuotaForOrigin", {"origin": notebook.url, "quotaSize": 1})
    await page.fill("input", "all the same")
    await page.press("input", "Enter")
    await _shows([page], "all the same")
    sentence = f"{reason}, so messages that wait to be sent are lost if this page closes."
    await expect(page.locator("em")).to_have_text(sentence)
    assert notebook.texts() == ["all the same"]


async def test_messages_of_two_tabs_are_sent_in_the_order_they_were_written(notebook: Notebook) -> None:
    await notebook.serve_files_without_network()
    pages = [await notebook.open(), await notebook.open()]
    notebook.pull_network()
    for number in range(6):
        page = pages[number % 2]
        await page.fill("input", f"note {number}")
        await page.press("input", "Enter")
        await page.evaluate("Promise.all(calls.pendingCalls.map(({ stored }) => stored))")
    for page in pages:
        await expect(page.locator("small")).to_have_text("6 waiting")
    await pages[0].close()
    notebook.plug_in_network()
    expected = [f"note {number}" for number in range(6)]
    await _shows(pages[1:], *expected)
    await expect(pages[1].locator("small")).to_have_text("0 waiting")
    assert notebook.texts() == expected
