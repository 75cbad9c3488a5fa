"""The page that the documentation shows, in a real browser."""

import socket

import httpx2
from playwright.async_api import Browser, expect

from tests.transports.servers import uvicorn_server
from web.client.examples.page.app import app  # type: ignore[attr-defined] # an example need not say that it exports


async def test_the_ten_line_page_shows_a_price_and_its_changes(browser: Browser) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with uvicorn_server(app, listener, lifespan=True), httpx2.AsyncClient(base_url=url) as prices:
            await prices.put("/prices/EUR", params={"price": 1.07})
            page = await browser.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.goto(url)
            await expect(page.locator("p")).to_have_text("1 EUR = 1.07 USD connected")
            await prices.put("/prices/EUR", params={"price": 1.08})
            await expect(page.locator("p")).to_have_text("1 EUR = 1.08 USD connected")
            await page.context.close()
    assert errors == []
