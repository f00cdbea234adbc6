"""Running late: who can say so, and by how much longer nobody is a no-show."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from models import Absent, AuditEntry, CoachingSession, Guild, NotificationKind, Participant, SessionStatus
from models.storage.database import Database
from scheduler.attendance import attendance, excuses, lateness
from scheduler.attendance.attendance import Stay, determine_absent
from scheduler.attendance.ports import Barrier
from scheduler.booking import cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound, TooEarly, TooLate, Unreadable
from scheduler.rooms import in_room
from scheduler.time.intervals import Interval
from tests.support import builders
from tests.support.attended_sessions import CARA, ELEVEN, STRANGER, STU, TEN, a_meeting, at, finished
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, STUDENT, a_session
from tests.support.stored import enqueued, reservations, session_now
from tests.support.stored_workshops import ANN, BEN, CLEO, a_workshop
from tests.support.transactions import fetch_only, transact

GRACE = 15
LATE = st.sampled_from([None, *lateness.CHOICES])
NOT_YET: dict[str, Any] = {"status": SessionStatus.SCHEDULED}
BARELY = timedelta(microseconds=1)


async def say(db: Database, session_id: int, actor: Actor, minutes: int, now: datetime) -> CoachingSession:
    return await transact(db, lateness.say, session_id, actor, minutes, now)


def pair(coach_late: int | None, student_late: int | None) -> CoachingSession:
    """Return a session from ten to eleven whose room opened in time, and whose people said they'd be late."""
    late = {"coach_late_minutes": coach_late, "late_minutes": student_late}
    return builders.session_for_one(
        coach_id=COACH, starts_at=TEN, ends_at=ELEVEN, access_granted_at=at(-5), **late
    )


def absent_from(row: CoachingSession, came: Mapping[int, int]) -> set[int]:
    """Determine who is absent if each came at their minute, for a moment and without meeting anybody."""
    late_at = {one: attendance.grace_ends_at(row, GRACE * MINUTE, user_id=one) for one in row.people}
    stays = [Stay(one, at(minute), at(minute + 0.001 * number)) for number, (one, minute) in _numbered(came)]
    return determine_absent(stays, row.coach_id, row.people[1:], Interval(row.starts_at, row.ends_at), late_at)


def _numbered(came: Mapping[int, int]) -> list[tuple[int, tuple[int, int]]]:
    return list(enumerate(came.items(), start=1))


@given(LATE, LATE, st.integers(0, 59), st.integers(0, 59))
def test_the_longest_lateness_moves_it_for_both(
    coach_late: int | None, student_late: int | None, coach_at: int, student_at: int
) -> None:
    row = pair(coach_late, student_late)

    absent = absent_from(row, {COACH: coach_at, STUDENT: student_at})

    limit = GRACE + max(coach_late or 0, student_late or 0)
    have_met = coach_at == student_at  # the same moment
    expected = {who for who, minute in ((COACH, coach_at), (STUDENT, student_at)) if minute >= limit}
    assert absent == (set() if have_met else expected)


@given(LATE, st.lists(LATE, min_size=3, max_size=3), st.lists(st.integers(1, 59), min_size=3, max_size=3))
def test_in_a_workshop_a_participant_moves_only_their_own(
    coach_late: int | None, late: list[int | None], came: list[int]
) -> None:
    class_ = (ANN, BEN, CLEO)
    seats = [Participant(user_id=who, late_minutes=one) for who, one in zip(class_, late, strict=True)]
    row = CoachingSession(
        coach_id=COACH, starts_at=TEN, ends_at=ELEVEN, coach_late_minutes=coach_late, participants=seats
    )
    row.is_workshop = True

    absent = absent_from(row, {COACH: 0, **dict(zip(class_, came, strict=True))})

    assert absent == {
        who
        for who, own, minute in zip(class_, late, came, strict=True)
        if minute >= GRACE + max(coach_late or 0, own or 0)
    }


@pytest.mark.parametrize(("late", "ends", "until"), [(15, 60, 30), (15, 20, 20), (5, 60, 20)])
def test_no_grace_period_is_longer_than_the_session(late: int, ends: int, until: int) -> None:
    row = pair(late, None)

    assert attendance.grace_ends_at(row, GRACE * MINUTE, at(ends)) == at(until)


def test_without_a_grace_period_the_minute_that_everybody_has_grows() -> None:
    assert attendance.grace_ends_at(pair(None, 10), timedelta(0)) == at(11)


@pytest.mark.parametrize("actor", [CARA, STU])
async def test_the_other_is_told_and_only_the_no_show_moves(db: Database, actor: Actor) -> None:
    session_id = await a_meeting(db, **NOT_YET)
    taken = await reservations(db)

    one = await say(db, session_id, actor, 10, at(-30))

    other = one.other(actor.user_id)
    entry = await fetch_only(db, select(AuditEntry))
    assert await enqueued(db) == [(NotificationKind.RUNNING_LATE, other)]
    assert (one.starts_at, one.ends_at, await reservations(db)) == (TEN, ELEVEN, taken)
    assert attendance.grace_ends_at(one, GRACE * MINUTE) == at(25)
    assert (entry.action, entry.actor_id, entry.details) == ("running_late", actor.user_id, {"minutes": 10})


@pytest.mark.parametrize(("joined", "absent"), [(24, None), (25, Absent.STUDENT)])
async def test_a_late_student_is_a_no_show_to_the_minute(db: Database, joined: int, absent: Absent | None) -> None:
    session_id = await a_meeting(db, (COACH, 0, 5), (STUDENT, joined, joined + 1), **NOT_YET)
    await say(db, session_id, STU, 10, at(-1))

    one = await finished(db, session_id)

    assert one.absent is absent


async def test_a_late_coach_gives_the_student_as_long(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 14, 15), (STUDENT, 19, 20), **NOT_YET)
    await say(db, session_id, CARA, 5, at(-1))

    assert (await finished(db, session_id)).absent is None


@pytest.mark.parametrize(
    ("now", "refused"),
    [
        (at(-60) - BARELY, TooEarly),
        (at(-60), None),
        (at(15) - BARELY, None),
        (at(15), TooLate),
    ],
)
async def test_from_an_hour_before_until_the_grace_period_ends(
    db: Database, now: datetime, refused: type[Exception] | None
) -> None:
    session_id = await a_meeting(db, **NOT_YET)

    if refused is None:
        assert (await say(db, session_id, STU, 5, now)).student.late_minutes == 5
    else:
        with pytest.raises(refused):
            await say(db, session_id, STU, 5, now)
    one = await session_now(db, session_id)
    async with db.read() as session:
        can = lateness.can_say(pair(None, None), await session.get_one(Guild, GUILD), STUDENT, now)
    assert (refused is None, one.student.late_minutes) == (False, None) if refused else (True, 5)
    assert not can or refused is None


async def test_what_the_other_said_gives_more_time_to_say_it(db: Database) -> None:
    session_id = await a_meeting(db, **NOT_YET)
    await say(db, session_id, CARA, 15, at(14))

    one = await say(db, session_id, STU, 5, at(29))

    assert (one.coach_late_minutes, one.student.late_minutes) == (15, 5)
    assert attendance.grace_ends_at(one, GRACE * MINUTE) == at(30)


async def test_once_for_each_side(db: Database) -> None:
    session_id = await a_meeting(db, **NOT_YET)
    await say(db, session_id, STU, 5, at(-9))

    await say(db, session_id, STU, 5, at(-8))  # a double press
    with pytest.raises(AlreadyDecided, match="You've already said that you'll be 5 minutes late"):
        await say(db, session_id, STU, 15, at(-7))

    assert await enqueued(db) == [(NotificationKind.RUNNING_LATE, COACH)]
    assert (await session_now(db, session_id)).student.late_minutes == 5


async def test_only_its_people_can_say_so_and_only_what_is_offered(db: Database) -> None:
    session_id = await a_meeting(db, **NOT_YET)

    for stranger in (STRANGER, builders.ADMIN):
        with pytest.raises(NotFound, match="You have no such session"):
            await say(db, session_id, stranger, 5, at(-9))
    with pytest.raises(Unreadable, match="You can be 5, 10, 15 minutes late, not 60"):
        await say(db, session_id, STU, 60, at(-9))


async def test_who_is_in_the_room_is_not_late(db: Database) -> None:
    session_id = await a_meeting(db, (STUDENT, -3, None), **NOT_YET)

    with pytest.raises(NotAllowed, match="You're in the room already"):
        await say(db, session_id, STU, 5, at(1))


async def test_of_a_cancelled_session_nobody_is_late(db: Database) -> None:
    session_id = await a_meeting(db, **NOT_YET)
    await transact(db, cancellation.cancel, session_id, STU, None, "", at(-20))

    with pytest.raises(TooLate, match="the time to show up has passed"):
        await say(db, session_id, STU, 5, at(-10))


async def test_another_time_is_on_time_again(db: Database) -> None:
    async with db.begin() as session:
        await builders.a_guild(session)
        await builders.a_coach(session)
        session_id = (await a_session(session, starts_at=TEN)).id
    await say(db, session_id, CARA, 5, at(-10))
    await say(db, session_id, STU, 5, at(-10))

    moved = await transact(db, rescheduling.reschedule, session_id, STU, TEN + DAY, "", at(-9))

    assert (moved.coach_late_minutes, moved.student.late_minutes) == (None, None)
    assert (await say(db, session_id, STU, 15, at(-10) + DAY)).student.late_minutes == 15


async def test_nobody_can_cancel_or_end_it_around_a_no_show(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None))
    await say(db, session_id, STU, 10, at(14))

    with pytest.raises(TooEarly, match="Not everyone is here yet"):
        await transact(db, in_room.end_early, session_id, CARA, at(24))
    async with db.read() as session:
        row = await session.get_one(CoachingSession, session_id)
        only_end = [await cancellation.can_only_be_ended(session, row, at(minute)) for minute in (24, 25)]

    assert only_end == [False, True]
    assert (await transact(db, in_room.end_early, session_id, CARA, at(25))).ends_at == at(25)


class AskedDoors:
    """Doors that were open, which note when they were asked about."""

    def __init__(self) -> None:
        self.asked: dict[int, datetime] = {}

    async def barrier(self, guild_id: int, user_id: int, room_id: int | None, at: datetime) -> Barrier | None:
        """Note the time."""
        self.asked[user_id] = at
        return None


async def test_discord_is_asked_about_each_ones_own_time(db: Database) -> None:
    doors = AskedDoors()
    async with db.begin() as session:
        guild = await builders.a_guild(session)
        await builders.a_coach(session)
        one = await a_workshop(session, ANN, BEN, starts_at=TEN, access_granted_at=at(-5))
    await say(db, one.id, Actor(BEN), 10, at(-1))

    await excuses.inspect_absences(doors, await session_now(db, one.id), guild, [COACH, ANN, BEN])

    assert doors.asked == {COACH: at(15), ANN: at(15), BEN: at(25)}


async def test_in_a_workshop_the_coach_tells_everybody_and_a_participant_the_coach(db: Database) -> None:
    async with db.begin() as session:
        await builders.a_guild(session)
        await builders.a_coach(session)
        one = await a_workshop(session, ANN, BEN, CLEO, left=[CLEO], starts_at=TEN)

    await say(db, one.id, Actor(BEN), 10, at(-HOUR / MINUTE))
    await say(db, one.id, CARA, 5, at(-9))
    with pytest.raises(NotFound, match="You have no such session"):
        await say(db, one.id, Actor(CLEO), 5, at(-9))

    late = NotificationKind.RUNNING_LATE
    assert await enqueued(db) == [(late, COACH), (late, ANN), (late, BEN)]
