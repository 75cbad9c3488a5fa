"""Which models there are here, which one is the default, and opening one by its name."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.agents.models.base import (
    ChatModel,
    ModelBadRequest,
    ModelError,
    ModelNotInstalled,
    ModelQuotaExceeded,
    ModelStalled,
    ModelUnauthorized,
    ModelUnavailable,
)
from trunkline.agents.models.echo import ECHO_NAME, EchoModel
from trunkline.agents.models.install import is_installed
from trunkline.agents.models.local import LOCAL_NAME, LocalModel
from trunkline.agents.models.openai import OPENAI_URL, OpenAIEndpoint

OPENAI_DEFAULT: Final = "gpt-4o-mini"

# What an endpoint may say to a request for its list that it would say to any other.
_UNUSABLE: Final = (ModelNotInstalled, ModelQuotaExceeded, ModelStalled, ModelUnauthorized, ModelUnavailable)

# Parts of the names of models that do not chat, for choosing a default from an endpoint's list.
_NO_CHAT: Final = ("embed", "whisper", "tts", "dall-e", "image", "moderation", "rerank", "transcribe", "realtime")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What is configured. Empty and None both mean: not set."""

    model: str | None = None
    api_key: str | None = None
    base_url: str | None = None
    openai_model: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "ModelSettings":
        """Read TRUNKLINE_MODEL, OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL."""
        return cls(
            model=env.get("TRUNKLINE_MODEL", "").strip(),
            api_key=env.get("OPENAI_API_KEY", "").strip(),
            base_url=env.get("OPENAI_BASE_URL", "").strip(),
            openai_model=env.get("OPENAI_MODEL", "").strip(),
        )

    @property
    def has_endpoint(self) -> bool:
        """Whether an OpenAI-compatible endpoint is configured."""
        return bool(self.api_key or self.base_url)

    @property
    def wants_listing(self) -> bool:
        """Whether only the endpoint's own list can tell the default."""
        known = self.model or self.openai_model or not self.base_url or self.base_url.rstrip("/") == OPENAI_URL
        return not known


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One line of the list of models.

    Attributes:
        available: whether it can answer: it is installed here, or an endpoint for it is configured.
        default: whether it is the model of agents that name none.
        problem: what to do so that it can answer, in a sentence; None if it can.
    """

    id: str
    provider: str
    available: bool
    default: bool
    description: str
    problem: str | None


def choose_default(settings: ModelSettings, *, local_installed: bool, listed: Sequence[str] = ()) -> str:
    """The model of an agent that names none: the configured one, the endpoint's, the local one, or echo.

    `listed` is what the endpoint lists; its first chat model is taken where nothing names one and it is not OpenAI's.
    """
    if settings.model:
        return settings.model
    if settings.has_endpoint:
        if settings.wants_listing and listed:
            return next((name for name in listed if _chats(name)), listed[0])
        return settings.openai_model or OPENAI_DEFAULT
    return LOCAL_NAME if local_installed else ECHO_NAME


class ModelCatalog:
    """The models of this installation. One endpoint and one local process, however many names are opened."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._endpoint = (
            OpenAIEndpoint(base_url=settings.base_url, api_key=settings.api_key) if settings.has_endpoint else None
        )
        self._open: dict[str, ChatModel] = {}
        self._default = ""

    async def default_name(self) -> str:
        """The default, see `choose_default`. Asks the endpoint for its list where only that tells."""
        if self._default:
            return self._default
        listed = await self._endpoint.list_models() if self._endpoint and self._settings.wants_listing else []
        return self._choose(listed)

    def _choose(self, listed: Sequence[str]) -> str:
        name = choose_default(self._settings, local_installed=is_installed(), listed=listed)
        # What may change while the server runs is not kept: an endpoint that was down, a model installed meanwhile.
        if listed or (not self._settings.wants_listing and name != ECHO_NAME):
            self._default = name
        return name

    async def list(self) -> list[ModelInfo]:
        """The models that there are to choose from, the endpoint's first; those that cannot answer say why.

        Takes at most a few seconds, where the endpoint is silent.
        """
        listed, problem = await self._ask_endpoint() if self._endpoint else ([], None)
        default = self._default or self._choose(listed)
        named = [default, self._settings.openai_model or ""] if self._endpoint else [default]
        ids = dict.fromkeys([*listed, *(name for name in named if name and name not in (ECHO_NAME, LOCAL_NAME))])
        return [
            *(self._endpoint_info(name, name == default, problem) for name in ids),
            _local_info(default),
            ModelInfo(
                id=ECHO_NAME,
                provider="echo",
                available=True,
                default=default == ECHO_NAME,
                description="A stand-in that repeats what you write. Not a model.",
                problem=None,
            ),
        ]

    async def _ask_endpoint(self) -> tuple[Sequence[str], str | None]:
        """What the endpoint lists, and why its models cannot answer; one that only has no list may answer."""
        if self._endpoint is None:
            return [], None
        try:
            return await self._endpoint.ask_models(), None
        except _UNUSABLE as error:
            return [], str(error)
        except ModelError:
            return [], None

    def _endpoint_info(self, name: str, default: bool, problem: str | None) -> ModelInfo:
        where = "Needs a model provider." if self._endpoint is None else f"At {self._endpoint.shown_url}."
        why = _no_endpoint(name) if self._endpoint is None else problem
        return ModelInfo(
            id=name, provider="openai", available=why is None, default=default, description=where, problem=why
        )

    def why_not(self, name: str) -> str | None:
        """A sentence if no model of this name can be here; None if there may be, as an endpoint alone would know."""
        return _no_endpoint(name) if self._endpoint is None and name not in ("", ECHO_NAME, LOCAL_NAME) else None

    def open(self, name: str) -> ChatModel:
        """The model of that name, the same object each time. Nothing is loaded or asked before its first stream.

        Raises `ModelBadRequest` (code `model_unknown`) for a name that needs an endpoint where none is configured.
        """
        model = self._open.get(name)
        if model is None:
            model = self._open[name] = self._make(name)
        return model

    async def aclose(self) -> None:
        """End the local process and close the endpoint's connections."""
        models, self._open = list(self._open.values()), {}
        await asyncio.gather(*(model.aclose() for model in models))
        if self._endpoint is not None:
            await self._endpoint.aclose()

    def _make(self, name: str) -> ChatModel:
        if name == ECHO_NAME:
            return EchoModel()
        if name == LOCAL_NAME:
            return LocalModel()
        if self._endpoint is not None:
            return self._endpoint.model(name)
        raise ModelBadRequest(_no_endpoint(name), code="model_unknown")


def _no_endpoint(name: str) -> str:
    return (
        f"There is no model '{name}' here: no model provider is configured. Set OPENAI_API_KEY or OPENAI_BASE_URL "
        f"and restart, or choose '{LOCAL_NAME}' or '{ECHO_NAME}'."
    )


def _local_info(default: str) -> ModelInfo:
    installed = is_installed()
    return ModelInfo(
        id=LOCAL_NAME,
        provider="local",
        available=installed,
        default=default == LOCAL_NAME,
        description="SmolLM2-135M: small, runs on this machine, needs no key.",
        problem=None if installed else "The local model is not installed. Install it with `trunkline model install`.",
    )


def _chats(name: str) -> bool:
    return not any(part in name.lower() for part in _NO_CHAT)
