"""`/coaching post`: a message in a channel through which everybody reaches coaching without knowing a command.

Its buttons are answered where the commands are that they stand for.
"""

import discord
from discord import app_commands

from cogs import routes, ui
from cogs.ui import Interaction
from cogs.ui.group_commands import group_command
from cogs.ui.routing import Cog, retried
from scheduler.core import audit
from scheduler.core.errors import Misconfigured, NotAllowed
from scheduler.servers import settings

_GREEN = 0x3BA55D
_NEEDED = {"view_channel": "View Channel", "send_messages": "Send Messages"}


def public_panel() -> ui.Panel:
    """What everybody sees."""
    card = discord.ui.Container(
        ui.text(
            "## Learn with a coach\n"
            "Pick a coach and a time that suits you. Just before it starts, a private voice room opens for the "
            "two of you."
        ),
        ui.row(
            ui.button("Book a coach", routes.PANEL_BOOK.id(), discord.ButtonStyle.success),
            ui.button("My sessions", routes.PANEL_SESSIONS.id()),
            ui.button("Become a coach", routes.PANEL_APPLY.id()),
        ),
        ui.text("-# What the buttons show you, only you see."),
        accent_colour=_GREEN,
    )
    return ui.Panel(card)


class PublicPanelCog(Cog):
    """`/coaching post`."""

    @group_command(
        "coaching",
        name="post",
        description="Post a panel with buttons for everybody who does not know the commands",
    )
    @app_commands.describe(channel="Where; without: here")
    @retried
    async def post(self, interaction: Interaction, channel: discord.TextChannel | None = None) -> None:
        """Post it."""
        await ui.acknowledge(interaction)
        await self._post(interaction, channel)

    async def _post(self, interaction: Interaction, chosen: discord.TextChannel | None) -> None:
        """Put it into the chosen channel, else where an admin used the command."""
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
            actor = ui.actor_of(interaction, guild)
            actor.must_be_admin()
            channel = _writable(chosen or interaction.channel, interaction.user)
            about = {"channel_id": channel.id}
            audit.record(session, guild.id, "panel_posted", at=now, actor_id=actor.user_id, details=about)
        # Nothing is sent inside the transaction; if Discord refuses now, the record says that it was tried.
        try:
            sent = await channel.send(view=public_panel(), allowed_mentions=ui.NO_MENTIONS)
        except (discord.Forbidden, discord.NotFound) as refusal:
            raise Misconfigured(
                f"Discord did not let me write in {channel.mention}. Look whether it is still there and whether I "
                "may write there, then use the command again."
            ) from refusal
        told = f"Posted: {sent.jump_url}\nPin it, so that people find it. To take it away, delete the message."
        await ui.show(interaction, ui.Panel(ui.text(told)))


def _writable(channel: object, by: discord.User | discord.Member) -> discord.TextChannel:
    """The channel, if it is one for texts in which both the bot and who asks may write."""
    if not isinstance(channel, discord.TextChannel):
        raise Misconfigured(
            "The panel belongs into a text channel, and this is none. Choose one: `/coaching post channel:`"
        )
    missing = _missing(channel, channel.guild.me)
    if missing:
        raise Misconfigured(
            f"I cannot write in {channel.mention}: there I lack {' and '.join(missing)}. Open that channel's "
            "settings, then Permissions, allow it to my role, and use the command again."
        )
    if isinstance(by, discord.Member) and _missing(channel, by):
        raise NotAllowed(f"You may not write in {channel.mention} yourself. Choose a channel in which you may.")
    return channel


def _missing(channel: discord.TextChannel, member: discord.Member) -> list[str]:
    # Not the channel's own method: without View Channel, that one lets nothing else count as held.
    held = discord.abc.GuildChannel.permissions_for(channel, member)
    return [name for flag, name in _NEEDED.items() if not getattr(held, flag)]
