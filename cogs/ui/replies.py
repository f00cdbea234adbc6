"""How an interaction is acknowledged and answered."""

import discord

from cogs.bot_base import Interaction
from cogs.ui.components import Panel

NO_MENTIONS = discord.AllowedMentions.none()


async def acknowledge(interaction: Interaction) -> None:
    """Tell Discord within its 3 seconds that an answer comes; it then waits 15 minutes. Twice is once."""
    if interaction.response.is_done():
        return
    if interaction.message is not None:
        await interaction.response.defer()
    else:
        await interaction.response.defer(ephemeral=True, thinking=True)


async def acknowledge_beside(interaction: Interaction) -> None:
    """Like `acknowledge`, but the answer comes beside the message that was pressed and not in its place."""
    if not interaction.response.is_done():
        await interaction.response.defer(ephemeral=True, thinking=True)


async def show(interaction: Interaction, panel: Panel) -> None:
    """Put the panel where the acknowledged interaction came from: as the reply, or in the message's place.

    The message then has exactly the panel's files.
    """
    await interaction.edit_original_response(view=panel, attachments=panel.files, allowed_mentions=NO_MENTIONS)


async def reply_privately(interaction: Interaction, words: str) -> None:
    """Say something to the person who pressed, and to nobody else."""
    if interaction.response.is_done():
        await interaction.followup.send(words, ephemeral=True, allowed_mentions=NO_MENTIONS)
    else:
        await interaction.response.send_message(words, ephemeral=True, allowed_mentions=NO_MENTIONS)
