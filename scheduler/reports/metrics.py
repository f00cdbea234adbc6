"""Count figures across all servers, for monitoring."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, CoachingSession, JobRun, Notification, SessionStatus
from scheduler.reports.health import last_tick_at

SENT, WAITING, GIVEN_UP = "sent", "waiting", "given_up"


class Figures(NamedTuple):
    """The figures at one moment."""

    sessions: Mapping[SessionStatus, int]
    notifications: Mapping[str, int]
    """Counts by outcome. Notifications still to be sent are waiting."""
    rooms_made: int
    rooms_removed: int
    runs: int
    """Ticks that did something, or failed to."""
    last_run: timedelta | None
    """How long the latest of them took."""
    last_tick_at: datetime | None


async def gather(session: AsyncSession) -> Figures:
    """Count everything, with one query per figure."""
    by_status = select(CoachingSession.status, func.count()).group_by(CoachingSession.status)
    state = case(
        (Notification.sent_at.is_not(None), SENT),
        (Notification.due_at.is_not(None), WAITING),
        (Notification.given_up_at.is_not(None), GIVEN_UP),
    )
    by_state = select(state, func.count()).where(state.is_not(None)).group_by(state)
    rooms = (
        select(AuditEntry.action, func.count())
        .where(AuditEntry.action.in_(("room_made", "room_removed")))
        .group_by(AuditEntry.action)
    )
    newest = select(JobRun.started_at, JobRun.finished_at).order_by(JobRun.id.desc()).limit(1)
    sessions = dict(list(await session.execute(by_status)))
    notifications = dict(list(await session.execute(by_state)))
    made = dict(list(await session.execute(rooms)))
    run = (await session.execute(newest)).one_or_none()
    return Figures(
        sessions={status: sessions.get(status, 0) for status in SessionStatus},
        notifications={name: notifications.get(name, 0) for name in (SENT, WAITING, GIVEN_UP)},
        rooms_made=made.get("room_made", 0),
        rooms_removed=made.get("room_removed", 0),
        runs=await session.scalar(select(func.count()).select_from(JobRun)) or 0,
        last_run=run.finished_at - run.started_at if run is not None else None,
        last_tick_at=await last_tick_at(session),
    )
