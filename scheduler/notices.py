"""What people still have to be told: owing a notice, and delivering what is due."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Coach,
    CoachingSession,
    CoachSpecialty,
    Guild,
    Member,
    Notice,
    NoticeKind,
    SessionStatus,
    Specialty,
)
from models.database import Database, insert_if_absent
from scheduler.clock import Clock
from scheduler.ports import DiscordFailure, Postman, Receipt, Unreachable

log = logging.getLogger(__name__)

_AT_ONCE = 8
_TRIES = 12
_CHANNEL_KINDS = {NoticeKind.APPLICATION_CARD}


@dataclass(frozen=True, slots=True)
class Letter:
    """One notice with the rows that its words are made of, as they are now."""

    notice: Notice
    guild: Guild
    coach: Coach | None
    specialties: list[str] = field(default_factory=list)
    session: CoachingSession | None = None
    maybe_sent: bool = False
    """An earlier attempt may have got through without our knowing: look for the message first."""


def owe(
    session: AsyncSession,
    kind: NoticeKind,
    guild_id: int,
    *,
    now: datetime,
    user_id: int | None = None,
    coach_id: int | None = None,
    session_id: int | None = None,
) -> Notice:
    """Promise a message, in the transaction that makes it necessary. It goes out with the next tick."""
    notice = Notice(
        guild_id=guild_id,
        kind=kind,
        user_id=user_id,
        coach_id=coach_id,
        session_id=session_id,
        created_at=now,
        due_at=now,
    )
    session.add(notice)
    return notice


async def owe_newest(
    session: AsyncSession, kind: NoticeKind, guild_id: int, *, now: datetime, user_id: int, session_id: int
) -> None:
    """Like `owe`, but of several that are not out yet one is enough, since it will tell what is true by then.

    One that is being written on just now is left alone: waiting for it could be waiting in a circle.
    """
    waiting = await session.scalar(
        select(Notice)
        .where(
            Notice.session_id == session_id,
            Notice.user_id == user_id,
            Notice.kind == kind,
            Notice.sent_at.is_(None),
            Notice.due_at.is_not(None),
        )
        .order_by(Notice.id.desc())
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if waiting is None:
        owe(session, kind, guild_id, now=now, user_id=user_id, session_id=session_id)
    else:
        renew(waiting, now)


def renew(notice: Notice, now: datetime) -> None:
    """Bring a message up to date, or send it if it has not gone out yet."""
    notice.revision += 1
    notice.due_at = now
    notice.attempts = 0
    notice.given_up_at = None


async def application_card(session: AsyncSession, guild_id: int, coach_id: int) -> Notice | None:
    """The newest card about this person's application."""
    return await session.scalar(
        select(Notice)
        .where(
            Notice.guild_id == guild_id,
            Notice.coach_id == coach_id,
            Notice.kind == NoticeKind.APPLICATION_CARD,
        )
        .order_by(Notice.id.desc())
        .limit(1)
    )


async def deliver_due(db: Database, postman: Postman, clock: Clock) -> tuple[int, int]:
    """Send what is due, side by side; returns how many went out and how many failed.

    What is given up, because trying again will not help, counts as neither.
    """
    async with db.read() as session:
        due = list(
            await session.scalars(
                select(Notice)
                .where(Notice.due_at.is_not(None), Notice.due_at <= clock())
                .order_by(Notice.due_at, Notice.id)
            )
        )
    gate = asyncio.Semaphore(_AT_ONCE)

    async def in_order(notices: list[Notice]) -> list[bool | None]:
        async with gate:
            return [await _deliver(db, postman, clock, notice) for notice in notices]

    # "Booked" reaches somebody before "cancelled": what one person is told of one session goes one by one.
    stories: dict[object, list[Notice]] = {}
    for notice in due:
        key = (notice.user_id, notice.session_id) if notice.session_id else notice.id
        stories.setdefault(key, []).append(notice)
    told = await asyncio.gather(*(in_order(story) for story in stories.values()))
    outcomes = [outcome for story in told for outcome in story]
    return outcomes.count(True), outcomes.count(False)


async def _deliver(db: Database, postman: Postman, clock: Clock, seen: Notice) -> bool | None:
    """Whether it went out; None if there is no point in trying again."""
    try:
        letter = await _prepare(db, seen, clock())
        receipt = await postman.deliver(letter)
    except Unreachable as failure:
        log.info("notice %s given up: %s", seen.id, failure)
        await _record_failure(db, seen, str(failure), clock(), final=True, closed=failure.dms_closed)
        return None
    except DiscordFailure as failure:
        log.warning("notice %s failed: %s", seen.id, failure)
        await _record_failure(db, seen, str(failure), clock())
        return False
    except Exception as error:
        log.exception("notice %s failed", seen.id)
        await _record_failure(db, seen, f"{type(error).__name__} (a bug; see the log)", clock())
        return False
    await _record_sent(db, letter, receipt, clock())
    return True


async def _prepare(db: Database, seen: Notice, now: datetime) -> Letter:
    """Note that the message may exist from now on, and gather what it is made of."""
    async with db.begin() as session:
        notice = await session.get_one(Notice, seen.id)
        seen.revision = notice.revision
        maybe_sent = notice.tried_at is not None and notice.message_id is None
        notice.tried_at = notice.tried_at or now
        guild = await session.get_one(Guild, notice.guild_id)
        about = await session.get(CoachingSession, notice.session_id) if notice.session_id else None
        coach_id = about.coach_id if about else notice.coach_id
        coach = await session.get(Coach, (notice.guild_id, coach_id)) if coach_id else None
        taught = await coach_specialties(session, guild.id, coach_id) if coach_id else []
        if notice.kind in _CHANNEL_KINDS and guild.review_channel_id is None:
            raise Unreachable("the server has no review channel yet")
        if about is not None and not _still_true(notice.kind, about, now):
            raise Unreachable("it is no longer true")
        return Letter(notice, guild, coach, taught, about, maybe_sent)


def _still_true(kind: NoticeKind, about: CoachingSession, now: datetime) -> bool:
    """Whether it still helps to say this of a session; a message that is late must not mislead."""
    cancelled = about.status is SessionStatus.CANCELLED
    if kind is NoticeKind.ROOM_OPEN:
        return not cancelled and about.access_granted_at is not None and now < about.ends_at
    return not (kind in (NoticeKind.SESSION_BOOKED, NoticeKind.SESSION_MOVED) and cancelled)


async def coach_specialties(session: AsyncSession, guild_id: int, coach_id: int) -> list[str]:
    """What one coach teaches, in the order of the server's list."""
    names = await session.scalars(
        select(Specialty.name)
        .join(CoachSpecialty, CoachSpecialty.specialty_id == Specialty.id)
        .where(CoachSpecialty.guild_id == guild_id, CoachSpecialty.coach_id == coach_id)
        .order_by(Specialty.id)
    )
    return list(names)


async def _record_sent(db: Database, letter: Letter, receipt: Receipt, now: datetime) -> None:
    async with db.begin() as session:
        notice = await session.get_one(Notice, letter.notice.id, with_for_update=True)
        if notice.kind in _CHANNEL_KINDS:
            guild = await session.get_one(Guild, notice.guild_id)
            if guild.review_channel_id != letter.guild.review_channel_id:
                return  # another channel was chosen meanwhile: it is still due there
        notice.sent_at = notice.sent_at or now
        notice.channel_id, notice.message_id = receipt
        notice.attempts, notice.last_error = 0, None
        if notice.revision == letter.notice.revision:  # else it became due again while this one was under way
            notice.due_at = None
        if notice.user_id is not None:
            await insert_if_absent(session, Member, user_id=notice.user_id)
            (await session.get_one(Member, notice.user_id)).dms_closed_at = None


async def _record_failure(
    db: Database, seen: Notice, reason: str, now: datetime, *, final: bool = False, closed: bool = False
) -> None:
    async with db.begin() as session:
        notice = await session.get_one(Notice, seen.id, with_for_update=True)
        notice.attempts += 1
        notice.last_error = reason
        if notice.revision != seen.revision:
            pass  # it became due again while this attempt was under way, and still is
        elif final or notice.attempts >= _TRIES:
            notice.due_at, notice.given_up_at = None, now
        else:
            notice.due_at = now + pause(notice.attempts)
        if closed and notice.user_id is not None:
            await insert_if_absent(session, Member, user_id=notice.user_id)
            (await session.get_one(Member, notice.user_id)).dms_closed_at = now


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failures in a row: 15 s, 30 s, 1 min … at most 10 min."""
    return min(timedelta(seconds=15) * 2 ** min(attempts - 1, 10), timedelta(minutes=10))
