"""From a provider's HTTP refusal to the error that a person reads. Pure."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from trunkline.agents.models.base import (
    ModelBadRequest,
    ModelError,
    ModelQuotaExceeded,
    ModelRateLimited,
    ModelUnauthorized,
    ModelUnavailable,
)

_QUOTA_CODES: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_CONTEXT_CODES: Final = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_LONGEST_DETAIL: Final = 300


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP error answer: its status, and what its body said (empty where it said nothing).

    `spoken` tells whether the body was the JSON error of an OpenAI-compatible endpoint at all.
    """

    status: int
    codes: frozenset[str] = frozenset()
    message: str = ""
    retry_after: float | None = None
    spoken: bool = True


def explain(refusal: Refusal, *, model: str, url: str) -> ModelError:
    """The error for a refusal of a chat request for `model` at the endpoint `url`."""
    status = refusal.status
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ModelUnauthorized(status)
    if status == HTTPStatus.PAYMENT_REQUIRED or refusal.codes & _QUOTA_CODES:
        return ModelQuotaExceeded(status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ModelRateLimited(refusal.retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT):
        return ModelUnavailable(
            f"The model provider failed ({status}). Try again in a moment.",
            status=status,
            retry_after=refusal.retry_after,
        )
    return _bad_request(refusal, model=model, url=url)


def _bad_request(refusal: Refusal, *, model: str, url: str) -> ModelBadRequest:
    status = refusal.status
    if _is_too_long(refusal):
        return ModelBadRequest(
            f"The conversation is too long for the model '{model}' ({status}). "
            "Start a new thread, or choose a model with a larger context.",
            code="model_context_too_long",
        )
    if status == HTTPStatus.NOT_FOUND and not refusal.spoken:
        return ModelBadRequest(
            f"There is no OpenAI-compatible endpoint at {url} ({status}). Check OPENAI_BASE_URL: it often ends in /v1."
        )
    if status == HTTPStatus.NOT_FOUND or "model_not_found" in refusal.codes:
        return ModelBadRequest(
            f"The model provider does not know the model '{model}' ({status}). "
            "Choose another for the agent, or set OPENAI_MODEL.",
            code="model_unknown",
        )
    detail = _one_line(refusal.message) or "it gave no reason"
    return ModelBadRequest(f"The model provider refused the request ({status}): {detail}")


def _is_too_long(refusal: Refusal) -> bool:
    if refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or refusal.codes & _CONTEXT_CODES:
        return True
    message = refusal.message.lower()
    return "context length" in message or "context size" in message


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_DETAIL else f"{line[:_LONGEST_DETAIL]}…"


def read_retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds from a `Retry-After` header (RFC 9110, 10.2.3: seconds or a date); None where it says nothing usable.

    `now` is in seconds since 1970.
    """
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None
