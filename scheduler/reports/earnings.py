"""What coaches earned, by month on the server's clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, Participant, ParticipantStatus, SessionStatus
from scheduler.core.actor import Actor
from scheduler.reports.local_days import MICROSECOND, LocalDays
from scheduler.time.local_time import MINUTE
from scheduler.time.time_zones import zone

_TOOK_PLACE = and_(
    CoachingSession.status.in_((SessionStatus.COMPLETED, SessionStatus.NO_SHOW)),
    CoachingSession.coach_absent.is_(False),
    or_(CoachingSession.missed_at.is_(None), CoachingSession.took_place.is_(True)),
    Participant.status != ParticipantStatus.LEFT,
)
_SETTLED = or_(
    Participant.credit_charged_at.is_not(None),
    and_(
        Participant.credit_minutes.is_(None),
        Participant.charge_waived_at.is_(None),
        or_(_TOOK_PLACE, Participant.cancelled_late.is_(True)),
    ),
)
"""Which participants count. `scheduler.credits.charges.charge_of` decides the same about credit."""
_WITH_SESSION = Participant.session_id == CoachingSession.id


@dataclass(frozen=True, slots=True)
class Earned:
    """What one coach earned in one month and currency, by sessions that started in it."""

    month: date
    """Its first day."""
    coach_id: int
    coach_name: str
    currency: str
    sessions: int
    minutes: int
    """As agreed, so that ending early doesn't change them."""
    credit_minutes: int
    """Those of them that were booked with credit."""
    credit_worth_minor: int
    """The price that these stand for."""
    money_minor: int
    """What was to be paid for the others, and for extensions."""

    @property
    def total_minor(self) -> int:
        """Return the worth of all of it."""
        return self.credit_worth_minor + self.money_minor


async def by_month(
    session: AsyncSession, guild: Guild, actor: Actor, now: datetime, *, since: date | None = None
) -> list[Earned]:
    """Return what each coach earned, from the month of `since` or the first session on, the newest month first.

    Only sessions that are settled count: those that took place, those that the student missed, and those that they
    cancelled late. What was waived doesn't. Months are on the server's clock. Raises NotAllowed.
    """
    actor.must_be_admin()
    here = CoachingSession.guild_id == guild.id
    ends = select(func.min(CoachingSession.starts_at), func.max(CoachingSession.starts_at))
    first, last = (
        (at or now).astimezone(zone(guild.time_zone)).date()
        for at in (await session.execute(ends.where(here, _WITH_SESSION, _SETTLED))).one()
    )
    # The last may be ahead: one that was cancelled late.
    days = LocalDays.of(session, guild.time_zone, max(since or first, first).replace(day=1), last)
    names = select(Coach.user_id, Coach.display_name).where(Coach.guild_id == guild.id)
    return _monthly(days, await _daily(session, days, here), dict(list(await session.execute(names))))


class _Day(NamedTuple):
    day: int
    coach_id: int
    currency: str
    counted: list[int]
    """The sums of `Earned`, from `sessions` on."""


async def _daily(session: AsyncSession, days: LocalDays, here: ColumnElement[bool]) -> list[_Day]:
    end = func.coalesce(CoachingSession.agreed_ends_at, CoachingSession.ends_at)
    length = (days.microseconds(end) - days.microseconds(CoachingSession.starts_at)) // (MINUTE // MICROSECOND)
    rows = days.rows(
        CoachingSession.starts_at,
        CoachingSession.coach_id,
        CoachingSession.currency,
        CoachingSession.id,
        length.label("minutes"),
        func.coalesce(Participant.credit_minutes, 0).label("credit"),
        func.coalesce(Participant.credit_worth_minor, 0).label("worth"),
        Participant.total_cost_minor.label("money"),
        where=[here, _WITH_SESSION, _SETTLED],
    )
    by = rows.c.day, rows.c.coach_id, rows.c.currency
    paid = (func.sum(one).label(one.name) for one in (rows.c.credit, rows.c.worth, rows.c.money))
    each = select(*by, func.max(rows.c.minutes).label("minutes"), *paid).group_by(*by, rows.c.id).subquery()
    by = each.c.day, each.c.coach_id, each.c.currency
    sums = (func.sum(one) for one in (each.c.minutes, each.c.credit, each.c.worth, each.c.money))
    found: Any = await session.execute(select(*by, func.count(), *sums).group_by(*by))
    return [
        _Day(day, coach_id, currency, [int(one) for one in counted]) for day, coach_id, currency, *counted in found
    ]


def _monthly(days: LocalDays, daily: Iterable[_Day], names: dict[int, str]) -> list[Earned]:
    sums: dict[tuple[date, int, str], list[int]] = {}
    for one in daily:
        month = sums.setdefault((days.date(one.day).replace(day=1), one.coach_id, one.currency), [0] * 5)
        month[:] = map(int.__add__, month, one.counted)
    found = [
        Earned(month, coach_id, names.get(coach_id, ""), currency, *counted)
        for (month, coach_id, currency), counted in sums.items()
    ]
    return sorted(found, key=lambda one: (-one.month.toordinal(), -one.minutes, one.coach_id, one.currency))
