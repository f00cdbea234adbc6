"""Who was there: no-shows, appeals, and sessions that the bot missed."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from cogs import cards, routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, on, opens
from models import CoachingSession, ParticipantStatus, SessionStatus
from scheduler.attendance import attendance, no_shows, outcomes
from scheduler.attendance.attendance import Presence
from scheduler.attendance.no_shows import Appeal
from scheduler.core.clock import stamp
from scheduler.core.errors import NotAllowed
from scheduler.core.limits import LONGEST_NOTES
from scheduler.sessions import lookup

DECIDE = Route("session:appeal:{session_id}:of:{user_id}:decide:{granted}")
DECIDE_ONLY_ONE = Route("session:appeal:{session_id}:decide:{granted}")
"""On cards from when a session had only one appeal: they are about its first."""
MARK_ONE = Route("session:noshow:{session_id}:{user_id}:{page}")
ONE_WAS_HERE = Route("session:washere:{session_id}:{user_id}:{page}")
HAPPENED = Route("session:happened:{session_id}:{answer}")
_REASON = "What happened"
_A_PAGE = 10


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

    @on(routes.ATTENDANCE, ui.acknowledge_keeping)
    async def show_attendance(
        self, interaction: Interaction, session_id: int, page: int, said: str | None = None
    ) -> None:
        """List who came to a workshop, for its coach."""
        async with self.bot.db.read() as session:
            actor, now = ui.person_of(interaction), self.bot.clock()
            found = await lookup.find_visible(session, session_id, actor, interaction.guild_id)
            if actor.user_id != found.coach_id:
                raise NotAllowed("Only the coach of a session sees who came.")
            attended = await attendance.attended(session, found, now)
            workshop = (await lookup.workshops_of(session, [found])).get(found.id)
        can_change = now < no_shows.corrections_close_at(found, actor.user_id) and not found.coach_absent
        title = workshop.title if workshop is not None else "Workshop"
        panel = _attendance_panel(found, title, attended, page, said, can_change=can_change)
        await ui.show(interaction, panel)

    @on(MARK_ONE)
    async def mark_one_pressed(self, interaction: Interaction, session_id: int, user_id: int, page: int) -> None:
        """Mark a participant as a no-show, for the coach."""
        await self._correct(interaction, no_shows.mark_no_show, session_id, user_id)
        await self.show_attendance(
            interaction, session_id, page, f"<@{user_id}> is marked as a no-show. We've told them."
        )

    @on(ONE_WAS_HERE)
    async def one_was_here_pressed(
        self, interaction: Interaction, session_id: int, user_id: int, page: int
    ) -> None:
        """Take a participant's no-show back, for the coach."""
        await self._correct(interaction, no_shows.unmark_no_show, session_id, user_id)
        await self.show_attendance(
            interaction, session_id, page, f"<@{user_id}> counts as present. We've told them."
        )

    async def _correct(
        self, interaction: Interaction, use_case: Callable[..., Awaitable[object]], session_id: int, user_id: int
    ) -> None:
        async with self.bot.db.begin() as session:
            await use_case(session, session_id, ui.person_of(interaction), self.bot.clock(), of=user_id)
        self.bot.wake()

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
        """Decide on this person's appeal, or the first one, for an admin."""
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            decided = await no_shows.decide_appeal(
                session, session_id, actor, guild.id, was_there=bool(granted), now=self.bot.clock(), of=user_id
            )
        theirs = no_shows.appeal_of(decided, user_id)
        assert theirs is not None  # it was just decided
        await self._done(interaction, _decision(decided, theirs, was_there=bool(granted)))

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


def _decision(one: CoachingSession, theirs: Appeal, *, was_there: bool) -> str:
    """Say what an admin has just decided, about whom, and who is told."""
    said = [f"You {'overturned' if was_there else 'kept'} <@{theirs.user_id}>'s no-show."]
    if was_there and not one.is_workshop:
        other = one.other(theirs.user_id)
        is_completed = one.status is SessionStatus.COMPLETED
        said.append("The session counts as completed." if is_completed else f"<@{other}> is still a no-show.")
    if not one.is_workshop:
        told = "them both"
    elif theirs.user_id != one.coach_id:
        told = "them and their coach"
    else:
        told = "everyone in the workshop" if was_there else "them"
    return " ".join([*said, f"We've told {told}."])


def _attendance_panel(
    found: CoachingSession,
    title: str,
    attended: Mapping[int, Presence],
    page: int,
    said: str | None,
    *,
    can_change: bool,
) -> ui.Panel:
    to = partial(routes.ATTENDANCE.id, session_id=found.id)
    shown, pager = ui.paged(found.taking_part, page, _A_PAGE, to)
    parts: list[ui.Item] = [ui.text(f"### Attendance: {ui.quoted(title)}\n{stamp(found.starts_at)}")]
    for seat in shown:
        presence = attended.get(seat.user_id)
        is_absent = seat.status is ParticipantStatus.NO_SHOW
        words = f"<@{seat.user_id}>{' · **no-show**' if is_absent else ''}"
        if seat.appealed_at is not None:
            words += " · appealed" if seat.appeal_decided_at is None else " · decided by an admin"
        words += f"\n-# {cards.stay(found, presence)}" if presence is not None else ""
        if not can_change or seat.appeal_decided_at is not None:
            parts.append(ui.text(words))
            continue
        route, label = (ONE_WAS_HERE, "Was here after all") if is_absent else (MARK_ONE, "Mark no-show")
        change = route.id(session_id=found.id, user_id=seat.user_id, page=page)
        parts.append(ui.Section(words, accessory=ui.button(label, change)))
    return ui.Panel(*parts, *pager, said=said)
