"""Suggest and convert values of command options.

Whether the coach, specialty or session exists is for the handler to check, in its own transaction.
"""

import asyncio

from discord import app_commands

from cogs.bot_base import BotBase, Interaction
from cogs.ui.actors import actor_of, hour_cycle_of
from cogs.ui.text import whole_number
from cogs.ui.zones import option_label, resolve_zone
from scheduler.availability import coach_search, reader_zone
from scheduler.parsing import names
from scheduler.reports import session_history
from scheduler.servers import settings
from scheduler.time import cities
from scheduler.time.abbreviations import show_zone
from scheduler.time.time_zones import zone

_MOST = 25
LONGEST_CODE = 50
"""The most characters of a session's code as people type it, or of its room's name."""

Choices = list[app_commands.Choice[str | int | float]]
Transformer = app_commands.Transformer[BotBase]


class ZoneTransformer(Transformer):
    """Converts a place into the name of its zone."""

    async def transform(self, interaction: Interaction, value: str, /) -> str:
        """Find its zone. Raises Unreadable."""
        return await resolve_zone(value)

    async def autocomplete(self, interaction: Interaction, value: str | float, /) -> Choices:
        """Suggest cities and zones, with the current time there."""
        now = interaction.client.clock()
        found = await asyncio.to_thread(cities.search, str(value), most=_MOST)
        cycle = hour_cycle_of(interaction)
        return [_choice(option_label(one, now, cycle), one.zone) for one in found]


class CoachTransformer(Transformer):
    """Converts a suggestion or mention into the coach's id. Anything else stays as typed."""

    async def transform(self, interaction: Interaction, value: str, /) -> int | str:
        """Read the id, if it's one."""
        user_id = whole_number(value.strip("<@!> "))
        return value.strip() if user_id is None else user_id

    async def autocomplete(self, interaction: Interaction, value: str | float, /) -> Choices:
        """Suggest coaches whose name contains it, except the person asking."""
        if interaction.guild_id is None:
            return []
        async with interaction.client.db.read() as session:
            found = await coach_search.find_coaches(session, interaction.guild_id, str(value), most=_MOST + 1)
        others = [one for one in found if one.user_id != interaction.user.id]
        return [_choice(one.display_name, str(one.user_id)) for one in others[:_MOST]]


class SpecialtyTransformer(Transformer):
    """Takes the name of a specialty."""

    async def transform(self, interaction: Interaction, value: str, /) -> str:
        """Strip white space."""
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
    """Converts a session's code, or its room's name, into the code."""

    @property
    def min_value(self) -> int:
        """Characters."""
        return 1

    @property
    def max_value(self) -> int:
        """Characters."""
        return LONGEST_CODE

    async def transform(self, interaction: Interaction, value: str, /) -> str:
        """Read the code."""
        return session_history.read_code(value)

    async def autocomplete(self, interaction: Interaction, value: str | float, /) -> Choices:
        """Suggest sessions whose code begins like that to admins, latest start first."""
        if interaction.guild_id is None:
            return []
        async with interaction.client.db.read() as session:
            guild = await settings.look_up(session, interaction.guild_id, interaction.client.defaults)
            if not actor_of(interaction, guild).is_admin:
                return []
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
            found = await session_history.find_by_code_start(session, guild.id, str(value), most=_MOST)
        cycle = hour_cycle_of(interaction)
        starts = [(one, one.starts_at.astimezone(zone(zone_name))) for one in found]
        return [
            _choice(f"{one.code} · {local:%d %b %Y} {cycle.clock(local)} {show_zone(zone_name)}", one.code)
            for one, local in starts
        ]


CoachOption = app_commands.Transform[int | str, CoachTransformer]
SpecialtyName = app_commands.Transform[str, SpecialtyTransformer]
SessionCode = app_commands.Transform[str, SessionCodeTransformer]


def _choice(name: str, value: str) -> app_commands.Choice[str | int | float]:
    return app_commands.Choice(name=name[:100], value=value)
