"""Changing several weekly lessons at once: another hour, a pause, the end."""

from cogs import routes, ui
from cogs.cards import charge
from cogs.series import panels
from cogs.series.overview import Seen, SeriesScreens
from cogs.ui import Interaction, Typed
from cogs.ui.routing import on, opens
from models import Coach
from scheduler.availability.slots import SlotRefusal
from scheduler.core.clock import stamp
from scheduler.core.errors import TooLate, Unreadable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.parsing.dates import parse_clock
from scheduler.parsing.fields import Fields
from scheduler.series import lookup
from scheduler.series.changes import asking, ending, following, new_hour, pausing
from scheduler.series.changes.following import Change
from scheduler.series.changes.new_hour import NewHour
from scheduler.series.rule import rule_for
from scheduler.time.abbreviations import show_zone

_DAY, _TIME, _RHYTHM, _WEEKS, _REASON = "Weekday", "Time", "How often", "How long", "Reason"
_PAUSE = "Lessons in that time are skipped, and others can book it. Then they go on at the same hour."
_RHYTHMS = ("Every week", "Every two weeks")
_LENGTHS = tuple(f"{weeks} week{'' if weeks == 1 else 's'}" for weeks in range(1, pausing.LONGEST_PAUSE + 1))


class SeriesChangesCog(SeriesScreens):
    """The buttons that change several lessons. They work in direct messages too."""

    @on(panels.HOUR)
    async def hour_chosen(self, interaction: Interaction, series_id: int, occurrence: int) -> None:
        """Show what becomes of each lesson at the hour in the form."""
        weekday, minute, weeks = _read_hour(ui.typed_in(interaction))
        seen = await self.read_lesson(interaction, series_id, occurrence)
        async with self.bot.db.read() as session:
            series, now = seen.shown.series, self.bot.clock()
            hour = await new_hour.on_weekday(session, series, occurrence, weekday, minute, weeks, now)
        await self.show_change(interaction, seen, hour)

    @opens(panels.HOUR)
    async def hour_form(self, interaction: Interaction, typed: Typed, series_id: int, occurrence: int) -> ui.Form:
        """Ask for the new hour."""
        seen = await self.read_lesson(interaction, series_id, occurrence)
        rule, cycle = rule_for(seen.shown.series.rules, occurrence), ui.hour_cycle_of(interaction)
        before = {
            _DAY: panels.WEEKDAYS[seen.lesson.lesson.day.weekday()],
            _TIME: cycle.minute(rule.start_minute),
            _RHYTHM: _RHYTHMS[rule.interval_weeks - 1],
        } | typed
        return ui.Form(
            panels.and_after(seen.shown, seen.lesson),
            panels.HOUR.id(series_id=series_id, occurrence=occurrence),
            ui.choice(_DAY, panels.WEEKDAYS, before),
            ui.field(_TIME, before, description=f"In {show_zone(rule.time_zone)}.", placeholder="16:00", most=20),
            ui.choice(_RHYTHM, _RHYTHMS, before),
        )

    @on(panels.CHANGE)
    async def change_confirmed(
        self, interaction: Interaction, series_id: int, occurrence: int, hour: int, rules: int
    ) -> None:
        """Change a lesson and all after it, for the reason in the form."""
        reason, guild_id = ui.typed_in(interaction).get(_REASON, ""), interaction.guild_id
        breaking = {rule for rule in SlotRefusal if rules >> rule.value & 1}
        async with self.bot.db.begin() as session:
            actor, now = await self.actor_anywhere(session, interaction), self.bot.clock()
            series = await lookup.find_visible(session, series_id, actor, guild_id)
            coach = await session.get_one(Coach, (series.guild_id, series.coach_id))
            wanted = panels.unpack(hour, rule_for(series.rules, occurrence).time_zone, coach.time_zone)
            changed = await following.change(
                session, series_id, occurrence, wanted, actor, guild_id, reason, now, breaking=breaking
            )
        self.bot.wake()
        await self.show_one(interaction, series_id, _done(changed))

    @opens(panels.CHANGE)
    async def change_form(
        self, interaction: Interaction, typed: Typed, series_id: int, occurrence: int, hour: int, rules: int
    ) -> ui.Form:
        """Ask why. Coaches have to say."""
        seen = await self.read_lesson(interaction, series_id, occurrence)
        custom_id = panels.CHANGE.id(series_id=series_id, occurrence=occurrence, hour=hour, rules=rules)
        return ui.Form(panels.and_after(seen.shown, seen.lesson), custom_id, _reason(seen, typed, is_needed=True))

    @on(panels.PAUSE)
    async def pause_confirmed(self, interaction: Interaction, series_id: int, occurrence: int) -> None:
        """Pause for as long as the form says."""
        typed, guild_id = ui.typed_in(interaction), interaction.guild_id
        weeks = _LENGTHS.index(typed[_WEEKS]) + 1 if typed.get(_WEEKS) in _LENGTHS else 0
        async with self.bot.db.begin() as session:
            actor, now = await self.actor_anywhere(session, interaction), self.bot.clock()
            paused = await pausing.pause(
                session, series_id, occurrence, weeks, actor, guild_id, typed.get(_REASON, ""), now
            )
        self.bot.wake()
        again = f"They go on {stamp(paused.resumes_at)}." if paused.resumes_at is not None else ""
        await self.show_one(interaction, series_id, f"✅ Paused. {again} We've messaged you both.")

    @opens(panels.PAUSE)
    async def pause_form(self, interaction: Interaction, typed: Typed, series_id: int, occurrence: int) -> ui.Form:
        """Ask for how long, and why."""
        seen = await self.read_lesson(interaction, series_id, occurrence)
        at = seen.lesson.starts_at
        day = panels.day_of(at, seen.shown.zone_name) if at is not None else "this lesson"
        return ui.Form(
            f"Pause from {day}",
            panels.PAUSE.id(series_id=series_id, occurrence=occurrence),
            ui.text(_PAUSE),
            ui.choice(_WEEKS, _LENGTHS, {_WEEKS: _LENGTHS[0]} | typed),
            _reason(seen, typed),
        )

    def _if_cancelled(self, seen: Seen) -> list[str]:
        """Write what it means for the first lesson, perhaps a late cancellation."""
        row = seen.lesson.session
        if row is None or not seen.lesson.takes_place:
            return []
        return charge.if_cancelled(row, seen.shown.guild, seen.actor, self.bot.clock())

    @on(panels.END)
    async def end_confirmed(self, interaction: Interaction, series_id: int) -> None:
        """End the lessons for the reason in the form."""
        reason, guild_id = ui.typed_in(interaction).get(_REASON, ""), interaction.guild_id
        async with self.bot.db.begin() as session:
            actor, now = await self.actor_anywhere(session, interaction), self.bot.clock()
            ended = await ending.end(session, series_id, actor, guild_id, reason, now)
        self.bot.wake()
        count = _lessons(len(ended.cancelled))
        await self.show_one(interaction, series_id, f"✅ Ended: {count} cancelled. We've messaged you both.")

    @opens(panels.END)
    async def end_form(self, interaction: Interaction, typed: Typed, series_id: int) -> ui.Form:
        """Say what still takes place, and ask why."""
        _, shown = await self.read(interaction, series_id)
        ends_at = self.bot.clock() + ending.notice_of(shown.guild)
        ahead = [one.starts_at for one in shown.lessons if one.takes_place and one.starts_at is not None]
        stay, go = sum(at < ends_at for at in ahead), sum(at >= ends_at for at in ahead)
        rule = f"Lessons until {stamp(ends_at)} take place: {stay}. Later ones are cancelled: {go} are booked."
        reason = ui.field(
            _REASON,
            typed,
            description="The other one will see this.",
            long=True,
            required=False,
            most=LONGEST_NOTES,
        )
        return ui.Form("End these lessons", panels.END.id(series_id=series_id), ui.text(rule), reason)

    @on(panels.GO_ON, ui.acknowledge_beside)
    async def go_on_pressed(self, interaction: Interaction, series_id: int) -> None:
        """Let lessons go on that a student missed twice."""
        async with self.bot.db.begin() as session:
            actor = ui.person_of(interaction)
            await asking.go_on(session, series_id, actor, self.bot.clock())
        await ui.show(interaction, ui.Panel(ui.text("The lessons go on as agreed.")))

    @on(routes.SERIES_ZONES)
    async def show_zones(self, interaction: Interaction) -> None:
        """Ask this coach whether lessons agreed on in another zone follow into theirs."""
        cycle = ui.hour_cycle_of(interaction)
        async with self.bot.db.read() as session:
            found = await asking.in_other_zones(session, interaction.user.id)
        await ui.show(interaction, panels.zones_panel(found, cycle))

    @on(panels.TO_OWN_ZONE)
    async def to_own_zone_pressed(self, interaction: Interaction, series_id: int) -> None:
        """Show what becomes of the lessons at the same hour on the coach's own clock."""
        actor, shown = await self.read(interaction, series_id)
        one = next((each for each in shown.lessons if each.takes_place), None)
        if one is None:
            raise TooLate("No lesson is to come, so there's nothing to change.")
        async with self.bot.db.read() as session:
            hour = await new_hour.in_own_zone(session, shown.series, one.lesson.occurrence, shown.coach.time_zone)
        await self.show_change(interaction, Seen(actor, shown, one), hour, own_zone=True)

    async def show_change(
        self, interaction: Interaction, seen: Seen, hour: NewHour, *, own_zone: bool = False
    ) -> None:
        """Show what becomes of each lesson, and ask. Raises as `following.change` does."""
        series, occurrence = seen.shown.series, seen.lesson.lesson.occurrence
        async with self.bot.db.read() as session:
            change = await following.preview(
                session, series.id, occurrence, hour, seen.actor, interaction.guild_id, self.bot.clock()
            )
        rules = sum(1 << rule.value for rule in change.broken)
        packed = panels.pack(hour, own_zone=own_zone)
        custom_id = panels.CHANGE.id(series_id=series.id, occurrence=occurrence, hour=packed, rules=rules)
        cycle = ui.hour_cycle_of(interaction)
        await ui.show(interaction, panels.change_panel(seen.shown, seen.lesson, change, hour, custom_id, cycle))


def _read_hour(typed: Typed) -> tuple[int, int, int]:
    """Read weekday, minute of the day, and weeks between lessons. Raises WrongFields."""
    with Fields() as fields:
        weekday = fields.read(_DAY, _number_of, typed.get(_DAY, ""), panels.WEEKDAYS)
        minute = fields.read(_TIME, parse_clock, typed.get(_TIME, ""))
        rhythm = fields.read(_RHYTHM, _number_of, typed.get(_RHYTHM, ""), _RHYTHMS)
    return weekday, minute, rhythm + 1


def _number_of(chosen: str, labels: tuple[str, ...]) -> int:
    if chosen not in labels:
        raise Unreadable("Choose one.")
    return labels.index(chosen)


def _reason(seen: Seen, typed: Typed, *, is_needed: bool = False) -> ui.Item:
    is_coach = seen.actor.user_id == seen.shown.series.coach_id
    reader = {True: "Your student", False: "Your coach"}[is_coach]
    if seen.actor.user_id not in (seen.shown.series.coach_id, seen.shown.series.student_id):
        reader = "Both of them"
    about = f"{reader} will see this."
    return ui.field(
        _REASON, typed, description=about, long=True, required=is_needed and is_coach, most=LONGEST_NOTES
    )


def _done(changed: Change) -> str:
    """Say what was changed."""
    skipped = len(changed.skipped)
    but = f" {_lessons(skipped)} can't be then, and won't take place." if skipped else ""
    return f"✅ Changed.{but} We've messaged you both."


def _lessons(count: int) -> str:
    return f"{count} lesson{'' if count == 1 else 's'}"
