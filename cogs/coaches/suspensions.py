"""Suspending and reinstating a coach, from the card in the review channel or by command."""

from cogs import routes, ui
from cogs.bot_base import BotBase
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, on, opens
from scheduler.coaches import suspensions
from scheduler.coaches.applications import LONGEST_TEXT
from scheduler.servers import settings

_REASON, _COMING = "Reason", "Coming sessions"
_CANCEL, _KEEP = "cancel", "keep"


class SuspendingCog(Cog):
    """The buttons under the card of a coach."""

    @on(routes.SUSPEND)
    async def suspend_pressed(self, interaction: Interaction, user_id: int) -> None:
        """Suspend, and treat upcoming sessions as the form says."""
        await ui.acknowledge(interaction)
        typed = ui.typed_in(interaction)
        keep = {_CANCEL: False, _KEEP: True}.get(typed.get(_COMING, ""))
        await suspend(self.bot, interaction, user_id, typed.get(_REASON, ""), keep=keep)

    @opens(routes.SUSPEND)
    async def form(self, interaction: Interaction, typed: Typed, user_id: int) -> ui.Form:
        """Asks an admin; not about somebody who is suspended already."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor, now = ui.actor_of(interaction, guild), self.bot.clock()
            count = await suspensions.affected(session, guild.id, user_id, actor, now)
        chosen = typed.get(_COMING) or (_KEEP if guild.keep_after_departure else _CANCEL)
        choices = (("Cancel them", _CANCEL, chosen == _CANCEL), ("Keep them", _KEEP, chosen == _KEEP))
        are = "1 is booked." if count == 1 else f"{count or 'None'} are booked."
        return ui.Form(
            "Suspend this coach",
            routes.SUSPEND.id(user_id=user_id),
            ui.field(_REASON, typed, description="They are told this.", long=True, most=LONGEST_TEXT),
            ui.choice(_COMING, choices, description=f"{are} Of those that are cancelled, both sides are told."),
        )

    @on(routes.REINSTATE)
    async def reinstate_pressed(self, interaction: Interaction, user_id: int) -> None:
        """Let them coach again; the card follows."""
        await ui.acknowledge(interaction)
        await reinstate(self.bot, interaction, user_id)


async def suspend(bot: BotBase, interaction: Interaction, user_id: int, reason: str, *, keep: bool | None) -> None:
    """Suspend a coach, in answer to an admin's acknowledged interaction; without `keep` as the server has set."""
    async with bot.db.begin() as session:
        guild = await settings.look_up(session, ui.guild_id_of(interaction), bot.defaults)
        actor, now = ui.actor_of(interaction, guild), bot.clock()
        cancelled = await suspensions.suspend(session, guild.id, user_id, actor, reason, now, keep=keep)
    bot.wake()
    sessions = "1 coming session was" if cancelled == 1 else f"{cancelled} coming sessions were"
    await ui.reply_privately(interaction, f"Suspended. <@{user_id}> is told the reason. {sessions} cancelled.")


async def reinstate(bot: BotBase, interaction: Interaction, user_id: int) -> None:
    """Let a suspended coach coach again, in answer to an admin's acknowledged interaction."""
    async with bot.db.begin() as session:
        guild = await settings.look_up(session, ui.guild_id_of(interaction), bot.defaults)
        await suspensions.reinstate(session, guild.id, user_id, ui.actor_of(interaction, guild), bot.clock())
    bot.wake()
    await ui.reply_privately(interaction, f"Reinstated. <@{user_id}> is told, and can be booked again.")
