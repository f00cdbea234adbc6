"""What calling a session off leaves behind."""

from models import CoachingSession, Guild, Notification, NotificationKind
from models.storage.database import Database
from scheduler.sessions import events
from tests.support.bookings import ELEVEN, SAM, also_booked, booked
from tests.support.builders import COACH, DAY, GUILD, MONDAY
from tests.support.stored import notifications, reservations

REMINDER = Notification.kind == NotificationKind.SESSION_REMINDER


async def call_off(db: Database, session_id: int) -> None:
    async with db.begin() as session:
        found = await session.get_one(CoachingSession, session_id)
        await events.call_off(session, found, await session.get_one(Guild, GUILD), "", MONDAY)


async def test_calling_a_session_off_frees_its_time_and_nobody_elses(db: Database) -> None:
    session_id = await booked(db)
    await also_booked(db, ELEVEN)

    await call_off(db, session_id)

    assert [(user_id, starts_at) for user_id, starts_at, _ in await reservations(db)] == [
        (COACH, ELEVEN),
        (SAM.user_id, ELEVEN),
    ]


async def test_calling_a_session_off_drops_its_reminders_and_no_others(db: Database) -> None:
    session_id = await booked(db, starts_at=ELEVEN + DAY)
    other_id = await also_booked(db, ELEVEN + 2 * DAY)
    planned = {one.id for one in await notifications(db, REMINDER, Notification.session_id == other_id)}
    assert planned

    await call_off(db, session_id)

    still_due = await notifications(db, REMINDER, Notification.due_at.is_not(None))
    assert {one.id for one in still_due} == planned
