"""What's in the database after a use case."""

from datetime import datetime

from sqlalchemy import ColumnElement, select

from models import CoachingSession, Notification, NotificationKind, Reservation
from models.storage.database import Database
from tests.support.transactions import fetch, fetch_all, fetch_only


async def session_now(db: Database, session_id: int) -> CoachingSession:
    """Return the session as it is now."""
    return await fetch(db, CoachingSession, session_id)


async def session_called(db: Database, code: str = "abc") -> CoachingSession:
    """Return the session with this code as it is now."""
    return await fetch_only(db, select(CoachingSession).where(CoachingSession.code == code))


async def notifications(db: Database, *which: ColumnElement[bool]) -> list[Notification]:
    """Return all notifications, or `which` of them, oldest first."""
    return await fetch_all(db, select(Notification).where(*which).order_by(Notification.id))


async def enqueued(db: Database, *which: ColumnElement[bool]) -> list[tuple[NotificationKind, int | None]]:
    """Return kind and recipient of all notifications, or `which` of them, oldest first."""
    return [(one.kind, one.user_id) for one in await notifications(db, *which)]


async def still_enqueued(db: Database) -> list[tuple[NotificationKind, int | None]]:
    """Return kind and recipient of all notifications that weren't given up or withdrawn, oldest first."""
    return await enqueued(db, Notification.given_up_at.is_(None))


async def reservations(db: Database) -> list[tuple[int, datetime, datetime]]:
    """Return person, start and end of every reservation, by person."""
    rows = await fetch_all(db, select(Reservation).order_by(Reservation.user_id, Reservation.starts_at))
    return [(one.user_id, one.starts_at, one.ends_at) for one in rows]
