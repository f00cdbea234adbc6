"""What `/book` shows: coaches, one coach's free times, what is about to be booked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import discord

from cogs import cards, routes, ui
from cogs.booking.browse import BROWSE
from cogs.images.week import WeekPicture, describe
from cogs.ui import Typed
from cogs.ui.routing import Route
from cogs.ui.time_picker import Item, Links, Shown, TimePicker, instant, minute_of
from models import Coach, Guild
from scheduler.availability.free_times import takes_bookings
from scheduler.core.clock import stamp
from scheduler.core.errors import SlotTaken
from scheduler.parsing.durations import write_length
from scheduler.parsing.money import price, write_money
from scheduler.time.time_zones import zone

# {minutes} is the length, {day} a date's ordinal (0: the first free one), {start} whole minutes since 1970.
# {cost} is the price that the student saw, in minor units of {currency}: see `currency_number`.
ALL_COACHES = BROWSE.id(sort=0, specialty=0, page=0)
PICK_LENGTH = Route("book:length:{coach_id}:{day}")
PICK_DAY = Route("book:day:{coach_id}:{minutes}:{page}")
DAYS = Route("book:days:{coach_id}:{minutes}:{day}:{page}")
TIME = Route("book:time:{coach_id}:{minutes}:{start}")
ZONE = Route("book:zone:{coach_id}:{minutes}:{day}")
NOTES = Route("book:notes:{coach_id}:{minutes}:{start}")
CONFIRM = Route("book:confirm:{coach_id}:{minutes}:{start}:{cost}:{currency}")
OLD_CONFIRM = Route("book:confirm:{coach_id}:{minutes}:{start}:{cost}")
"""On panels from before an upgrade, which don't say the currency."""


_WEEK_FILE = "week.png"
_PRIMARY = discord.ButtonStyle.primary
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

    @property
    def picker(self) -> TimePicker:
        """Its days and times as controls."""
        ids = {"coach_id": self.coach.user_id, "minutes": self.minutes}
        links = Links(
            pick_day=lambda page: PICK_DAY.id(**ids, page=page),
            turn_days=lambda day, page: DAYS.id(**ids, day=day, page=page),
            turn_times=lambda day, page: routes.BOOK_COACH.id(**ids, day=day, page=page),
            time=lambda start: TIME.id(**ids, start=start),
        )
        return TimePicker(self.days, self.zone_name, links)

    def nothing_free(self) -> ui.Panel:
        """When there is no day to choose."""
        nothing = (
            f"**Nothing is free** in the next {self.coach.horizon_days} days. Try another length, or"
            if takes_bookings(self.coach)
            else "**This coach isn't taking new bookings at the moment.** Come back later, or"
        )
        return ui.Panel(*self._head(0), ui.text(f"{nothing} choose another coach."), ui.row(self._back()))

    def panel(self, shown: Shown, times_page: int, week: WeekPicture, png: bytes, notes: str) -> ui.Panel:
        """Length, day and times to choose from, with a picture of the day's week and the notes typed so far."""
        day = shown.day.toordinal()
        zone_id = ZONE.id(coach_id=self.coach.user_id, minutes=self.minutes, day=day)
        return ui.Panel(
            *self._head(day),
            ui.picture(_WEEK_FILE, describe(week)),
            *self.picker.items(shown, times_page, self._back(), ui.button("Change zone…", zone_id)),
            *([ui.store_field(NOTES_NAME, notes)] if notes else []),
            files=[(_WEEK_FILE, png)],
        )

    def _head(self, day: int) -> list[Item]:
        about = [self._about()]
        return [*about, ui.row(self._lengths(day))] if len(self.coach.durations_minutes) > 1 else about

    def _back(self) -> ui.Button:
        return ui.button("◀ All coaches", ALL_COACHES)

    def _about(self) -> Item:
        terms = f"{cards.rating(self.coach)} · {cards.rate(self.coach)}"
        taught = cards.taught(self.specialties)
        # No container around it: a panel full of times, with notes, has just this one component to spare.
        return discord.ui.Section(
            f"### Book <@{self.coach.user_id}>\n{terms} · {taught}\n{ui.quoted(self.coach.bio, 700)}",
            accessory=ui.button("Reviews", routes.READ_REVIEWS.id(coach_id=self.coach.user_id)),
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
        return ui.select(PICK_LENGTH.id(coach_id=self.coach.user_id, day=day), offered)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is about to be booked."""

    coach: Coach
    guild: Guild
    zone_name: str
    """The student's."""
    minutes: int
    start: int
    held_until: datetime | None

    def panel(self, notes: str | None) -> ui.Panel:
        """All that the student agrees to. The notes stay on the panel until Confirm reads them from it."""
        parts: list[Item] = [ui.text("\n".join(self._lines()))]
        if notes:
            parts.append(ui.store_field(NOTES_NAME, notes))
        ids = {"coach_id": self.coach.user_id, "minutes": self.minutes, "start": self.start}
        day = instant(self.start).astimezone(zone(self.zone_name)).toordinal()
        other = routes.BOOK_COACH.id(coach_id=self.coach.user_id, minutes=self.minutes, day=day, page=0)
        parts.append(
            ui.row(
                ui.button(
                    "Confirm",
                    CONFIRM.id(
                        **ids,
                        cost=_cost(self.coach, self.minutes),
                        currency=currency_number(self.coach.currency),
                    ),
                    discord.ButtonStyle.success,
                ),
                ui.button("Change notes…" if notes else "Add notes…", NOTES.id(**ids)),
                ui.button("Other time", other),
            )
        )
        return ui.Panel(discord.ui.Container(*parts))

    def _lines(self) -> list[str]:
        at, coach = instant(self.start), self.coach
        clocks = f"{at.astimezone(zone(self.zone_name)):%a %H:%M} in {self.zone_name}"
        if coach.time_zone != self.zone_name:
            clocks += (
                f" · {at.astimezone(zone(coach.time_zone)):%a %H:%M} in {coach.time_zone}, where your coach is"
            )
        cost = _cost(coach, self.minutes)
        lines = [
            f"### Confirm your session\n**Coach** <@{coach.user_id}>\n**Time** {stamp(at)}\n-# {clocks}",
            f"**Length** {self.minutes} min",
            f"**Price** {write_money(cost, coach.currency)}",
        ]
        if cost and self.guild.payment_instructions:
            lines.append(f"**How to pay** {ui.quoted(self.guild.payment_instructions)}")
        lines.append(f"**Cancelling** {self._cancelling(at)}")
        if self.held_until is not None:
            lines.append(f"-# Held for you until {stamp(self.held_until, 'T')} ({stamp(self.held_until, 'R')})")
        return lines

    def _cancelling(self, at: datetime) -> str:
        notice = timedelta(minutes=self.guild.cancel_notice_minutes)
        if not notice:
            return "You can move or cancel it until it starts."
        until = f"until {stamp(at - notice, 'f')}, {write_length(notice)} before it starts"
        return f"You can move or cancel it {until}. Later, cancelling counts as late."


def gone_panel(error: SlotTaken, typed: Typed) -> ui.Panel:
    """A time that is not free any more: why, and the nearest ones that are. What was typed goes on with it."""
    minutes = error.duration // timedelta(minutes=1)
    parts: list[Item] = [ui.text(f"⚠️ {error.why}")]
    if error.nearest:
        parts.append(ui.text(f"**Nearest free**, in **{error.zone_name}**:"))
        in_zone = zone(error.zone_name)
        parts.append(
            ui.row(
                *(
                    ui.button(_short(at.astimezone(in_zone)), _retry_id(error, minutes, at), _PRIMARY)
                    for at in error.nearest
                )
            )
        )
    else:
        parts.append(ui.text("This coach has nothing else free. Please choose another one."))
    again = (
        routes.RESCHEDULE_TIMES.id(session_id=error.moving, day=0, page=0)
        if error.moving is not None
        else routes.BOOK_COACH.id(coach_id=error.coach_id, minutes=minutes, day=0, page=0)
    )
    parts.append(ui.row(ui.button("All free times", again)))
    parts.extend(ui.store_field(name, words) for name, words in typed.items() if words.strip())
    return ui.Panel(*parts)


def _short(local: datetime) -> str:
    """ "Tue 3 Mar, 14:30"."""
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def _retry_id(error: SlotTaken, minutes: int, at: datetime) -> str:
    if error.moving is not None:
        return routes.RESCHEDULE_TO.id(session_id=error.moving, start=minute_of(at))
    return TIME.id(coach_id=error.coach_id, minutes=minutes, start=minute_of(at))


ui.shown_as(SlotTaken, gone_panel)


def _cost(coach: Coach, minutes: int) -> int:
    return price(coach.rate_minor, timedelta(minutes=minutes))


def currency_number(code: str) -> int:
    """Encode a currency for a `custom_id`, which only holds numbers. `currency_numbered` decodes it."""
    return int.from_bytes(code.encode()[:7], "big")


def currency_numbered(number: int) -> str:
    """Decode a currency that `currency_number` encoded."""
    return number.to_bytes(8, "big").lstrip(b"\0").decode(errors="replace")
