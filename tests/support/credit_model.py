"""What should become of credit, in plain Python: lots, sessions, and where each minute is."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from models import Absent, LotSource
from tests.support.builders import COACH, DAY, HOUR, MINUTE, MONDAY, STUDENT

COACHES = OWN, OTHER = COACH, COACH + 1
"""The first costs 6000 an hour, the second 3000. Only the second teaches what one package is for."""
RATES = {OWN: 6000, OTHER: 3000}
STUDENTS = STUDENT, STUDENT + 1
NOTICE = 3 * HOUR
"""Cancelling later than this is late."""


@dataclass(eq=False)
class Lot:
    """Minutes of one person. `gone` counts those that expired or were revoked."""

    user: int
    source: LotSource
    granted: int
    valid_until: datetime | None
    only: int | None = None
    """The only coach it's for."""
    month: tuple[int, int] | None = None
    left: int = 0
    expired: int = 0
    revoked: int = 0
    about: "Sold | None" = None


@dataclass(eq=False)
class Sold:
    """A booked session. `taken` says from which lots its minutes are."""

    student: int
    coach: int
    start: datetime
    minutes: int
    with_credit: bool
    id: int = 0
    state: str = "ahead"
    """ahead, cancelled, completed, missed (nobody knows whether it took place) or no-show."""
    absent: Absent | None = None
    is_late: bool = False
    is_waived: bool = False
    was_disputed: bool = False
    charged_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancelled_by_student: bool = False
    taken: dict[Lot, int] = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        return self.start + self.minutes * MINUTE

    @property
    def should_be(self) -> str:
        """Say where its minutes belong."""
        if self.state == "ahead":
            return "reserved"
        if self.is_waived or self.state == "missed":
            return "returned"
        if self.state == "cancelled":
            return "charged" if self.is_late else "returned"
        return "charged" if self.absent in (None, Absent.STUDENT) else "returned"


@dataclass
class Credits:
    """A server's credit."""

    now: datetime = MONDAY
    zone: str = "UTC"
    role_minutes: int | None = 120
    """What the role gives each month; None if it gives nothing."""
    lots: list[Lot] = field(default_factory=list)
    sessions: list[Sold] = field(default_factory=list)

    def day_ends(self, days: int) -> datetime:
        """Return the end of the day this many days from now."""
        day = self.now.astimezone(ZoneInfo(self.zone)).date() + timedelta(days=days + 1)
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def add(self, user: int, source: LotSource, minutes: int, days: int | None, only: int | None = None) -> Lot:
        until = None if days is None else self.day_ends(days)
        lot = Lot(user, source, minutes, until, only, left=minutes)
        self.lots.append(lot)
        return lot

    def usable(self, student: int, coach: int, at: datetime) -> list[Lot]:
        """Return what pays for a session then, what ends first in front."""

        def fits(lot: Lot) -> bool:
            if lot.only in (None, coach):
                return True
            return lot.source is LotSource.MAKE_UP and RATES[coach] <= RATES[lot.only or 0]

        theirs = [one for one in self.lots if one.user == student and one.left and fits(one)]
        valid = [one for one in theirs if one.valid_until is None or one.valid_until > at]
        return sorted(valid, key=lambda one: (one.valid_until is None, one.valid_until or MONDAY))

    def take(self, one: Sold) -> bool:
        """Take what a session needs. Returns False if there isn't enough."""
        usable, need = self.usable(one.student, one.coach, one.start), one.minutes
        if sum(lot.left for lot in usable) < need:
            return False
        for lot in usable:
            part = min(lot.left, need)
            if part:
                lot.left, need = lot.left - part, need - part
                one.taken[lot] = one.taken.get(lot, 0) + part
        return True

    def settle(self, one: Sold) -> None:
        """Put its minutes where they belong."""
        if not one.with_credit:
            self._make_up(one)
        elif one.should_be == "charged" and one.charged_at is None:
            one.charged_at = self.now if one.taken or self.take(one) else None
        elif one.should_be == "returned":
            for lot, minutes in one.taken.items():
                if lot.valid_until is not None and lot.valid_until <= self.now:
                    self._expire(lot)
                    lot.valid_until = self.now + 30 * DAY
                lot.left += minutes
            one.taken, one.charged_at = {}, None

    def _make_up(self, one: Sold) -> None:
        made = [lot for lot in self.lots if lot.about is not None]
        if one.state != "cancelled" or any(lot.about is one for lot in made):
            return
        if one.cancelled_by_student:
            own = [lot for lot in made if lot.about is not None and lot.about.cancelled_by_student]
            recent = [lot for lot in own if lot.user == one.student and self._made_at(lot) > self.now - 90 * DAY]
            if one.start - self.now < DAY or len(recent) >= 2:
                return
        self.add(one.student, LotSource.MAKE_UP, one.minutes, 60, one.coach).about = one

    @staticmethod
    def _made_at(lot: Lot) -> datetime:
        assert lot.about is not None
        assert lot.about.cancelled_at is not None
        return lot.about.cancelled_at

    def cancel(self, one: Sold, *, by_student: bool = False) -> None:
        one.state, one.cancelled_at, one.cancelled_by_student = "cancelled", self.now, by_student
        one.is_late = by_student and self.now > one.start - NOTICE
        self.settle(one)

    @staticmethod
    def _expire(lot: Lot) -> None:
        lot.expired, lot.left = lot.expired + lot.left, 0

    def expire(self) -> None:
        """Expire all lots that have ended."""
        for lot in self.lots:
            if lot.valid_until is not None and lot.valid_until <= self.now:
                self._expire(lot)

    def sync(self, user: int, *, has_role: bool) -> None:
        """Give this month's minutes, take back what's left of them, or give back what was taken."""
        here = self.now.astimezone(ZoneInfo(self.zone))
        month = here.year, here.month
        lot = next((one for one in self.lots if one.user == user and one.month == month), None)
        if has_role and self.role_minutes is not None:
            if lot is None:
                lot = self.add(user, LotSource.ROLE, self.role_minutes, None)
                following = (here.replace(day=1) + 32 * DAY).replace(day=1, hour=0, minute=0, second=0)
                lot.month, lot.valid_until = month, following.replace(microsecond=0).astimezone(UTC)
            else:
                lot.left, lot.revoked = lot.left + lot.revoked, 0
        elif lot is not None:
            self.revoke(lot)

    @staticmethod
    def revoke(lot: Lot) -> None:
        lot.revoked, lot.left = lot.revoked + lot.left, 0

    def taken(self, lot: Lot, *, charged: bool) -> int:
        """Count what sessions have taken of a lot, for good or not."""
        return sum(one.taken.get(lot, 0) for one in self.sessions if (one.charged_at is not None) is charged)

    def is_free(self, student: int, coach: int, start: datetime, minutes: int) -> bool:
        """Check that neither has another session then."""
        end, people = start + minutes * MINUTE, {student, coach}
        return not any(
            one.state != "cancelled" and people & {one.student, one.coach} and start < one.end and one.start < end
            for one in self.sessions
        )
