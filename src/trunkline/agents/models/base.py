"""What every model adapter promises: messages in, tokens out, errors that a person understands."""

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

_LONGEST_SHOWN: Final = 40
_LONGEST_DECIMAL: Final = 10**_LONGEST_SHOWN
_MINUTES_FROM: Final = 120

Role: TypeAlias = Literal["system", "user", "assistant"]

Finish: TypeAlias = str
"""Why an answer ended: "stop", "length", or whatever else the provider says."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the conversation that the model is asked to continue."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer. The texts of all tokens, joined, are the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The last thing a stream yields, and only a complete one."""

    finish_reason: Finish


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to sample. None leaves the choice to the provider; `max_tokens` counts tokens of the answer."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None


class ChatModel(Protocol):
    """A model that continues a conversation."""

    @property
    def name(self) -> str:
        """The id a person chooses it by, such as "local/smollm2"."""
        ...

    def stream(self, messages: Sequence[ChatMessage], options: ModelOptions) -> AsyncGenerator[Token | Done, None]:
        """Yield tokens as they come, then exactly one `Done`.

        Closing the generator (`aclose`, or cancelling the task that awaits it) closes the provider's stream at once, so
        iterate inside `contextlib.aclosing`. Raises a `ModelError`; tokens yielded before it stand.
        """
        ...

    async def aclose(self) -> None:
        """Release what the model holds. Streams still open end with an error."""
        ...


class ModelError(Exception):
    """A model could not answer. `code` is for programs, `str(error)` a sentence for people.

    `retry_after` is in seconds, where the provider said when to come back.
    """

    def __init__(self, code: str, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.sentence


class ModelUnauthorized(ModelError):
    """The provider refused the key (401) or what the key may do (403)."""

    def __init__(self, status: int) -> None:
        super().__init__(
            "model_unauthorized", f"The model provider refused the API key ({status}). Check OPENAI_API_KEY."
        )
        self.status = status


class ModelRateLimited(ModelError):
    """Too many requests for now (429)."""

    def __init__(self, retry_after: float | None = None) -> None:
        when = "in a moment" if retry_after is None else f"in {_in_words(retry_after)}"
        super().__init__(
            "model_rate_limited",
            f"The model provider gets too many requests from this account (429). Try again {when}.",
            retry_after=retry_after,
        )


class ModelQuotaExceeded(ModelError):
    """The account has used up what it paid for (402, or 429 with that reason): waiting does not help."""

    def __init__(self, status: int) -> None:
        super().__init__(
            "model_quota_exceeded",
            f"The account at the model provider has no quota left ({status}). "
            "Check its plan and billing; waiting does not help.",
        )
        self.status = status


class ModelUnavailable(ModelError):
    """The provider cannot be reached, or failed by its own fault (5xx)."""

    def __init__(self, sentence: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__("model_unavailable", sentence, retry_after=retry_after)
        self.status = status


class ModelStalled(ModelError):
    """No token came for `seconds`."""

    def __init__(self, model: str, seconds: float) -> None:
        super().__init__(
            "model_stalled",
            f"The model '{model}' sent nothing for {_in_words(seconds)} and was given up. Try again.",
        )
        self.seconds = seconds


class ModelStreamCut(ModelError):
    """The stream ended, or turned unreadable, before the answer was finished."""

    def __init__(self, detail: str = "The connection to the model provider ended in the middle of the answer.") -> None:
        super().__init__("model_stream_cut", f"{detail} Try again.")


class ModelBadRequest(ModelError):
    """The request itself is wrong: an unknown model, a conversation too long, an option out of range."""

    def __init__(self, sentence: str, *, code: str = "model_bad_request") -> None:
        super().__init__(code, sentence)


class ModelNotInstalled(ModelError):
    """Something that the model needs is not installed here; the sentence says how to install it."""

    def __init__(self, sentence: str) -> None:
        super().__init__("model_not_installed", sentence)


def read_options(config: Mapping[str, object]) -> ModelOptions:
    """Take the options out of an agent's `config`; keys that are no options are left alone.

    Raises `ModelBadRequest` (code `model_option_invalid`) that names the option and its range.
    """
    return ModelOptions(
        temperature=_number(config, "temperature", 0.0, 2.0),
        top_p=_number(config, "top_p", 0.0, 1.0),
        max_tokens=_integer(config, "max_tokens", 1, 1_000_000),
        seed=_integer(config, "seed", 0, 2**31 - 1),
    )


def _number(config: Mapping[str, object], key: str, low: float, high: float) -> float | None:
    value = config.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _invalid(f"'{key}' must be a number from {low:g} to {high:g}, not {_shown(value)}.")
    return float(value)


def _integer(config: Mapping[str, object], key: str, low: int, high: int) -> int | None:
    value = config.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _invalid(f"'{key}' must be a whole number from {low} to {high}, not {_shown(value)}.")
    return value


def _invalid(sentence: str) -> ModelBadRequest:
    return ModelBadRequest(f"The agent's option {sentence}", code="model_option_invalid")


def _shown(value: object) -> str:
    # Python refuses to write out an integer of many thousand digits, but not its hexadecimal form.
    text = f"{value:#x}" if isinstance(value, int) and abs(value) > _LONGEST_DECIMAL else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _in_words(seconds: float) -> str:
    whole = max(1, math.ceil(seconds))
    if whole < _MINUTES_FROM:
        return "1 second" if whole == 1 else f"{whole} seconds"
    return f"{math.ceil(whole / 60)} minutes"
