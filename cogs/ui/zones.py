"""Time zones as people name them: by a city, a country, a state or the zone itself."""

import asyncio

from scheduler.time.time_zones import parse_zone


async def resolve_zone(typed: str) -> str:
    """Find the zone of a city or of that name. Raises Unreadable.

    Off the event loop, because the cities are read from a large file when somebody first names one.
    """
    return await asyncio.to_thread(parse_zone, typed)
