"""Set days off, other hours and extra hours on single dates."""

from datetime import date, datetime
from functools import partial

from cogs import ui
from cogs.availability import panel
from cogs.availability.panel import PanelCog, PanelState
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Route, on, opens
from models import Coach
from scheduler.availability import schedule
from scheduler.availability.schedule import LONGEST_REASON, Dates
from scheduler.core.errors import Unreadable
from scheduler.parsing.dates import parse_date, parse_last_date, write_date, write_dates
from scheduler.parsing.fields import Fields
from scheduler.parsing.weekly_hours import parse_hours, write_hours
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.intervals import Interval
from scheduler.time.time_zones import zone

CLEAR = Route("availability:cleardates:{first}:{last}:{week}:{days}")

_FROM, _TO, _INSTEAD, _REASON = "From", "To", "Hours instead", "Reason"
_DATE, _HOURS = "Date", "Hours"
_A_PAGE = 8
_EXCERPT = 200  # so that a page of the longest fits a message's 4,000 characters
_LATEST = date.max.toordinal()


class DatesCog(PanelCog):
    """Single dates in `/availability`."""

    @on(panel.DAYS_OFF)
    async def set_days_off(self, interaction: Interaction, week: int, days: int) -> None:
        """Set what was typed."""
        typed = ui.typed_in(interaction)
        coach, now = await self.read_coach(interaction), self.bot.clock()
        first, last, windows = _read_days_off(typed, coach, now)
        reason = typed.get(_REASON, "")
        what = f"{write_hours(windows, ui.hour_cycle_of(interaction))} on" if windows else "Off"
        why = f" ({ui.quoted(reason.strip())})" if reason.strip() else ""
        said = f"✅ {what} {write_dates(first, last)}{why}."
        place = PanelState(first.toordinal(), days)
        await self.change(interaction, place, said, schedule.set_dates, first, last, windows, reason, now)

    @opens(panel.DAYS_OFF)
    async def days_off_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Ask from when to when, and why."""
        return ui.Form(
            "Days off, or other hours",
            PanelState(week, days).id(panel.DAYS_OFF),
            ui.field(_FROM, typed, placeholder="24 Dec, 2026-12-24, next friday", most=40),
            ui.field(_TO, typed, description="Leave empty for one day.", required=False, most=40),
            ui.field(
                _INSTEAD,
                typed,
                description="Leave empty for a day off.",
                placeholder="10-12",
                required=False,
                most=200,
            ),
            ui.field(_REASON, typed, description="Only you see it.", required=False, most=LONGEST_REASON),
        )

    @on(panel.EXTRA)
    async def add_extra_hours(self, interaction: Interaction, week: int, days: int) -> None:
        """Add what was typed."""
        typed = ui.typed_in(interaction)
        coach, now = await self.read_coach(interaction), self.bot.clock()
        with Fields() as fields:
            day = fields.read(_DATE, _read_date, typed.get(_DATE, ""), coach, now)
            windows = fields.read(_HOURS, _read_extra_hours, typed.get(_HOURS, ""))
        said = f"✅ Extra hours on {write_date(day)}: {write_hours(windows, ui.hour_cycle_of(interaction))}."
        place = PanelState(day.toordinal(), days)
        await self.change(interaction, place, said, schedule.add_extra_hours, day, windows, now)

    @opens(panel.EXTRA)
    async def extra_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Ask for a date and hours."""
        return ui.Form(
            "Extra hours",
            PanelState(week, days).id(panel.EXTRA),
            ui.field(_DATE, typed, placeholder="sat, 24 Dec, 2026-12-24", most=40),
            ui.field(_HOURS, typed, description="Adds to that day's hours.", placeholder="10-12, 14-16", most=200),
        )

    @on(panel.DATES)
    async def list_dates(self, interaction: Interaction, page: int, week: int, days: int) -> None:
        """List today's and upcoming days off and other hours."""
        coach = await self.read_coach(interaction)
        async with self.bot.db.read() as session:
            found = await schedule.dates_of(session, coach, _today(coach, self.bot.clock()))
        await ui.show(
            interaction, _dates_panel(found, page, PanelState(week, days), ui.hour_cycle_of(interaction))
        )

    @on(CLEAR)
    async def remove_dates(self, interaction: Interaction, first: int, last: int, week: int, days: int) -> None:
        """Go back to the weekly hours on these dates."""
        since, until = (date.fromordinal(min(max(one, 1), _LATEST)) for one in (first, last))
        said = f"✅ Back to your weekly hours on {write_dates(since, until)}."
        place, now = PanelState(first, days), self.bot.clock()
        await self.change(interaction, place, said, schedule.clear_dates, since, until, now)


def _today(coach: Coach, now: datetime) -> date:
    """Return the date in the coach's time zone."""
    return now.astimezone(zone(coach.time_zone)).date()


def _read_days_off(typed: Typed, coach: Coach, now: datetime) -> tuple[date, date, list[Interval]]:
    """Read the first and the last date, and the hours instead. Raises WrongFields."""
    today, has_end = _today(coach, now), bool(typed.get(_TO, "").strip())
    with Fields() as fields:
        first = last = fields.read(_FROM, parse_date, typed.get(_FROM, ""), today=today)
        if has_end:
            since = today if fields.wrong else first
            last = fields.read(_TO, parse_last_date, typed[_TO], first=since, today=today)
        if not fields.wrong:
            fields.read(_TO if has_end else _FROM, schedule.check_dates, coach, first, last, now)
        hours = typed.get(_INSTEAD, "")
        windows = fields.read(_INSTEAD, parse_hours, hours) if hours.strip() else []
    return first, last, windows


def _read_date(typed: str, coach: Coach, now: datetime) -> date:
    day = parse_date(typed, today=_today(coach, now))
    schedule.check_dates(coach, day, day, now)
    return day


def _read_extra_hours(typed: str) -> list[Interval]:
    windows = parse_hours(typed)
    schedule.check_extra_hours(windows)
    return windows


def _dates_panel(found: list[Dates], page: int, place: PanelState, cycle: HourCycle) -> ui.Panel:
    if not found:
        raise Unreadable("You have no days off or extra hours. Add some with `/availability`.")
    shown, pager = ui.paged(found, page, _A_PAGE, partial(place.id, panel.DATES))
    parts: list[ui.Item] = [ui.text("### Days off and other hours")]
    for one in shown:
        hours = ui.quoted(write_hours(one.windows, cycle), _EXCERPT)
        what = f"{'Extra hours: ' if one.adds else 'Hours: '}{hours}" if one.windows else "Day off"
        reason = f" · {ui.quoted(one.reason, _EXCERPT)}" if one.reason else ""
        clear = place.id(CLEAR, first=one.first.toordinal(), last=one.last.toordinal())
        parts.append(
            ui.Section(
                f"**{write_dates(one.first, one.last)}**\n{what}{reason}",
                accessory=ui.button("Remove", clear),
            )
        )
    return ui.Panel(*parts, *pager, ui.row(ui.button("◀ Back", place.id(panel.SHOW))))
