"""What may be stored: sizes, with the sentences that refuse what is over them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline import Conflict, ErrorCode, NotFound, RequestError

NAME_CHARACTERS = 200
MODEL_CHARACTERS = 200
TITLE_CHARACTERS = 200
CLIENT_ID_CHARACTERS = 128
INSTRUCTIONS_BYTES = 64 * 1024
CONFIG_BYTES = 64 * 1024
MESSAGE_BYTES = 1024 * 1024
PAGE_LIMIT = 500

_HIGHEST_ID = 2**63 - 1
_CONFIG_DEPTH = 32


def check_line(field: str, text: str, most: int) -> None:
    """Refuse a short text of more than `most` characters.

    Raises:
        RequestError: with the field in its details.
    """
    _check_characters(field, text)
    if len(text) > most:
        raise _refused(field, f"{field} has at most {most} characters; this one has {len(text)}", ErrorCode.TOO_LARGE)


def check_not_blank(field: str, text: str) -> None:
    """Refuse a text of nothing but space.

    Raises:
        RequestError: with the field in its details.
    """
    if not text.strip():
        raise _refused(field, f"{field} must not be blank")


def check_usable(field: str, problem: str | None) -> None:
    """Refuse what cannot be used, with the sentence that says why.

    Raises:
        RequestError: there is such a sentence; with the field in its details.
    """
    if problem is not None:
        raise _refused(field, problem)


def check_text(field: str, text: str, most: int) -> None:
    """Refuse a long text of more than `most` bytes in UTF-8.

    Raises:
        RequestError: with the field in its details.
    """
    _check_characters(field, text)
    size = len(text.encode())
    if size > most:
        raise _refused(field, f"{field} takes at most {most} bytes; this text has {size}", ErrorCode.TOO_LARGE)


def check_config(config: Mapping[str, Any]) -> None:
    """Refuse a config that JSON cannot hold, or only in more than 64 KiB or 32 levels.

    Raises:
        RequestError: with the field in its details.
    """
    if _depth_exceeds(config, _CONFIG_DEPTH):
        raise _refused("config", f"config is nested more than {_CONFIG_DEPTH} levels deep")
    try:
        written = msgspec.json.encode(config)
    except (TypeError, ValueError, OverflowError) as error:
        raise _refused("config", f"config cannot be written as JSON: {error}") from error
    if len(written) > CONFIG_BYTES:
        sentence = f"config takes at most {CONFIG_BYTES} bytes; this one has {len(written)}"
        raise _refused("config", sentence, ErrorCode.TOO_LARGE)


def check_id(kind: str, key: int) -> None:
    """Refuse an id that no row can have.

    Raises:
        NotFound: it is below 1 or above what a database counts to.
    """
    if not 1 <= key <= _HIGHEST_ID:
        raise NotFound(kind, key)


def check_version(what: str, present: int, expected: int | None) -> None:
    """Refuse a change that was made of an older state.

    Raises:
        Conflict: the thing is not at the version that the caller expects.
    """
    if expected is not None and expected != present:
        raise Conflict(f"{what} is at version {present}, not {expected}: read it again, then repeat the change")


def check_page(after: int | None, limit: int, before: int | None = None) -> int:
    """Refuse a page that is too long, or lies between two cursors; return the id after which it begins.

    Raises:
        RequestError: `limit` is not 1 to 500, or both cursors are given.
    """
    if after is not None and before is not None:
        raise _refused("before", "Give after or before, not both")
    if not 1 <= limit <= PAGE_LIMIT:
        raise _refused("limit", f"limit must be from 1 to {PAGE_LIMIT}, not {limit}")
    return clamp_id(after or 0)


def clamp_id(key: int) -> int:
    """The id next to a number that a database may not count to."""
    return min(max(key, 0), _HIGHEST_ID)


def _check_characters(field: str, text: str) -> None:
    if "\0" in text:
        raise _refused(field, f"{field} must not hold the character U+0000")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _refused(field, f"{field} is not valid Unicode: half a character at {error.start}") from error


def _depth_exceeds(value: object, levels: int) -> bool:
    if levels < 0:
        return True
    if isinstance(value, Mapping):
        return any(_depth_exceeds(item, levels - 1) for item in value.values())
    return isinstance(value, list | tuple) and any(_depth_exceeds(item, levels - 1) for item in value)


def _refused(field: str, sentence: str, code: ErrorCode = ErrorCode.INVALID_MESSAGE) -> RequestError:
    return RequestError(sentence, code=code, details={"field": field})
