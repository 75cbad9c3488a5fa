"""What a database failure says to the caller: the one place where driver errors are converted."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from trunkline import ErrorCode, RequestError

logger = logging.getLogger(__name__)

_BUSY = "The database is busy; nothing was changed. Try again in a moment."
_FULL = "The disk of the server is full; nothing was changed. Free some space and try again."
_READ_ONLY = "The database cannot be written; nothing was changed. Check its file's permissions and disk."
_CLOSED = "The database is closed because the server stops; nothing was changed."
_GONE = (
    "The file of the database is gone or was replaced; what is written now is lost when the server stops. "
    "Put the file back and start the server again."
)
_BROKEN = "The database failed; nothing was changed. The server's log says more."

_SENTENCES = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _READ_ONLY,
}
_PRIMARY_CODE = 0xFF


class StorageUnavailable(RequestError):
    """The database cannot serve now; the transaction was rolled back, and trying again later is safe."""

    def __init__(self, sentence: str = _BROKEN) -> None:
        super().__init__(sentence, code=ErrorCode.INTERNAL)


def closed() -> StorageUnavailable:
    """The error of a database that was stopped or not started."""
    return StorageUnavailable(_CLOSED)


def gone() -> StorageUnavailable:
    """The error of a database whose file is not the one that was opened."""
    return StorageUnavailable(_GONE)


@contextmanager
def driver_errors_converted() -> Iterator[None]:
    """Log what the driver raises in this block and raise StorageUnavailable in its place.

    A violated constraint is no such failure: it is a mistake of this program and passes.
    """
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeout, PendingRollbackError, sqlite3.OperationalError) as error:
        sentence = _sentence(error)
        logger.warning("The database could not serve: %s", getattr(error, "orig", None) or error)
        raise StorageUnavailable(sentence) from error


def _sentence(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, PoolTimeout):
        return _BUSY
    if isinstance(cause, sqlite3.ProgrammingError | ValueError) and "closed" in str(cause):
        return _CLOSED
    # Extended codes (SQLITE_IOERR_WRITE and the like) keep the primary one in their low byte.
    code = getattr(cause, "sqlite_errorcode", None) or 0
    return _SENTENCES.get(code & _PRIMARY_CODE, _BROKEN)
