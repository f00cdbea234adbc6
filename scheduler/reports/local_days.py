"""A range of local days, and how the database finds the day of an instant."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, case, cast, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from scheduler.time.local_time import offsets, start_of
from scheduler.time.time_zones import zone

MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class LocalDays(NamedTuple):
    """A range of days, and how the database finds the day of an instant.

    SQLite has no time zones, so queries include the UTC offsets for these days. With them, local days are plain
    arithmetic, the same on both engines.
    """

    first: date
    last: date
    since: datetime
    until: datetime
    ahead: Sequence[tuple[datetime, timedelta]]
    """The result of `local_time.offsets`, from a day before to a day after."""
    is_sqlite: bool

    @classmethod
    def of(cls, session: AsyncSession, zone_name: str, first: date, last: date) -> "LocalDays":
        """Return these days, the last one included, in this zone."""
        in_zone = zone(zone_name)
        since, until = start_of(in_zone, first), start_of(in_zone, last + _DAY)
        ahead = offsets(in_zone, since - _DAY, until + _DAY)
        return cls(first, last, since, until, ahead, session.get_bind().dialect.name == "sqlite")

    def microseconds(self, at: Any) -> ColumnElement[int]:
        """Convert to microseconds since 1970 (UTC)."""
        if self.is_sqlite:
            return type_coerce(at, BigInteger)
        return cast(func.extract("epoch", at) * 1_000_000, BigInteger)

    def rows(self, at: InstrumentedAttribute[Any], *what: Any, where: Iterable[Any]) -> Any:
        """Build a subquery of the rows on these days, with `day` (since 1970) as its first column."""
        steps = [(at < until, ahead // MICROSECOND) for until, ahead in self.ahead]
        ahead = case(*steps, else_=self.ahead[-1][1] // MICROSECOND)
        day = (self.microseconds(at) + ahead) // (_DAY // MICROSECOND)
        near = (at >= self.since - _DAY, at < self.until + _DAY)  # clocks set back can return to the previous day
        inner = select(day.label("day"), *what).where(*where, *near).subquery()
        first, last = (one.toordinal() - _EPOCH_ORDINAL for one in (self.first, self.last))
        return select(inner).where(inner.c.day.between(first, last)).subquery()

    @staticmethod
    def date(day: int) -> date:
        """Return the date of a day number."""
        return date.fromordinal(day + _EPOCH_ORDINAL)
