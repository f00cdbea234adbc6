"""What is due for the waiting list: time and seats to offer, offers that run out, and wishes that end."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Select, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models import FreedTime, Offer, Seat, Wish
from models.storage.database import Database
from scheduler.booking import releases
from scheduler.booking.ports import Membership
from scheduler.core import members
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure
from scheduler.core.task_pool import Job, TaskPool, attempt
from scheduler.waiting_list import line, offers, rules
from scheduler.waiting_list.line import CanPay, Match
from scheduler.workshops import announcements

Present = Mapping[tuple[int, int], bool]
"""By server and student, whether they're in the server."""
_A_ROUND = 50
_ASKED_AT_ONCE = 25


async def do_due(
    db: Database, discord: Membership, clock: Clock, pool: TaskPool[bool], can_pay: CanPay | None = None
) -> int:
    """Do what's due, some of it at a time, and return how much failed, to be retried."""
    await releases.announce_expired(db, clock)
    async with db.read() as session:
        now = clock()
        lapsed = list(await session.scalars(_due(Offer.id, Offer.next_step_at, now)))
        ended = list(await session.scalars(_due(Wish.id, Wish.next_step_at, now)))
        freed = list(await session.scalars(_due(FreedTime.id, FreedTime.next_step_at, now)))

    done: list[bool] = []
    # Whatever an offer's wish comes to, an offer that ran out lapses first.
    for name, ids, step in (("offer", lapsed, offers.lapse), ("wish", ended, offers.expire)):
        jobs: dict[Hashable, Job[bool]] = {
            (name, one): partial(attempt, f"{name} {one}", partial(_step, db, clock, step, one)) for one in ids
        }
        done += await pool.work(jobs) if jobs else []
    if lapsed:  # what ran out is offered to the next person at once
        async with db.read() as session:
            freed = list(await session.scalars(_due(FreedTime.id, FreedTime.next_step_at, clock())))
    working: dict[Hashable, Job[bool]] = {
        ("freed", one): partial(attempt, f"freed time {one}", partial(offer, db, discord, clock, one, can_pay))
        for one in freed
    }
    done += await pool.work(working)
    return done.count(False)


def _due(
    row_id: InstrumentedAttribute[int], column: InstrumentedAttribute[datetime | None], now: datetime
) -> Select[int]:
    return select(row_id).where(column <= now).order_by(column).limit(_A_ROUND)


async def _step(
    db: Database, clock: Clock, step: Callable[[AsyncSession, int, datetime], Awaitable[None]], row_id: int
) -> None:
    async with db.begin() as session:
        await step(session, row_id, clock())


async def offer(db: Database, discord: Membership, clock: Clock, freed_id: int, can_pay: CanPay | None) -> None:
    """Offer a time to whoever is next in line, or let everybody book it if nobody is.

    Asks Discord between transactions who is still in the server. If it can't say, they count as present.
    """
    present: dict[tuple[int, int], bool] = {}
    while True:
        async with db.begin() as session:
            unknown = await advance(session, freed_id, present, can_pay, clock())
        if not unknown:
            return
        for guild_id, user_id in sorted(unknown):
            try:
                present[guild_id, user_id] = await discord.is_member(guild_id, user_id)
            except DiscordFailure:
                present[guild_id, user_id] = True


async def advance(
    session: AsyncSession, freed_id: int, present: Present, can_pay: CanPay | None, now: datetime
) -> set[tuple[int, int]]:
    """Make the next offers of a time. Returns who has to be looked for in their server first.

    Then nothing may have been done; call it again once that's known.
    """
    seen = await session.get(FreedTime, freed_id)
    if seen is None:
        return set()
    await members.lock(session, seen.coach_id)
    found = await session.get(FreedTime, freed_id, with_for_update=True, populate_existing=True)
    if found is None or found.next_step_at is None or found.next_step_at > now:
        return set()
    due_at, found.next_step_at = found.next_step_at, None  # otherwise its own time would count as taken
    await session.flush()
    await releases.release_expired(session, found.coach_id, now)
    unknown = set[tuple[int, int]]()
    if found.ends_at <= now or not await _is_kept(session, found):
        await _open_to_all(session, found, now)
    elif found.is_new_hours:
        unknown = await _offer_hours(session, found, present, can_pay, now)
    else:
        unknown = await _offer_time(session, found, present, can_pay, now)
    if unknown:
        found.next_step_at = due_at
    return unknown


async def _is_kept(session: AsyncSession, found: FreedTime) -> bool:
    """Whether a seat is still kept for the line. Time always is."""
    if found.session_id is None:
        return True
    kept = exists().where(Seat.freed_id == found.id, Seat.user_id.is_(None))
    return bool(await session.scalar(select(kept)))


async def _offer_time(
    session: AsyncSession, found: FreedTime, present: Present, can_pay: CanPay | None, now: datetime
) -> set[tuple[int, int]]:
    """Hold the time or seat for the first in line or, if it's too late for that, tell several."""
    is_shared, chosen = found.offers >= rules.MOST_OFFERS, list[Match]()
    async for match in line.matches(session, found, now, can_pay):
        if not present.get(match.who, True) or match.who in [one.who for one in chosen]:
            continue
        is_shared = is_shared or rules.is_shared(match.starts_at, now)
        chosen.append(match)
        if not is_shared or len(chosen) == rules.MOST_TOLD:
            break
    if unknown := {one.who for one in chosen if one.who not in present}:
        return unknown
    made = [await offers.make(session, one, found, now, is_shared=is_shared) for one in chosen]
    if is_shared or not any(made):
        await _open_to_all(session, found, now)
    else:
        found.offers += 1
    return set()


async def _offer_hours(
    session: AsyncSession, found: FreedTime, present: Present, can_pay: CanPay | None, now: datetime
) -> set[tuple[int, int]]:
    """Offer a time in new hours to each in line who has no open offer, a different one to each."""
    unknown, made = set[tuple[int, int]](), 0
    served = set[int]()
    async for match in line.matches(session, found, now, can_pay):
        if match.wish.user_id in served or not present.get(match.who, True):
            continue
        if unknown or match.who not in present:  # nobody is served before those ahead of them
            unknown.add(match.who)
            if len(unknown) == _ASKED_AT_ONCE:
                break
            continue
        served.add(match.wish.user_id)
        is_shared = match.is_spent or rules.is_shared(match.starts_at, now)
        made += await offers.make(session, match, found, now, is_shared=is_shared) is not None
        if made == _ASKED_AT_ONCE:
            found.next_step_at = now
            return set()
    if not unknown and not await _is_any_open(session):
        await _open_to_all(session, found, now)
    return {who for who in unknown if who not in present}


async def _is_any_open(session: AsyncSession) -> bool:
    """Whether somebody may want more of the new hours once their offer is over."""
    held = exists().where(Offer.next_step_at.is_not(None), Offer.is_shared.is_(False))
    return bool(await session.scalar(select(held)))


async def _open_to_all(session: AsyncSession, found: FreedTime, now: datetime) -> None:
    await session.execute(
        delete(FreedTime).where(FreedTime.id == found.id).execution_options(synchronize_session=False)
    )
    session.expunge(found)
    if found.session_id is not None:
        await announcements.update_announcement(session, found.session_id, now)
