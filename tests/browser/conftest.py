"""A real Chromium on real servers.

All tests here share one event loop, because the browser does: it is started once. A page that logs an error or throws
fails its test, unless the test said that it expects that. Pictures go to `build/screenshots`.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.chromium import find_chromium, flags
from tests.browser.deployment import Deployment, deployed
from tests.browser.paced_model import PacedAnswer, answering
from tests.browser.visitor import Visitor, visit

HERE = Path(__file__).parent
FAILED = pytest.StashKey[bool]()

Deploy = Callable[..., Awaitable[Deployment]]
Visit = Callable[..., Awaitable[Visitor]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop for the tests of this folder, and time for a browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(90))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know whether their test failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, once."""
    try:
        path = find_chromium()
    except LookupError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=flags())
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def deploy(tmp_path: Path) -> AsyncIterator[Deploy]:
    """Start servers: one that answers as told, word by word, or with another model, or one that repeats."""
    async with AsyncExitStack() as stack:

        async def start(*answers: PacedAnswer, **options: Any) -> Deployment:
            if answers:
                options = {**await stack.enter_async_context(answering(answers)), **options}
            data_dir = tmp_path / f"data-{uuid4().hex[:8]}"
            return await stack.enter_async_context(deployed(data_dir, **options))

        yield start


@pytest_asyncio.fixture(loop_scope="session")
async def deployment(deploy: Deploy) -> Deployment:
    """A server whose model repeats what it is told."""
    return await deploy()


@pytest_asyncio.fixture(loop_scope="session")
async def profile(browser: Browser, deploy: Deploy, request: pytest.FixtureRequest) -> AsyncIterator[Visit]:
    """Make logged-in profiles of the browser: `await profile(deployment, color_scheme="dark")`.

    They are closed before the servers are.
    """
    made: list[Visitor] = []
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")

    async def make(deployment: Deployment, **options: object) -> Visitor:
        suffix = f"-{len(made) + 1}" if made else ""
        made.append(await visit(browser, deployment, name + suffix, **options))
        return made[-1]

    yield make
    for visitor in made:
        if request.node.stash.get(FAILED, False):
            for number, page in enumerate(visitor.pages):
                await visitor.shoot(page, f"failed-{number}")
        await visitor.context.close()
    assert [visitor.complaints for visitor in made if visitor.complaints] == []


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(deployment: Deployment, profile: Visit) -> Visitor:
    """One person at the server."""
    return await profile(deployment)
