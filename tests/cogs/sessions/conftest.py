"""Every test here starts in an open academy."""

from tests.support.worlds import open_world as world

__all__ = ["world"]
