"""Workshops: creating one, finding it, and changing what it says."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, Hold, NotificationKind, Seat, SessionStatus, Workshop
from scheduler.availability import closed_times, free_times
from scheduler.booking import booking, eligibility, releases, reservations
from scheduler.core import audit, coaches, members
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import Misconfigured, NotAllowed, NotBookable, NotFound, TooLate, Unreadable
from scheduler.notifications import outbox, reminders
from scheduler.sessions import freed_times, planning
from scheduler.sessions.freed_times import FreedSeat
from scheduler.workshops import announcements, steps, terms
from scheduler.workshops.free_seats import free_seats
from scheduler.workshops.terms import Terms

_NEAREST = 3


class OpenWorkshop(NamedTuple):
    """A workshop that hasn't started, and how many of its seats are free."""

    workshop: Workshop
    free: int


async def create(
    session: AsyncSession, guild: Guild, actor: Actor, coach_id: int, wanted: Terms, now: datetime
) -> Workshop:
    """Create a workshop, reserve its coach, and announce it.

    Coaches do it for themselves, admins for any coach, who is told. It may break the coach's own rules: hours,
    notice, horizon and limits. The price is in the coach's currency.

    Raises NotAllowed for anybody else, NotFound for someone who doesn't coach here, Misconfigured if the server
    has no channel for workshops, WrongFields or Unreadable for terms that can't be, NotBookable with the nearest
    free times if the coach has something else then, buffers included, and NotBookable if the server is closed or
    the coach away.
    """
    if actor.user_id != coach_id and not actor.is_admin:
        raise NotAllowed(
            "You can only create workshops of your own. Ask an admin to create one for another coach."
        )
    await members.lock(session, coach_id)
    coach = await coaches.approved_coach(session, guild.id, coach_id, own=actor.user_id == coach_id)
    eligibility.check_here(coach)
    if guild.workshop_channel_id is None:
        raise Misconfigured(
            "This server has no channel for workshops yet. An admin can choose one with `/coaching setup`."
        )
    terms.check(wanted, guild, coach, now)
    await closed_times.check_open(session, coach, wanted.starts_at, wanted.starts_at + wanted.duration)
    row = _new_session(coach, wanted, now)
    planning.plan_next_step(row, guild, now)
    session.add(row)
    await session.flush()
    await _reserve(session, coach, row, now)
    workshop = _new_workshop(row, guild, actor, wanted)
    session.add(workshop)
    session.add_all(Seat(session_id=row.id) for _ in range(wanted.seats))
    steps.plan(workshop, row, now)
    if actor.user_id != coach_id:
        kind = NotificationKind.WORKSHOP_CREATED
        outbox.enqueue(session, kind, guild.id, now=now, user_id=coach_id, session_id=row.id)
    await outbox.enqueue_all(session, reminders.planned_reminders(row, guild, now), now)
    announcements.announce(session, workshop, coach_id, now)
    record(session, workshop, row, "workshop_created", actor, now, seats=wanted.seats)
    await session.flush()
    return workshop


def _new_session(coach: Coach, wanted: Terms, now: datetime) -> CoachingSession:
    return CoachingSession(
        guild_id=coach.guild_id,
        code=booking.new_code(),
        coach_id=coach.user_id,
        starts_at=wanted.starts_at,
        ends_at=wanted.starts_at + wanted.duration,
        is_workshop=True,
        status=SessionStatus.SCHEDULED,
        session_type=coach.session_type,
        currency=coach.currency,
        created_at=now,
        updated_at=now,
        discord_setup_complete=False,
        participants=[],
    )


def _new_workshop(row: CoachingSession, guild: Guild, actor: Actor, wanted: Terms) -> Workshop:
    return Workshop(
        session=row,
        guild_id=guild.id,
        title=terms.read_title(wanted.title),
        description=terms.read_description(wanted.description),
        seats=wanted.seats,
        price_minor=wanted.price_minor,
        takes_credit=wanted.takes_credit and bool(wanted.price_minor),
        least=wanted.least,
        decide_at=None if wanted.least is None else wanted.starts_at - wanted.decide_before,
        channel_id=guild.workshop_channel_id,
        has_event=wanted.has_event,
        created_by=actor.user_id,
    )


async def _reserve(session: AsyncSession, coach: Coach, row: CoachingSession, now: datetime) -> None:
    await releases.release_expired(session, coach.user_id, now)
    if await reservations.reserve_coach(session, coach, row.starts_at, row.duration, session_id=row.id):
        return
    theirs = await free_times.free_times(session, coach, row.duration, student_id=coach.user_id, now=now)
    nearest = sorted(theirs, key=lambda at: (abs(at - row.starts_at), at))[:_NEAREST]
    listed = f" Nearest free: {', '.join(map(stamp, nearest))}." if nearest else ""
    raise NotBookable(
        f"{coach.display_name} has something else then, buffers included. Choose another time.{listed}"
    )


def record(
    session: AsyncSession,
    workshop: Workshop,
    row: CoachingSession,
    action: str,
    actor: Actor | None,
    now: datetime,
    **details: int | None,
) -> None:
    """Record in the audit log what somebody, or without an actor the bot, did with a workshop."""
    audit.record(
        session,
        workshop.guild_id,
        action,
        at=now,
        actor_id=actor.user_id if actor else None,
        coach_id=row.coach_id,
        session_id=row.id,
        details=details,
    )


async def find(session: AsyncSession, session_id: int, guild_id: int | None) -> Workshop:
    """Return a workshop of this server as it is now, with its session loaded as `workshop.session`.

    Without a server, as in direct messages, it can be any server's. Raises NotFound.
    """
    found = await session.get(Workshop, session_id, populate_existing=True)
    if found is None or guild_id not in (None, found.guild_id):
        raise NotFound("There's no such workshop here. `/workshop list` shows what's coming up.")
    return found


async def list_open(session: AsyncSession, guild_id: int, user_id: int, now: datetime) -> list[OpenWorkshop]:
    """List the server's workshops that haven't started, soonest first, full ones included.

    A seat that's offered to this person is free for them.
    """
    ahead = (
        select(Workshop)
        .join(Workshop.session)
        .where(
            Workshop.guild_id == guild_id,
            CoachingSession.status == SessionStatus.SCHEDULED,
            CoachingSession.starts_at > now,
        )
        .order_by(CoachingSession.starts_at, CoachingSession.id)
    )
    found: Sequence[Workshop] = list(await session.scalars(ahead))
    free = await free_seats(session, [one.session_id for one in found], now, user_id=user_id)
    return [OpenWorkshop(one, free[one.session_id]) for one in found]


async def edit(
    session: AsyncSession,
    session_id: int,
    guild_id: int,
    actor: Actor,
    now: datetime,
    *,
    title: str | None = None,
    description: str | None = None,
    seats: int | None = None,
) -> Workshop:
    """Change what a workshop says, or how many seats it has; what isn't given stays.

    For its coach and for admins. Raises NotFound, NotAllowed, TooLate once it has started or was cancelled,
    WrongFields or Unreadable, also for fewer seats than are taken or being paid for, or than the minimum.
    """
    row = await lock(session, session_id, guild_id, actor)
    if row.status is not SessionStatus.SCHEDULED or row.starts_at <= now:
        raise TooLate("This workshop has started or was cancelled, so it can't be changed any more.")
    workshop = await find(session, session_id, guild_id)
    with terms.Fields() as fields:
        new_title = fields.read(terms.TITLE, terms.read_title, workshop.title if title is None else title)
        text = workshop.description if description is None else description
        new_description = fields.read(terms.DESCRIPTION, terms.read_description, text)
        fields.read(terms.SEATS, terms.check_seats, workshop.seats if seats is None else seats)
    if seats is not None and seats != workshop.seats:
        await releases.announce_expired_seats(session, session_id, now)
        added = await _change_seats(session, workshop, seats, now)
        for _ in range(added):
            await freed_times.announce_seat(session, FreedSeat(session_id), now)
    workshop.title, workshop.description = new_title, new_description
    steps.plan(workshop, row, now, soon=True)
    record(session, workshop, row, "workshop_changed", actor, now, seats=workshop.seats)
    await session.flush()
    await outbox.requeue_direct(session, session_id, now)
    await announcements.update_announcement(session, session_id, now)
    return workshop


async def lock(session: AsyncSession, session_id: int, guild_id: int, actor: Actor) -> CoachingSession:
    """Lock a workshop's session for its coach or an admin. Nobody takes or leaves a seat until then.

    Raises NotFound, NotAllowed.
    """
    row = await session.get(CoachingSession, session_id, with_for_update=True, populate_existing=True)
    if row is None or not row.is_workshop or row.guild_id != guild_id:
        raise NotFound("There's no such workshop here. `/workshop list` shows what's coming up.")
    if actor.user_id != row.coach_id and not actor.is_admin:
        raise NotAllowed("Only the coach of a workshop and admins can change it.")
    return row


async def _change_seats(session: AsyncSession, workshop: Workshop, seats: int, now: datetime) -> int:
    """Add seats, or remove free ones, and return how many were added. The session must be locked."""
    if workshop.least is not None and seats < workshop.least:
        raise Unreadable(f"It takes place with {workshop.least} people at least, so it needs as many seats.")
    theirs = select(Seat).where(Seat.session_id == workshop.session_id).order_by(Seat.id.desc())
    all_seats = list(await session.scalars(theirs.execution_options(populate_existing=True).with_for_update()))
    paying = select(Hold.id).where(Hold.session_id == workshop.session_id, Hold.expires_at > now)
    held = set(await session.scalars(paying))
    unused = [one for one in all_seats if one.user_id is None and one.freed_id is None and one.hold_id not in held]
    in_use = len(all_seats) - len(unused)
    if seats < in_use:
        raise Unreadable(
            f"{in_use} seats are taken, being paid for, or on offer to the waiting list. Choose {in_use} or more."
        )
    added = max(seats - len(all_seats), 0)
    session.add_all(Seat(session_id=workshop.session_id) for _ in range(added))
    for one in unused[: max(len(all_seats) - seats, 0)]:
        await session.delete(one)
    workshop.seats = seats
    await session.flush()
    return added
