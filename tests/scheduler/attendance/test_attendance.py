"""Recording who comes and goes, from the events of voice channels."""

from datetime import datetime

import pytest
from sqlalchemy import select

from models import Absent, Attendance, SessionStatus
from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.attendance.attendance import Presence
from scheduler.rooms import rooms
from tests.support.attended_sessions import ELEVEN, ROOM, a_meeting, at, finished, stays
from tests.support.builders import COACH, HOUR, MINUTE, STUDENT, a_session, change_session
from tests.support.stored import session_now
from tests.support.transactions import fetch_all, query, transact

OTHER_ROOM = ROOM + 1


async def join(db: Database, user_id: int, minute: int, room: int = ROOM) -> None:
    await transact(db, attendance.record_join, room, user_id, at(minute))


async def leave(db: Database, user_id: int, minute: int, room: int = ROOM) -> bool:
    return await transact(db, attendance.record_leave, room, user_id, at(minute))


async def attended(db: Database, session_id: int, now: datetime = ELEVEN) -> dict[int, Presence]:
    return await query(db, attendance.attended, await session_now(db, session_id), now)


async def test_joining_and_leaving_are_recorded(db: Database) -> None:
    session_id = await a_meeting(db)

    await join(db, COACH, -3)
    await join(db, STUDENT, 2)
    can_go = await leave(db, STUDENT, 50)

    assert await stays(db) == [(COACH, at(-3), None), (STUDENT, at(2), at(50))]
    assert not can_go  # the session isn't over
    assert await attended(db, session_id) == {
        COACH: Presence(at(-3), 63 * MINUTE),
        STUDENT: Presence(at(2), 48 * MINUTE),
    }


async def test_the_same_event_twice_counts_once(db: Database) -> None:
    await a_meeting(db)

    for minute in (2, 3):
        await join(db, STUDENT, minute)
    for minute in (50, 55):
        await leave(db, STUDENT, minute)

    assert await stays(db) == [(STUDENT, at(2), at(50))]


async def test_someone_who_joins_again_has_two_stays(db: Database) -> None:
    session_id = await a_meeting(db)

    for since, until in ((0, 10), (30, 45)):
        await join(db, STUDENT, since)
        await leave(db, STUDENT, until)

    assert await stays(db) == [(STUDENT, at(0), at(10)), (STUDENT, at(30), at(45))]
    assert (await attended(db, session_id))[STUDENT] == Presence(at(0), 25 * MINUTE)


async def test_other_people_in_the_room_are_not_recorded(db: Database) -> None:
    await a_meeting(db, (STUDENT, 0, None))

    await join(db, STUDENT + 1, 5)
    await leave(db, STUDENT + 1, 6)

    assert await stays(db) == [(STUDENT, at(0), None)]


async def test_other_channels_are_not_recorded(db: Database) -> None:
    await a_meeting(db, (STUDENT, 0, None))

    await join(db, COACH, 5, OTHER_ROOM)
    can_go = await leave(db, STUDENT, 6, OTHER_ROOM)

    assert not can_go
    assert await stays(db) == [(STUDENT, at(0), None)]


async def test_joining_the_room_of_another_session_does_not_count_for_this_one(db: Database) -> None:
    session_id = await a_meeting(db, (STUDENT, 0, 60))
    values = {"student_id": STUDENT + 1, "reserved": False, "discord_channel_id": OTHER_ROOM}
    other = await transact(db, a_session, starts_at=ELEVEN, **values)

    await join(db, COACH, 5, OTHER_ROOM)  # the coach of both
    await join(db, STUDENT, 5, OTHER_ROOM)  # not in that session

    rows = await fetch_all(db, select(Attendance).order_by(Attendance.id))
    assert [(one.session_id, one.user_id) for one in rows] == [(session_id, STUDENT), (other.id, COACH)]
    assert (await finished(db, session_id)).absent is Absent.COACH


async def test_a_removed_room_does_not_count_any_more(db: Database) -> None:
    await a_meeting(db, room_removed_at=ELEVEN)

    await join(db, STUDENT, 70)

    assert await stays(db) == []
    assert not await query(db, attendance.is_any_room, [ROOM])


async def test_channels_that_are_rooms_are_recognized(db: Database) -> None:
    await a_meeting(db)

    async with db.read() as session:
        known = [await attendance.is_any_room(session, ids) for ids in ([ROOM], [OTHER_ROOM, ROOM], [], [1])]

    assert known == [True, True, False, False]


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.NO_SHOW, SessionStatus.CANCELLED])
async def test_leaving_the_room_of_a_session_that_is_over_makes_its_removal_due(
    db: Database, status: SessionStatus
) -> None:
    session_id = await a_meeting(db, status=status, next_step_at=at(64))

    assert await leave(db, STUDENT, 63)

    assert (await session_now(db, session_id)).next_step_at == at(63)


async def test_attendance_ends_with_the_session(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, 90), (STUDENT, 10, None))
    await join(db, STUDENT, 61)

    assert await attended(db, session_id, at(120)) == {
        COACH: Presence(at(0), HOUR),
        STUDENT: Presence(at(10), 50 * MINUTE),
    }


async def test_attendance_of_a_running_session_goes_up_to_now(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None))

    assert (await attended(db, session_id, at(20)))[COACH] == Presence(at(0), 20 * MINUTE)


async def test_joining_before_a_session_was_rescheduled_does_not_count(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, -200, -180), (STUDENT, -200, -180), (COACH, 0, 60))
    await change_session(db, session_id, rescheduled_at=at(-170))

    assert (await finished(db, session_id)).absent is Absent.STUDENT
    assert (await attended(db, session_id))[STUDENT].first_joined_at is None


async def test_deleting_a_room_ends_the_stays_in_it(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None), (STUDENT, 5, 10))

    assert await transact(db, rooms.handle_deleted_channel, ROOM, at(20))

    assert await stays(db) == [(COACH, at(0), at(20)), (STUDENT, at(5), at(10))]
    assert (await session_now(db, session_id)).next_step_at == at(20)
