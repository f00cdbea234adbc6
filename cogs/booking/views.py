"""What `/book` shows: coaches, one coach's free times, what is about to be booked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import discord

from cogs import cards, ui
from cogs.booking.times import Item, Links, TimePicker, instant
from models import Coach
from scheduler.clock import stamp
from scheduler.directory import Listing
from scheduler.money import price, write_money
from scheduler.zones import zone

# {minutes} is the length, {day} a date's ordinal (0: the first free one), {start} whole minutes since 1970.
BROWSE = "book:browse:{page}"
COACH = "book:coach:{coach_id}:{minutes}:{day}:{page}"
PICK_LENGTH = "book:length:{coach_id}:{day}"
PICK_DAY = "book:day:{coach_id}:{minutes}:{page}"
DAYS = "book:days:{coach_id}:{minutes}:{day}:{page}"
TIME = "book:time:{coach_id}:{minutes}:{start}"
ZONE = "book:zone:{coach_id}:{minutes}:{day}"
NOTES = "book:notes:{coach_id}:{minutes}:{start}"
CONFIRM = "book:confirm:{coach_id}:{minutes}:{start}"

_COACHES_A_PAGE = 5
NOTES_NAME = "Notes for your coach"
ZONE_NAME = "City or time zone"


@dataclass(frozen=True, slots=True)
class Offer:
    """What one coach has free in one length, by day on the student's clock."""

    coach: Coach
    specialties: list[str]
    minutes: int
    zone_name: str
    """The student's."""
    days: dict[date, list[datetime]]

    def panel(self, wanted_day: int, days_page: int | None, times_page: int) -> ui.Panel:
        """Length, day and times to choose from. A day that has nothing free any more gives way to the next."""
        parts: list[Item] = [self._about()]
        if len(self.coach.durations_minutes) > 1:
            parts.append(ui.row(self._lengths(wanted_day)))
        if not self.days:
            why = (
                f"**Nothing is free** in the next {self.coach.horizon_days} days. Try another length, or"
                if self.coach.accepting
                else "**This coach takes no new bookings at the moment.** Come back later, or"
            )
            parts.append(ui.text(f"{why} choose another coach."))
            parts.append(ui.row(ui.button("◀ All coaches", BROWSE.format(page=0))))
            return ui.Panel(*parts)
        picker = TimePicker(self.days, self.zone_name, self._links())
        parts.extend(picker.items(wanted_day, days_page, times_page))
        parts.append(
            ui.row(
                ui.button("◀ All coaches", BROWSE.format(page=0)),
                ui.button("Change zone…", self._zone_id(wanted_day)),
            )
        )
        return ui.Panel(*parts)

    def _zone_id(self, day: int) -> str:
        return ZONE.format(coach_id=self.coach.user_id, minutes=self.minutes, day=day)

    def _links(self) -> Links:
        ids = {"coach_id": self.coach.user_id, "minutes": self.minutes}
        return Links(
            pick_day=lambda page: PICK_DAY.format(**ids, page=page),
            turn_days=lambda day, page: DAYS.format(**ids, day=day, page=page),
            turn_times=lambda day, page: COACH.format(**ids, day=day, page=page),
            time=lambda start: TIME.format(**ids, start=start),
        )

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


def coach_list(listings: list[Listing], page: int) -> ui.Panel:
    """Whom one can book, five coaches a page."""
    if not listings:
        return ui.Panel(
            ui.text(
                "### No coach to book yet\nNobody else takes bookings here now. `/coach apply` makes you a coach."
            )
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


def confirm_panel(coach: Coach, zone_name: str, minutes: int, start: int, notes: str | None) -> ui.Panel:
    """What is about to be booked. The notes stay on the panel until Confirm reads them from it."""
    at = instant(start)
    ids = {"coach_id": coach.user_id, "minutes": minutes, "start": start}
    theirs, ours = at.astimezone(zone(coach.time_zone)), at.astimezone(zone(zone_name))
    clocks = f"{ours:%a %H:%M} in {zone_name}"
    if coach.time_zone != zone_name:
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


def _cost(coach: Coach, minutes: int) -> int:
    return price(coach.rate_minor, timedelta(minutes=minutes))


def lasting(minutes: int) -> timedelta:
    """The length in a `custom_id`; none is longer than a day, and what is offered is checked by the domain."""
    return timedelta(minutes=min(minutes, 24 * 60))
