"""Who acts, and in which server."""

import discord

from cogs.bot_base import Interaction
from models import Guild
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound


def actor_of(interaction: Interaction, guild: Guild) -> Actor:
    """Return who pressed, and whether they're an admin of this server.

    Raises ValueError if they pressed anywhere else, where nobody is an admin: use `person_of` there.
    """
    if interaction.guild_id != guild.id:
        raise ValueError(f"pressed in {interaction.guild_id}, not in {guild.id}")
    roles = interaction.user.roles if isinstance(interaction.user, discord.Member) else []
    is_admin = interaction.permissions.manage_guild or any(one.id == guild.admin_role_id for one in roles)
    return Actor(interaction.user.id, is_admin=is_admin)


def person_of(interaction: Interaction) -> Actor:
    """Who presses, as themselves alone: for what students and coaches do, in which no admin has a say.

    An admin of the server gets no more from it than anybody else.
    """
    return Actor(interaction.user.id)


def guild_id_of(interaction: Interaction) -> int:
    """The server it happens in. Raises NotFound in a DM."""
    if interaction.guild_id is None:
        raise NotFound("This works in a server only. Go to your server and try again there.")
    return interaction.guild_id
