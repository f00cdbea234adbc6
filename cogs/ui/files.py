"""Make files that are sent as attachments."""

import io
import zipfile
from typing import Self

from scheduler.core.errors import CoachingError

_LARGEST_FILE = 10 * 1024 * 1024  # https://docs.discord.com/developers/reference#uploading-files
_LARGEST_PLAIN = 1024 * 1024


class CsvFile:
    """A CSV file in the making. It's zipped as it grows, because only small ones are sent as they are."""

    def __init__(self, name: str) -> None:
        self._name, self._size = f"{name}.csv", 0
        self._plain, self._zipped = io.BytesIO(), io.BytesIO()
        self._archive = zipfile.ZipFile(self._zipped, "w", zipfile.ZIP_DEFLATED)
        self._packed = self._archive.open(self._name, "w", force_zip64=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._packed.close()
        self._archive.close()

    def write(self, piece: str) -> None:
        """Add a piece. Raises CoachingError if the file gets too large for Discord."""
        content = piece.encode()
        self._size += len(content)
        self._packed.write(content)
        if self._size <= _LARGEST_PLAIN:
            self._plain.write(content)
        if self._zipped.tell() > _LARGEST_FILE:
            raise CoachingError(
                "That's more than Discord accepts as a file (10 MB). The person who runs the bot can copy the "
                "database with `coachbot backup`."
            )

    def named(self) -> tuple[str, bytes]:
        """Return the finished file's name and content."""
        if self._size > _LARGEST_PLAIN:
            return f"{self._name}.zip", self._zipped.getvalue()
        return self._name, self._plain.getvalue()
