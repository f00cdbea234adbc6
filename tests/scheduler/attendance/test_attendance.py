"""Who came and went, as it is written down from the events of voice channels."""

from datetime import datetime

import pytest
from sqlalchemy import select

from models import Absent, Attendance, SessionStatus
from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.attendance.attendance import Presence
from scheduler.rooms import rooms
from tests.support.attended_sessions import ELEVEN, ROOM, a_meeting, at, finished, found, stays
from tests.support.builders import COACH, HOUR, MINUTE, STUDENT, a_session, change_session
from tests.support.transactions import query, transact

OTHER_ROOM = ROOM + 1


async def comes(db: Database, user_id: int, minute: int, room: int = ROOM) -> None:
    await transact(db, attendance.record_join, room, user_id, at(minute))


async def goes(db: Database, user_id: int, minute: int, room: int = ROOM) -> bool:
    return await transact(db, attendance.record_leave, room, user_id, at(minute))


async def attended(db: Database, session_id: int, now: datetime = ELEVEN) -> dict[int, Presence]:
    row = await found(db, session_id)
    return await query(db, attendance.attended, row, now)


# Events.


async def test_who_comes_and_goes_is_written_down(db: Database) -> None:
    session_id = await a_meeting(db)

    await comes(db, COACH, -3)
    await comes(db, STUDENT, 2)
    may_go = await goes(db, STUDENT, 50)

    assert await stays(db) == [(COACH, at(-3), None), (STUDENT, at(2), at(50))]
    assert not may_go  # the session is not over
    assert await attended(db, session_id) == {
        COACH: Presence(at(-3), 63 * MINUTE),
        STUDENT: Presence(at(2), 48 * MINUTE),
    }


async def test_the_same_event_twice_counts_once(db: Database) -> None:
    await a_meeting(db)

    for minute in (2, 3):
        await comes(db, STUDENT, minute)
    for minute in (50, 55):
        await goes(db, STUDENT, minute)

    assert await stays(db) == [(STUDENT, at(2), at(50))]


async def test_somebody_who_comes_again_has_two_stays(db: Database) -> None:
    session_id = await a_meeting(db)

    for since, until in ((0, 10), (30, 45)):
        await comes(db, STUDENT, since)
        await goes(db, STUDENT, until)

    assert await stays(db) == [(STUDENT, at(0), at(10)), (STUDENT, at(30), at(45))]
    assert (await attended(db, session_id))[STUDENT] == Presence(at(0), 25 * MINUTE)


async def test_other_people_in_the_room_leave_no_trace(db: Database) -> None:
    await a_meeting(db, (STUDENT, 0, None))

    await comes(db, STUDENT + 1, 5)
    await goes(db, STUDENT + 1, 6)

    assert await stays(db) == [(STUDENT, at(0), None)]


async def test_a_channel_that_is_no_room_is_none_of_our_business(db: Database) -> None:
    await a_meeting(db, (STUDENT, 0, None))

    await comes(db, COACH, 5, OTHER_ROOM)
    may_go = await goes(db, STUDENT, 6, OTHER_ROOM)

    assert not may_go
    assert await stays(db) == [(STUDENT, at(0), None)]


async def test_in_the_room_of_another_session_nobody_attends_this_one(db: Database) -> None:
    session_id = await a_meeting(db, (STUDENT, 0, 60))
    async with db.begin() as session:
        other = (
            await a_session(
                session, student_id=STUDENT + 1, starts_at=ELEVEN, reserved=False, discord_channel_id=OTHER_ROOM
            )
        ).id

    await comes(db, COACH, 5, OTHER_ROOM)  # its coach, who is also this one's
    await comes(db, STUDENT, 5, OTHER_ROOM)  # not of that session

    async with db.read() as session:
        rows = await session.execute(select(Attendance.session_id, Attendance.user_id).order_by(Attendance.id))
        assert [tuple(row) for row in rows] == [(session_id, STUDENT), (other, COACH)]
    assert (await finished(db, session_id)).absent is Absent.COACH


async def test_a_room_that_is_gone_counts_no_more(db: Database) -> None:
    await a_meeting(db, room_removed_at=ELEVEN)

    await comes(db, STUDENT, 70)

    assert await stays(db) == []
    assert not await query(db, attendance.is_any_room, [ROOM])


async def test_it_is_known_which_channels_are_rooms(db: Database) -> None:
    await a_meeting(db)

    async with db.read() as session:
        known = [await attendance.is_any_room(session, ids) for ids in ([ROOM], [OTHER_ROOM, ROOM], [], [1])]

    assert known == [True, True, False, False]


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.NO_SHOW, SessionStatus.CANCELLED])
async def test_whoever_leaves_the_room_of_a_session_that_is_over_makes_its_removal_due(
    db: Database, status: SessionStatus
) -> None:
    session_id = await a_meeting(db, (STUDENT, 0, None), status=status, next_step_at=at(75))

    may_go = await goes(db, STUDENT, 63)

    assert may_go
    assert (await found(db, session_id)).next_step_at == at(63)


async def test_a_removal_that_was_put_off_is_due_at_once_when_somebody_leaves(db: Database) -> None:
    session_id = await a_meeting(db, status=SessionStatus.COMPLETED, next_step_at=at(64))

    await goes(db, STUDENT, 63)

    assert (await found(db, session_id)).next_step_at == at(63)


async def test_who_is_still_inside_after_the_end_was_there_until_the_end(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, 90), (STUDENT, 10, None))
    await comes(db, STUDENT, 61)

    at_noon = await attended(db, session_id, at(120))

    assert at_noon == {COACH: Presence(at(0), HOUR), STUDENT: Presence(at(10), 50 * MINUTE)}


async def test_in_the_middle_attendance_is_told_as_far_as_it_has_got(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None))

    assert (await attended(db, session_id, at(20)))[COACH] == Presence(at(0), 20 * MINUTE)


async def test_who_came_before_the_session_was_moved_has_not_come_to_it_now(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, -200, -180), (STUDENT, -200, -180), (COACH, 0, 60))
    await change_session(db, session_id, rescheduled_at=at(-170))

    judged = await finished(db, session_id)

    assert judged.absent is Absent.STUDENT
    assert (await attended(db, session_id))[STUDENT].first_joined_at is None


async def test_who_is_inside_when_their_room_is_deleted_is_inside_no_more(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None), (STUDENT, 5, 10))

    assert await transact(db, rooms.channel_deleted, ROOM, at(20))

    assert await stays(db) == [(COACH, at(0), at(20)), (STUDENT, at(5), at(10))]
    assert (await found(db, session_id)).next_step_at == at(20)
