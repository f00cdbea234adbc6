"""Pauses between retries."""

import zlib
from datetime import timedelta


def pause(attempts: int, of: int = 0, *, longest: timedelta = timedelta(minutes=10)) -> timedelta:
    """Return the pause after so many failures in a row: 15 s, 30 s, 1 min … up to `longest`.

    Adds up to a fifth, by the id it's `of`, so that what failed together isn't retried together.
    """
    spread = zlib.crc32(f"{of}:{attempts}".encode()) % 1000 / 5000
    return min(timedelta(seconds=15) * 2 ** min(attempts - 1, 12), longest) * (1 + spread)
