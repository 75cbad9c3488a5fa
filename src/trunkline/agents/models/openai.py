"""Any OpenAI-compatible endpoint: OpenAI, Ollama, vLLM, llama.cpp. The only file that imports the `openai` SDK.

The SDK takes most of a second to import, so it is loaded at first use, in a thread.
"""

import asyncio
import importlib
import logging
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from trunkline.agents.models.base import (
    ChatMessage,
    Done,
    ModelError,
    ModelNotInstalled,
    ModelOptions,
    ModelStalled,
    ModelStreamCut,
    ModelUnavailable,
    Token,
)
from trunkline.agents.models.provider_errors import Refusal, explain, read_retry_after

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

OPENAI_URL: Final = "https://api.openai.com/v1"

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EndpointTimes:
    """How long to wait, in seconds: to connect, for the next token, for the list of models, before the one retry."""

    connect: float = 10.0
    stall: float = 60.0
    listing: float = 3.0
    retry: float = 0.5


class OpenAIEndpoint:
    """One endpoint with its key and its connections; `model(name)` gives a model of it.

    A request that fails by the provider's fault (5xx, no connection) before any token came is tried once more.
    """

    def __init__(
        self, *, base_url: str | None = None, api_key: str | None = None, times: EndpointTimes | None = None
    ) -> None:
        self.base_url = (base_url or OPENAI_URL).rstrip("/")
        self._api_key = api_key or "none"
        self._times = times or EndpointTimes()
        self._sdk: Any = None
        self._client: AsyncOpenAI | None = None

    def model(self, name: str) -> "OpenAIModel":
        """The model of that name; whether the endpoint knows it shows at its first stream."""
        return OpenAIModel(name, self)

    @property
    def shown_url(self) -> str:
        """The address without any user and password in it."""
        parts = urlsplit(self.base_url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    async def list_models(self) -> list[str]:
        """The ids that the endpoint's `/models` lists; none, and a line in the log, where it cannot be asked."""
        try:
            return await self.ask_models()
        except ModelError as error:
            logger.warning("%s could not list its models: %s", self.shown_url, error)
            return []

    async def ask_models(self) -> list[str]:
        """The ids that the endpoint's `/models` lists. Raises ModelError where it cannot be asked."""
        client = await self.connect()
        with self._translated("", stall=self._times.listing):
            async with asyncio.timeout(self._times.listing):
                page = await client.models.list()
        # An address that answers something else with 200 gives whatever it sent, a string for instance.
        return [model.id for model in getattr(page, "data", None) or []]

    async def stream(
        self, model: str, messages: Sequence[ChatMessage], options: ModelOptions
    ) -> AsyncGenerator[Token | Done, None]:
        """Stream an answer of `model`; see `ChatModel.stream`."""
        finish: str | None = None
        async with await self._open(model, messages, options) as response:
            while (chunk := await self._next_chunk(response, model)) is not None:
                if not chunk.choices:
                    continue
                choice = chunk.choices[0]
                finish = choice.finish_reason or finish
                # A filtering proxy may send a chunk without a delta, which the SDK does not check.
                delta = cast("Any", choice.delta)
                if delta is not None and (text := delta.content or delta.refusal):
                    yield Token(text)
        if finish is None:
            raise ModelStreamCut
        yield Done(finish)

    async def post(self, path: str, body: dict[str, object], *, model: str) -> object:
        """POST to `path` below the base URL, for what a server offers beside the standard; gives the decoded JSON."""
        client = await self.connect()
        with self._translated(model, stall=self._times.stall):
            async with asyncio.timeout(self._times.stall):
                return await client.post(path, cast_to=object, body=body)

    async def aclose(self) -> None:
        """Close the connections. The endpoint may be used again."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def connect(self) -> "AsyncOpenAI":
        """Load the SDK and make its client, as every request does; ahead of time, it spares the first one a second."""
        if self._sdk is None:
            self._sdk = await asyncio.to_thread(_load_sdk)
        if self._client is None:
            self._client = self._make_client()
        return self._client

    def _make_client(self) -> "AsyncOpenAI":
        timeout = self._sdk.Timeout(self._times.stall + 10, connect=self._times.connect)
        near = urlsplit(self.base_url).hostname in ("127.0.0.1", "::1", "localhost")
        # A proxy from the environment has no business between this process and its own machine.
        http = self._sdk.DefaultAsyncHttpxClient(trust_env=not near, timeout=timeout)
        client = self._sdk.AsyncOpenAI(
            base_url=self.base_url,
            api_key=self._api_key,
            max_retries=0,
            timeout=timeout,
            http_client=http,
            # llama.cpp and uvicorn drop an idle connection after the same 5 s as the client, which then, now and
            # again, writes into one just closed. Connecting anew costs nothing here.
            default_headers={"Connection": "close"} if near else {},
        )
        return cast("AsyncOpenAI", client)

    async def _open(
        self, model: str, messages: Sequence[ChatMessage], options: ModelOptions
    ) -> "AsyncStream[ChatCompletionChunk]":
        try:
            return await self._request(model, messages, options)
        except ModelUnavailable as error:
            logger.info("%s; trying once more in %s s", error, self._times.retry)
        await asyncio.sleep(self._times.retry)
        return await self._request(model, messages, options)

    async def _request(
        self, model: str, messages: Sequence[ChatMessage], options: ModelOptions
    ) -> "AsyncStream[ChatCompletionChunk]":
        client = await self.connect()
        omit = self._sdk.omit
        # OpenAI's newer models refuse `max_tokens`, and other servers know nothing else.
        newer = self.base_url == OPENAI_URL
        with self._translated(model, stall=self._times.stall):
            async with asyncio.timeout(self._times.stall):
                return await client.chat.completions.create(
                    model=model,
                    messages=[
                        cast("ChatCompletionMessageParam", {"role": message.role, "content": message.content})
                        for message in messages
                    ],
                    stream=True,
                    temperature=_given(options.temperature, omit),
                    top_p=_given(options.top_p, omit),
                    seed=_given(options.seed, omit),
                    max_completion_tokens=_given(options.max_tokens, omit) if newer else omit,
                    max_tokens=omit if newer else _given(options.max_tokens, omit),
                )

    async def _next_chunk(
        self, response: "AsyncStream[ChatCompletionChunk]", model: str
    ) -> "ChatCompletionChunk | None":
        try:
            async with asyncio.timeout(self._times.stall):
                return await anext(response, None)
        except TimeoutError:
            raise ModelStalled(model, self._times.stall) from None
        except self._sdk.APIConnectionError as error:
            raise ModelStreamCut from error
        except self._sdk.APIError as error:
            detail = f"The model provider reported an error in the middle of the answer: {error.message}."
            raise ModelStreamCut(detail) from error
        except ValueError as error:
            raise ModelStreamCut("The model provider sent something unreadable in the middle of the answer.") from error

    @contextmanager
    def _translated(self, model: str, *, stall: float) -> Iterator[None]:
        """Turn what the SDK raises for a request that got no stream into a `ModelError`."""
        try:
            yield
        except TimeoutError:
            raise ModelStalled(model or self.shown_url, stall) from None
        except self._sdk.APIStatusError as error:
            raise explain(_read_refusal(error), model=model, url=self.shown_url) from error
        except self._sdk.APIConnectionError as error:
            raise ModelUnavailable(
                f"Cannot reach the model provider at {self.shown_url}. Check that it runs, the network, "
                "and OPENAI_BASE_URL."
            ) from error
        except (self._sdk.APIError, ValueError) as error:
            raise ModelUnavailable(f"The model provider at {self.shown_url} gave an unreadable answer.") from error


class OpenAIModel:
    """A model of an OpenAI-compatible endpoint."""

    def __init__(self, name: str, endpoint: OpenAIEndpoint) -> None:
        self._name = name
        self._endpoint = endpoint

    @property
    def name(self) -> str:
        """The provider's own id, such as "gpt-4o-mini"."""
        return self._name

    def stream(self, messages: Sequence[ChatMessage], options: ModelOptions) -> AsyncGenerator[Token | Done, None]:
        """Stream an answer; see `ChatModel.stream`."""
        return self._endpoint.stream(self._name, messages, options)

    async def aclose(self) -> None:
        """Nothing to release: the connections belong to the endpoint, which its owner closes."""


def _load_sdk() -> Any:
    try:
        return importlib.import_module("openai")
    except ModuleNotFoundError as error:
        raise ModelNotInstalled(
            "Talking to a model provider needs the openai package. Install it with: pip install 'trunkline[openai]'"
        ) from error


def _given(value: _T | None, omit: Any) -> _T:
    return cast("_T", omit) if value is None else value


def _read_refusal(error: Any) -> Refusal:
    body = error.body
    return Refusal(
        status=error.status_code,
        codes=frozenset(str(code) for code in (error.code, error.type) if code),
        message=str(body.get("message") or "") if isinstance(body, dict) else "",
        retry_after=read_retry_after(error.response.headers.get("retry-after"), now=time.time()),
        spoken=isinstance(body, dict),
    )
