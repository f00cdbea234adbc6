"""What `/book` shows: coaches, one coach's free times, what is about to be booked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import discord

from cogs import cards, ui
from models import Coach, Guild
from scheduler.clock import stamp
from scheduler.directory import Listing
from scheduler.errors import NotFound
from scheduler.money import price, write_money
from scheduler.zones import zone

# {minutes} is the length, {day} a date's ordinal (0: the first free one), {start} whole minutes since 1970.
BROWSE = "book:browse:{page}"
COACH = "book:coach:{coach_id}:{minutes}:{day}:{page}"
PICK_LENGTH = "book:length:{coach_id}:{day}"
PICK_DAY = "book:day:{coach_id}:{minutes}:{page}"
DAYS = "book:days:{coach_id}:{minutes}:{day}:{page}"
TIME = "book:time:{coach_id}:{minutes}:{start}"
NOTES = "book:notes:{coach_id}:{minutes}:{start}"
CONFIRM = "book:confirm:{coach_id}:{minutes}:{start}"

_COACHES_A_PAGE = 5
_DAYS_A_PAGE = 25
_TIMES_A_PAGE = 20
_BUTTONS_A_ROW = 5
NOTES_NAME = "Notes for your coach"
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_START = (datetime(9000, 1, 1, tzinfo=UTC) - _EPOCH) // _MINUTE

Item = discord.ui.Item[Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """What one coach has free in one length, by day in the server's zone."""

    coach: Coach
    guild: Guild
    specialties: list[str]
    minutes: int
    days: dict[date, list[datetime]]

    def panel(self, wanted_day: int, days_page: int | None, times_page: int) -> ui.Panel:
        """Length, day and times to choose from. A day that has nothing free any more gives way to the next."""
        parts: list[Item] = [self._about()]
        if len(self.coach.durations_minutes) > 1:
            parts.append(ui.row(self._lengths(wanted_day)))
        if not self.days:
            parts.append(
                ui.text(
                    f"**Nothing is free** in the next {self.coach.horizon_days} days. Try another length, or "
                    "choose another coach."
                )
            )
            parts.append(ui.row(ui.button("◀ All coaches", BROWSE.format(page=0))))
            return ui.Panel(*parts)
        all_days = list(self.days)
        day = next((one for one in all_days if one.toordinal() >= wanted_day), all_days[-1])
        page = all_days.index(day) // _DAYS_A_PAGE if days_page is None else days_page
        page = min(page, (len(all_days) - 1) // _DAYS_A_PAGE)
        shown = all_days[page * _DAYS_A_PAGE :][:_DAYS_A_PAGE]
        if day not in shown:
            day = shown[0]
        parts.append(ui.row(self._day_select(shown, day, page)))
        parts.extend(self._times(day, times_page))
        parts.append(self._turning(all_days, day, page))
        return ui.Panel(*parts)

    def _about(self) -> Item:
        taught = ui.quoted(", ".join(self.specialties), 400)
        return discord.ui.Container(
            ui.text(f"### Book <@{self.coach.user_id}>\n{taught} · {cards.rate(self.coach)}"),
            ui.text(ui.quoted(self.coach.bio, 700)),
        )

    def _lengths(self, day: int) -> Item:
        offered = (
            (
                f"{minutes} min · {write_money(_cost(self.coach, minutes), self.coach.currency)}",
                str(minutes),
                minutes == self.minutes,
            )
            for minutes in self.coach.durations_minutes[:25]
        )
        return ui.select(PICK_LENGTH.format(coach_id=self.coach.user_id, day=day), offered)

    def _day_select(self, shown: list[date], day: date, page: int) -> Item:
        return ui.select(
            PICK_DAY.format(coach_id=self.coach.user_id, minutes=self.minutes, page=page),
            (
                (
                    f"{one:%a} {one.day} {one:%b} · {len(self.days[one])} free",
                    str(one.toordinal()),
                    one == day,
                )
                for one in shown
            ),
        )

    def _times(self, day: date, times_page: int) -> list[Item]:
        times = self.days[day]
        page = min(times_page, (len(times) - 1) // _TIMES_A_PAGE)
        shown = times[page * _TIMES_A_PAGE :][:_TIMES_A_PAGE]
        in_zone = zone(self.guild.time_zone)
        buttons = [
            ui.button(
                _clock_label(at, times, in_zone),
                TIME.format(coach_id=self.coach.user_id, minutes=self.minutes, start=_start(at)),
                discord.ButtonStyle.primary,
            )
            for at in shown
        ]
        rows = [
            ui.row(*buttons[first : first + _BUTTONS_A_ROW]) for first in range(0, len(buttons), _BUTTONS_A_ROW)
        ]
        heading = f"**{day:%A}, {day.day} {day:%B}** · times in **{self.guild.time_zone}**"
        parts: list[Item] = [ui.text(heading), *rows]
        if len(times) > _TIMES_A_PAGE:
            other = (page + 1) % (1 + (len(times) - 1) // _TIMES_A_PAGE)
            custom_id = COACH.format(
                coach_id=self.coach.user_id, minutes=self.minutes, day=day.toordinal(), page=other
            )
            parts.append(ui.row(ui.button("Other times that day", custom_id)))
        return parts

    def _turning(self, all_days: list[date], day: date, page: int) -> Item:
        buttons = [ui.button("◀ All coaches", BROWSE.format(page=0))]
        if len(all_days) > _DAYS_A_PAGE:
            for label, other in (("Earlier days", page - 1), ("Later days", page + 1)):
                reachable = 0 <= other <= (len(all_days) - 1) // _DAYS_A_PAGE
                custom_id = DAYS.format(
                    coach_id=self.coach.user_id,
                    minutes=self.minutes,
                    day=day.toordinal(),
                    page=max(other, 0),
                )
                buttons.append(ui.button(label, custom_id, disabled=not reachable))
        return ui.row(*buttons)


def coach_list(listings: list[Listing], page: int) -> ui.Panel:
    """Whom one can book, five coaches a page."""
    if not listings:
        return ui.Panel(
            ui.text("### No coach to book yet\nNobody else coaches here so far. `/coach apply` makes you one.")
        )
    last = (len(listings) - 1) // _COACHES_A_PAGE
    page = min(page, last)
    parts: list[Item] = [ui.text("### Who would you like to book?")]
    for one in listings[page * _COACHES_A_PAGE :][:_COACHES_A_PAGE]:
        free = (
            f"next free {stamp(one.next_free, 'R')}"
            if one.next_free
            else f"nothing free in the next {one.coach.horizon_days} days"
        )
        parts.append(
            discord.ui.Section(
                f"**<@{one.coach.user_id}>** · {cards.rate(one.coach)}\n"
                f"{ui.quoted(', '.join(one.specialties), 400)}\n-# {free}",
                accessory=ui.button(
                    "Book",
                    COACH.format(coach_id=one.coach.user_id, minutes=0, day=0, page=0),
                    discord.ButtonStyle.primary,
                    disabled=one.next_free is None,
                ),
            )
        )
    return ui.Panel(*parts, *ui.pager(BROWSE, page, last))


def confirm_panel(coach: Coach, guild: Guild, minutes: int, start: int, notes: str | None) -> ui.Panel:
    """What is about to be booked. The notes stay on the panel until Confirm reads them from it."""
    at = instant(start)
    ids = {"coach_id": coach.user_id, "minutes": minutes, "start": start}
    theirs, ours = at.astimezone(zone(coach.time_zone)), at.astimezone(zone(guild.time_zone))
    clocks = f"{ours:%a %H:%M} in {guild.time_zone}"
    if coach.time_zone != guild.time_zone:
        clocks += f" · {theirs:%a %H:%M} in {coach.time_zone}, where your coach is"
    parts: list[Item] = [
        ui.text(
            f"### Confirm your session\n**Coach** <@{coach.user_id}>\n**Time** {stamp(at)}\n-# {clocks}\n"
            f"**Length** {minutes} min\n**Price** {write_money(_cost(coach, minutes), coach.currency)}"
        )
    ]
    if notes:
        parts.append(ui.keep(NOTES_NAME, notes))
    parts.append(
        ui.row(
            ui.button("Confirm", CONFIRM.format(**ids), discord.ButtonStyle.success),
            ui.button("Change notes…" if notes else "Add notes…", NOTES.format(**ids)),
            ui.button("Other time", COACH.format(coach_id=coach.user_id, minutes=minutes, day=0, page=0)),
        )
    )
    return ui.Panel(discord.ui.Container(*parts))


def by_day(free: Iterable[datetime], in_zone: ZoneInfo) -> dict[date, list[datetime]]:
    """The times by their date in `in_zone`, in order."""
    days: dict[date, list[datetime]] = {}
    for at in free:
        days.setdefault(at.astimezone(in_zone).date(), []).append(at)
    return days


def _clock_label(at: datetime, times: list[datetime], in_zone: ZoneInfo) -> str:
    """ "14:00"; where the clock shows it twice that day, with the zone's abbreviation: "02:30 CEST"."""
    local = at.astimezone(in_zone)
    twice = sum(f"{other.astimezone(in_zone):%H:%M}" == f"{local:%H:%M}" for other in times) > 1
    return f"{local:%H:%M} {local:%Z}" if twice else f"{local:%H:%M}"


def _cost(coach: Coach, minutes: int) -> int:
    return price(coach.rate_minor, timedelta(minutes=minutes))


def _start(at: datetime) -> int:
    return (at - _EPOCH) // _MINUTE


def instant(start: int) -> datetime:
    """The instant in a `custom_id`. Raises NotFound for one that no calendar has."""
    if start > _LATEST_START:
        raise NotFound("There is no such time. Please choose one with `/book`.")
    return _EPOCH + start * _MINUTE


def lasting(minutes: int) -> timedelta:
    """The length in a `custom_id`; none is longer than a day, and what is offered is checked by the domain."""
    return timedelta(minutes=min(minutes, 24 * 60))
