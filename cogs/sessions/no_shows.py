"""Who was there: no-shows, appeals, and sessions that the bot missed."""

from cogs import routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, on, opens
from models import SessionStatus
from scheduler.attendance import no_shows, outcomes
from scheduler.core.limits import LONGEST_NOTES

DECIDE = Route("session:appeal:{session_id}:of:{user_id}:decide:{granted}")
DECIDE_ONLY_ONE = Route("session:appeal:{session_id}:decide:{granted}")
"""On cards from when a session had only one appeal."""
HAPPENED = Route("session:happened:{session_id}:{answer}")
_REASON = "What happened"


class NoShowsCog(Cog):
    """Buttons about who was there. Each is answered beside its message."""

    @on(routes.MARK_NO_SHOW, ui.acknowledge_beside)
    async def mark_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Mark the student as a no-show, for the coach."""
        async with self.bot.db.begin() as session:
            await no_shows.mark_no_show(session, session_id, ui.person_of(interaction), self.bot.clock())
        await self._done(interaction, "Marked as a no-show. We've told your student, who can appeal.")

    @on(routes.WAS_HERE, ui.acknowledge_beside)
    async def was_here_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Take the student's no-show back, for the coach."""
        async with self.bot.db.begin() as session:
            await no_shows.unmark_no_show(session, session_id, ui.person_of(interaction), self.bot.clock())
        await self._done(interaction, "Marked as completed. We've told your student.")

    @on(routes.APPEAL, ui.acknowledge_beside)
    async def appeal_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Send the appeal to the admins."""
        reason, actor = ui.typed_in(interaction).get(_REASON, ""), ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            await no_shows.appeal(session, session_id, actor, reason, self.bot.clock())
        await self._done(interaction, "We've sent your appeal to the admins, and will tell you what they decide.")

    @opens(routes.APPEAL)
    async def appeal_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Ask what happened. Only for someone marked as a no-show."""
        async with self.bot.db.read() as session:
            await no_shows.appealable(session, session_id, ui.person_of(interaction), self.bot.clock())
        about = "An admin of the server will read this and decide."
        field = ui.field(_REASON, typed, description=about, long=True, most=LONGEST_NOTES)
        return ui.Form("Appeal your no-show", routes.APPEAL.id(session_id=session_id), field)

    @on(DECIDE, ui.acknowledge_beside)
    @on(DECIDE_ONLY_ONE, ui.acknowledge_beside)
    async def decide_appeal(
        self, interaction: Interaction, session_id: int, granted: int, user_id: int | None = None
    ) -> None:
        """Decide on this person's appeal, or the only one, for an admin."""
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            decided = await no_shows.decide_appeal(
                session, session_id, actor, guild.id, was_there=bool(granted), now=self.bot.clock(), of=user_id
            )
        outcome = "No-show kept."
        if decided.status is SessionStatus.COMPLETED:
            outcome = "No-show overturned. The session counts as completed."
        elif granted:
            by_student = no_shows.appellant(decided) == decided.student_id
            other = decided.coach_id if by_student else decided.student_id
            outcome = f"No-show overturned. <@{other}> is still a no-show."
        await self._done(interaction, f"{outcome} We've told them both.")

    @on(HAPPENED, ui.acknowledge_beside)
    async def answer_pressed(self, interaction: Interaction, session_id: int, answer: int) -> None:
        """Record whether a session took place that the bot missed."""
        actor, guild_id = ui.person_of(interaction), interaction.guild_id
        async with self.bot.db.begin() as session:
            await outcomes.answer_whether_it_took_place(
                session, session_id, actor, guild_id, bool(answer), self.bot.clock()
            )
        noted = "took place" if answer else "didn't take place"
        await self._done(interaction, f"Thanks. We've noted that it {noted}, and told the other person.")

    async def _done(self, interaction: Interaction, said: str) -> None:
        self.bot.wake()
        await ui.show(interaction, ui.Panel(ui.text(said)))
