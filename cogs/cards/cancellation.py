"""Ask why a session is cancelled, and cancel it. The caller shows what comes next."""

from cogs import ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog
from models import CoachingSession, Guild
from scheduler.booking import cancellation
from scheduler.booking.eligibility import LONGEST_NOTES
from scheduler.core.clock import stamp

_REASON = "Reason"


class CancellingCog(Cog):
    """Cancels sessions, wherever the button was pressed."""

    async def cancel_form(
        self, interaction: Interaction, typed: Typed, session_id: int, custom_id: str
    ) -> ui.Form:
        """Ask why, and say whether it's late. Raises what `cancel` raises if they can't cancel."""
        now = self.bot.clock()
        async with self.bot.db.read() as session:
            actor = await self.actor_anywhere(session, interaction)
            found = await cancellation.find_cancellable(session, session_id, actor, interaction.guild_id, now)
            guild = await session.get_one(Guild, found.guild_id)
        rule = []
        if cancellation.is_late(found, guild, actor, now):
            rule = [ui.text(f"⚠️ It starts {stamp(found.starts_at, 'R')}, so this is a **late cancellation**.")]
        elif interaction.user.id == found.student_id and guild.cancel_notice_minutes:
            until = stamp(cancellation.notice_ends_at(found, guild))
            rule = [ui.text(f"You can cancel for free until {until}.")]
        reader = {found.student_id: "Your coach", found.coach_id: "Your student"}.get(
            actor.user_id, "Both of them"
        )
        reason = ui.field(
            _REASON, typed, description=f"{reader} will see this.", long=True, required=False, most=LONGEST_NOTES
        )
        return ui.Form("Cancel this session", custom_id, *rule, reason)

    async def cancel(self, interaction: Interaction, session_id: int) -> tuple[CoachingSession, Guild]:
        """Cancel for the reason in the submitted form. Returns the updated session and its server."""
        reason = ui.typed_in(interaction).get(_REASON, "")
        async with self.bot.db.begin() as session:
            actor = await self.actor_anywhere(session, interaction)
            now = self.bot.clock()
            cancelled = await cancellation.cancel(session, session_id, actor, interaction.guild_id, reason, now)
            guild = await session.get_one(Guild, cancelled.guild_id)
        self.bot.wake()
        return cancelled, guild
