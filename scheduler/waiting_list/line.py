"""Finding who is next in line for time, or a seat, that became free."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Coach,
    CoachStatus,
    FreedTime,
    Guild,
    Member,
    Offer,
    OfferState,
    SessionStatus,
    Wish,
    Workshop,
)
from scheduler.availability import free_times
from scheduler.booking import eligibility
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from scheduler.parsing.money import price
from scheduler.time.time_zones import is_known, zone
from scheduler.waiting_list import rules, takeable
from scheduler.waiting_list.wishes import wanted_by
from scheduler.workshops import seats

OPEN = (OfferState.OPEN, OfferState.PAYING)
_A_PAGE = 100


class Match(NamedTuple):
    """Someone in line whom a time fits, and who could book it now."""

    wish: Wish
    guild: Guild
    coach: Coach
    zone_name: str
    starts_at: datetime
    is_spent: bool = False
    """Whether it was offered so often that everybody can book it, and they're only told."""
    workshop: Workshop | None = None
    """The workshop, if it's one of its seats."""

    @property
    def duration(self) -> timedelta:
        """The length that they want."""
        return timedelta(minutes=self.wish.minutes)

    @property
    def ends_at(self) -> datetime:
        """The end of the session."""
        return self.starts_at + self.duration

    @property
    def cost(self) -> tuple[int, str]:
        """What it costs them, in minor units of a currency."""
        if self.workshop is not None:
            return seats.cost_of(self.workshop, self.wish.user_id), self.workshop.session.currency
        return price(self.coach.rate_minor, self.duration), self.coach.currency

    @property
    def who(self) -> tuple[int, int]:
        """The server and the student."""
        return self.wish.guild_id, self.wish.user_id


CanPay = Callable[[AsyncSession, Match, datetime], Awaitable[bool]]
"""Whether someone could pay for a time if they were offered it now. Without it, everyone can."""


async def matches(
    session: AsyncSession, freed: FreedTime, now: datetime, can_pay: CanPay | None
) -> AsyncIterator[Match]:
    """Yield who is in line for this time or seat, each with the first start that fits, first come first.

    Each is judged when it's asked for, so that it sees what was offered to those before. People who can't book,
    can't pay or can't be messaged are left out and keep their places.
    """
    here = Coach.user_id == freed.coach_id, Coach.status == CoachStatus.APPROVED, Coach.left_at.is_(None)
    servers = select(Coach, Guild).join(Guild, Guild.id == Coach.guild_id).where(*here)
    places = {
        guild.id: (coach, guild)
        for coach, guild in await session.execute(servers.where(Guild.bot_removed_at.is_(None)))
    }
    if freed.session_id is not None:
        found = _seat_matches(session, freed, freed.session_id, places, now)
    else:
        found = _time_matches(session, freed, places, now)
    async for match in found:
        if can_pay is None or await can_pay(session, match, now):
            yield match


Places = Mapping[int, tuple[Coach, Guild]]
"""By server, the coach as they are there."""


async def _time_matches(
    session: AsyncSession, freed: FreedTime, places: Places, now: datetime
) -> AsyncIterator[Match]:
    spent = await _spent(session, freed) if freed.is_new_hours else dict[datetime, int]()
    async for wish, chosen in _waiting(session, freed, list(places)):
        coach, guild = places[wish.guild_id]
        zone_name = _zone_name(chosen, guild)
        starts_at = await _first_start(session, freed, wish, coach, zone_name, spent, now)
        if starts_at is None:
            continue
        match = Match(wish, guild, coach, zone_name, starts_at, starts_at in spent)
        actor = Actor(wish.user_id)
        try:
            await eligibility.require_bookable(session, guild, coach, actor, starts_at, match.duration, None, now)
        except CoachingError:
            continue
        yield match


async def _seat_matches(
    session: AsyncSession, freed: FreedTime, session_id: int, places: Places, now: datetime
) -> AsyncIterator[Match]:
    workshop = await session.get_one(Workshop, session_id, populate_existing=True)
    row = workshop.session
    if row.guild_id not in places or row.status is not SessionStatus.SCHEDULED or row.starts_at <= now:
        return
    if await seats.is_closed(session, row):
        return
    coach, guild = places[row.guild_id]
    async for wish, chosen in _waiting(session, freed, [guild.id]):
        try:
            await takeable.check(session, guild, Actor(wish.user_id), row.starts_at, row.ends_at, now)
        except CoachingError:
            continue
        yield Match(wish, guild, coach, _zone_name(chosen, guild), row.starts_at, workshop=workshop)


def _zone_name(chosen: str | None, guild: Guild) -> str:
    return next((one for one in (chosen, guild.time_zone) if one and is_known(one)), "UTC")


async def _waiting(
    session: AsyncSession, freed: FreedTime, guild_ids: Sequence[int]
) -> AsyncIterator[tuple[Wish, str | None]]:
    """Yield the open wishes that may concern this time, in line, with the zones that people chose."""
    which = [
        Wish.ended_at.is_(None),
        Wish.user_id != freed.coach_id,
        Wish.weekdays.op("&")(rules.days_around(freed.starts_at, freed.ends_at)) != 0,
        Member.dms_closed_at.is_(None),
        ~exists().where(_offered_before(freed), Offer.user_id == Wish.user_id),
    ]
    if freed.session_id is not None:  # one seat at a time is enough
        which.append(~exists().where(Offer.wish_id == Wish.id, Offer.state.in_(OPEN)))
    if freed.freed_from is not None:
        which.append(Wish.user_id != freed.freed_from)
    # Several queues, because an index has each of them in order, but not all of them together.
    by_coach = Wish.coach_id.between(freed.coach_id, freed.coach_id), Wish.coach_id.is_(None)
    lines = (
        [
            (Wish.guild_id == guild_id, whose, Wish.session_id.is_(None))
            for guild_id in guild_ids
            for whose in by_coach
        ]
        if freed.session_id is None
        else [(Wish.session_id == freed.session_id,)]
    )
    queues = [_Queue([*one, *which]) for one in lines]
    while True:
        for queue in queues:
            await _refill(session, queue)
        if not any(queue.loaded for queue in queues):
            return
        first = min((queue for queue in queues if queue.loaded), key=lambda queue: queue.loaded[0][0].id)
        yield first.loaded.popleft()


@dataclass(slots=True)
class _Queue:
    """Wishes in line, loaded a page at a time."""

    which: Sequence[ColumnElement[bool]]
    loaded: deque[tuple[Wish, str | None]] = field(default_factory=deque[tuple[Wish, str | None]])
    after: int | None = 0
    """The id of the last one loaded; None if that's the last of all."""


async def _refill(session: AsyncSession, queue: _Queue) -> None:
    if queue.loaded or queue.after is None:
        return
    page = (
        select(Wish, Member.time_zone)
        .outerjoin(Member, Member.user_id == Wish.user_id)
        .where(*queue.which, Wish.id > queue.after)
        # By id, within one server and coach. If PostgreSQL saw that (`=` instead of BETWEEN), it might go through
        # all wishes by id until it has enough of them.
        .order_by(Wish.guild_id, Wish.coach_id, Wish.id)
        .limit(_A_PAGE)
    )
    queue.loaded.extend((wish, chosen) for wish, chosen in await session.execute(page))
    queue.after = queue.loaded[-1][0].id if len(queue.loaded) == _A_PAGE else None


def _offered_before(freed: FreedTime) -> ColumnElement[bool]:
    """Which offers keep someone from being offered this time: those of it or, in new hours, any that's open."""
    if freed.is_new_hours:
        return and_(Offer.state.in_(OPEN), Offer.is_shared.is_(False))
    return Offer.freed_id == freed.id


async def _first_start(
    session: AsyncSession,
    freed: FreedTime,
    wish: Wish,
    coach: Coach,
    zone_name: str,
    spent: Mapping[datetime, int],
    now: datetime,
) -> datetime | None:
    """Return the first start of a session that suits, touches the freed time, and is free now."""
    duration, wanted, clock = timedelta(minutes=wish.minutes), wanted_by(wish), zone(zone_name)
    if wish.minutes not in coach.durations_minutes:
        return None
    since = max(freed.starts_at - duration, now)
    if not wanted.could_suit(since, freed.ends_at + duration, duration, clock):
        return None
    declined = await _declined(session, freed, wish)
    free = await free_times.free_times(
        session, coach, duration, student_id=wish.user_id, now=now, since=since, until=freed.ends_at
    )
    told: datetime | None = None
    for at in free:
        touches = at < freed.ends_at and at + duration > freed.starts_at
        if not touches or at in declined or not wanted.suits(at, at + duration, clock):
            continue
        if at not in spent:
            return at
        if told is None and spent[at] < rules.MOST_TOLD:
            told = at
    return told


async def _declined(session: AsyncSession, freed: FreedTime, wish: Wish) -> set[datetime]:
    """Return the starts that this person isn't offered again: those they passed and, in new hours, all so far."""
    theirs = Offer.user_id == wish.user_id, Offer.coach_id == freed.coach_id
    found = select(Offer.starts_at).where(*theirs, Offer.starts_at >= freed.starts_at - timedelta(days=1))
    if not freed.is_new_hours:
        found = found.where(Offer.state == OfferState.PASSED)
    return set(await session.scalars(found))


async def _spent(session: AsyncSession, freed: FreedTime) -> dict[datetime, int]:
    """Return the starts in new hours that were offered often enough, and how many people were told of each."""
    since = Offer.offered_at >= freed.created_at, Offer.starts_at >= freed.starts_at
    shared = func.sum(case((Offer.is_shared, 1), else_=0))
    found = select(Offer.starts_at, func.count(), shared).where(Offer.coach_id == freed.coach_id, *since)
    return {
        at: told
        for at, count, told in await session.execute(found.group_by(Offer.starts_at))
        if count - told >= rules.MOST_OFFERS
    }
