"""What a student is about to ask for, in the numbers of buttons, and the panel that shows it."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from cogs import cards, routes, ui
from cogs.cards.booking import NOTES_NAME, Way, clocks
from cogs.cards.charge import encode_currency
from cogs.series import words
from cogs.ui.routing import Route
from cogs.ui.time_picker import instant, minute_of
from models import Coach, Guild, SeriesPayment
from scheduler.availability.slots import SlotRefusal
from scheduler.core.clock import stamp
from scheduler.core.errors import NotFound
from scheduler.parsing.dates import parse_date
from scheduler.payments.ways import Ways
from scheduler.series import preview, rule
from scheduler.series.preview import Date, Preview, Wanted
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import zone

# {terms} is what `Plan.ids` packs, {cost} the price they saw, in minor units of {currency}.
_NUMBERS = "{coach_id}:{minutes}:{start}:{terms}"
SHOW = Route(f"series:plan:{_NUMBERS}")
PICK_WEEKS = Route(f"series:weeks:{_NUMBERS}")
PICK_END = Route(f"series:end:{_NUMBERS}")
TYPE_END = Route(f"series:until:{_NUMBERS}")
NOTES = Route(f"series:notes:{_NUMBERS}")
ASK = Route(f"series:ask:{_NUMBERS}:{{cost}}:{{currency}}")

END_NAME = "Ends"
PAYMENTS = {
    Way.CREDIT: SeriesPayment.CREDIT,
    Way.CARD: SeriesPayment.CARD,
    Way.OTHERWISE: SeriesPayment.OTHERWISE,
}
_COUNT = re.compile(r"(\d{1,4})\s*(?:x|times|lessons?)?", re.IGNORECASE)
_USUAL_COUNTS = (4, 8, 12, 26, 52)
_FIRST_ORDINAL = 10_000
"""From here on, an end is a date: nobody has lessons in the calendar's first years, or as many lessons."""
_OFTEN = {1: "Every week", 2: "Every two weeks"}
_WHY_NOT = {
    SlotRefusal.CLOSED: "the server is closed",
    SlotRefusal.AWAY: "your coach is away",
    SlotRefusal.DAY_OFF: "your coach is off",
    SlotRefusal.STUDENT_BUSY: "you have another session",
    None: "the clocks skip that time",
}


class Plan(NamedTuple):
    """Weekly lessons that aren't asked for yet."""

    coach_id: int
    minutes: int
    start: int
    weeks: int
    """How many lie between two lessons."""
    end: int
    """0 for none, a number of lessons, or the ordinal of the last day on the student's clock."""
    way: Way

    @classmethod
    def of(cls, coach_id: int, minutes: int, start: int, terms: int) -> "Plan":
        """Read the numbers of its buttons."""
        rest, way = divmod(terms, len(Way))
        end, fortnightly = divmod(rest, 2)
        return cls(coach_id, minutes, start, 1 + fortnightly, end, Way(way))

    @property
    def ids(self) -> dict[str, int]:
        """The numbers of its buttons."""
        terms = (self.end * 2 + self.weeks - 1) * len(Way) + self.way
        return {"coach_id": self.coach_id, "minutes": self.minutes, "start": self.start, "terms": terms}

    def wanted(self, coach: Coach, zone_name: str) -> Wanted:
        """Return what to ask for; dates are on the clock of `zone_name`. Raises NotFound for tampered numbers."""
        starts_at, length = instant(self.start), cards.read_duration(self.minutes)
        if self.end >= date.max.toordinal():
            raise NotFound("This button is out of date. Choose the time again with `/book`.")
        if self.end < _FIRST_ORDINAL:
            return Wanted(starts_at, length // timedelta(minutes=1), self.weeks, lesson_count=self.end or None)
        until = date.fromordinal(self.end) + words.days_ahead(starts_at, coach.time_zone, zone_name)
        return Wanted(starts_at, length // timedelta(minutes=1), self.weeks, until=until)


def read_end(typed: str, today: date) -> int:
    """Read when lessons end, as {end}: "10 times" or "20 Dec", empty for no end. Raises Unreadable."""
    plain = typed.strip()
    if not plain:
        return 0
    if (count := _COUNT.fullmatch(plain)) is not None:
        return max(int(count[1]), 1)  # the rule about how many there can be refuses 1, too
    return parse_date(plain.removeprefix("until ").removeprefix("Until "), today=today).toordinal()


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan, and everything that decides what becomes of it."""

    plan: Plan
    coach: Coach
    guild: Guild
    zone_name: str
    """The student's."""
    cycle: HourCycle
    found: Preview
    ways: Ways
    answer_by: datetime
    livemode: bool
    """Whether paying by card moves real money."""

    def panel(self, notes: str | None) -> ui.Panel:
        """Show the dates and what the student agrees to. **Ask** reads the notes from the panel."""
        return ui.Panel(
            ui.Container(
                cards.with_avatar(self.coach, "\n".join(self._head())),
                ui.text("\n".join(self._dates())),
                ui.text("\n".join(self._terms())),
                *([ui.store_field(NOTES_NAME, notes)] if notes else []),
                ui.row(*self._buttons(notes)),
                *self._selects(),
            )
        )

    @property
    def _starts_at(self) -> datetime:
        return instant(self.plan.start)

    @property
    def _is_asked(self) -> bool:
        """Whether the coach has to answer."""
        return bool(self.guild.series_answer_hours)

    def _head(self) -> list[str]:
        at, ways = self._starts_at, self.ways
        local = at.astimezone(zone(self.zone_name))
        return [
            f"**{words.every(local, self.plan.weeks)} with <@{self.coach.user_id}>**\n{cards.when(at)}",
            f"-# {clocks(at, self.zone_name, self.coach, self.cycle)}",
            words.each(self.plan.minutes, ways.cost_minor, ways.currency),
        ]

    def _dates(self) -> list[str]:
        shown = self.found.shown
        all_of_them = self.plan.end and len(shown) < preview.SHOWN
        lines = [f"**{'All' if all_of_them else 'The next'} {len(shown)} lessons**"]
        lines += [words.date_line(one.planned.starts_at, one.planned.day, _why_not(one)) for one in shown]
        if self._clock_changes():
            lines.append("-# Your coach's clock decides, so on yours the time changes.")
        return lines

    def _clock_changes(self) -> bool:
        own = zone(self.zone_name)
        starts = [one.planned.starts_at for one in self.found.shown if one.planned.starts_at is not None]
        return len({at.astimezone(own).time() for at in starts}) > 1

    def _terms(self) -> list[str]:
        if (problem := self._problem()) is not None:
            return [problem]
        lines, series_payment = list[str](), PAYMENTS[self.plan.way]
        if self.ways.cost_minor and (how := words.payment(series_payment, self.plan.minutes)):
            lines.append(f"{how}{self._about_payment()}")
        elif self.ways.cost_minor and self.guild.payment_instructions:
            lines.append(f"**How to pay** {ui.quoted(self.guild.payment_instructions)}")
        lines.append(f"**Changes** Reschedule or cancel any lesson on its own, or end them all {self._notice()}.")
        if self._is_asked:
            lines.append(
                f"-# Your coach has until {stamp(self.answer_by, 'f')} to accept. We keep the hours for you."
            )
        return lines

    def _about_payment(self) -> str:
        """Say how much credit there is, or that no money moves."""
        if self.plan.way is Way.CREDIT:
            return f" You have {self.ways.credit}."
        return "" if self.livemode else " **TEST: no money moves.**"

    def _notice(self) -> str:
        days = self.guild.series_notice_days
        return f"with {days} day{'' if days == 1 else 's'}' notice" if days else "at any time"

    def _problem(self) -> str | None:
        """Say why they can't be asked for like this."""
        if self.found.over_limit is not None:
            return f"⚠️ {self.found.over_limit}"
        if not self.found.is_mostly_taken:
            return None
        more = "Another time suits better." if self.found.better is not None else "Choose another time."
        return f"⚠️ More than half of these dates are taken. {more}"

    def _buttons(self, notes: str | None) -> list[ui.Button]:
        plan, price = self.plan, {"cost": self.ways.cost_minor, "currency": encode_currency(self.ways.currency)}
        time = {"coach_id": plan.coach_id, "minutes": plan.minutes, "start": plan.start}
        once = ui.button("Just once", routes.BOOK_ONCE.id(**time, way=plan.way))
        if self._problem() is not None:
            return [*self._better(), once]
        label = f"Ask {self.coach.display_name}"[:40] if self._is_asked else "Confirm"
        return [
            ui.button(label, ASK.id(**plan.ids, **price), ui.SUCCESS),
            ui.button("Change notes…" if notes else "Add notes…", NOTES.id(**plan.ids)),
            ui.button("Other end…", TYPE_END.id(**plan.ids)),
            once,
        ]

    def _better(self) -> list[ui.Button]:
        if (at := self.found.better) is None:
            return []
        local = at.astimezone(zone(self.zone_name))
        again = SHOW.id(**self.plan._replace(start=minute_of(at)).ids)
        return [ui.button(f"{local:%A} at {self.cycle.clock(local)}", again, ui.SUCCESS)]

    def _selects(self) -> list[ui.Item]:
        plan = self.plan
        often = [(label, str(weeks), weeks == plan.weeks) for weeks, label in _OFTEN.items()]
        return [
            ui.row(ui.select(PICK_WEEKS.id(**plan.ids), often)),
            ui.row(ui.select(PICK_END.id(**plan.ids), self._ends())),
        ]

    def _ends(self) -> list[tuple[str, str, bool]]:
        """Return the options of when they end: those that are usual, and what was typed."""
        end, counts = self.plan.end, set[int](_USUAL_COUNTS)
        options = [("No end, until one of you ends them", "0", not end)]
        if end >= _FIRST_ORDINAL:
            options.append((f"Until {words.plain_date(date.fromordinal(end))}", str(end), True))
        elif end:
            counts.add(end)
        made = preview.draft(self.coach, self.plan._replace(end=0).wanted(self.coach, self.zone_name))
        for count in sorted(counts):
            last = rule.instant_of(made.rules, rule.planned(made.rules, count - 1)).astimezone(
                zone(self.zone_name)
            )
            options.append((f"{count} times, until {words.plain_date(last.date())}", str(count), count == end))
        return options


def _why_not(one: Date) -> str | None:
    if one.is_free:
        return None
    return _WHY_NOT.get(one.why_not, "your coach isn't free")
