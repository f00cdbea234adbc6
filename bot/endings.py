"""How a command of the command line ends: with a line and an exit code instead of a traceback."""

from sqlalchemy.exc import DBAPIError

USAGE_ERROR = 2
FAILED = 1


class Stop(Exception):
    """The program ends with this line and this exit code."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.code = code


def cause(error: OSError | DBAPIError) -> BaseException | None:
    """What is behind it, without the statement that met it."""
    return error.orig if isinstance(error, DBAPIError) else error
