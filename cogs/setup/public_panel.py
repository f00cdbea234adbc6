"""`/coaching post`: a message with buttons for members who don't know the commands.

Each button is answered by the feature whose command it replaces.
"""

from typing import Any

import discord
from discord import app_commands

from cogs import routes, ui
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, group_command, on
from scheduler.core import audit
from scheduler.core.errors import Misconfigured, NotAllowed
from scheduler.parsing.lists import all_of

POST = Route("panel:post")
POST_IN = Route("panel:post:in")

_GREEN = 0x3BA55D
_NEEDED = {"view_channel": "View Channel", "send_messages": "Send Messages"}


def public_panel() -> ui.Panel:
    """Build the message for everyone."""
    card = ui.Container(
        ui.text(
            "## Learn with a coach\n"
            "Pick a coach and a time that suits you. Just before the session, a private voice room opens for the "
            "two of you."
        ),
        ui.row(
            ui.button("Book a coach", routes.PANEL_BOOK.id(), ui.SUCCESS),
            ui.button("My sessions", routes.PANEL_SESSIONS.id()),
            ui.button("Become a coach", routes.PANEL_APPLY.id()),
            ui.button("Admin", routes.ADMIN.id()),
        ),
        ui.text("-# Only you see what these buttons open."),
        accent_colour=_GREEN,
    )
    return ui.Panel(card)


class PublicPanelCog(Cog):
    """`/coaching post`."""

    @group_command(
        "coaching", name="post", description="Post a message with buttons to book, see sessions and apply"
    )
    @app_commands.describe(channel="Where to post it (optional). Default: here")
    async def post(self, interaction: Interaction, channel: discord.TextChannel | None = None) -> None:
        """Post the message in the chosen channel, or where the command was used."""
        await self._post(interaction, channel or interaction.channel)

    @on(POST)
    async def post_pressed(self, interaction: Interaction) -> None:
        """Ask an admin where to post it."""
        await self.guild_for_admin(interaction)
        select = discord.ui.ChannelSelect[Any](
            custom_id=POST_IN.id(), channel_types=[discord.ChannelType.text], placeholder="Pick a text channel"
        )
        about = "### Where should I post the panel?\nIts buttons book, show sessions and apply to coach."
        await ui.show(interaction, ui.Panel(ui.text(about), ui.row(select)))

    @on(POST_IN)
    async def channel_chosen(self, interaction: Interaction) -> None:
        """Post the message in the chosen channel."""
        await self.guild_for_admin(interaction)
        server, [channel_id, *_] = interaction.guild, ui.chosen_in(interaction)
        await self._post(interaction, server.get_channel(channel_id) if server else None)

    async def _post(self, interaction: Interaction, channel: object) -> None:
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            chosen = _writable(channel, interaction.user)
            about = {"channel_id": chosen.id}
            audit.record(session, guild.id, "panel_posted", at=now, actor_id=actor.user_id, details=about)
        # Nothing is sent inside a transaction; if Discord refuses now, the audit log shows the attempt.
        try:
            sent = await chosen.send(view=public_panel(), allowed_mentions=ui.NO_MENTIONS)
        except (discord.Forbidden, discord.NotFound) as refusal:
            raise Misconfigured(
                f"Discord didn't let me write in {chosen.mention}. Check that the channel still exists and that I "
                "can write there, then run the command again."
            ) from refusal
        said = f"Posted: {sent.jump_url}\nPin it so that people find it. To remove it, delete the message."
        await ui.show(interaction, ui.Panel(ui.text(said)))


def _writable(channel: object, member: discord.User | discord.Member) -> discord.TextChannel:
    """Return the channel if it's a text channel where both the bot and this member can write."""
    if not isinstance(channel, discord.TextChannel):
        raise Misconfigured("I can only post in a text channel. Choose one with the option `channel`.")
    missing = _missing(channel, channel.guild.me)
    if missing:
        raise Misconfigured(
            f"I can't write in {channel.mention}: I'm missing {all_of(missing)}. Open that channel's "
            "settings, then **Permissions**, and allow it for my role. Then run the command again."
        )
    if isinstance(member, discord.Member) and _missing(channel, member):
        raise NotAllowed(f"You can't write in {channel.mention} yourself. Choose a channel where you can.")
    return channel


def _missing(channel: discord.TextChannel, member: discord.Member) -> list[str]:
    # Not the channel's own method, which hides every other permission if View Channel is missing.
    held = discord.abc.GuildChannel.permissions_for(channel, member)
    return [name for flag, name in _NEEDED.items() if not getattr(held, flag)]
