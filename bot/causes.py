"""What is behind an error, for a line of the log or of the command line."""

from sqlalchemy.exc import DBAPIError


def cause(error: Exception) -> BaseException | str | None:
    """What is behind it, without the statement that met it."""
    behind = error.orig if isinstance(error, DBAPIError) else error
    return behind if str(behind) or not isinstance(behind, TimeoutError) else "no answer in time"
