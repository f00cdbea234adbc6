"""Suspending and reinstating a coach, by command or from their card in the review channel."""

from typing import Literal

import discord
from discord import app_commands

from cogs import routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, group_command, on, opens
from scheduler.coaches import suspensions
from scheduler.coaches.applications import LONGEST_TEXT, REASON

_UPCOMING = "Upcoming sessions"
_KEEPS = {"Cancel them": False, "Keep them": True}


class SuspendingCog(Cog):
    """`/coach suspend` and `/coach reinstate`, and the buttons on a coach's card."""

    @group_command("coach", name="suspend", description="Stop bookings with a coach for a while")
    @app_commands.describe(
        member="The coach",
        reason="They'll see this",
        upcoming="What happens to their upcoming sessions (optional). Default: as in /coaching setup",
    )
    async def suspend(
        self,
        interaction: Interaction,
        member: discord.User,
        reason: app_commands.Range[str, 1, LONGEST_TEXT],
        upcoming: Literal["Cancel them", "Keep them"] | None = None,
    ) -> None:
        """Suspend one coach."""
        await self._suspend(interaction, member.id, reason, keep=_KEEPS.get(upcoming or ""))

    @group_command("coach", name="reinstate", description="Let a suspended coach coach again")
    @app_commands.describe(member="The coach")
    async def reinstate(self, interaction: Interaction, member: discord.User) -> None:
        """Reinstate one coach."""
        await self.reinstate_pressed(interaction, member.id)

    @on(routes.SUSPEND)
    async def suspend_pressed(self, interaction: Interaction, user_id: int) -> None:
        """Suspend the coach, and cancel or keep upcoming sessions as chosen in the form."""
        typed = ui.typed_in(interaction)
        keep = _KEEPS.get(typed.get(_UPCOMING, ""))
        await self._suspend(interaction, user_id, typed.get(REASON, ""), keep=keep)

    @opens(routes.SUSPEND)
    async def form(self, interaction: Interaction, typed: Typed, user_id: int) -> ui.Form:
        """Ask an admin why. Refuses if the coach is already suspended."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            now = self.bot.clock()
            count = await suspensions.count_affected_sessions(session, guild.id, user_id, actor, now)
        usual = next(label for label, keep in _KEEPS.items() if keep is guild.keep_after_departure)
        booked = "1 is booked" if count == 1 else f"{count} are booked"
        about = f"{booked}. If you cancel them, we'll message everyone." if count else "None are booked."
        return ui.Form(
            "Suspend this coach",
            routes.SUSPEND.id(user_id=user_id),
            ui.field(REASON, typed, description="They'll see this.", long=True, most=LONGEST_TEXT),
            ui.choice(_UPCOMING, _KEEPS, {_UPCOMING: usual} | typed, description=about),
        )

    @on(routes.REINSTATE)
    async def reinstate_pressed(self, interaction: Interaction, user_id: int) -> None:
        """Reinstate the coach. Their card follows."""
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            await suspensions.reinstate(session, guild.id, user_id, actor, self.bot.clock())
        self.bot.wake()
        await ui.reply_privately(
            interaction, f"Reinstated. We've messaged <@{user_id}>. Students can book them again."
        )

    async def _suspend(self, interaction: Interaction, user_id: int, reason: str, *, keep: bool | None) -> None:
        """Suspend a coach. Without `keep`, the server's setting decides about upcoming sessions."""
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            now = self.bot.clock()
            cancelled = await suspensions.suspend(session, guild.id, user_id, actor, reason, now, keep=keep)
        self.bot.wake()
        sessions = "1 upcoming session was" if cancelled == 1 else f"{cancelled} upcoming sessions were"
        said = f"Suspended. We've messaged <@{user_id}> the reason. {sessions} cancelled."
        await ui.reply_privately(interaction, said)
