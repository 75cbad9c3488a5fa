"""Chromium agrees to compression, and reads frames that were compressed once for everyone."""

import asyncio
import socket
from typing import Any

import msgspec
from playwright.async_api import Browser

from tests.transports.servers import uvicorn_server
from trunkline import EventBus, EventType, LineOptions, Trunkline, allow_all, anonymous
from trunkline.testing.clock import until
from trunkline.transports.uvicorn import DeflatingProtocol


class Chapter(msgspec.Struct, frozen=True):
    number: int
    text: str


WRITTEN = EventType("browser_chapter_written", Chapter, topic="chapter:all")

LISTEN = """
url => new Promise(resolve => {
  const socket = new WebSocket(url), numbers = [];
  socket.onopen = () => socket.send(JSON.stringify({type: "subscribe", topics: ["chapter:all"], pad: "x".repeat(500)}));
  socket.onmessage = ({data}) => {
    const message = JSON.parse(data);
    if (message.type === "browser_chapter_written") numbers.push(message.data.number);
    if (numbers.length === 20) resolve({numbers, extensions: socket.extensions});
  };
})
"""


async def test_chromium_reads_what_was_compressed_for_everyone(browser: Browser) -> None:
    options = LineOptions(allowed_origins=["*"])
    line = Trunkline(authenticate=anonymous, authorize=allow_all, bus=EventBus(), options=options)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with line, uvicorn_server(line, listener, ws=DeflatingProtocol):
            page = await browser.new_page()
            listening = asyncio.create_task(page.evaluate(LISTEN, f"ws://127.0.0.1:{listener.getsockname()[1]}/"))
            await until(lambda: line.hub.topics, within=20.0)
            for number in range(20):
                await line.publish(WRITTEN, Chapter(number, "again and again " * 50))
            told: dict[str, Any] = await listening
            assert [one.deflates for one in line.hub.connections.values()] == [True]
            await page.context.close()
    assert told["numbers"] == list(range(20))
    assert "server_no_context_takeover" in told["extensions"]
