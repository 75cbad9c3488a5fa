import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.agents.models.reading import ask, read
from trunkline.agents.models.base import (
    ChatMessage,
    Done,
    ModelNotInstalled,
    ModelOptions,
    ModelStreamCut,
    ModelUnauthorized,
    ModelUnavailable,
    Token,
)
from trunkline.agents.models.local import LocalModel
from trunkline.agents.models.local_process import LocalProcess
from trunkline.agents.models.local_server import SLOTS
from trunkline.agents.models.openai import OpenAIEndpoint

pytestmark = [pytest.mark.model, pytest.mark.timeout(120)]

LONG = [ChatMessage("user", "Tell me a very long story about a dragon, with many chapters.")]
SHORT = ModelOptions(max_tokens=5)
NO_END = ModelOptions(max_tokens=1000)


@pytest.fixture
async def model() -> AsyncIterator[LocalModel]:
    model = LocalModel()
    yield model
    await model.aclose()


def process_of(model: LocalModel) -> LocalProcess:
    assert model.process is not None
    return model.process


async def busy_slots(process: LocalProcess) -> int:
    """How many answers llama.cpp is working on, as it says itself."""
    url = urlsplit(process.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    request = f"GET /slots HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {process.api_key}\r\n"
    writer.write(f"{request}Connection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return answer.count(b'"is_processing":true')


async def gone(url: str) -> None:
    """Wait until nothing listens at the address: a connection to it ends with the process, and no new one is made."""
    parts = urlsplit(url)
    while True:
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            await reader.read()
            writer.close()
        except ConnectionError:
            return


async def test_it_streams_a_real_answer(model: LocalModel) -> None:
    answer = await ask(model, "What is the capital of France?", ModelOptions(max_tokens=60, seed=1))
    assert len(answer.tokens) > 3
    assert answer.text.strip()
    assert answer.finish in ("stop", "length")
    assert model.name == "local/smollm2"


async def test_an_answer_ends_at_max_tokens(model: LocalModel) -> None:
    answer = await ask(model, "Tell me a long story.", SHORT)
    assert (len(answer.tokens), answer.finish) == (5, "length")


async def test_cancelled_answers_stop_being_computed_and_the_next_question_is_answered(model: LocalModel) -> None:
    streams = [model.stream(LONG, NO_END) for _ in range(SLOTS)]
    for stream in streams:
        assert isinstance(await anext(stream), Token)
    assert await busy_slots(process_of(model)) == SLOTS
    for stream in streams:
        await stream.aclose()
    assert (await ask(model, "Hi", SHORT)).tokens
    assert await busy_slots(process_of(model)) == 0


async def test_more_questions_than_slots_wait_their_turn(model: LocalModel) -> None:
    answers = await asyncio.gather(*(ask(model, "Hi", SHORT) for _ in range(SLOTS * 2 + 1)))
    assert all(answer.tokens for answer in answers)


async def test_concurrent_first_use_starts_one_process(model: LocalModel, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await asyncio.gather(model.start(), ask(model, "Hi", SHORT), ask(model, "Hi", SHORT))
    assert caplog.text.count("local model ready") == 1


async def test_a_conversation_longer_than_the_context_is_answered(model: LocalModel) -> None:
    talk = [ChatMessage("system", "You are kind.")]
    for number in range(150):
        talk += [ChatMessage("user", f"Remember the number {number}, please."), ChatMessage("assistant", "I will.")]
    async with aclosing(model.stream([*talk, ChatMessage("user", "Hello!")], NO_END)) as pieces:
        assert isinstance(await anext(pieces), Token)


async def test_a_message_longer_than_the_context_is_answered(model: LocalModel) -> None:
    question = [ChatMessage("user", "many words " * 5000 + "What is 2 + 2?")]
    async with aclosing(model.stream(question, NO_END)) as pieces:
        assert isinstance(await anext(pieces), Token | Done)


async def test_a_killed_process_is_started_anew_for_the_next_question(model: LocalModel) -> None:
    await model.start()
    first = process_of(model)
    os.kill(first.pid, signal.SIGKILL)
    assert (await ask(model, "Hi", SHORT)).tokens
    second = process_of(model)
    assert second.pid != first.pid
    os.kill(second.pid, signal.SIGKILL)
    assert await second.has_ended(within=10)
    await model.start()
    assert process_of(model).exit_code is None


async def test_a_process_killed_in_the_middle_of_an_answer_is_a_cut_stream(model: LocalModel) -> None:
    async with aclosing(model.stream(LONG, NO_END)) as pieces:
        assert isinstance(await anext(pieces), Token)
        os.kill(process_of(model).pid, signal.SIGKILL)
        with pytest.raises(ModelStreamCut, match=r"process ended \(exit code -9\) in the middle of the answer"):
            await read(pieces)
    assert (await ask(model, "Hi", SHORT)).tokens


async def test_closing_ends_the_process_in_order_and_for_good(model: LocalModel) -> None:
    pieces = model.stream(LONG, NO_END)
    assert isinstance(await anext(pieces), Token)
    process = process_of(model)
    await model.aclose()
    assert process.exit_code == 0
    with pytest.raises(ModelStreamCut, match="shut down in the middle"):
        await read(pieces)
    with pytest.raises(ModelUnavailable, match="was shut down"):
        await ask(model, "Hi")


async def test_closing_before_any_use_starts_nothing(model: LocalModel) -> None:
    await model.aclose()
    assert model.process is None


async def test_the_process_dies_with_a_killed_parent() -> None:
    script = """
import asyncio
from trunkline.agents.models.local import LocalModel
async def main():
    model = LocalModel()
    await model.start()
    print(model.process.url, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    url = (await parent.stdout.readline()).decode().strip()
    parent.kill()
    await parent.wait()
    await gone(url)


async def test_only_who_holds_the_key_may_ask(model: LocalModel) -> None:
    await model.start()
    stranger = OpenAIEndpoint(base_url=f"{process_of(model).url}/v1", api_key="guess")
    with pytest.raises(ModelUnauthorized):
        await ask(stranger.model("local/smollm2"), "Hi")
    await stranger.aclose()


async def test_a_start_that_fails_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    weights = tmp_path / "broken.gguf"
    weights.write_text("no model")
    model = LocalModel(weights=weights)
    with pytest.raises(ModelUnavailable, match=r"The local model could not start: .*broken\.gguf"):
        await ask(model, "Hi")
    assert model.process is None


async def test_a_start_that_takes_too_long_is_given_up() -> None:
    model = LocalModel(start_within=0.001)
    with pytest.raises(ModelUnavailable, match="was not ready within"):
        await model.start()
    assert model.process is None


async def test_a_cancelled_start_may_be_repeated(model: LocalModel) -> None:
    starting = asyncio.create_task(model.start())
    asyncio.get_running_loop().call_later(0.1, starting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert model.process is None
    await model.start()


async def test_without_the_weights_the_command_that_installs_them_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "site-packages" not in entry])
    with pytest.raises(ModelNotInstalled, match="`trunkline model install`"):
        await LocalModel().start()
