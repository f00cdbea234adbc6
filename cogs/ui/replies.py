"""Acknowledge and answer interactions."""

from collections.abc import Callable
from functools import partial

import discord

from cogs.bot_base import Interaction
from cogs.command_mentions import make_clickable
from cogs.ui.components import Panel
from scheduler.core.markup import mentioned_ids, with_names

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


async def acknowledge_keeping(interaction: Interaction) -> None:
    """Acknowledge, and answer in place of a private panel, but beside a message that stays in a chat."""
    is_private = interaction.message is not None and interaction.message.flags.ephemeral
    await (acknowledge if is_private else acknowledge_beside)(interaction)


async def show(interaction: Interaction, panel: Panel) -> None:
    """Show the panel, and exactly its files, as the acknowledged interaction's reply or in its message's place."""
    await _prepare(interaction, panel)
    await interaction.edit_original_response(view=panel, attachments=panel.files, allowed_mentions=NO_MENTIONS)


async def show_beside(interaction: Interaction, panel: Panel) -> None:
    """Send the panel as another message that only the person who pressed can see."""
    await _prepare(interaction, panel)
    if interaction.response.is_done():
        await interaction.followup.send(view=panel, ephemeral=True, allowed_mentions=NO_MENTIONS)
    else:
        await interaction.response.send_message(view=panel, ephemeral=True, allowed_mentions=NO_MENTIONS)


async def reply_privately(interaction: Interaction, words: str) -> None:
    """Send a message that only the person who pressed can see."""
    words = await named_in_dm(interaction, _mention(interaction)(words))
    if interaction.response.is_done():
        await interaction.followup.send(words, ephemeral=True, allowed_mentions=NO_MENTIONS)
    else:
        await interaction.response.send_message(words, ephemeral=True, allowed_mentions=NO_MENTIONS)


async def named_in_dm(interaction: Interaction, words: str) -> str:
    """Return the words with names instead of mentions if they're for a direct message."""
    if interaction.guild_id is not None:
        return words
    return with_names(words, await _names(interaction, mentioned_ids(words)))


async def _prepare(interaction: Interaction, panel: Panel) -> None:
    """Make commands clickable, and write names in direct messages."""
    if interaction.guild_id is None:
        panel.write_names(await _names(interaction, panel.mentioned_ids))
    make_clickable(panel, _mention(interaction))


def _mention(interaction: Interaction) -> Callable[[str], str]:
    return partial(interaction.client.command_mentions.in_text, in_server=interaction.guild_id is not None)


async def _names(interaction: Interaction, mentioned: set[int]) -> dict[int, str]:
    reader = interaction.user
    if others := mentioned - {reader.id}:
        return {reader.id: reader.display_name, **await interaction.client.names_in_dm(reader.id, others)}
    return {reader.id: reader.display_name}
