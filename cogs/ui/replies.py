"""Acknowledge and answer interactions."""

from collections.abc import Callable
from functools import partial

import discord

from cogs.bot_base import Interaction
from cogs.command_mentions import make_clickable
from cogs.ui.components import Panel

NO_MENTIONS = discord.AllowedMentions.none()


async def acknowledge(interaction: Interaction) -> None:
    """Acknowledge within Discord's 3 seconds, which allows 15 minutes to answer. Safe to call twice."""
    if interaction.response.is_done():
        return
    if interaction.message is not None:
        await interaction.response.defer()
    else:
        await interaction.response.defer(ephemeral=True, thinking=True)


async def acknowledge_beside(interaction: Interaction) -> None:
    """Acknowledge, but answer with a new message instead of replacing the one that was pressed."""
    if not interaction.response.is_done():
        await interaction.response.defer(ephemeral=True, thinking=True)


async def show(interaction: Interaction, panel: Panel) -> None:
    """Show the panel, and exactly its files, as the acknowledged interaction's reply or in its message's place."""
    make_clickable(panel, _mention(interaction))
    await interaction.edit_original_response(view=panel, attachments=panel.files, allowed_mentions=NO_MENTIONS)


async def show_beside(interaction: Interaction, panel: Panel) -> None:
    """Send the panel as another message that only the person who pressed can see."""
    make_clickable(panel, _mention(interaction))
    if interaction.response.is_done():
        await interaction.followup.send(view=panel, ephemeral=True, allowed_mentions=NO_MENTIONS)
    else:
        await interaction.response.send_message(view=panel, ephemeral=True, allowed_mentions=NO_MENTIONS)


async def reply_privately(interaction: Interaction, words: str) -> None:
    """Send a message that only the person who pressed can see."""
    words = _mention(interaction)(words)
    if interaction.response.is_done():
        await interaction.followup.send(words, ephemeral=True, allowed_mentions=NO_MENTIONS)
    else:
        await interaction.response.send_message(words, ephemeral=True, allowed_mentions=NO_MENTIONS)


def _mention(interaction: Interaction) -> Callable[[str], str]:
    return partial(interaction.client.mention_commands, in_server=interaction.guild_id is not None)
