"""Describes the cause of an error in one line."""

from sqlalchemy.exc import DBAPIError


def cause(error: Exception) -> BaseException | str | None:
    """Return the driver's error without the SQL statement, or the error itself."""
    found = error.orig if isinstance(error, DBAPIError) else error
    return found if str(found) or not isinstance(found, TimeoutError) else "no answer in time"
