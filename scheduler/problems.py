"""What only an admin can solve: told at once, then rarely while it lasts, and once more when it is over."""

from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, NoticeKind, Problem
from models.database import insert_if_absent
from scheduler import notices

HEARD_AFTER = 3
"""Failures in a row, of what may well heal by itself, after which admins hear of it."""
LOG_CHANNEL = "log_channel"
"""The key of what is wrong with the channel in which admins are told of problems."""
_PAUSES = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""How long admins hear nothing more about it: after the first time, the second, and any later one."""


async def report(session: AsyncSession, guild_id: int, key: str, text: str, now: datetime) -> None:
    """Say that this does not work; admins hear of it unless they have just been told."""
    await insert_if_absent(
        session, Problem, guild_id=guild_id, key=key, text=text, since=now, told_at=now, times_told=0
    )
    problem = (await session.scalars(_problem(guild_id, key).with_for_update())).one()
    problem.text = text
    if problem.fixed_at is not None:
        problem.fixed_at, problem.since = None, now
        if now - problem.told_at >= _PAUSES[0]:
            problem.times_told = 0
    if problem.times_told and now < problem.told_at + _PAUSES[min(problem.times_told, len(_PAUSES)) - 1]:
        return
    problem.told_at, problem.times_told = now, problem.times_told + 1
    notices.owe(session, NoticeKind.PROBLEM, guild_id, now=now, problem_id=problem.id)


async def works(session: AsyncSession, guild_id: int, key: str, now: datetime, *, session_id: int = 0) -> None:
    """Say that this works (again). It is over once it fails for no other session either."""
    problem = await session.scalar(_problem(guild_id, key).where(Problem.fixed_at.is_(None)))
    if problem is None or await _fails_elsewhere(session, guild_id, session_id):
        return
    problem.fixed_at = now
    if problem.told_at >= problem.since:  # else nobody has heard that it had come back
        notices.owe(session, NoticeKind.PROBLEM_FIXED, guild_id, now=now, problem_id=problem.id)


async def _fails_elsewhere(session: AsyncSession, guild_id: int, session_id: int) -> bool:
    """Among the sessions that the loop still looks at, which are few."""
    failing = select(CoachingSession.id).where(
        CoachingSession.next_step_at.is_not(None),
        CoachingSession.guild_id == guild_id,
        CoachingSession.attempts > 0,
        CoachingSession.id != session_id,
    )
    return session_id != 0 and await session.scalar(failing.limit(1)) is not None


def _problem(guild_id: int, key: str) -> Select[Problem]:
    return select(Problem).where(Problem.guild_id == guild_id, Problem.key == key)
