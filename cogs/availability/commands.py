"""`/availability`: show and change a coach's week."""

from datetime import timedelta

from discord import app_commands

from cogs import ui
from cogs.availability import panel
from cogs.availability.panel import PanelCog, PanelState, mask
from cogs.ui import Interaction, Typed
from cogs.ui.answering import answers_command
from cogs.ui.routing import on, opens
from scheduler.availability import free_times, schedule
from scheduler.core.clock import stamp
from scheduler.core.errors import TooLate, Unreadable
from scheduler.parsing.dates import parse_moment
from scheduler.parsing.fields import Fields
from scheduler.parsing.weekly_hours import WEEKDAYS, parse_days, parse_hours, write_days, write_hours
from scheduler.servers import settings
from scheduler.time.time_zones import zone

_DAYS, _HOURS, _FROM, _TO, _TIME = "Days", "Hours", "Copy the hours of", "To these days", "Time"
_LONGEST_HOURS = 200
"""In characters."""
_EXCERPT = 300


class AvailabilityCog(PanelCog):
    """The command, and the buttons that change weekly hours."""

    @app_commands.command(name="availability", description="See and change your hours as a coach")
    @app_commands.describe(
        days='Days, like "Mon-Fri" or "Tue, Thu" (optional)', hours='Hours, like "9-12, 13:30-17" (optional)'
    )
    @answers_command
    async def availability(
        self, interaction: Interaction, days: str | None = None, hours: str | None = None
    ) -> None:
        """Set hours if both options are given, else show the panel."""
        if days is not None and hours is not None:
            await self._set_hours(interaction, PanelState(), days, hours)
        elif days is None and hours is None:
            await self.show_panel(interaction)
        else:
            raise Unreadable(
                "Give both days and hours, like `/availability days:Mon-Fri hours:9-12, 13:30-17`, "
                "or neither to see your week."
            )

    @on(panel.SHOW)
    async def show_week(self, interaction: Interaction, week: int, days: int) -> None:
        """Show another week."""
        await self.show_panel(interaction, PanelState(week, days))

    @on(panel.PICK_DAYS)
    async def pick_days(self, interaction: Interaction, week: int) -> None:
        """Make presets and forms apply to these days."""
        await self.show_panel(interaction, PanelState(week, mask(ui.chosen_in(interaction))))

    @on(panel.PRESET)
    async def add_preset(
        self, interaction: Interaction, number: int, start: int, end: int, week: int, days: int
    ) -> None:
        """Add a preset to the picked days, if it's still what the button says."""
        place, window = PanelState(week, days), (start, end)
        guild_id, actor = ui.guild_id_of(interaction), ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            known = settings.presets(await settings.look_up(session, guild_id, self.bot.defaults))
            if window not in [(one.start_minute, one.end_minute) for one in known[number : number + 1]]:
                raise TooLate("This preset has changed. Run `/availability` again.")
            changed = await schedule.add_hours(session, guild_id, actor, place.picked, window, self.bot.clock())
        said = f"✅ Added {write_hours([window], ui.hour_cycle_of(interaction))} on {write_days(place.picked)}."
        await self.show_panel(interaction, place, said if changed else panel.UNCHANGED)

    @on(panel.CLEAR)
    async def clear(self, interaction: Interaction, week: int, days: int) -> None:
        """Remove all hours from the picked days."""
        place = PanelState(week, days)
        said = f"✅ Cleared {write_days(place.picked)}."
        await self.change(interaction, place, said, schedule.set_hours, place.picked, [], self.bot.clock())

    @on(panel.EDIT)
    async def edit_hours(self, interaction: Interaction, week: int, days: int) -> None:
        """Set what was typed."""
        typed = ui.typed_in(interaction)
        await self._set_hours(interaction, PanelState(week, days), typed.get(_DAYS, ""), typed.get(_HOURS, ""))

    @opens(panel.EDIT)
    async def hours_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Ask for days and hours, filled in if the days have the same hours."""
        place = PanelState(week, days)
        if not typed:
            async with self.bot.db.read() as session:
                coach = await self.coach(session, interaction)
                hours = await schedule.week_of(session, coach)
            cycle = ui.hour_cycle_of(interaction)
            first, *others = {write_hours(hours.get(day, []), cycle) for day in place.picked}
            fits = not others and len(first) <= ui.LONGEST_FIELD
            typed = {_DAYS: write_days(place.picked), _HOURS: first if fits else ""}
        return ui.Form(
            "Edit hours",
            place.id(panel.EDIT),
            ui.field(_DAYS, typed, placeholder="Mon-Fri", most=100),
            ui.field(
                _HOURS,
                typed,
                description='Replaces those days\' hours. Type "closed" for none.',
                placeholder="9-12, 13:30-17",
                most=_LONGEST_HOURS,
            ),
        )

    @on(panel.COPY)
    async def copy_day(self, interaction: Interaction, week: int, days: int) -> None:
        """Copy one day's hours to others."""
        typed = ui.typed_in(interaction)
        with Fields() as fields:
            sources = fields.read(_FROM, _chosen, typed, _FROM)
            targets = fields.read(_TO, _chosen, typed, _TO)
        place = PanelState(week, mask(targets))
        said = f"✅ Copied the hours of {write_days(sources[:1])} to {write_days(targets)}."
        await self.change(interaction, place, said, schedule.copy_day, sources[0], targets, self.bot.clock())

    @opens(panel.COPY)
    async def copy_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Ask which day to copy, and to which days."""
        source = WEEKDAYS[PanelState(week, days).picked[0]]
        return ui.Form(
            "Copy a day",
            PanelState(week, days).id(panel.COPY),
            ui.choice(_FROM, WEEKDAYS, {_FROM: source} | typed),
            ui.choice(_TO, WEEKDAYS, typed, most=7),
        )

    @on(panel.PAUSE)
    async def pause(self, interaction: Interaction, accepting: int, week: int, days: int) -> None:
        """Pause or resume bookings."""
        paused = "✅ Bookings paused until you resume them. Booked sessions stay."
        said = "✅ Students can book you again." if accepting else paused
        place, now = PanelState(week, days), self.bot.clock()
        await self.change(interaction, place, said, schedule.set_accepting, bool(accepting), now)

    @on(panel.UNDO)
    async def undo(self, interaction: Interaction, number: int, week: int, days: int) -> None:
        """Undo the last change."""
        guild_id, actor = ui.guild_id_of(interaction), ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            await schedule.undo(session, guild_id, actor, number, self.bot.clock())
        await self.show_panel(interaction, PanelState(week, days), "↩️ Undid your last change.")

    @on(panel.WHY)
    async def check_time(self, interaction: Interaction, week: int, days: int) -> None:
        """Say whether that time can be booked, or why not."""
        now = self.bot.clock()
        async with self.bot.db.read() as session:
            coach = await self.coach(session, interaction)
            at = parse_moment(ui.typed_in(interaction).get(_TIME, ""), now=now, zone=zone(coach.time_zone))
            usual = timedelta(minutes=coach.durations_minutes[0])
            refusals = await free_times.refusals(session, coach, at, usual, student_id=coach.user_id, now=now)
        can = f"can be booked for {coach.durations_minutes[0]} minutes."
        said = f"❌ {stamp(at)}: {free_times.explain(refusals[0], coach)}" if refusals else f"✅ {stamp(at)} {can}"
        day = at.astimezone(zone(coach.time_zone)).date()
        await self.show_panel(interaction, PanelState(day.toordinal(), days), said)

    @opens(panel.WHY)
    async def time_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Ask for a time."""
        return ui.Form(
            "Can students book this time?",
            PanelState(week, days).id(panel.WHY),
            ui.field(_TIME, typed, placeholder="tue 14:00, 24 Dec 9:30", most=60),
        )

    async def _set_hours(self, interaction: Interaction, place: PanelState, days: str, hours: str) -> None:
        with Fields() as fields:
            chosen = fields.read(_DAYS, parse_days, days)
            windows = fields.read(_HOURS, parse_hours, hours)
        hours_set = write_hours(windows, ui.hour_cycle_of(interaction))
        said = f"✅ Set {write_days(chosen)}: {ui.quoted(hours_set, _EXCERPT)}"
        shown, now = PanelState(place.week, mask(chosen)), self.bot.clock()
        await self.change(interaction, shown, said, schedule.set_hours, chosen, windows, now)


def _chosen(typed: Typed, name: str) -> list[int]:
    """Read the weekdays picked in a select."""
    picked = [WEEKDAYS.index(day) for day in typed.get(name, "").split(ui.CHOICES) if day in WEEKDAYS]
    if not picked:
        raise Unreadable("Pick at least one day.")
    return sorted(picked)
