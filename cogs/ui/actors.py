"""Find out who pressed, in which server, and how they write times."""

import discord

from cogs.bot_base import Interaction
from models import Guild
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound
from scheduler.time.hour_cycle import HourCycle


def actor_of(interaction: Interaction, guild: Guild) -> Actor:
    """Return who pressed, and whether they're an admin of this server.

    Raises ValueError if they pressed anywhere else. Use `person_of` there.
    """
    if interaction.guild_id != guild.id:
        raise ValueError(f"pressed in {interaction.guild_id}, not in {guild.id}")
    roles = interaction.user.roles if isinstance(interaction.user, discord.Member) else []
    role_ids = frozenset(role.id for role in roles)
    is_admin = interaction.permissions.manage_guild or guild.admin_role_id in role_ids
    return Actor(interaction.user.id, is_admin=is_admin, role_ids=role_ids)


def person_of(interaction: Interaction) -> Actor:
    """Return who pressed, never as an admin: for what students and coaches do themselves."""
    return Actor(interaction.user.id)


def guild_id_of(interaction: Interaction) -> int:
    """Return the server. Raises NotFound in a DM."""
    if interaction.guild_id is None:
        raise NotFound("This only works in a server. Go to your server and try again.")
    return interaction.guild_id


def hour_cycle_of(interaction: Interaction) -> HourCycle:
    """Return how Discord writes times in the language of the person who pressed."""
    return HourCycle.of(interaction.locale.value)
