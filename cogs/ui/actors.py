"""Who acts, and in which server."""

import discord

from cogs.bot_base import Interaction
from models import Guild
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound


def actor_of(interaction: Interaction, guild: Guild | None) -> Actor:
    """Who presses, and whether they are an admin here and now; in a DM nobody is."""
    if guild is None or interaction.guild_id != guild.id:
        return Actor(interaction.user.id)
    roles = interaction.user.roles if isinstance(interaction.user, discord.Member) else []
    is_admin = interaction.permissions.manage_guild or any(one.id == guild.admin_role_id for one in roles)
    return Actor(interaction.user.id, is_admin=is_admin)


def guild_id_of(interaction: Interaction) -> int:
    """The server it happens in. Raises NotFound in a DM."""
    if interaction.guild_id is None:
        raise NotFound("This works in a server only. Go to your server and try again there.")
    return interaction.guild_id
