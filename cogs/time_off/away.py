"""**Away…**: days on which a coach is away, and what becomes of their sessions then."""

from functools import partial

from cogs import routes, ui
from cogs.cards.cancellation import CancellingCog
from cogs.time_off import away_panels as panels
from cogs.time_off.times_panel import times_panel
from cogs.time_off.typed_days import EXAMPLES, FROM, TO, read_days
from cogs.ui import Interaction, Typed
from cogs.ui.routing import on, opens
from cogs.ui.time_picker import instant
from scheduler.booking import rescheduling
from scheduler.core import coaches
from scheduler.core.clock import stamp
from scheduler.core.errors import NotBookable
from scheduler.parsing.dates import write_dates
from scheduler.time_off import absences, decisions, moving, questions, substitutes
from scheduler.time_off.absences import LONGEST_REASON
from scheduler.time_off.decisions import AWAY, Done

_REASON = "Reason"


class AwayCog(CancellingCog):
    """The button **Away…** of `/availability`, and what follows. Only the coach themselves can do this."""

    @on(routes.GO_AWAY)
    async def go_away(self, interaction: Interaction) -> None:
        """Be away on the days in the form."""
        typed, guild_id, actor = ui.typed_in(interaction), ui.guild_id_of(interaction), ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            coach = await coaches.approved_coach(session, guild_id, actor.user_id, own=True)
            today = absences.today_of(coach, now)
            first, last = read_days(typed, today, lambda one, other: absences.check_days(coach, one, other, now))
            reason = typed.get(_REASON, "")
            absence = await absences.go_away(session, guild_id, actor, first, last, reason, now)
        await self.show_absence(interaction, absence.id, said=f"✅ You're away {write_dates(first, last)}.")

    @opens(routes.GO_AWAY)
    async def away_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask from when to when, and why."""
        async with self.bot.db.read() as session:
            guild_id, user_id = ui.guild_id_of(interaction), interaction.user.id
            await coaches.approved_coach(session, guild_id, user_id, own=True)
        return ui.Form(
            "Away",
            routes.GO_AWAY.id(),
            ui.field(FROM, typed, placeholder=EXAMPLES, most=40),
            ui.field(TO, typed, description="Leave empty for one day.", required=False, most=40),
            ui.field(
                _REASON,
                typed,
                description="Students whose sessions you change will see this.",
                required=False,
                most=LONGEST_REASON,
            ),
        )

    @on(routes.ABSENCE)
    async def show_absence(
        self, interaction: Interaction, absence_id: int, page: int = 0, said: str | None = None
    ) -> None:
        """List the sessions then that are still to be decided about."""
        async with self.bot.db.read() as session:
            guild_id, actor = ui.guild_id_of(interaction), ui.person_of(interaction)
            away = await decisions.look(session, absence_id, guild_id, actor, self.bot.clock())
        await ui.show(interaction, panels.away_panel(away, page, said))

    @on(panels.BACK)
    async def back_pressed(self, interaction: Interaction, absence_id: int) -> None:
        """Let the days be booked again."""
        async with self.bot.db.begin() as session:
            guild_id, actor = ui.guild_id_of(interaction), ui.person_of(interaction)
            ended = await decisions.come_back(session, absence_id, guild_id, actor, self.bot.clock())
        self.bot.wake()
        words = (
            f"✅ {write_dates(ended.first, ended.last)} can be booked again. What you've rescheduled or cancelled "
            "stays so."
        )
        to_hours = ui.row(ui.button("◀ Back", routes.AVAILABILITY.id(week=0, days=0)))
        await ui.show(interaction, ui.Panel(ui.text(words), to_hours))

    @on(panels.TIMES)
    async def times_pressed(self, interaction: Interaction, absence_id: int, session_id: int, page: int) -> None:
        """Show the next free times."""
        async with self.bot.db.read() as session:
            guild_id, actor, now = ui.guild_id_of(interaction), ui.person_of(interaction), self.bot.clock()
            await decisions.find_to_decide(session, absence_id, session_id, guild_id, actor, now)
            found = await rescheduling.find_reschedulable(session, session_id, actor, now, guild_id=guild_id)
            times = await moving.next_times(session, found, actor, now)
        to = partial(panels.MOVE.id, absence_id=absence_id, session_id=session_id, page=page)
        back = routes.ABSENCE.id(absence_id=absence_id, page=page)
        others = "You can ask a substitute, or cancel the session."
        await ui.show(interaction, times_panel(found, times, to, back, others))

    @on(panels.MOVE)
    async def move_pressed(
        self, interaction: Interaction, absence_id: int, session_id: int, start: int, page: int
    ) -> None:
        """Reschedule to that time."""
        at = instant(start)
        async with self.bot.db.begin() as session:
            guild_id, actor, now = ui.guild_id_of(interaction), ui.person_of(interaction), self.bot.clock()
            await decisions.reschedule(session, absence_id, session_id, guild_id, actor, at, now)
        self.bot.wake()
        await self.show_absence(interaction, absence_id, page, f"✅ Rescheduled to {stamp(at)}.")

    @on(panels.CANCEL)
    async def cancel_one(self, interaction: Interaction, absence_id: int, session_id: int, page: int) -> None:
        """Cancel a session for the reason in the form, and show what's left."""
        typed = ui.typed_in(interaction)
        async with self.bot.db.begin() as session:
            guild_id, actor, now = ui.guild_id_of(interaction), ui.person_of(interaction), self.bot.clock()
            reason = typed.get(_REASON, "")
            done = await decisions.cancel(session, absence_id, session_id, guild_id, actor, reason, now)
        self.bot.wake()
        await self.show_absence(interaction, absence_id, page, f"✅ Session cancelled: {stamp(done.starts_at)}.")

    @opens(panels.CANCEL)
    async def reason_form(
        self, interaction: Interaction, typed: Typed, absence_id: int, session_id: int, page: int
    ) -> ui.Form:
        """Ask why, and say what follows."""
        async with self.bot.db.read() as session:
            guild_id, actor, now = ui.guild_id_of(interaction), ui.person_of(interaction), self.bot.clock()
            await decisions.find_to_decide(session, absence_id, session_id, guild_id, actor, now)
            absence = await absences.find_own(session, absence_id, guild_id, actor)
        custom_id = panels.CANCEL.id(absence_id=absence_id, session_id=session_id, page=page)
        before = typed or {_REASON: absence.reason or AWAY}
        return await self.cancel_form(interaction, before, session_id, custom_id)

    @on(panels.KEEP)
    async def keep_pressed(self, interaction: Interaction, absence_id: int, session_id: int, page: int) -> None:
        """Keep a session although its coach is away."""
        async with self.bot.db.begin() as session:
            guild_id, actor, now = ui.guild_id_of(interaction), ui.person_of(interaction), self.bot.clock()
            await decisions.keep(session, absence_id, session_id, guild_id, actor, now)
        self.bot.wake()
        await self.show_absence(interaction, absence_id, page, "✅ The session stays booked.")

    @on(panels.CANCEL_LEFT)
    async def cancel_left(self, interaction: Interaction, absence_id: int) -> None:
        """Cancel all that are left."""
        reason = ui.typed_in(interaction).get(_REASON, "")
        guild_id, actor = ui.guild_id_of(interaction), ui.person_of(interaction)
        db, clock = self.bot.db, self.bot.clock
        done = await decisions.cancel_left(db, clock, absence_id, guild_id, actor, reason)
        self.bot.wake()
        await self.show_absence(interaction, absence_id, said=_said(done, "cancelled"))

    @opens(panels.CANCEL_LEFT)
    async def cancel_left_form(self, interaction: Interaction, typed: Typed, absence_id: int) -> ui.Form:
        """Ask why, which is also the question whether they mean it."""
        async with self.bot.db.read() as session:
            guild_id, actor = ui.guild_id_of(interaction), ui.person_of(interaction)
            away = await decisions.look(session, absence_id, guild_id, actor, self.bot.clock())
        left = len(away.left)
        before = typed or {_REASON: away.absence.reason or AWAY}
        what = "1 session" if left == 1 else f"{left} sessions"
        return ui.Form(
            f"Cancel {what}",
            panels.CANCEL_LEFT.id(absence_id=absence_id),
            ui.text("Your students get back credit and card payments. You can't undo this."),
            ui.field(
                _REASON,
                before,
                description="Your students will see this.",
                long=True,
                required=False,
                most=LONGEST_REASON,
            ),
        )

    @on(panels.KEEP_LEFT)
    async def keep_left(self, interaction: Interaction, absence_id: int) -> None:
        """Keep all that are left."""
        guild_id, actor = ui.guild_id_of(interaction), ui.person_of(interaction)
        done = await decisions.keep_left(self.bot.db, self.bot.clock, absence_id, guild_id, actor)
        self.bot.wake()
        await self.show_absence(interaction, absence_id, said=_said(done, "kept"))

    @on(panels.SUBSTITUTES)
    async def list_substitutes(
        self, interaction: Interaction, absence_id: int, session_id: int, page: int
    ) -> None:
        """Show who could take a session over."""
        async with self.bot.db.read() as session:
            guild_id, actor, now = ui.guild_id_of(interaction), ui.person_of(interaction), self.bot.clock()
            row = await decisions.find_to_decide(session, absence_id, session_id, guild_id, actor, now)
            questions.closes_at(row.starts_at, now)
            found = await substitutes.find(session, row, now)
        if not found:
            raise NotBookable(substitutes.NOBODY)
        await ui.show(interaction, panels.substitutes_panel(absence_id, row, found[: substitutes.MOST], page))

    @on(panels.ASK)
    async def ask_picked(self, interaction: Interaction, absence_id: int, session_id: int, page: int) -> None:
        """Ask the picked coach."""
        [substitute_id] = ui.chosen_in(interaction)
        async with self.bot.db.begin() as session:
            guild_id, actor, now = ui.guild_id_of(interaction), ui.person_of(interaction), self.bot.clock()
            asked = await questions.ask(session, absence_id, session_id, substitute_id, guild_id, actor, now)
        self.bot.wake()
        until = stamp(asked.expires_at)
        said = f"✅ We've asked <@{substitute_id}>. If it isn't settled until {until}, you decide again."
        await self.show_absence(interaction, absence_id, page, said)


def _said(done: Done, what: str) -> str:
    count = "1 session" if done.changed == 1 else f"{done.changed} sessions"
    words = f"✅ {count} {what}."
    if done.failed:
        left = "1 couldn't be changed and is" if done.failed == 1 else f"{done.failed} couldn't be changed and are"
        words += f" {left} still listed, unless {'it has' if done.failed == 1 else 'they have'} started meanwhile."
    return words
