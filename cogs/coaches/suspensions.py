"""Suspending and reinstating a coach, from the card in the review channel or by command."""

import discord
from discord import app_commands

from cogs import routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.group_commands import group_command
from cogs.ui.routing import Cog, on, opens, retried
from scheduler.coaches import suspensions
from scheduler.coaches.applications import LONGEST_TEXT
from scheduler.servers import settings

_REASON, _UPCOMING = "Reason", "Upcoming sessions"
_CANCEL, _KEEP = "cancel", "keep"


class SuspendingCog(Cog):
    """`/coach suspend` and `/coach reinstate`, and the buttons under the card of a coach."""

    @group_command("coach", name="suspend", description="Let a coach take no sessions for a while")
    @app_commands.describe(
        member="The coach",
        reason="What they are told",
        upcoming="What happens to their upcoming sessions. If you leave it out: as in /coaching setup",
    )
    @app_commands.choices(
        upcoming=[
            app_commands.Choice(name="cancel them", value="cancel"),
            app_commands.Choice(name="keep them", value="keep"),
        ]
    )
    @retried
    async def suspend(
        self,
        interaction: Interaction,
        member: discord.User,
        reason: app_commands.Range[str, 1, LONGEST_TEXT],
        upcoming: app_commands.Choice[str] | None = None,
    ) -> None:
        """Suspend one coach."""
        await ui.acknowledge(interaction)
        keep = None if upcoming is None else upcoming.value == "keep"
        await self._suspend(interaction, member.id, reason, keep=keep)

    @group_command("coach", name="reinstate", description="Let a suspended coach coach again")
    @app_commands.describe(member="The coach")
    @retried
    async def reinstate(self, interaction: Interaction, member: discord.User) -> None:
        """Reinstate one coach."""
        await ui.acknowledge(interaction)
        await self._reinstate(interaction, member.id)

    @on(routes.SUSPEND)
    async def suspend_pressed(self, interaction: Interaction, user_id: int) -> None:
        """Suspend, and treat upcoming sessions as the form says."""
        await ui.acknowledge(interaction)
        typed = ui.typed_in(interaction)
        keep = {_CANCEL: False, _KEEP: True}.get(typed.get(_UPCOMING, ""))
        await self._suspend(interaction, user_id, typed.get(_REASON, ""), keep=keep)

    @opens(routes.SUSPEND)
    async def form(self, interaction: Interaction, typed: Typed, user_id: int) -> ui.Form:
        """Asks an admin; not about somebody who is suspended already."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor, now = ui.actor_of(interaction, guild), self.bot.clock()
            count = await suspensions.affected(session, guild.id, user_id, actor, now)
        chosen = typed.get(_UPCOMING) or (_KEEP if guild.keep_after_departure else _CANCEL)
        choices = (("Cancel them", _CANCEL, chosen == _CANCEL), ("Keep them", _KEEP, chosen == _KEEP))
        are = "1 is booked." if count == 1 else f"{count or 'None'} are booked."
        return ui.Form(
            "Suspend this coach",
            routes.SUSPEND.id(user_id=user_id),
            ui.field(_REASON, typed, description="They are told this.", long=True, most=LONGEST_TEXT),
            ui.choice(_UPCOMING, choices, description=f"{are} Of those that are cancelled, both sides are told."),
        )

    @on(routes.REINSTATE)
    async def reinstate_pressed(self, interaction: Interaction, user_id: int) -> None:
        """Let them coach again; the card follows."""
        await ui.acknowledge(interaction)
        await self._reinstate(interaction, user_id)

    async def _suspend(self, interaction: Interaction, user_id: int, reason: str, *, keep: bool | None) -> None:
        """Suspend a coach; without `keep` as the server has set."""
        async with self.bot.db.begin() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor, now = ui.actor_of(interaction, guild), self.bot.clock()
            cancelled = await suspensions.suspend(session, guild.id, user_id, actor, reason, now, keep=keep)
        self.bot.wake()
        sessions = "1 upcoming session was" if cancelled == 1 else f"{cancelled} upcoming sessions were"
        await ui.reply_privately(interaction, f"Suspended. <@{user_id}> is told the reason. {sessions} cancelled.")

    async def _reinstate(self, interaction: Interaction, user_id: int) -> None:
        """Let a suspended coach coach again."""
        async with self.bot.db.begin() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            await suspensions.reinstate(
                session, guild.id, user_id, ui.actor_of(interaction, guild), self.bot.clock()
            )
        self.bot.wake()
        await ui.reply_privately(interaction, f"Reinstated. <@{user_id}> is told, and can be booked again.")
