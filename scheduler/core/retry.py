"""How long to wait before trying again what failed."""

import zlib
from datetime import timedelta


def pause(attempts: int, of: int = 0, *, longest: timedelta = timedelta(minutes=10)) -> timedelta:
    """How long to wait after so many failures in a row: 15 s, 30 s, 1 min … at most `longest`.

    Up to a fifth longer, which depends on what it is `of`, so that what failed together is not retried together.
    """
    spread = zlib.crc32(f"{of}:{attempts}".encode()) % 1000 / 5000
    return min(timedelta(seconds=15) * 2 ** min(attempts - 1, 12), longest) * (1 + spread)
