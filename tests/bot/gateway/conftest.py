"""These tests use the simulated academy."""

from tests.support.worlds import cities, engine_name, open_world, world

__all__ = ["cities", "engine_name", "open_world", "world"]
