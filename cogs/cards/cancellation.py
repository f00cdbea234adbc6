"""Ask why a session is cancelled, and cancel it. The caller shows what comes next."""

from dataclasses import dataclass

from cogs import ui
from cogs.cards import charge
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog
from models import CoachingSession, CreditLot, Guild
from scheduler.booking import cancellation
from scheduler.booking.eligibility import LONGEST_NOTES
from scheduler.credits import make_ups

_REASON = "Reason"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A session that has just been cancelled."""

    session: CoachingSession
    guild: Guild
    make_up: CreditLot | None
    """What its student got in its place."""

    def then(self, viewer_id: int) -> str:
        """Say what else followed, to whoever cancelled it."""
        sentences = ["The time is free again. We've messaged you both."]
        if self.make_up is not None and viewer_id == self.session.student_id:
            credit = f"{self.make_up.minutes_left} minutes of credit"
            sentences.append(f"To make up for it, you have {credit} now: see `/credits`.")
        elif self.make_up is not None:
            whom = "your student" if viewer_id == self.session.coach_id else "the student"
            sentences.append(f"To make up for it, {whom} got {self.make_up.minutes_left} minutes of credit.")
        return " ".join(sentences)


class CancellingCog(Cog):
    """Cancels sessions, wherever the button was pressed."""

    async def cancel_form(
        self, interaction: Interaction, typed: Typed, session_id: int, custom_id: str
    ) -> ui.Form:
        """Ask why, and say what it costs. Raises what `cancel` raises if they can't cancel."""
        now = self.bot.clock()
        async with self.bot.db.read() as session:
            actor = await self.actor_anywhere(session, interaction)
            found = await cancellation.find_cancellable(session, session_id, actor, interaction.guild_id, now)
            guild = await session.get_one(Guild, found.guild_id)
        lines = charge.if_cancelled(found, guild, actor, now)
        rule = [ui.text("\n".join(lines))] if lines else []
        reader = {found.student_id: "Your coach", found.coach_id: "Your student"}.get(
            actor.user_id, "Both of them"
        )
        reason = ui.field(
            _REASON, typed, description=f"{reader} will see this.", long=True, required=False, most=LONGEST_NOTES
        )
        return ui.Form("Cancel this session", custom_id, *rule, reason)

    async def cancel(self, interaction: Interaction, session_id: int) -> Cancelled:
        """Cancel for the reason in the submitted form."""
        reason = ui.typed_in(interaction).get(_REASON, "")
        async with self.bot.db.begin() as session:
            actor = await self.actor_anywhere(session, interaction)
            now = self.bot.clock()
            cancelled = await cancellation.cancel(session, session_id, actor, interaction.guild_id, reason, now)
            guild = await session.get_one(Guild, cancelled.guild_id)
            make_up = await make_ups.find(session, session_id)
        self.bot.wake()
        return Cancelled(cancelled, guild, make_up)
