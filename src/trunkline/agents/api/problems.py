"""Every error as a problem document (RFC 9457, `application/problem+json`).

`type` is `about:blank`, so `title` is the status in words; `code` tells programs what happened, `detail` tells people.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from trunkline import ErrorCode, RequestError

logger = logging.getLogger(__name__)

PROBLEM_TYPE: Final = "application/problem+json"
_RETRY_SECONDS = 1
_MOST_ERRORS = 20
_LONGEST_INPUT = 80

_STATUS: Final[dict[ErrorCode, int]] = {
    ErrorCode.INVALID_JSON: 400,
    ErrorCode.INVALID_MESSAGE: 422,
    ErrorCode.UNKNOWN_TYPE: 422,
    ErrorCode.INVALID_TOPIC: 422,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.TOO_MANY_SUBSCRIPTIONS: 429,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.CONFLICT: 409,
    # Raised on purpose, as by a database that cannot serve, it says "not now"; what nobody foresaw is no RequestError.
    ErrorCode.INTERNAL: 503,
}

# The code where only the status is known.
_CODES: Final[dict[int, str]] = {
    400: "invalid_json",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "gone",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_message",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
}


def problem(
    status: int, detail: str, *, code: str | None = None, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Make a problem document; `more` are further members of it."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code or _CODES.get(status, "error"),
        **more,
    }
    return JSONResponse(body, status, headers=headers, media_type=PROBLEM_TYPE)


def internal_problem(error: Exception, what: str) -> Response:
    """Log an error that nobody foresaw and tell the caller only under which id."""
    instance = uuid4()
    logger.error("%s failed, instance %s", what, instance, exc_info=error)
    detail = "The server failed at this request; its log says more under the instance's id."
    return problem(500, detail, instance=f"urn:uuid:{instance}")


def unavailable_problem(detail: str) -> Response:
    """Say that a later try makes sense."""
    return problem(503, detail, headers={"Retry-After": str(_RETRY_SECONDS)})


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error that a route may raise a problem document."""
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(RequestError, _of_request)


# Starlette's type for a handler takes any exception; the registration above decides which one comes.


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "There is nothing at this address; /docs lists what there is."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not taken at this address."
    return problem(error.status_code, detail, headers=error.headers)


async def _of_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_explain(found) for found in error.errors()[:_MOST_ERRORS]]
    places = ", ".join(dict.fromkeys(found["place"] for found in errors))
    return problem(422, f"The request is not valid: {places}.", errors=errors)


async def _of_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    status = _STATUS[error.code]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return unavailable_problem(error.sentence)
    headers = {"Retry-After": str(_RETRY_SECONDS)} if status == HTTPStatus.TOO_MANY_REQUESTS else None
    return problem(status, error.sentence, code=error.code, headers=headers, **_details(error))


def _details(error: RequestError) -> dict[str, Any]:
    """What a program may want to know; a field that a service refused is told as a validation error is."""
    details = error.details
    if isinstance(details, dict) and details.keys() == {"field"}:
        return {"errors": [{"place": f"body.{details['field']}", "error": error.sentence, "kind": error.code}]}
    return {} if details is None else {"details": details}


def _explain(found: Mapping[str, Any]) -> dict[str, str]:
    """One element of `errors`: where, what is wrong, and which kind of error it is."""
    place = ".".join(str(part) for part in found["loc"])
    return {"place": place[:_LONGEST_INPUT], "error": str(found["msg"]), "kind": str(found["type"])}
