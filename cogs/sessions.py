"""`/sessions`: what is coming and what was, and cancelling."""

from typing import Any

import discord
from discord import app_commands
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import cards, ui
from cogs.routing import Cog, on, opens
from cogs.ui import Interaction, Typed
from models import CoachingSession, Guild
from scheduler import bookings, guilds
from scheduler.bookings import LONGEST_NOTES

PAGE = "session:list:{page}"

_A_PAGE = 3
_EXCERPT = 300  # three sessions with notes and reasons have to fit into a message's 4,000 characters
_REASON = "Reason"


class SessionsCog(Cog):
    """`/sessions`."""

    @app_commands.command(name="sessions", description="Your sessions, as student and as coach")
    async def sessions(self, interaction: Interaction) -> None:
        """Show the first page."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._list(interaction, 0))

    @on(PAGE)
    async def page_turned(self, interaction: Interaction, page: int) -> None:
        """Another page."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._list(interaction, page))

    @on(cards.CANCEL)
    async def cancel_pressed(self, interaction: Interaction, session_id: int) -> None:
        """From a session: ask for the reason. From the form: cancel."""
        if interaction.type is not discord.InteractionType.modal_submit:
            await interaction.response.send_modal(await self.reason_form(interaction, {}, session_id))
            return
        await ui.acknowledge(interaction)
        reason = ui.typed_in(interaction).get(_REASON, "")
        async with self.bot.db.begin() as session:
            guild = await self._guild(session, interaction)
            cancelled = await bookings.cancel(
                session,
                session_id,
                ui.actor_of(interaction, guild),
                interaction.guild_id,
                reason,
                self.bot.clock(),
            )
            guild = await session.get_one(Guild, cancelled.guild_id)
        self.bot.wake()
        card = cards.session(cancelled, guild, title="Session cancelled", viewer_id=interaction.user.id)
        told = ui.text("The time is free again, and both of you are told by direct message.")
        await ui.show(interaction, ui.Panel(card, told))

    @opens(cards.CANCEL)
    async def reason_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Asks why. Only for those who may cancel."""
        async with self.bot.db.read() as session:
            guild = await self._guild(session, interaction)
            await bookings.cancellable(
                session, session_id, ui.actor_of(interaction, guild), interaction.guild_id, self.bot.clock()
            )
        return ui.Form(
            "Cancel this session",
            cards.CANCEL.format(session_id=session_id),
            ui.field(
                _REASON,
                typed,
                description="The other side reads this.",
                long=True,
                required=False,
                most=LONGEST_NOTES,
            ),
        )

    async def _guild(self, session: AsyncSession, interaction: Interaction) -> Guild | None:
        """The server it happens in; None in a DM."""
        if interaction.guild_id is None:
            return None
        return await guilds.look_up(session, interaction.guild_id, self.bot.defaults)

    async def _list(self, interaction: Interaction, page: int) -> ui.Panel:
        async with self.bot.db.read() as session:
            guild = await guilds.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            found = await bookings.sessions_of(session, guild.id, interaction.user.id)
        return _list_panel(found, guild, interaction.user.id, page)


def _list_panel(found: list[CoachingSession], guild: Guild, viewer_id: int, page: int) -> ui.Panel:
    if not found:
        return ui.Panel(ui.text("### No sessions yet\nBook your first one with `/book`."))
    last = (len(found) - 1) // _A_PAGE
    page = min(page, last)
    coming = sum(bookings.is_ahead(one) for one in found)
    parts: list[discord.ui.Item[Any]] = [
        ui.text(f"### Your sessions\n{coming} coming, {len(found) - coming} past")
    ]
    for one in found[page * _A_PAGE :][:_A_PAGE]:
        other = one.student_id if viewer_id == one.coach_id else one.coach_id
        parts.append(cards.session(one, guild, title=f"With <@{other}>", viewer_id=viewer_id, most=_EXCERPT))
    return ui.Panel(*parts, *ui.pager(PAGE, page, last))
