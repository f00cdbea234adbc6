"""Doing the steps that `scheduler.sessions.lifecycle` says are due: on Discord first, then on the row.

Every step may run twice. One that failed is retried with growing pauses, which the row keeps, without making the
session's other steps or other sessions wait.
"""

import logging
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Participant, SessionStatus
from models.storage.database import Database
from scheduler.attendance import excuses, outcomes
from scheduler.booking import departures
from scheduler.core import retry
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure, NotInServer, RoomGone
from scheduler.core.task_pool import Jobs, TaskPool
from scheduler.loop.ports import Discord
from scheduler.notifications import admin_alerts, bot_removal, outbox
from scheduler.notifications.room_names import without_room_name
from scheduler.rooms import rooms
from scheduler.sessions import events
from scheduler.sessions.lifecycle import AT_DISCORD, Step, hard_limit, next_step

log = logging.getLogger(__name__)

_SELDOM, _RARELY = timedelta(minutes=10), timedelta(hours=6)
_UNANSWERED = timedelta(minutes=1)
"""The longest pause while Discord doesn't answer, since nothing tells us when it does again."""
_GIVEN_UP_AFTER = timedelta(days=7)
"""How long after the hard limit to stop trying. From then on, only an admin can help."""
_FEWEST_TRIES = 10
"""Never give up before this many tries: the bot may have been down all week."""
_MOST_STEPS = 12  # a session has five; a room that keeps vanishing mustn't keep a tick from ending


async def advance_due(
    db: Database, discord: Discord, clock: Clock, pool: TaskPool[tuple[list[str], list[str]]]
) -> tuple[list[str], list[str]]:
    """Advance every due session, side by side; returns what was done and what failed, a line each.

    Sessions of the same two people run one after the other, because the next may take over the first one's room.
    What `pool` finds slow is reported once it has ended.
    """
    theirs = Participant.session_id == CoachingSession.id
    columns = (
        CoachingSession.guild_id,
        CoachingSession.coach_id,
        select(func.min(Participant.user_id)).where(theirs).scalar_subquery(),
        CoachingSession.starts_at,
        CoachingSession.id,
    )
    is_due = CoachingSession.next_step_at.is_not(None), CoachingSession.next_step_at <= clock()
    pairs: dict[Hashable, list[tuple[datetime, int]]] = {}
    async with db.read() as session:
        due = select(*columns).where(*is_due).order_by(CoachingSession.next_step_at, CoachingSession.id)
        for guild_id, coach_id, student_id, starts_at, session_id in await session.execute(due):
            pairs.setdefault((guild_id, coach_id, student_id), []).append((starts_at, session_id))

    async def in_order(some: list[tuple[datetime, int]]) -> tuple[list[str], list[str]]:
        done: list[str] = []
        failed: list[str] = []
        for _, session_id in sorted(some):
            try:
                await _advance(db, discord, clock, session_id, done, failed)
            except Exception as error:  # the database, say; the others go on, and this one stays due
                log.exception("session %s couldn't be advanced", session_id)
                failed.append(f"session {session_id}: {type(error).__name__} (see the log)")
        return done, failed

    jobs: Jobs[tuple[list[str], list[str]]] = {pair: partial(in_order, some) for pair, some in pairs.items()}
    advanced = await pool.work(jobs)
    return [line for done, _ in advanced for line in done], [line for _, failed in advanced for line in failed]


@dataclass(slots=True)
class _Round:
    """What became of one session's due steps."""

    due_at: datetime | None = None
    """The row's `next_step_at` before them."""
    worked: set[Step] = field(default_factory=set)
    failed: dict[Step, DiscordFailure] = field(default_factory=dict)
    waits: set[Step] = field(default_factory=set)
    look_again_at: datetime | None = None

    @property
    def passed_over(self) -> set[Step]:
        return self.waits | self.failed.keys()


async def _advance(
    db: Database, discord: Discord, clock: Clock, session_id: int, done: list[str], failed: list[str]
) -> None:
    """Do one session's due steps until none is left, and store when to look again."""
    this = _Round()
    for number in range(_MOST_STEPS):
        row, guild = await _load(db, session_id)
        if number == 0:
            this.due_at = row.next_step_at
        passed_over = this.passed_over | _out_of_reach(guild)
        due = next_step(row, guild, clock(), except_for=passed_over)
        if due is None or due.at > clock():
            break
        step, line = due.step, f"{row.code} {due.step}"
        try:
            look_again_at = await _do(db, discord, clock, step, row, guild)
        except RoomGone as gone:
            # `rooms.open_room` has recorded it. The room is made again: the first time at once, later less often.
            log.warning("session %s: %s failed: %s", session_id, step, gone)
            failed.append(f"{line}: {gone}")
        except NotInServer:
            # Go on then: some steps don't need Discord.
            await bot_removal.record_removal_found(db, clock, row.guild_id)
        except DiscordFailure as failure:
            log.warning("session %s: %s failed: %s", session_id, step, failure)
            this.failed[step] = failure
            failed.append(f"{line}: {failure}")
        except Exception as bug:  # the session's other steps and the other sessions go on
            log.exception("session %s: %s failed", session_id, step)
            this.failed[step] = DiscordFailure(f"{type(bug).__name__} (a bug; see the log)")
            failed.append(f"{line}: {this.failed[step]}")
        else:
            if look_again_at is None:
                this.worked.add(step)
                done.append(line)
            else:
                this.waits.add(step)
                this.look_again_at = look_again_at
    await _record_outcome(db, session_id, this, clock())


def _out_of_reach(guild: Guild) -> frozenset[Step]:
    """Steps that can't be done in this server until the bot is back."""
    return AT_DISCORD if guild.bot_removed_at is not None else frozenset()


async def _load(db: Database, session_id: int) -> tuple[CoachingSession, Guild]:
    async with db.read() as session:
        row = await session.get_one(CoachingSession, session_id)
        return row, await session.get_one(Guild, row.guild_id)


async def _record_outcome(db: Database, session_id: int, this: _Round, now: datetime) -> None:
    """Store when the session is due next, from the row as it is now: it may have been cancelled meanwhile."""
    async with db.begin() as session:
        row = await session.get_one(CoachingSession, session_id, with_for_update=True)
        guild = await session.get_one(Guild, row.guild_id)
        beyond = _out_of_reach(guild)
        if this.failed:
            row.attempts += 1
            row.last_error = "; ".join(map(str, this.failed.values()))
        elif beyond or not rooms.is_missing(row, now):
            row.attempts, row.last_error = 0, bot_removal.REMOVED if beyond else None
        possible = next_step(row, guild, now, except_for=this.passed_over | beyond)
        instants = [possible.at if possible else None]
        if next_step(row, guild, now, except_for=beyond) is None:
            row.attempts, row.last_error = 0, bot_removal.REMOVED if beyond else None
        else:
            # The last person may have left just after the room was found occupied.
            changed_meanwhile = row.next_step_at if row.next_step_at != this.due_at else None
            instants += [_look_again_at(row, guild, this, now), changed_meanwhile]
        row.next_step_at = min((at for at in instants if at is not None), default=None)
        if is_given_up := row.next_step_at is None and row.last_error is not None and not beyond:
            row.last_error = f"given up: {row.last_error}"
            events.record_by_bot(session, row, "steps_given_up", now)
        await _alert_admins(session, row, this, now, is_given_up=is_given_up)


def _look_again_at(row: CoachingSession, guild: Guild, this: _Round, now: datetime) -> datetime | None:
    """Return when to retry: soon while people wait for it, then rarely, and not at all after a week."""
    if not this.failed:
        return this.look_again_at
    limit = hard_limit(row, guild)
    if now >= limit + _GIVEN_UP_AFTER and row.attempts >= _FEWEST_TRIES:
        return None
    if now >= limit:
        return now + retry.pause(row.attempts, row.id, longest=_RARELY)
    unanswered = all(one.unanswered for one in this.failed.values())
    return now + retry.pause(row.attempts, row.id, longest=_UNANSWERED if unanswered else _SELDOM)


async def _alert_admins(
    session: AsyncSession, row: CoachingSession, this: _Round, now: datetime, *, is_given_up: bool
) -> None:
    """Alert admins at once to what only they can fix, and to the rest after some tries; resolve what works."""
    others = await admin_alerts.current_errors(session, row.guild_id) if this.failed else []
    for step, failure in this.failed.items():
        text, cause = str(failure), without_room_name(str(failure)) if failure.for_admins else admin_alerts.PASSING
        if is_given_up:
            text += ". I've stopped trying after a week. Fix it, then press Retry now in "
            text += f"`/coaching session {row.code}`"
            cause = f"given up: {cause}"
        if is_given_up or failure.for_admins or row.attempts >= admin_alerts.ALERT_AFTER:
            await admin_alerts.raise_alert(session, row.guild_id, step, text, now, cause=cause, others=others)
    for step in this.worked:
        await admin_alerts.resolve(session, row.guild_id, step, now, session_id=row.id)


async def _do(
    db: Database, discord: Discord, clock: Clock, step: Step, row: CoachingSession, guild: Guild
) -> datetime | None:
    """Do one step; returns when to look again if it has to wait."""
    match step:
        case Step.MAKE_ROOM:
            people = await departures.present_members(db, discord, clock, row)
            if _can_meet(row, people) or guild.keep_after_departure:
                return await rooms.make_room(db, discord, clock, row, guild)
        case Step.OPEN_ROOM:
            people = await departures.present_members(db, discord, clock, row)
            if _can_meet(row, people) or guild.keep_after_departure:
                await rooms.open_room(db, discord, clock, row, guild, people)
        case Step.START:
            await _start(db, row, clock())
        case Step.FINISH:
            await _finish(db, discord, clock, row, guild)
        case Step.REMOVE_ROOM:
            return await rooms.remove_room(db, discord, clock, row, guild)
    return None


def _can_meet(row: CoachingSession, people: Collection[int]) -> bool:
    """Whether those who are still in the server include the coach and, in a session for one, the student."""
    return row.coach_id in people and (row.is_workshop or len(people) == len(row.people))


async def _start(db: Database, row: CoachingSession, now: datetime) -> None:
    async with db.begin() as session:
        current = await session.get_one(CoachingSession, row.id, with_for_update=True)
        if _is_as_before(current, row):
            current.status, current.updated_at = SessionStatus.IN_PROGRESS, now
            for one in current.participants:
                one.membership_due_at = None
            await outbox.requeue_direct(session, current.id, now)
            events.record_by_bot(session, current, "session_in_progress", now)


async def _finish(db: Database, discord: Discord, clock: Clock, row: CoachingSession, guild: Guild) -> None:
    async with db.read() as session:
        absent_ids = await outcomes.absent_ids(session, row, guild, row.ends_at)
    kept_out = await excuses.inspect_absences(discord, row, guild, absent_ids)
    now = clock()
    async with db.begin() as session:
        current = await session.get_one(CoachingSession, row.id, with_for_update=True)
        if _is_as_before(current, row):
            guild = await session.get_one(Guild, current.guild_id)
            await outcomes.finish(session, current, guild, now, kept_out)
            if current.access_granted_at is not None and not current.rooms_lost:
                await admin_alerts.resolve(session, current.guild_id, rooms.DELETED, now, session_id=current.id)


def _is_as_before(current: CoachingSession, row: CoachingSession) -> bool:
    """Whether it wasn't cancelled, rescheduled or extended meanwhile."""
    return (current.status, current.starts_at, current.ends_at) == (row.status, row.starts_at, row.ends_at)
