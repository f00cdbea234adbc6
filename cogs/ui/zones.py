"""Find time zones by city, country, state or name."""

import asyncio

from scheduler.time.time_zones import parse_zone


async def resolve_zone(typed: str) -> str:
    """Find the zone. Raises Unreadable.

    Runs in a thread, because the first look-up of a city reads a large file.
    """
    return await asyncio.to_thread(parse_zone, typed)
