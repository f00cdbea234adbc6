"""Options of commands that people fill from suggestions: what they typed is completed here, and converted.

Nothing is looked up for a handler here: whether a coach, specialty or session exists is the handler's question, in
its own transaction.
"""

import asyncio

from discord import app_commands

from cogs.bot_base import BotBase, Interaction
from cogs.ui.actors import actor_of
from cogs.ui.text import whole_number
from cogs.ui.zones import resolve_zone
from scheduler.availability import coach_search, reader_zone
from scheduler.parsing import names
from scheduler.reports import session_history
from scheduler.servers import settings
from scheduler.time import cities
from scheduler.time.time_zones import zone

_MOST = 25

Choices = list[app_commands.Choice[str | int | float]]
Transformer = app_commands.Transformer[BotBase]


class ZoneTransformer(Transformer):
    """Takes any place and gives the name of its zone."""

    async def transform(self, interaction: Interaction, value: str, /) -> str:
        """Find its zone. Raises Unreadable."""
        return await resolve_zone(value)

    async def autocomplete(self, interaction: Interaction, value: str | float, /) -> Choices:
        """Suggest cities and zones, with the present time there."""
        now = interaction.client.clock()
        found = await asyncio.to_thread(cities.search, str(value), most=_MOST)
        return [_choice(f"{one.label} · {now.astimezone(zone(one.zone)):%a %H:%M}", one.zone) for one in found]


class CoachTransformer(Transformer):
    """Takes a suggestion, a mention or a name, and gives the coach's id, or else what was typed."""

    async def transform(self, interaction: Interaction, value: str, /) -> int | str:
        """Read the id, if it is one."""
        user_id = whole_number(value.strip("<@!> "))
        return value.strip() if user_id is None else user_id

    async def autocomplete(self, interaction: Interaction, value: str | float, /) -> Choices:
        """Suggest coaches whose name contains it, except for whoever asks."""
        if interaction.guild_id is None:
            return []
        async with interaction.client.db.read() as session:
            found = await coach_search.find_coaches(session, interaction.guild_id, str(value), most=_MOST + 1)
        others = [one for one in found if one.user_id != interaction.user.id]
        return [_choice(one.display_name, str(one.user_id)) for one in others[:_MOST]]


class SpecialtyTransformer(Transformer):
    """Takes what can be taught in the server, by its name."""

    async def transform(self, interaction: Interaction, value: str, /) -> str:
        """Give the name as it was typed, without white space around it."""
        return value.strip()

    async def autocomplete(self, interaction: Interaction, value: str | float, /) -> Choices:
        """Suggest specialties that contain it."""
        if interaction.guild_id is None:
            return []
        async with interaction.client.db.read() as session:
            known = await coach_search.specialties(session, interaction.guild_id)
        found = [name for name in known.values() if names.contains(name, str(value))]
        return [_choice(name, name) for name in found[:_MOST]]


class SessionCodeTransformer(Transformer):
    """Takes a session's code, or the name of its room, which ends with the code."""

    @property
    def min_value(self) -> int:
        """Characters."""
        return 1

    @property
    def max_value(self) -> int:
        """Characters."""
        return 50

    async def transform(self, interaction: Interaction, value: str, /) -> str:
        """Give the code alone."""
        return session_history.read_code(value)

    async def autocomplete(self, interaction: Interaction, value: str | float, /) -> Choices:
        """Suggest to admins the server's sessions whose code begins like that, the latest start first."""
        if interaction.guild_id is None:
            return []
        async with interaction.client.db.read() as session:
            guild = await settings.look_up(session, interaction.guild_id, interaction.client.defaults)
            if not actor_of(interaction, guild).is_admin:
                return []
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
            found = await session_history.beginning_with(session, guild.id, str(value), most=_MOST)
        here = zone(zone_name)
        return [
            _choice(f"{one.code} · {one.starts_at.astimezone(here):%d %b %Y %H:%M} {zone_name}", one.code)
            for one in found
        ]


ZoneName = app_commands.Transform[str, ZoneTransformer]
CoachOption = app_commands.Transform[int | str, CoachTransformer]
SpecialtyName = app_commands.Transform[str, SpecialtyTransformer]
SessionCode = app_commands.Transform[str, SessionCodeTransformer]


def _choice(name: str, value: str) -> app_commands.Choice[str | int | float]:
    return app_commands.Choice(name=name[:100], value=value)
