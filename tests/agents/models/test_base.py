import math
from collections.abc import Callable

import pytest

from trunkline.agents.models.base import (
    ModelBadRequest,
    ModelError,
    ModelNotInstalled,
    ModelOptions,
    ModelQuotaExceeded,
    ModelRateLimited,
    ModelStalled,
    ModelStreamCut,
    ModelUnauthorized,
    ModelUnavailable,
    read_options,
)


def test_options_are_read_and_other_keys_left_alone() -> None:
    config = {"temperature": 1, "top_p": 0.5, "max_tokens": 20, "seed": 7, "theme": {"dark": True}}
    assert read_options(config) == ModelOptions(temperature=1.0, top_p=0.5, max_tokens=20, seed=7)


def test_options_not_given_are_left_to_the_provider() -> None:
    assert read_options({"temperature": None}) == ModelOptions()


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("temperature", 2.1, "2.1"),
        ("temperature", "hot", "'hot'"),
        ("temperature", True, "True"),
        ("temperature", math.nan, "nan"),
        ("temperature", -math.inf, "-inf"),
        ("top_p", -0.1, "-0.1"),
        ("max_tokens", 0, "0"),
        ("max_tokens", 1.5, "1.5"),
        ("max_tokens", True, "True"),
        pytest.param("max_tokens", 10**6000, "0x", id="too long to write out"),
        ("max_tokens", "x" * 500, "'xxx"),
        ("seed", -1, "-1"),
        ("seed", [1], "[1]"),
    ],
)
def test_an_option_out_of_range_is_named_with_its_value(key: str, value: object, named: str) -> None:
    with pytest.raises(ModelBadRequest) as caught:
        read_options({key: value})
    assert caught.value.code == "model_option_invalid"
    assert f"'{key}' must be" in str(caught.value)
    assert f"not {named}" in str(caught.value)
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize(
    ("make", "code", "sentence"),
    [
        (
            lambda: ModelUnauthorized(401),
            "model_unauthorized",
            "The model provider refused the API key (401). Check OPENAI_API_KEY.",
        ),
        (
            ModelRateLimited,
            "model_rate_limited",
            "The model provider gets too many requests from this account (429). Try again in a moment.",
        ),
        (
            lambda: ModelQuotaExceeded(429),
            "model_quota_exceeded",
            "The account at the model provider has no quota left (429). Check its plan and billing; "
            "waiting does not help.",
        ),
        (lambda: ModelUnavailable("It is down."), "model_unavailable", "It is down."),
        (
            lambda: ModelStalled("m", 60),
            "model_stalled",
            "The model 'm' sent nothing for 60 seconds and was given up. Try again.",
        ),
        (
            ModelStreamCut,
            "model_stream_cut",
            "The connection to the model provider ended in the middle of the answer. Try again.",
        ),
        (lambda: ModelBadRequest("No."), "model_bad_request", "No."),
        (lambda: ModelNotInstalled("Install it."), "model_not_installed", "Install it."),
    ],
)
def test_an_error_has_a_code_and_is_a_sentence(make: Callable[[], ModelError], code: str, sentence: str) -> None:
    error = make()
    assert (error.code, str(error)) == (code, sentence)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "1 second"), (1.0, "1 second"), (1.2, "2 seconds"), (119.0, "119 seconds"), (121.0, "3 minutes")],
)
def test_a_rate_limit_says_when_to_come_back(seconds: float, words: str) -> None:
    error = ModelRateLimited(seconds)
    assert str(error).endswith(f"Try again in {words}.")
    assert error.retry_after == seconds
