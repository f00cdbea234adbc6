"""Doing what `scheduler.sessions.lifecycle` says is due: at Discord first, then on the row.

Every step may run twice. A step that failed is retried with growing pauses kept on the row, and keeps neither
the session's other steps nor other sessions waiting.
"""

import logging
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, SessionStatus
from models.storage.database import Database
from scheduler.attendance import excuses
from scheduler.attendance import outcomes as session_outcomes
from scheduler.booking import departures
from scheduler.core import retry
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure, NotInServer, RoomGone
from scheduler.core.task_pool import Jobs, TaskPool
from scheduler.loop.ports import Discord
from scheduler.notifications import admin_alerts, bot_removal
from scheduler.notifications.room_names import without_name
from scheduler.rooms import rooms
from scheduler.sessions import events
from scheduler.sessions.lifecycle import AT_DISCORD, LeadTimes, Step, hard_limit, life_of, next_step
from scheduler.sessions.planning import lead_times

log = logging.getLogger(__name__)

_SELDOM, _RARELY = timedelta(minutes=10), timedelta(hours=6)
_UNANSWERED = timedelta(minutes=1)
"""The longest pause while Discord doesn't answer, since nothing tells us when it does again."""
_GIVEN_UP_AFTER = timedelta(days=7)
"""Counted from when the last people had to be out. After that, only an admin can help."""
_FEWEST_TRIES = 10
"""Never give up before so many tries: the bot may have been down all week."""
_MOST_STEPS = 12  # a session has five; a room that keeps vanishing must not keep a tick from ending


async def advance_due(
    db: Database, discord: Discord, clock: Clock, pool: TaskPool[tuple[list[str], list[str]]]
) -> tuple[list[str], list[str]]:
    """Advance every session that is due, side by side; returns what was done and what failed, a line each.

    Sessions of the same two people run one after the other, because the next may take over the first one's room.
    Those that `pool` lets go on by themselves count when they have ended.
    """
    async with db.read() as session:
        due = await session.execute(
            select(
                CoachingSession.guild_id,
                CoachingSession.coach_id,
                CoachingSession.student_id,
                CoachingSession.starts_at,
                CoachingSession.id,
            )
            .where(CoachingSession.next_step_at.is_not(None), CoachingSession.next_step_at <= clock())
            .order_by(CoachingSession.next_step_at, CoachingSession.id)
        )
        theirs: dict[Hashable, list[tuple[datetime, int]]] = {}
        for guild_id, coach_id, student_id, starts_at, session_id in due:
            theirs.setdefault((guild_id, coach_id, student_id), []).append((starts_at, session_id))

    async def in_order(some: list[tuple[datetime, int]]) -> tuple[list[str], list[str]]:
        done: list[str] = []
        failed: list[str] = []
        for _, session_id in sorted(some):
            try:
                await _advance(db, discord, clock, session_id, done, failed)
            except Exception as error:  # the database itself, say; the others go on, and this one stays due
                log.exception("session %s could not be advanced", session_id)
                failed.append(f"session {session_id}: {type(error).__name__} (see the log)")
        return done, failed

    jobs: Jobs[tuple[list[str], list[str]]] = {two: partial(in_order, some) for two, some in theirs.items()}
    outcomes = await pool.work(jobs)
    return [line for done, _ in outcomes for line in done], [line for _, failed in outcomes for line in failed]


@dataclass(slots=True)
class _Round:
    """What became of one session's due steps."""

    due_at: datetime | None = None
    """What the row said when it began."""
    worked: set[Step] = field(default_factory=set)
    failed: dict[Step, DiscordFailure] = field(default_factory=dict)
    waits: set[Step] = field(default_factory=set)
    look_again: datetime | None = None

    @property
    def passed_over(self) -> set[Step]:
        return self.waits | self.failed.keys()


async def _advance(
    db: Database, discord: Discord, clock: Clock, session_id: int, done: list[str], failed: list[str]
) -> None:
    """Do one session's due steps until none is left, and write down when to look again."""
    this = _Round()
    for number in range(_MOST_STEPS):
        row, guild = await _load(db, session_id)
        if number == 0:
            this.due_at = row.next_step_at
        passed_over = this.passed_over | _out_of_reach(guild)
        step = next_step(life_of(row), lead_times(guild), clock(), except_for=passed_over)
        if step is None or step.at > clock():
            break
        try:
            again_at = await _do(db, discord, clock, step.step, row, guild)
        except RoomGone as gone:
            # `rooms.vanished` has recorded it, and when the room may be made again: the first time, at once.
            log.warning("session %s: %s failed: %s", session_id, step.step, gone)
            failed.append(f"{row.code} {step.step}: {gone}")
            continue
        except NotInServer:
            await bot_removal.found_removed(db, clock, row.guild_id)
            continue  # some steps don't need Discord
        except DiscordFailure as failure:
            log.warning("session %s: %s failed: %s", session_id, step.step, failure)
            this.failed[step.step] = failure
        except Exception as bug:  # the session's other steps and the other sessions go on
            log.exception("session %s: %s failed", session_id, step.step)
            this.failed[step.step] = DiscordFailure(f"{type(bug).__name__} (a bug; see the log)")
        else:
            if again_at is None:
                this.worked.add(step.step)
                done.append(f"{row.code} {step.step}")
            else:
                this.waits.add(step.step)
                this.look_again = again_at
            continue
        failed.append(f"{row.code} {step.step}: {this.failed[step.step]}")
    await _record_outcome(db, session_id, this, clock())


def _out_of_reach(guild: Guild) -> frozenset[Step]:
    """Steps that can't be done in this server until the bot is back."""
    return AT_DISCORD if guild.bot_removed_at is not None else frozenset()


async def _load(db: Database, session_id: int) -> tuple[CoachingSession, Guild]:
    async with db.read() as session:
        row = await session.get_one(CoachingSession, session_id)
        return row, await session.get_one(Guild, row.guild_id)


async def _record_outcome(db: Database, session_id: int, this: _Round, now: datetime) -> None:
    """Decide from the row as it is now (it may have been cancelled meanwhile) when it is due next."""
    async with db.begin() as session:
        row = await session.get_one(CoachingSession, session_id, with_for_update=True)
        guild = await session.get_one(Guild, row.guild_id)
        leads, beyond = lead_times(guild), _out_of_reach(guild)
        if this.failed:
            row.attempts += 1
            row.last_error = "; ".join(map(str, this.failed.values()))
        elif beyond or not rooms.is_missing(row, now):
            row.attempts, row.last_error = 0, bot_removal.NOTE if beyond else None
        possible = next_step(life_of(row), leads, now, except_for=this.passed_over | beyond)
        instants = [due.at for due in [possible] if due]
        look_again = _look_again(row, leads, this, now)
        if next_step(life_of(row), leads, now, except_for=beyond) is None:
            row.attempts, row.last_error = 0, bot_removal.NOTE if beyond else None
        else:
            # The last one may have left the room just after it was found occupied.
            changed_meanwhile = row.next_step_at if row.next_step_at != this.due_at else None
            instants += [at for at in (look_again, changed_meanwhile) if at is not None]
        row.next_step_at = min(instants, default=None)
        if is_given_up := row.next_step_at is None and row.last_error is not None and not beyond:
            row.last_error = f"given up: {row.last_error}"
            events.record_by_bot(session, row, "steps_given_up", now)
        await _tell_admins(session, row, this, now, is_given_up=is_given_up)


def _look_again(row: CoachingSession, leads: LeadTimes, this: _Round, now: datetime) -> datetime | None:
    """When to try again what failed: soon while people wait for it, then rarely, and never after a week."""
    if not this.failed:
        return this.look_again
    limit = hard_limit(life_of(row), leads)
    if now >= limit + _GIVEN_UP_AFTER and row.attempts >= _FEWEST_TRIES:
        return None
    if now >= limit:
        return now + retry.pause(row.attempts, row.id, longest=_RARELY)
    unanswered = all(one.unanswered for one in this.failed.values())
    return now + retry.pause(row.attempts, row.id, longest=_UNANSWERED if unanswered else _SELDOM)


async def _tell_admins(
    session: AsyncSession, row: CoachingSession, this: _Round, now: datetime, *, is_given_up: bool
) -> None:
    """At once of what only they can mend, after some tries of the rest, and when it works again."""
    others = await admin_alerts.failing(session, row.guild_id) if this.failed else []
    for step, failure in this.failed.items():
        cause = without_name(str(failure)) if failure.for_admins else admin_alerts.PASSING
        if is_given_up:
            text = f"{failure}. I've stopped trying after a week. Fix it, then press Retry now in "
            text += f"`/coaching session {row.code}`"
            cause = f"given up: {cause}"
            await admin_alerts.raise_alert(session, row.guild_id, step, text, now, cause=cause, others=others)
        elif failure.for_admins or row.attempts >= admin_alerts.HEARD_AFTER:
            await admin_alerts.raise_alert(
                session, row.guild_id, step, str(failure), now, cause=cause, others=others
            )
    for step in this.worked:
        await admin_alerts.resolve(session, row.guild_id, step, now, session_id=row.id)


async def _do(
    db: Database, discord: Discord, clock: Clock, step: Step, row: CoachingSession, guild: Guild
) -> datetime | None:
    """Do one step; where the room had to stay for now, the instant at which to look again."""
    match step:
        case Step.MAKE_ROOM:
            if len(await departures.present_members(db, discord, clock, row)) == 2 or guild.keep_after_departure:
                return await rooms.make_room(db, discord, clock, row, guild)
        case Step.OPEN_ROOM:
            people = await departures.present_members(db, discord, clock, row)
            if len(people) == 2 or guild.keep_after_departure:
                await rooms.open_room(db, discord, clock, row, guild, people)
        case Step.START:
            await _start(db, row, clock())
        case Step.FINISH:
            await _finish(db, discord, clock, row, guild)
        case Step.REMOVE_ROOM:
            return await rooms.remove_room(db, discord, clock, row, guild)
    return None


async def _start(db: Database, row: CoachingSession, now: datetime) -> None:
    async with db.begin() as session:
        kept = await session.get_one(CoachingSession, row.id, with_for_update=True)
        if _is_as_before(kept, row):
            kept.status, kept.updated_at, kept.membership_due_at = SessionStatus.IN_PROGRESS, now, None
            events.record_by_bot(session, kept, "session_in_progress", now)


async def _finish(db: Database, discord: Discord, clock: Clock, row: CoachingSession, guild: Guild) -> None:
    async with db.read() as session:
        absent_ids = await session_outcomes.absent_ids(session, row, guild, row.ends_at)
    kept_out = await excuses.inspect_absences(discord, row, guild, absent_ids)
    now = clock()
    async with db.begin() as session:
        kept = await session.get_one(CoachingSession, row.id, with_for_update=True)
        if _is_as_before(kept, row):
            await session_outcomes.finish(
                session, kept, await session.get_one(Guild, kept.guild_id), now, kept_out
            )
            if kept.access_granted_at is not None and not kept.rooms_lost:
                await admin_alerts.resolve(session, kept.guild_id, rooms.DELETED, now, session_id=kept.id)


def _is_as_before(kept: CoachingSession, row: CoachingSession) -> bool:
    """Whether it was neither cancelled nor moved nor prolonged meanwhile."""
    return (kept.status, kept.starts_at, kept.ends_at) == (row.status, row.starts_at, row.ends_at)
