"""Ask why a session is cancelled, and cancel it. The caller shows what comes next."""

from typing import NamedTuple

from cogs import ui
from cogs.cards import charge
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog
from models import CoachingSession, CreditLot, Guild
from scheduler.booking import cancellation
from scheduler.booking.eligibility import LONGEST_NOTES
from scheduler.credits import make_ups
from scheduler.payments import choices
from scheduler.sessions import charge_standing, lessons
from scheduler.sessions.charge_standing import ChargeStanding
from scheduler.sessions.lessons import OneOf

_REASON = "Reason"
_REFUND = "What you paid"
_TO_CARD, _AS_CREDIT = "Back to my card", "Keep as credit"


class Cancelled(NamedTuple):
    """A session that has just been cancelled."""

    session: CoachingSession
    guild: Guild
    make_up: CreditLot | None
    """What its student got in its place."""
    standing: ChargeStanding | None
    """What was paid by card for it, and what becomes of that."""
    lesson: OneOf | None = None
    """The weekly lessons that it was one of."""

    def then(self, viewer_id: int) -> str:
        """Say what else followed, to whoever cancelled it."""
        sentences = ["The time is free again. We've messaged you both.", *others_stay(self.lesson)]
        if self.make_up is not None and viewer_id == self.session.student_id:
            credit = f"{self.make_up.minutes_left} minutes of credit"
            sentences.append(f"To make up for it, you have {credit} now: see `/credits`.")
        elif self.make_up is not None:
            whom = "your student" if viewer_id == self.session.coach_id else "the student"
            sentences.append(f"To make up for it, {whom} got {self.make_up.minutes_left} minutes of credit.")
        return " ".join(sentences)


def others_stay(lesson: OneOf | None) -> list[str]:
    """Write that the others stay, if a session is one of weekly lessons that go on."""
    return ["Your other weekly lessons stay as they are."] if lesson is not None and lesson.goes_on else []


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
            standings = await charge_standing.standings(session, [found], actor.user_id, now)
        standing = standings.get(found.id)
        is_late = cancellation.is_late(found, guild, actor, now)
        lines = charge.if_cancelled(found, guild, actor, now)
        lines += charge.refund_if_cancelled(found, standing, actor.user_id, is_late=is_late)
        can_choose = actor.user_id == found.student_id and not is_late and charge.is_kept(standing)
        choice = [ui.choice(_REFUND, (_TO_CARD, _AS_CREDIT), {_REFUND: _TO_CARD} | typed)] if can_choose else []
        rule = [ui.text("\n".join(lines))] if lines else []
        reader = {found.student_id: "Your coach", found.coach_id: "Your student"}.get(
            actor.user_id, "Both of them"
        )
        reason = ui.field(
            _REASON, typed, description=f"{reader} will see this.", long=True, required=False, most=LONGEST_NOTES
        )
        return ui.Form("Cancel this session", custom_id, *rule, *choice, reason)

    async def cancel(self, interaction: Interaction, session_id: int) -> Cancelled:
        """Cancel for the reason in the submitted form."""
        typed = ui.typed_in(interaction)
        as_credit = typed.get(_REFUND) == _AS_CREDIT
        async with self.bot.db.begin() as session:
            actor = await self.actor_anywhere(session, interaction)
            now, guild_id = self.bot.clock(), interaction.guild_id
            cancelled = await choices.cancel(
                session, session_id, actor, guild_id, typed.get(_REASON, ""), now, as_credit=as_credit
            )
            guild = await session.get_one(Guild, cancelled.guild_id)
            make_up = await make_ups.find(session, session_id)
            standings = await charge_standing.standings(session, [cancelled], actor.user_id, now)
            lesson = (await lessons.lessons_among(session, [cancelled])).get(session_id)
        self.bot.wake()
        return Cancelled(cancelled, guild, make_up, standings.get(session_id), lesson)
