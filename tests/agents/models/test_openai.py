import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.agents.models.fake_openai import Failure, FakeOpenAI, Reply, Step
from tests.agents.models.reading import ask, read
from trunkline.agents.models.base import (
    ChatMessage,
    ModelBadRequest,
    ModelError,
    ModelOptions,
    ModelQuotaExceeded,
    ModelRateLimited,
    ModelStalled,
    ModelStreamCut,
    ModelUnauthorized,
    ModelUnavailable,
    Token,
)
from trunkline.agents.models.openai import EndpointTimes, OpenAIEndpoint, OpenAIModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUICK = EndpointTimes(stall=10, retry=0)
IMPATIENT = EndpointTimes(stall=0.5, listing=0.05, retry=0)
UNUSED = ModelOptions()


@asynccontextmanager
async def endpoint_of(url: str, times: EndpointTimes = QUICK) -> "AsyncIterator[OpenAIEndpoint]":
    endpoint = OpenAIEndpoint(base_url=url, api_key="sk-test", times=times)
    await endpoint.connect()
    try:
        yield endpoint
    finally:
        await endpoint.aclose()


@asynccontextmanager
async def model_of(server: FakeOpenAI, times: EndpointTimes = QUICK) -> "AsyncIterator[OpenAIModel]":
    async with endpoint_of(server.base_url, times) as endpoint:
        yield endpoint.model("fake-model")


async def test_tokens_come_as_they_are_sent_and_then_the_finish() -> None:
    gate = asyncio.Event()
    async with FakeOpenAI([Reply("Hel", gate, "lo", finish="length")]) as server, model_of(server) as model:
        async with aclosing(model.stream([ChatMessage("user", "hi")], UNUSED)) as pieces:
            assert await anext(pieces) == Token("Hel")
            gate.set()
            rest = await read(pieces)
        assert (rest.tokens, rest.finish) == (["lo"], "length")
        await (await server.call(0)).finished.wait()
        assert model.name == "fake-model"
        await model.aclose()


async def test_the_request_carries_key_model_messages_and_the_options_that_were_given() -> None:
    async with FakeOpenAI() as server, model_of(server) as model:
        messages = [ChatMessage("system", "Be brief."), ChatMessage("user", "hi")]
        await read(model.stream(messages, ModelOptions(temperature=0.0, max_tokens=5)))
        call = await server.call(0)
    assert call.headers["authorization"] == "Bearer sk-test"
    assert call.body == {
        "model": "fake-model",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "stream": True,
        "temperature": 0.0,
        "max_tokens": 5,
    }


async def test_two_answers_may_run_at_once() -> None:
    async with FakeOpenAI([Reply("one"), Reply("two")]) as server, model_of(server) as model:
        answers = await asyncio.gather(ask(model, "a"), ask(model, "b"))
    assert {answer.text for answer in answers} == {"one", "two"}


async def test_closing_the_generator_closes_the_provider_s_stream() -> None:
    async with FakeOpenAI([Reply("Hel", Step.STALL)]) as server, model_of(server) as model:
        async with aclosing(model.stream([ChatMessage("user", "hi")], UNUSED)) as pieces:
            assert await anext(pieces) == Token("Hel")
        await (await server.call(0)).closed_by_client.wait()


@pytest.mark.parametrize("reply", [Reply("Hel", Step.STALL), Reply(Step.STALL)])
async def test_cancelling_the_reader_closes_the_provider_s_stream(reply: Reply) -> None:
    async with FakeOpenAI([reply]) as server, model_of(server) as model:
        reader = asyncio.create_task(ask(model, "hi"))
        call = await server.call(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await call.closed_by_client.wait()


@pytest.mark.parametrize(
    ("failure", "kind", "sentence"),
    [
        (Failure(401), ModelUnauthorized, "refused the API key (401). Check OPENAI_API_KEY."),
        (Failure(403), ModelUnauthorized, "refused the API key (403)"),
        (Failure(429, headers={"Retry-After": "20"}), ModelRateLimited, "Try again in 20 seconds."),
        (Failure(429), ModelRateLimited, "Try again in a moment."),
        (Failure(429, code="insufficient_quota"), ModelQuotaExceeded, "no quota left"),
        (Failure(500), ModelUnavailable, "The model provider failed (500). Try again in a moment."),
        (Failure(502, body="<html>Bad gateway</html>"), ModelUnavailable, "failed (502)"),
        (Failure(404, code="model_not_found"), ModelBadRequest, "does not know the model 'fake-model' (404)"),
        (Failure(404, body="nothing here"), ModelBadRequest, "Check OPENAI_BASE_URL"),
        (Failure(400, code="context_length_exceeded"), ModelBadRequest, "too long for the model 'fake-model'"),
        (Failure(400, message="no such option"), ModelBadRequest, "refused the request (400): "),
        (Failure(400, body='"a string"'), ModelBadRequest, "it gave no reason"),
        (Failure(400, body='{"error": {"message": null}}'), ModelBadRequest, "it gave no reason"),
        (Failure(418, body="[]"), ModelBadRequest, "refused the request (418)"),
    ],
)
async def test_a_refusal_becomes_a_sentence(failure: Failure, kind: type[ModelError], sentence: str) -> None:
    async with FakeOpenAI([failure]) as server, model_of(server) as model:
        with pytest.raises(kind) as caught:
            await ask(model, "hi")
    assert type(caught.value) is kind
    assert sentence in str(caught.value)


async def test_a_failure_of_the_provider_before_any_token_is_tried_once_more() -> None:
    async with FakeOpenAI([Failure(503), Reply("Hello")]) as server, model_of(server) as model:
        assert (await ask(model, "hi")).text == "Hello"
    async with FakeOpenAI([Failure(503)]) as server, model_of(server) as model:
        with pytest.raises(ModelUnavailable):
            await ask(model, "hi")
        assert len(server.calls) == 2


@pytest.mark.parametrize("reply", [Failure(429), Failure(401), Reply("Hel", Step.CUT)])
async def test_nothing_else_is_tried_again(reply: Reply | Failure) -> None:
    async with FakeOpenAI([reply]) as server, model_of(server) as model:
        with pytest.raises(ModelError):
            await ask(model, "hi")
        assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (Step.CUT, "ended in the middle of the answer"),
        (Step.END, "ended in the middle of the answer"),
        (Step.GARBAGE, "something unreadable"),
        (Step.ERROR, "reported an error in the middle of the answer: out of memory"),
    ],
)
async def test_a_stream_that_breaks_off_keeps_its_tokens_and_is_an_error(step: Step, sentence: str) -> None:
    held = asyncio.Event()
    async with FakeOpenAI([Reply("Hel", held, step)]) as server, model_of(server) as model:
        pieces = model.stream([ChatMessage("user", "hi")], UNUSED)
        assert await anext(pieces) == Token("Hel")
        held.set()
        with pytest.raises(ModelStreamCut, match=sentence):
            await read(pieces)


@pytest.mark.parametrize("reply", [Reply("Hel", Step.STALL), Reply(Step.STALL)])
async def test_a_stall_ends_after_the_time_set_and_closes_the_stream(reply: Reply) -> None:
    async with FakeOpenAI([reply]) as server, model_of(server, IMPATIENT) as model:
        with pytest.raises(ModelStalled, match="sent nothing for 1 second and was given up"):
            await ask(model, "hi")
        await (await server.call(0)).closed_by_client.wait()


async def test_a_reader_that_takes_its_time_is_no_stall() -> None:
    rested, times = asyncio.Event(), EndpointTimes(stall=1)
    async with FakeOpenAI([Reply("Hel", "lo")]) as server, model_of(server, times) as model:
        pieces = model.stream([ChatMessage("user", "hi")], UNUSED)
        assert await anext(pieces) == Token("Hel")
        asyncio.get_running_loop().call_later(times.stall * 1.2, rested.set)
        await rested.wait()
        assert (await read(pieces)).text == "lo"


async def test_a_server_that_never_answers_is_a_stall() -> None:
    held = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, endpoint_of(f"http://127.0.0.1:{port}/v1", IMPATIENT) as endpoint:
        with pytest.raises(ModelStalled):
            await ask(endpoint.model("m"), "hi")
        assert await endpoint.list_models() == []
        held.set()


async def test_an_address_where_nobody_listens_is_named_without_its_password() -> None:
    async with FakeOpenAI() as gone:
        url = gone.base_url.replace("127", "me:secret@127", 1)
    async with endpoint_of(url) as endpoint:
        with pytest.raises(ModelUnavailable) as caught:
            await ask(endpoint.model("m"), "hi")
    assert f"Cannot reach the model provider at {gone.base_url}" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    async with endpoint_of("http://no-such-host.invalid/v1") as endpoint:
        with pytest.raises(ModelUnavailable, match=r"no-such-host\.invalid"):
            await ask(endpoint.model("m"), "hi")


async def test_models_are_listed() -> None:
    async with FakeOpenAI(models=["a", "b"]) as server, endpoint_of(server.base_url) as endpoint:
        assert await endpoint.list_models() == ["a", "b"]


@pytest.mark.parametrize("path", ["", "/nowhere/chat"])
async def test_a_list_that_cannot_be_had_is_empty_and_logged(path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with FakeOpenAI() as server:
        url = server.base_url.removesuffix("/v1")
        if path:
            async with endpoint_of(url + path) as endpoint:
                # The fake lists models at any path, so this one answers.
                assert await endpoint.list_models() == ["fake-model"]
    async with endpoint_of(url) as endpoint:
        assert await endpoint.list_models() == []
    assert f"{url} could not list its models: Cannot reach" in caplog.text


async def test_an_endpoint_may_be_used_again_after_it_was_closed() -> None:
    async with FakeOpenAI() as server, endpoint_of(server.base_url) as endpoint:
        await endpoint.aclose()
        assert (await ask(endpoint.model("m"), "hi")).text == "Hello world"


def run_python(script: str, arguments: Sequence[str] = ()) -> str:
    done = subprocess.run([sys.executable, "-c", script, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def test_the_sdk_is_not_loaded_before_the_first_stream() -> None:
    script = "import sys, trunkline.agents.models.catalog; print('openai' in sys.modules, 'httpx2' in sys.modules)"
    assert run_python(script).split() == ["False", "False"]


def test_without_the_sdk_the_command_that_installs_it_is_named() -> None:
    script = """
import asyncio, json, sys
from trunkline.agents.models.base import ModelNotInstalled
from trunkline.agents.models.openai import OpenAIEndpoint
sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry]
try:
    asyncio.run(OpenAIEndpoint().connect())
except ModelNotInstalled as error:
    print(json.dumps([error.code, str(error)]))
"""
    code, sentence = json.loads(run_python(script))
    assert code == "model_not_installed"
    assert "pip install 'trunkline[openai]'" in sentence
