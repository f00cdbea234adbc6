"""Who was there: no-shows, appeals, and sessions that the bot missed."""

from cogs import routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, on, opens
from models import CoachingSession, SessionStatus
from scheduler.attendance import no_shows, outcomes
from scheduler.core.limits import LONGEST_NOTES
from scheduler.servers import settings

DECIDE = Route("session:appeal:{session_id}:of:{user_id}:decide:{granted}")
DECIDE_ONLY_ONE = Route("session:appeal:{session_id}:decide:{granted}")
"""On cards from when a session had only one appeal."""
HAPPENED = Route("session:happened:{session_id}:{answer}")
_REASON = "What happened"


class NoShowsCog(Cog):
    """Buttons about who was there; each is answered beside the message that it is on."""

    @on(routes.MARK_NO_SHOW)
    async def mark_pressed(self, interaction: Interaction, session_id: int) -> None:
        """The coach says that the student did not come."""
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            actor = ui.person_of(interaction)
            await no_shows.mark_no_show(session, session_id, actor, self.bot.clock())
        await self._done(interaction, "It counts as a no-show of your student now. They are told, and may appeal.")

    @on(routes.WAS_HERE)
    async def was_here_pressed(self, interaction: Interaction, session_id: int) -> None:
        """The coach says that the student did come."""
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            actor = ui.person_of(interaction)
            await no_shows.was_here_after_all(session, session_id, actor, self.bot.clock())
        await self._done(interaction, "It counts as completed now, and your student is told.")

    @on(routes.APPEAL)
    async def appeal_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Put what happened before the admins."""
        await ui.acknowledge_beside(interaction)
        reason = ui.typed_in(interaction).get(_REASON, "")
        async with self.bot.db.begin() as session:
            actor = ui.person_of(interaction)
            await no_shows.appeal(session, session_id, actor, reason, self.bot.clock())
        await self._done(interaction, "The admins have got your appeal. You are told what they decide.")

    @opens(routes.APPEAL)
    async def appeal_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Asks what happened. Only for whoever counts as absent."""
        async with self.bot.db.read() as session:
            await no_shows.appealable(session, session_id, ui.person_of(interaction), self.bot.clock())
        custom_id = routes.APPEAL.id(session_id=session_id)
        about = "An admin of the server reads this and decides."
        field = ui.field(_REASON, typed, description=about, long=True, most=LONGEST_NOTES)
        return ui.Form("You were there after all?", custom_id, field)

    @on(DECIDE)
    async def decision_pressed(
        self, interaction: Interaction, session_id: int, user_id: int, granted: int
    ) -> None:
        """An admin decides on this person's appeal; the card in the review channel follows."""
        await self._decide(interaction, session_id, user_id, granted=bool(granted))

    @on(DECIDE_ONLY_ONE)
    async def only_one_decided(self, interaction: Interaction, session_id: int, granted: int) -> None:
        """The same from an older card."""
        await self._decide(interaction, session_id, None, granted=bool(granted))

    async def _decide(
        self, interaction: Interaction, session_id: int, user_id: int | None, *, granted: bool
    ) -> None:
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor = ui.actor_of(interaction, guild)
            decided = await no_shows.decide_appeal(
                session, session_id, actor, guild.id, was_there=granted, now=self.bot.clock(), of=user_id
            )
        outcome = "The no-show stands."
        if decided.status is SessionStatus.COMPLETED:
            outcome = "It counts as completed now."
        elif granted:
            outcome = f"They now count as present. <@{_other(decided)}> is still a no-show."
        await self._done(interaction, f"{outcome} Both sides are told.")

    @on(HAPPENED)
    async def answer_pressed(self, interaction: Interaction, session_id: int, answer: int) -> None:
        """Whether a session took place that the bot missed."""
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            actor = ui.person_of(interaction)
            await outcomes.say_whether_it_took_place(
                session, session_id, actor, interaction.guild_id, bool(answer), self.bot.clock()
            )
        noted = "that it took place" if answer else "that it did not take place"
        await self._done(interaction, f"Thank you. It is noted {noted}, and the other side is told.")

    async def _done(self, interaction: Interaction, said: str) -> None:
        self.bot.wake()
        await ui.show(interaction, ui.Panel(ui.text(said)))


def _other(one: CoachingSession) -> int:
    """The one of the two who didn't appeal."""
    return one.coach_id if no_shows.appellant(one) == one.student_id else one.student_id
