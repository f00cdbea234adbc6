"""A room that someone deletes."""

from models import CoachingSession, Notification, NotificationKind
from models.storage.database import Database
from scheduler.rooms import rooms
from tests.support.builders import MONDAY, a_server_with_a_coach, a_session
from tests.support.stored import notifications
from tests.support.transactions import transact


async def test_admins_are_alerted_once_a_room_is_deleted_again(db: Database) -> None:
    await a_server_with_a_coach(db)
    session_id = (await transact(db, a_session)).id
    alerts: list[int] = []

    for _ in range(3):
        async with db.begin() as session:
            await rooms.mark_room_lost(session, await session.get_one(CoachingSession, session_id), MONDAY)
        alerts.append(len(await notifications(db, Notification.kind == NotificationKind.ALERT)))

    assert alerts == [0, 1, 1]
