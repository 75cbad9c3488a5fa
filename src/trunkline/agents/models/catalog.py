"""Which models there are here, which one is the default, and opening one by its name."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.agents.models.base import ChatModel, ModelBadRequest
from trunkline.agents.models.echo import ECHO_NAME, EchoModel
from trunkline.agents.models.install import is_installed
from trunkline.agents.models.local import LOCAL_NAME, LocalModel
from trunkline.agents.models.openai import OPENAI_URL, OpenAIEndpoint

OPENAI_DEFAULT: Final = "gpt-4o-mini"

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
    """One line of the list of models. `available`: installed here, or offered by the configured endpoint."""

    id: str
    provider: str
    available: bool
    default: bool
    description: str


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
        name = choose_default(self._settings, local_installed=is_installed(), listed=listed)
        # What may change while the server runs is not kept: an endpoint that was down, a model installed meanwhile.
        if listed or (not self._settings.wants_listing and name != ECHO_NAME):
            self._default = name
        return name

    async def list(self) -> list[ModelInfo]:
        """Every model that `open` takes here, the endpoint's first. Takes at most a few seconds, where it is silent."""
        listed = await self._endpoint.list_models() if self._endpoint else []
        default = await self.default_name()
        named = [default, self._settings.openai_model or ""] if self._endpoint else []
        ids = dict.fromkeys([*listed, *(name for name in named if name and name not in (ECHO_NAME, LOCAL_NAME))])
        where = self._endpoint.shown_url if self._endpoint else ""
        return [
            *(ModelInfo(name, "openai", True, name == default, f"At {where}.") for name in ids),
            _local_info(default),
            ModelInfo(
                ECHO_NAME, "echo", True, default == ECHO_NAME, "A stand-in that repeats what you write. Not a model."
            ),
        ]

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
        raise ModelBadRequest(
            f"There is no model '{name}' here: no model provider is configured. Set OPENAI_API_KEY or OPENAI_BASE_URL "
            f"and restart, or choose '{LOCAL_NAME}' or '{ECHO_NAME}'.",
            code="model_unknown",
        )


def _local_info(default: str) -> ModelInfo:
    installed = is_installed()
    how = "" if installed else " Install it with `trunkline model install`."
    return ModelInfo(
        LOCAL_NAME,
        "local",
        installed,
        default == LOCAL_NAME,
        f"SmolLM2-135M: small, runs on this machine, needs no key.{how}",
    )


def _chats(name: str) -> bool:
    return not any(part in name.lower() for part in _NO_CHAT)
