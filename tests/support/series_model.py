"""A model of one series: plain lists in memory, with its own arithmetic of clocks, and no code of the product."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE, DAY, WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(weeks=1)
MADE_BEYOND = 4 * DAY
"""How far beyond the horizon lessons are made."""
BY_BOT = ("taken", "closed", "clocks", "missed")


def instant(zone: ZoneInfo, day: date, minute: int) -> datetime | None:
    """Return the first instant at which this clock shows that, by trying both meanings of the wall time."""
    shown = datetime.combine(day, time(minute // 60, minute % 60))
    meant = (shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return min((at for at in meant if at.astimezone(zone).replace(tzinfo=None) == shown), default=None)


def first_of_day(zone: ZoneInfo, day: date) -> datetime:
    """Return when a date begins there. Its first hours may not exist."""
    return next(at for minute in range(24 * 60) if (at := instant(zone, day, minute)) is not None)


@dataclass
class Rule:
    """The hour of all lessons from one on."""

    first: int
    day: date
    minute: int
    zone: ZoneInfo
    weeks: int


@dataclass
class Occurrence:
    """What has become of one occurrence."""

    day: date
    at: datetime | None
    """By the rule; None if the clocks skip it."""
    start: datetime | None = None
    """Of the session it has or had."""
    cancelled: bool = False
    skipped: str | None = None

    def is_upcoming(self, now: datetime) -> bool:
        """Whether it has a session that hasn't begun."""
        return self.start is not None and not self.cancelled and self.start > now


@dataclass
class ModelSeries:
    """A series, and everything that can be in its way."""

    rules: list[Rule]
    length: timedelta
    before: timedelta
    after: timedelta
    horizon: timedelta
    coach_zone: ZoneInfo
    server_zone: ZoneInfo
    until: date | None = None
    count: int | None = None
    ends_at: datetime | None = None
    lessons: list[Occurrence] = field(default_factory=list)
    coach_busy: list[tuple[datetime, datetime]] = field(default_factory=list)
    """With buffers, without the lessons of this series."""
    student_busy: list[tuple[datetime, datetime]] = field(default_factory=list)
    closed: list[tuple[date, date]] = field(default_factory=list)
    off: set[date] = field(default_factory=set)
    is_over: bool = False

    def plan(self, number: int, rules: list[Rule] | None = None) -> tuple[date, datetime | None, datetime]:
        """Return day, start and, to compare, the start or else the beginning of the day."""
        rule = [one for one in rules or self.rules if one.first <= number][-1]
        day = rule.day + (number - rule.first) * rule.weeks * WEEK
        at = instant(rule.zone, day, rule.minute)
        return day, at, at or first_of_day(rule.zone, day)

    def lasts(self, number: int) -> bool:
        """Whether it has an occurrence of this number."""
        day, _, then = self.plan(number)
        is_counted = self.count is None or number < self.count
        return (
            is_counted and (self.until is None or day <= self.until) and (not self.ends_at or then < self.ends_at)
        )

    def make(self, now: datetime) -> None:
        """Make what can soon be booked."""
        if self.is_over:
            return
        while len(self.lessons) < 1000 and self.lasts(len(self.lessons)):
            day, at, then = self.plan(len(self.lessons))
            if then > now + self.horizon + MADE_BEYOND:
                return
            one = Occurrence(day, at)
            self.lessons.append(one)
            self.give_session(one, now)
        starts = [one.start for one in self.lessons if one.start is not None and not one.cancelled]
        starts += [one.at for one in self.lessons if one.at and (not self.ends_at or one.at < self.ends_at)]
        self.is_over = max(starts, default=now - self.length) + self.length <= now

    def give_session(self, one: Occurrence, now: datetime) -> None:
        """Let it take place, or note why it doesn't."""
        one.skipped = self.obstacle(one.at, now)
        if one.skipped is None:
            one.start, one.cancelled = one.at, False

    def obstacle(self, at: datetime | None, now: datetime, *, without: Collection[int] = ()) -> str | None:
        """Return why a lesson can't be then. Occurrences in `without` are in nobody's way."""
        if at is None:
            return "clocks"
        if at <= now:
            return "missed"
        if self.is_closed(at):
            return "closed"
        others = [one for number, one in enumerate(self.lessons) if number not in without]
        own = [one.start for one in others if one.start is not None and not one.cancelled]
        coach = [*self.coach_busy, *((start - self.before, start + self.length + self.after) for start in own)]
        student = [*self.student_busy, *((start, start + self.length) for start in own)]
        end = at + self.length
        is_taken = any(a < end + self.after and at - self.before < b for a, b in coach)
        return "taken" if is_taken or any(a < end and at < b for a, b in student) else None

    def is_closed(self, at: datetime) -> bool:
        """Whether the server is closed or the coach has the day off."""
        for first, last in self.closed:
            opens = first_of_day(self.server_zone, last + DAY)
            if at < opens and first_of_day(self.server_zone, first) < at + self.length:
                return True
        return at.astimezone(self.coach_zone).date() in self.off

    def is_kept(self, at: datetime) -> bool:
        """Whether an hour is one of a lesson that takes place, or of one that isn't made yet."""
        mine = [one.start for one in self.lessons if one.start is not None and not one.cancelled]
        number = len(self.lessons)
        while not self.is_over and self.lasts(number) and self.plan(number)[2] < at + 2 * DAY:
            mine += [start] if (start := self.plan(number)[1]) is not None else []
            number += 1
        widened = self.length + self.before + self.after
        return any(start - widened < at < start + widened for start in mine)

    def cancel(self, number: int, why: str | None) -> None:
        """Cancel the session of an occurrence."""
        self.lessons[number].cancelled = True
        if why is not None:
            self.lessons[number].skipped = why

    def pause(self, first: int, weeks: int, now: datetime) -> None:
        """Skip what's planned in some weeks, made or not."""
        until = self.lessons[first].day + weeks * WEEK
        for number, one in enumerate(self.lessons):
            if number >= first and one.day < until and one.is_upcoming(now):
                self.cancel(number, "paused")
        while self.lasts(len(self.lessons)) and self.plan(len(self.lessons))[0] < until:
            day, at, _ = self.plan(len(self.lessons))
            self.lessons.append(Occurrence(day, at, skipped="paused"))
        self.make(now)

    def end(self, ends_at: datetime, now: datetime) -> None:
        """Cancel what's planned from then on."""
        self.ends_at = ends_at
        for number, one in enumerate(self.lessons):
            if one.is_upcoming(now) and one.start is not None and one.start >= ends_at:
                self.cancel(number, None)
        self.make(now)

    def change(self, first: int, rule: Rule, now: datetime) -> None:
        """Give all lessons from one on another hour, except those that somebody changed by hand."""
        old = [one for one in self.rules if one.first <= first][-1]
        rules = [*(one for one in self.rules if one.first < first), rule]
        affected = {
            number: one
            for number, one in enumerate(self.lessons)
            if number >= first and not self._stays(number, one, first, now)
        }
        moving = {number for number, one in affected.items() if one.is_upcoming(now)}
        reasons = {number: self.obstacle(self.plan(number, rules)[1], now, without=moving) for number in affected}
        if self.until is not None and old.weeks == rule.weeks:
            self.until += rule.day - self.plan(first)[0]
        self.rules = rules
        for number in range(first, len(self.lessons)):
            self.lessons[number].day, self.lessons[number].at, _ = self.plan(number)
        for number in sorted(moving):
            if reasons[number] is not None or not self.lasts(number):
                self.cancel(number, reasons[number] or "by_hand")
            else:
                self.lessons[number].start = self.lessons[number].at
        for number, one in affected.items():
            if number not in moving and self.lasts(number):
                self.give_session(one, now)
        self.make(now)

    def _stays(self, number: int, one: Occurrence, first: int, now: datetime) -> bool:
        if one.is_upcoming(now):
            return number != first and one.start != one.at
        return one.skipped not in BY_BOT
