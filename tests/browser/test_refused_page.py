"""What a page can read of a handshake that is refused."""

import pytest
from playwright.async_api import Browser

from tests.browser.deployment import Deployment

CLOSE_OF = """(url) => new Promise((done) => {
    const socket = new WebSocket(url, "trunkline.v2.json");
    socket.onclose = ({ code, reason }) => done([code, reason]);
})"""


@pytest.mark.parametrize(
    ("host", "close"),
    [
        ("127.0.0.1", [4500, "The session has ended, or there was none: log in again."]),
        # The same server under another name: its pages are of another origin.
        ("localhost", [4501, "Pages of this origin may not connect."]),
    ],
)
async def test_a_page_reads_why_it_may_not_connect(
    browser: Browser, deployment: Deployment, host: str, close: list[object]
) -> None:
    page = await browser.new_page(bypass_csp=True)
    await page.goto(f"http://{host}:{deployment.proxy.port}/login")
    socket = deployment.url.replace("http", "ws") + "/api/ws/v2"
    assert await page.evaluate(CLOSE_OF, socket) == close
    await page.context.close()
