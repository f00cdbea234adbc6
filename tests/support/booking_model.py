"""A model of booking: lists of intervals in memory, checked step by step without the product's code."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from scheduler.core.errors import CoachingError, NotBookable, NotFound, SlotTaken, TooLate, Unreadable

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FIVE_MINUTES = 5 * MINUTE

Refusal = type[CoachingError] | None
"""The error that must be raised; None if it must succeed."""
Key = tuple[int, int]
"""Server and user."""


@dataclass
class Terms:
    """One coach in one server. Times in minutes; hours by weekday as windows that don't touch."""

    offset: timedelta
    rate: int
    hours: dict[int, list[tuple[int, int]]]
    durations: list[int]
    step: int = 30
    before: int = 0
    after: int = 0
    notice: int = 0
    horizon: int = 3
    daily: int | None = None
    weekly: int | None = None
    accepting: bool = True

    def day(self, at: datetime) -> date:
        """Return the coach's local date."""
        return (at + self.offset).date()


@dataclass
class Booked:
    """One session. `coach_start` and `coach_end` include the buffers at the time of booking."""

    id: int
    guild: int
    coach: int
    student: int
    start: datetime
    end: datetime
    coach_start: datetime
    coach_end: datetime
    price: int
    cancelled: bool = False
    late: bool | None = None
    revision: int = 0


@dataclass
class Held:
    """A slot held until `expires`."""

    guild: int
    coach: int
    student: int
    start: datetime
    end: datetime
    coach_start: datetime
    coach_end: datetime
    expires: datetime


@dataclass
class Model:
    """All servers and people."""

    now: datetime
    terms: dict[Key, Terms]
    most_upcoming: dict[int, int]
    cancel_notice: dict[int, int]
    sessions: list[Booked] = field(default_factory=list)
    holds: dict[Key, Held] = field(default_factory=dict)
    """By server and student."""

    def free(
        self, guild: int, coach: int, minutes: int, student: int, old: Booked | None = None
    ) -> list[datetime]:
        """Return every free start, by trying each step of each window."""
        terms = self.terms[guild, coach]
        if old is None and not terms.accepting:
            return []
        return [at for at in self._steps(terms, minutes) if self._fits(guild, coach, at, minutes, student, old)]

    def _steps(self, terms: Terms, minutes: int) -> Iterator[datetime]:
        today = datetime.combine(terms.day(self.now), datetime.min.time(), self.now.tzinfo) - terms.offset
        for number in range(terms.horizon + 2):
            midnight = today + number * DAY
            for first, end in sorted(terms.hours.get(terms.day(midnight).weekday(), [])):
                for minute in range(first, end - minutes + 1, terms.step):
                    at = midnight + minute * MINUTE
                    soon = at <= self.now or at < self.now + terms.notice * MINUTE
                    if not soon and at <= self.now + terms.horizon * DAY:
                        yield at

    def _fits(self, guild: int, coach: int, at: datetime, minutes: int, student: int, old: Booked | None) -> bool:
        if self._is_taken(guild, coach, at, minutes, student, old):
            return False
        terms, others = self.terms[guild, coach], self._others(guild, student, old)
        days = [terms.day(one.start) for one in others if (one.guild, one.coach) == (guild, coach)]
        if terms.daily is not None and days.count(terms.day(at)) >= terms.daily:
            return False
        weeks = [one.isocalendar()[:2] for one in days]
        return terms.weekly is None or weeks.count(terms.day(at).isocalendar()[:2]) < terms.weekly

    def _others(self, guild: int, student: int, old: Booked | None) -> list[Booked | Held]:
        others: list[Booked | Held] = [one for one in self.sessions if not one.cancelled and one is not old]
        return others + [one for one in self._kept() if (one.guild, one.student) != (guild, student)]

    def _is_taken(
        self, guild: int, coach: int, at: datetime, minutes: int, student: int, old: Booked | None
    ) -> bool:
        terms, end = self.terms[guild, coach], at + minutes * MINUTE
        for one in self._others(guild, student, old):
            for user, start, until in (
                (one.coach, one.coach_start, one.coach_end),
                (one.student, one.start, one.end),
            ):
                if user == coach and start < end + terms.after * MINUTE and at - terms.before * MINUTE < until:
                    return True
                if user == student and start < end and at < until:
                    return True
        return False

    def _kept(self) -> list[Held]:
        return [one for one in self.holds.values() if one.expires > self.now]

    def upcoming(self, guild: int, student: int) -> int:
        """Count this student's upcoming sessions."""
        return sum(
            not one.cancelled and (one.guild, one.student) == (guild, student) and one.start > self.now
            for one in self.sessions
        )

    def why_not_book(self, guild: int, coach: int, student: int, at: datetime, minutes: int) -> Refusal:
        """Return how booking or holding must be refused."""
        if (guild, coach) not in self.terms:
            return NotFound
        terms = self.terms[guild, coach]
        if coach == student or minutes not in terms.durations or at <= self.now:
            return NotBookable
        if self.upcoming(guild, student) >= self.most_upcoming[guild] or not terms.accepting:
            return NotBookable
        return None if at in self.free(guild, coach, minutes, student) else SlotTaken

    def booked_before(self, guild: int, coach: int, student: int, at: datetime, minutes: int) -> Booked | None:
        """Return the session booked by an earlier press of the same button."""
        what = guild, coach, student, at, at + minutes * MINUTE
        for one in self.sessions:
            if not one.cancelled and (one.guild, one.coach, one.student, one.start, one.end) == what:
                return one
        return None

    def book(self, id: int, guild: int, coach: int, student: int, at: datetime, minutes: int) -> None:
        """Take the time and release what the student held here."""
        self.holds.pop((guild, student), None)
        terms, end = self.terms[guild, coach], at + minutes * MINUTE
        price = (terms.rate * minutes * 2 + 60) // 120  # half a cent is rounded up
        self.sessions.append(
            Booked(id, guild, coach, student, at, end, *self._with_buffers(terms, at, end), price)
        )

    def hold(self, guild: int, coach: int, student: int, at: datetime, minutes: int) -> datetime:
        """Hold the time and return until when."""
        terms, end, held = self.terms[guild, coach], at + minutes * MINUTE, self.holds.get((guild, student))
        if held and held.expires > self.now and (held.coach, held.start, held.end) == (coach, at, end):
            return held.expires
        expires = self.now + FIVE_MINUTES
        self.holds[guild, student] = Held(
            guild, coach, student, at, end, *self._with_buffers(terms, at, end), expires
        )
        return expires

    def _with_buffers(self, terms: Terms, at: datetime, end: datetime) -> tuple[datetime, datetime]:
        return at - terms.before * MINUTE, end + terms.after * MINUTE

    def is_late(self, one: Booked, user: int) -> bool:
        """Whether this person would cancel late."""
        return user == one.student and self.now > one.start - self.cancel_notice[one.guild] * MINUTE

    def why_not_cancel(self, one: Booked, user: int, is_admin: bool, guild: int | None) -> Refusal:
        """Return how a cancellation must be refused."""
        if user not in (one.coach, one.student) and not (is_admin and guild == one.guild):
            return NotFound
        return TooLate if one.cancelled or one.end <= self.now else None

    def cancel(self, one: Booked, user: int) -> None:
        one.cancelled, one.late, one.revision = True, self.is_late(one, user), one.revision + 1

    def why_not_reschedule(self, one: Booked, user: int, at: datetime, reason: str, anyway: bool) -> Refusal:
        """Return how rescheduling must be refused. Rescheduling to the same time is fine.

        With `anyway`, coaches can break their own rules, but can't take time that's taken.
        """
        if user not in (one.coach, one.student):
            return NotFound
        if one.cancelled or one.start <= self.now:
            return TooLate
        if at == one.start:
            return None
        if user == one.coach and not reason:
            return Unreadable
        if self.is_late(one, user):
            return TooLate
        minutes = (one.end - one.start) // MINUTE
        if at in self.free(one.guild, one.coach, minutes, one.student, one):
            return None
        if user != one.coach:
            return SlotTaken
        if at <= self.now:
            return NotBookable
        if self._is_taken(one.guild, one.coach, at, minutes, one.student, one):
            return SlotTaken
        return None if anyway else NotBookable

    def reschedule(self, one: Booked, at: datetime) -> None:
        """Take the other time instead, with today's buffers and the original price."""
        if at == one.start:
            return
        self.holds.pop((one.guild, one.student), None)
        one.start, one.end = at, at + (one.end - one.start)
        one.coach_start, one.coach_end = self._with_buffers(self.terms[one.guild, one.coach], at, one.end)
        one.revision += 1
