import pytest

from trunkline.agents.models.base import (
    ModelBadRequest,
    ModelError,
    ModelQuotaExceeded,
    ModelRateLimited,
    ModelUnauthorized,
    ModelUnavailable,
)
from trunkline.agents.models.provider_errors import Refusal, explain, read_retry_after

URL = "https://models.example/v1"


def explained(refusal: Refusal) -> ModelError:
    return explain(refusal, model="big", url=URL)


@pytest.mark.parametrize(
    ("refusal", "kind", "code"),
    [
        (Refusal(401), ModelUnauthorized, "model_unauthorized"),
        (Refusal(403), ModelUnauthorized, "model_unauthorized"),
        (Refusal(402), ModelQuotaExceeded, "model_quota_exceeded"),
        (Refusal(429), ModelRateLimited, "model_rate_limited"),
        (Refusal(429, frozenset({"insufficient_quota"})), ModelQuotaExceeded, "model_quota_exceeded"),
        (Refusal(500), ModelUnavailable, "model_unavailable"),
        (Refusal(503), ModelUnavailable, "model_unavailable"),
        (Refusal(408), ModelUnavailable, "model_unavailable"),
        (Refusal(400, message="bad\n  thing"), ModelBadRequest, "model_bad_request"),
        (Refusal(404), ModelBadRequest, "model_unknown"),
        (Refusal(400, frozenset({"model_not_found"})), ModelBadRequest, "model_unknown"),
        (Refusal(404, spoken=False), ModelBadRequest, "model_bad_request"),
        (Refusal(400, frozenset({"context_length_exceeded"})), ModelBadRequest, "model_context_too_long"),
        (Refusal(400, message="This model's maximum context length is 8"), ModelBadRequest, "model_context_too_long"),
        (Refusal(413), ModelBadRequest, "model_context_too_long"),
    ],
)
def test_each_refusal_has_its_error(refusal: Refusal, kind: type[ModelError], code: str) -> None:
    error = explained(refusal)
    assert (type(error), error.code) == (kind, code)
    assert f"({refusal.status})" in str(error)


def test_an_unknown_model_is_named() -> None:
    assert "'big'" in str(explained(Refusal(404)))


def test_a_wrong_address_is_told_from_an_unknown_model() -> None:
    assert f"no OpenAI-compatible endpoint at {URL}" in str(explained(Refusal(404, spoken=False)))


def test_the_provider_s_own_words_are_one_line_of_bounded_length() -> None:
    assert str(explained(Refusal(400, message="bad\n  thing"))).endswith("(400): bad thing")
    assert len(str(explained(Refusal(422, message="x" * 10_000)))) < 400
    assert str(explained(Refusal(422))).endswith("it gave no reason")


def test_waiting_time_is_kept() -> None:
    assert explained(Refusal(429, retry_after=7.0)).retry_after == 7.0
    assert explained(Refusal(503, retry_after=9.0)).retry_after == 9.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("20", 20.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, now=10.0) == seconds
