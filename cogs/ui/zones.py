"""Time zones as people name them: by a city, a country, a state or the zone itself."""

import asyncio

from discord import app_commands

from cogs.bot_base import BotBase, Interaction
from scheduler.time import cities
from scheduler.time.time_zones import parse_zone, zone


async def resolve_zone(typed: str) -> str:
    """Find the zone of a city or of that name. Raises Unreadable.

    Off the event loop, because the cities are read from a large file when somebody first names one.
    """
    return await asyncio.to_thread(parse_zone, typed)


Suggestions = list[app_commands.Choice[str | int | float]]


class ZoneTransformer(app_commands.Transformer[BotBase]):
    """An option that takes any place and gives the name of its zone."""

    async def transform(self, interaction: Interaction, value: str, /) -> str:
        """Find its zone. Raises Unreadable."""
        return await resolve_zone(value)

    async def autocomplete(self, interaction: Interaction, value: str | float, /) -> Suggestions:
        """Suggest cities and zones, with the present time there."""
        now = interaction.client.clock()
        found = await asyncio.to_thread(cities.search, str(value), most=25)
        return [
            app_commands.Choice(
                name=f"{one.label} · {now.astimezone(zone(one.zone)):%a %H:%M}"[:100], value=one.zone
            )
            for one in found
        ]


ZoneName = app_commands.Transform[str, ZoneTransformer]
