"""The panel of `/availability`: a picture of one week, and buttons to change it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Concatenate, NamedTuple, ParamSpec

from sqlalchemy.ext.asyncio import AsyncSession

from cogs import routes, ui
from cogs.availability.week import week_picture
from cogs.images.drawing import draw_week
from cogs.images.week import WeekPicture, describe
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route
from models import Coach, CoachingSession
from scheduler.availability import free_times, schedule
from scheduler.core import coaches
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.parsing.dates import write_dates
from scheduler.parsing.weekly_hours import WEEKDAYS, Preset, write_days
from scheduler.servers import settings
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.intervals import union
from scheduler.time.time_zones import is_known, zone
from scheduler.time_off import absences
from scheduler.time_off.absences import Away

P = ParamSpec("P")

# {week} is the ordinal of the shown Monday, or 0 for this week. {days} is a bit mask of the picked weekdays:
# Monday is 1, Tuesday 2, Wednesday 4 and so on. {start} and {end} are minutes of the day.
SHOW = routes.AVAILABILITY
PICK_DAYS = Route("availability:days:{week}")
PRESET = Route("availability:preset:{number}:{start}:{end}:{week}:{days}")
EDIT = Route("availability:edit:{week}:{days}")
COPY = Route("availability:copy:{week}:{days}")
CLEAR = Route("availability:clear:{week}:{days}")
PAUSE = Route("availability:accept:{accepting}:{week}:{days}")
UNDO = Route("availability:undo:{number}:{week}:{days}")
DAYS_OFF = Route("availability:off:{week}:{days}")
EXTRA = Route("availability:extra:{week}:{days}")
DATES = Route("availability:dates:{page}:{week}:{days}")
RULES = Route("availability:rules:{week}:{days}")
ZONE = Route("availability:zone:{week}:{days}")
WHY = Route("availability:why:{week}:{days}")
CONFLICTS = Route("availability:misfits:{page}:{week}:{days}")

UNCHANGED = "Nothing changed: it was already like that."
WORKDAYS = 0b0011111
_FIRST_WEEK, _LAST_WEEK = date(1970, 1, 5).toordinal(), date(9000, 1, 6).toordinal()
_FILE = "week.png"
_MOST_CONFLICTS = 5
_MOST_ABSENCES = 2


class PanelState(NamedTuple):
    """The shown week and the picked days, as the panel's buttons carry them."""

    week: int = 0
    days: int = WORKDAYS

    def id(self, route: Route, **numbers: int) -> str:
        """Make a `custom_id` that keeps the week and the days."""
        return route.id(week=self.week, days=self.days, **numbers)

    def monday(self, today: date) -> date:
        """Return the first day of the shown week."""
        day = date.fromordinal(min(max(self.week, _FIRST_WEEK), _LAST_WEEK)) if self.week else today
        return day - timedelta(days=day.weekday())

    @property
    def picked(self) -> list[int]:
        """Return the picked weekdays, Monday is 0, or Monday to Friday if none are picked."""
        return [day for day in range(7) if (self.days or WORKDAYS) >> day & 1] or [*range(5)]


def mask(days: Sequence[int]) -> int:
    """Make a bit mask of weekdays."""
    return sum(1 << day for day in set(days) if day < 7)


class _Week(NamedTuple):
    """What the panel shows of a week."""

    coach: Coach
    monday: date
    today: date
    picture: WeekPicture
    has_hours: bool
    open_time: timedelta
    presets: list[Preset]
    undo: int | None
    dates: int
    conflicts: list[CoachingSession]
    away: list[Away]

    @property
    def is_paused(self) -> bool:
        """Whether the coach takes no bookings, so that resuming is the main button."""
        return not self.coach.accepting


class PanelCog(Cog):
    """Shows the panel."""

    async def show_panel(
        self, interaction: Interaction, place: PanelState | None = None, said: str | None = None
    ) -> None:
        """Show the panel, with a line about what was just done."""
        place = place or PanelState()
        async with self.bot.db.read() as session:
            coach = await self.coach(session, interaction)
            guild = await settings.look_up(session, coach.guild_id, self.bot.defaults)
            cycle = ui.hour_cycle_of(interaction)
            week = await _gather(session, coach, settings.presets(guild), place, self.bot.clock(), cycle)
        png = await asyncio.to_thread(draw_week, week.picture)
        await ui.show(interaction, ui.Panel(*_items(week, place), files=[(_FILE, png)], said=said))

    async def change(
        self,
        interaction: Interaction,
        place: PanelState,
        said: str,
        use_case: Callable[Concatenate[AsyncSession, int, Actor, P], Awaitable[bool]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Change the coach's schedule, then show the panel with what was `said`, or that nothing changed."""
        async with self.bot.db.begin() as session:
            coach = ui.person_of(interaction)
            changed = await use_case(session, ui.guild_id_of(interaction), coach, *args, **kwargs)
        await self.show_panel(interaction, place, said if changed else UNCHANGED)

    async def read_coach(self, interaction: Interaction) -> Coach:
        """Return the coach who pressed, in a transaction of its own. Raises what `coach` raises."""
        async with self.bot.db.read() as session:
            return await self.coach(session, interaction)

    async def coach(self, session: AsyncSession, interaction: Interaction) -> Coach:
        """Return the coach who pressed. Raises NotAllowed or NotFound for anyone but approved coaches."""
        return await coaches.approved_coach(session, ui.guild_id_of(interaction), interaction.user.id, own=True)


async def _gather(
    session: AsyncSession, coach: Coach, presets: list[Preset], place: PanelState, now: datetime, cycle: HourCycle
) -> _Week:
    in_zone = zone(coach.time_zone)
    today = now.astimezone(in_zone).date()
    monday = place.monday(today)
    picture, since, until = await week_picture(session, coach, monday, place.picked, now, cycle)
    usual = timedelta(minutes=coach.durations_minutes[0])
    free = await free_times.free_times(
        session, coach, usual, student_id=coach.user_id, now=now, since=since, until=until - timedelta(minutes=1)
    )
    return _Week(
        coach=coach,
        monday=monday,
        today=today,
        picture=picture,
        has_hours=bool(await schedule.week_of(session, coach)),
        open_time=sum((end - start for start, end in union((at, at + usual) for at in free)), timedelta()),
        presets=presets,
        undo=await schedule.last_change(session, coach),
        dates=len(await schedule.dates_of(session, coach, today)),
        conflicts=await free_times.conflicts(session, coach, now),
        away=await absences.list_upcoming(session, coach, now),
    )


def _items(week: _Week, place: PanelState) -> list[ui.Item]:
    shown = write_dates(week.monday, week.monday + timedelta(days=6))
    parts: list[ui.Item] = [
        ui.text(f"### Your hours · {shown}\n{_status(week)}"),
        ui.picture(_FILE, describe(week.picture)),
        _week_buttons(week, place),
        ui.row(
            ui.select(
                PICK_DAYS.id(week=place.week),
                ((name, str(day), day in place.picked) for day, name in enumerate(WEEKDAYS)),
                placeholder="Days to change",
                most=7,
            )
        ),
        ui.row(
            *(
                ui.button(
                    f"{one.name} {week.picture.cycle.span(one.start_minute, one.end_minute)}",
                    place.id(PRESET, number=number, start=one.start_minute, end=one.end_minute),
                )
                for number, one in enumerate(week.presets)
            )
        ),
        ui.row(
            ui.button(
                "Edit hours…", place.id(EDIT), ui.SECONDARY if week.is_paused or week.conflicts else ui.PRIMARY
            ),
            ui.button("Copy a day…", place.id(COPY)),
            ui.button(f"Clear {write_days(place.picked)}", place.id(CLEAR)),
            ui.button("Check a time…", place.id(WHY)),
            ui.button("Away…", routes.GO_AWAY.id()),
        ),
        ui.row(
            ui.button("Days off…", place.id(DAYS_OFF)),
            ui.button("Extra hours…", place.id(EXTRA)),
            ui.button(f"Dates ({week.dates})", place.id(DATES, page=0), disabled=not week.dates),
            ui.button("Rules", place.id(RULES)),
            ui.button("Zone…", place.id(ZONE)),
        ),
    ]
    if week.conflicts:
        parts.append(_conflicts_section(week, place))
    return parts + [_away_section(one) for one in week.away[:_MOST_ABSENCES]]


def _status(week: _Week) -> str:
    coach = week.coach
    if not is_known(coach.time_zone):
        return (
            f'⚠️ **I no longer know your time zone "{ui.quoted(coach.time_zone)}"**, so students can\'t book you. '
            "Choose one again with **Zone…**. Your hours keep their clock times."
        )
    clock = f"Times in **{show_zone(coach.time_zone)}**."
    if not coach.accepting:
        return f"⏸️ **Paused:** students can't book you. {clock}"
    if not week.has_hours and not week.dates:
        return f"No hours yet. Pick days, then press a preset or type your hours. {clock}"
    if week.monday + timedelta(days=7) <= week.today:
        return f"This week is over. {clock}"
    this_week = " this week" if week.monday <= week.today else ""
    return f"**{round(week.open_time / timedelta(hours=1), 1):g} h open**{this_week}. {clock}"


def _week_buttons(week: _Week, place: PanelState) -> ui.Item:
    def to(monday: date) -> str:
        return PanelState(monday.toordinal(), place.days).id(SHOW)

    this_monday = week.today - timedelta(days=week.today.weekday())
    accepting = week.coach.accepting
    # Each button of a message needs its own id, so "This week" is 0.
    return ui.row(
        ui.button("◀", to(week.monday - timedelta(days=7))),
        ui.button("This week", PanelState(0, place.days).id(SHOW), disabled=week.monday == this_monday),
        ui.button("▶", to(week.monday + timedelta(days=7))),
        ui.button("Undo", place.id(UNDO, number=week.undo or 0), disabled=week.undo is None),
        ui.button(
            "Pause bookings" if accepting else "Resume bookings",
            place.id(PAUSE, accepting=int(not accepting)),
            ui.SUCCESS if week.is_paused else ui.SECONDARY,
        ),
    )


def _conflicts_section(week: _Week, place: PanelState) -> ui.Section:
    conflicts = week.conflicts
    lines = [f"- {stamp(one.starts_at)} with <@{one.student_id}>" for one in conflicts[:_MOST_CONFLICTS]]
    more = f"\n- and {len(conflicts) - _MOST_CONFLICTS} more" if len(conflicts) > _MOST_CONFLICTS else ""
    one = len(conflicts) == 1
    return ui.Section(
        f"⚠️ **{len(conflicts)} booked session{'' if one else 's'} no longer fit{'s' if one else ''} your hours.** "
        f"{'It stays' if one else 'They stay'} booked until you decide.\n" + "\n".join(lines) + more,
        accessory=ui.button(
            "Decide…", place.id(CONFLICTS, page=0), ui.SECONDARY if week.is_paused else ui.PRIMARY
        ),
    )


def _away_section(away: Away) -> ui.Section:
    absence, count = away.absence, len(away.sessions)
    sessions = f"{count} session{'' if count == 1 else 's'} to decide about." if count else "Nothing to decide."
    return ui.Section(
        f"🏖️ **Away {write_dates(absence.first, absence.last)}.** {sessions}",
        accessory=ui.button("Decide…" if count else "Show", routes.ABSENCE.id(absence_id=absence.id, page=0)),
    )
