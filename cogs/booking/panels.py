"""The panels of `/book`: one coach's free times, what's about to be booked, and a time that's gone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cogs import cards, routes, ui
from cogs.booking.browse import BROWSE
from cogs.cards.booking import NOTES_NAME, Way, clocks, possible_ways
from cogs.cards.charge import encode_currency
from cogs.images.week import WeekPicture, describe
from cogs.ui import Typed
from cogs.ui.routing import Route
from cogs.ui.time_picker import Links, Shown, TimePicker, instant, minute_of
from models import Coach, Guild
from scheduler.availability.free_times import explain, takes_bookings
from scheduler.availability.slots import SlotRefusal
from scheduler.core.clock import stamp
from scheduler.core.errors import SlotTaken
from scheduler.parsing.durations import write_length
from scheduler.parsing.money import price, write_money
from scheduler.payments.ways import Ways
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import zone

# {minutes} is the length, {day} a date's ordinal (0: the first free one), {start} whole minutes since 1970.
# {cost} is the price that the student saw, in minor units of {currency}: see `cards.booking`.
PICK_LENGTH = Route("book:length:{coach_id}:{day}")
PICK_DAY = Route("book:day:{coach_id}:{minutes}:{page}")
DAYS = Route("book:days:{coach_id}:{minutes}:{day}:{page}")
TIME = Route("book:time:{coach_id}:{minutes}:{start}")
ZONE = Route("book:zone:{coach_id}:{minutes}:{day}")
NOTES = Route("book:notes:{coach_id}:{minutes}:{start}")
CONFIRM = Route("book:confirm:{coach_id}:{minutes}:{start}:{cost}:{currency}")
CONFIRM_CREDIT = Route("book:credit:{coach_id}:{minutes}:{start}")
OLD_CONFIRM = Route("book:confirm:{coach_id}:{minutes}:{start}:{cost}")
"""On panels from before an upgrade, which don't say the currency."""

ZONE_NAME = "City or time zone"
_WEEK_FILE = "week.png"


@dataclass(frozen=True, slots=True)
class CoachTimes:
    """A coach's free times for one session length."""

    coach: Coach
    specialties: list[str]
    minutes: int
    zone_name: str
    """The student's."""
    cycle: HourCycle
    """How the student writes times."""
    days: dict[date, list[datetime]]
    """The free times by day in that zone."""
    in_server: bool = True
    """Whether other coaches and reviews can be shown, too."""

    @property
    def picker(self) -> TimePicker:
        """The controls to pick a day and a time."""
        ids = {"coach_id": self.coach.user_id, "minutes": self.minutes}
        links = Links(ids, PICK_DAY, DAYS, routes.BOOK_COACH, TIME)
        return TimePicker(self.days, self.zone_name, self.cycle, links)

    def nothing_free(self) -> ui.Panel:
        """Say that there's no day to choose, and what to do instead."""
        nothing = (
            f"**Nothing is free** in the next {self.coach.horizon_days} days. Try another length, or"
            if takes_bookings(self.coach)
            else f"**{explain(SlotRefusal.PAUSED, self.coach)}** Come back later, or"
        )
        hint = "-# With **Tell me when…**, we message you when a time becomes free."
        words = ui.text(f"{nothing} choose another coach.\n{hint}")
        return ui.Panel(*self._head(0), words, *ui.rows(self._wait(), *self._others()))

    def panel(self, shown: Shown, times_page: int, week: WeekPicture, png: bytes, notes: str) -> ui.Panel:
        """Show lengths, days and times, a picture of the chosen day's week, and the notes typed so far."""
        day = shown.day.toordinal()
        zone_id = ZONE.id(coach_id=self.coach.user_id, minutes=self.minutes, day=day)
        return ui.Panel(
            *self._head(day),
            ui.picture(_WEEK_FILE, describe(week)),
            *self.picker.items(
                shown, times_page, *self._others(), ui.button("Change zone…", zone_id), if_room=self._wait()
            ),
            *([ui.store_field(NOTES_NAME, notes)] if notes else []),
            files=[(_WEEK_FILE, png)],
        )

    def _head(self, day: int) -> list[ui.Item]:
        coach = self.coach
        # No container around it: a panel full of times, with notes, has just this one component to spare.
        words = (
            f"### Book <@{coach.user_id}>\n{cards.rating(coach)} · {cards.rate(coach)} · "
            f"{cards.taught(self.specialties)}\n{ui.quoted(coach.bio, 700)}"
        )
        about: ui.Item = ui.text(words)
        if self.in_server:
            reviews = ui.button("Reviews", routes.READ_REVIEWS.id(coach_id=coach.user_id))
            about = ui.Section(words, accessory=reviews)
        if len(coach.durations_minutes) == 1:
            return [about]
        lengths = (
            (
                f"{minutes} min · {write_money(_cost(coach, minutes), coach.currency)}",
                str(minutes),
                minutes == self.minutes,
            )
            for minutes in coach.durations_minutes[:25]
        )
        return [about, ui.row(ui.select(PICK_LENGTH.id(coach_id=coach.user_id, day=day), lengths))]

    def _wait(self) -> ui.Button:
        return ui.button("Tell me when…", routes.WAIT.id(coach_id=self.coach.user_id, minutes=self.minutes))

    def _others(self) -> list[ui.Button]:
        return [ui.button("◀ All coaches", BROWSE.id(sort=0, specialty=0, page=0))] if self.in_server else []


@dataclass(frozen=True, slots=True)
class Choice:
    """What's about to be booked."""

    coach: Coach
    guild: Guild
    zone_name: str
    """The student's."""
    cycle: HourCycle
    """How the student writes times."""
    minutes: int
    start: int
    held_until: datetime | None
    ways: Ways
    livemode: bool = True
    """Whether paying by card moves real money."""
    wanted: Way | None = None
    """The way they picked. By default the first one there is."""

    @property
    def _way(self) -> Way | None:
        possible = possible_ways(self.ways)
        return self.wanted if self.wanted in possible else next(iter(possible), None)

    def panel(self, notes: str | None) -> ui.Panel:
        """Show what the student agrees to. Confirm reads the notes from the panel."""
        ids = {"coach_id": self.coach.user_id, "minutes": self.minutes, "start": self.start}
        day = instant(self.start).astimezone(zone(self.zone_name)).toordinal()
        other = routes.BOOK_COACH.id(coach_id=self.coach.user_id, minutes=self.minutes, day=day, page=0)
        return ui.Panel(
            ui.Container(
                cards.with_avatar(self.coach, "\n".join(self._lines())),
                *([ui.store_field(NOTES_NAME, notes)] if notes else []),
                ui.row(
                    *self._confirm(ids),
                    *self._other_way(ids),
                    ui.button("Change notes…" if notes else "Add notes…", NOTES.id(**ids)),
                    ui.button("Other time", other),
                ),
                *self._repeat(ids),
            )
        )

    def _repeat(self, ids: dict[str, int]) -> list[ui.Item]:
        """Let the student choose how often, unless it can't be paid for."""
        if self._way is None:
            return []
        options = (("Once", "0", True), ("Every week…", "1", False), ("Every two weeks…", "2", False))
        return [ui.row(ui.select(routes.REPEAT.id(**ids, way=self._way), options))]

    def _confirm(self, ids: dict[str, int]) -> list[ui.Button]:
        price = {"cost": self.ways.cost_minor, "currency": encode_currency(self.ways.currency)}
        match self._way:
            case Way.CREDIT:
                return [ui.button("Confirm", CONFIRM_CREDIT.id(**ids), ui.SUCCESS)]
            case Way.CARD:
                return [ui.button(f"Pay {self._price}", routes.PAY_SESSION.id(**ids, **price), ui.SUCCESS)]
            case Way.OTHERWISE:
                return [ui.button("Confirm", CONFIRM.id(**ids, **price), ui.SUCCESS)]
            case None:
                return []

    def _other_way(self, ids: dict[str, int]) -> list[ui.Button]:
        """Offer the next way to pay, if there are several."""
        possible, way = possible_ways(self.ways), self._way
        if way is None or len(possible) < 2:
            return []
        following = possible[(possible.index(way) + 1) % len(possible)]
        labels = {
            Way.CREDIT: "Use credit instead",
            Way.CARD: "Pay by card instead",
            Way.OTHERWISE: f"Pay {self._price} instead" if not self.ways.by_card else "Pay another way",
        }
        return [ui.button(labels[following], routes.BOOK_ONCE.id(**ids, way=following))]

    @property
    def _price(self) -> str:
        return write_money(self.ways.cost_minor, self.ways.currency)

    def _payment(self) -> list[str]:
        """Write what it costs, and how it's paid."""
        ways, way = self.ways, self._way
        if way is Way.CREDIT:
            return [f"{ways.minutes} min · uses {ways.minutes} of your {ways.credit} minutes of credit"]
        lines = [f"{ways.minutes} min · {self._price}"]
        if way is Way.CARD:
            test = "" if self.livemode else " **TEST: no money moves.**"
            lines.append(f"**Payment** By card, on Stripe's page. The time is yours once it's paid.{test}")
        elif way is None:
            lines.append("⚠️ This has to be paid by card, and it starts too soon for that. Choose another time.")
        elif ways.cost_minor and self.guild.payment_instructions:
            lines.append(f"**How to pay** {ui.quoted(self.guild.payment_instructions)}")
        elif ways.is_too_odd:
            lines.append("**How to pay** Ask your coach.")
        if way is Way.OTHERWISE and ways.is_too_odd:
            lines.append("-# Cards can't be charged this price, so it's booked now and paid without one.")
        if ways.credit and not ways.by_credit:
            lines.append(f"-# You have {ways.credit} minutes of credit, and this takes {ways.minutes}.")
        return lines

    def _lines(self) -> list[str]:
        at, coach = instant(self.start), self.coach
        lines = [
            f"**Confirm your session**\n{cards.when(at)}\n-# {clocks(at, self.zone_name, coach, self.cycle)}",
            f"With <@{coach.user_id}>",
            *self._payment(),
        ]
        lines.append(f"**Changes** {self._changes(at)}")
        if self.held_until is not None:
            lines.append(f"-# We hold this time for you. The hold ends {stamp(self.held_until, 'R')}.")
        return lines

    def _changes(self, at: datetime) -> str:
        notice = timedelta(minutes=self.guild.cancel_notice_minutes)
        if not notice:
            return "You can reschedule or cancel for free until the start."
        until = f"until {stamp(at - notice, 'f')}, {write_length(notice)} before the start"
        return f"You can reschedule or cancel for free {until}. After that, cancelling counts as late."


def slot_taken_panel(error: SlotTaken, typed: Typed, cycle: HourCycle) -> ui.Panel:
    """Say why the time is gone and offer the nearest free ones. Keeps what was typed."""
    minutes = error.duration // timedelta(minutes=1)
    parts: list[ui.Item] = [ui.text(f"⚠️ {error.why}")]
    if error.nearest:
        parts.append(ui.text(f"**Nearest free times** in **{show_zone(error.zone_name)}**:"))
        parts.append(ui.row(*(_retry_button(error, minutes, at, cycle) for at in error.nearest)))
    else:
        parts.append(ui.text(error.nothing_else))
    again = (
        routes.RESCHEDULE_TIMES.id(session_id=error.rescheduling_id, day=0, page=0)
        if error.rescheduling_id is not None
        else routes.BOOK_COACH.id(coach_id=error.coach_id, minutes=minutes, day=0, page=0)
    )
    parts.append(ui.row(ui.button("All free times", again)))
    parts.extend(ui.store_field(name, words) for name, words in typed.items() if words.strip())
    return ui.Panel(*parts)


def _retry_button(error: SlotTaken, minutes: int, at: datetime, cycle: HourCycle) -> ui.Button:
    start, local = minute_of(at), at.astimezone(zone(error.zone_name))
    custom_id = (
        routes.RESCHEDULE_TO.id(session_id=error.rescheduling_id, start=start)
        if error.rescheduling_id is not None
        else TIME.id(coach_id=error.coach_id, minutes=minutes, start=start)
    )
    label = f"{local:%a} {local.day} {local:%b}, {cycle.clock(local)}"
    return ui.button(label, custom_id)


ui.show_as(SlotTaken, slot_taken_panel)


def _cost(coach: Coach, minutes: int) -> int:
    return price(coach.rate_minor, timedelta(minutes=minutes))
