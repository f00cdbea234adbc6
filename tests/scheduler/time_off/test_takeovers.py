"""What a takeover changes, and for whom the session counts from then on."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Attendance,
    CoachingSession,
    Guild,
    Heartbeat,
    NotificationKind,
    Participant,
    Reservation,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.attendance import attendance, outcomes
from scheduler.booking import cancellation
from scheduler.core.errors import NotFound
from scheduler.reports import earnings
from scheduler.reports.earnings import Earned
from tests.support.bookings import CARA, STU
from tests.support.builders import ADMIN, COACH, GUILD, HOUR, MINUTE, MONDAY, STUDENT
from tests.support.time_off import SAM, SAMS, accept, asked, sent_to
from tests.support.transactions import attempt, fetch_all, fetch_only, query, transact
from tests.support.waiting_list import WEDNESDAY_TEN


async def test_reminders_go_to_the_substitute_and_no_longer_to_the_coach(db: Database) -> None:
    question = await asked(db)

    await accept(db, question, SAMS)
    await accept(db, question, STU)

    planned = {
        person: [one.due_at is not None for one in await sent_to(db, person, NotificationKind.SESSION_REMINDER)]
        for person in (COACH, SAM, STUDENT)
    }
    assert planned == {COACH: [False, False], SAM: [True, True], STUDENT: [True, True]}


async def test_hours_do_not_matter_but_buffers_do(db: Database) -> None:
    question = await asked(db, substitute={"hours": [], "buffer_before_minutes": 15, "buffer_after_minutes": 15})

    await accept(db, question, SAMS)
    await accept(db, question, STU)

    reserved = await fetch_only(db, select(Reservation).where(Reservation.user_id == SAM))
    assert (reserved.starts_at, reserved.ends_at) == (
        WEDNESDAY_TEN - 15 * MINUTE,
        WEDNESDAY_TEN + HOUR + 15 * MINUTE,
    )


async def test_a_session_taken_over_counts_for_the_substitute(db: Database) -> None:
    question = await asked(db)
    await accept(db, question, SAMS)
    await accept(db, question, STU)

    coached = await fetch_all(db, select(CoachingSession.coach_id))
    of_participants = await fetch_all(db, select(Participant.coach_id))
    by_sam = await transact(db, cancellation.cancel, question.session_id, SAMS, GUILD, "Ill", MONDAY)
    by_cara = await attempt(db, cancellation.cancel, question.session_id, CARA, GUILD, "", MONDAY)

    assert (coached, of_participants) == ([SAM], [SAM])
    assert by_sam.status is SessionStatus.CANCELLED
    assert isinstance(by_cara, NotFound)


async def test_the_statement_has_it_for_the_substitute_at_the_agreed_price(db: Database) -> None:
    question = await asked(db, substitute={"rate_minor": 9000})
    await accept(db, question, SAMS)
    await accept(db, question, STU)

    await transact(db, _take_place, question.session_id)

    [earned] = await query(db, _earned)
    assert (earned.coach_id, earned.total_minor) == (SAM, 6000)


async def _take_place(session: AsyncSession, session_id: int) -> None:
    row = await session.get_one(CoachingSession, session_id)
    row.status, row.access_granted_at = SessionStatus.IN_PROGRESS, row.starts_at
    session.add_all(
        Attendance(session_id=row.id, user_id=one, joined_at=row.starts_at, left_at=row.ends_at)
        for one in (SAM, STUDENT)
    )
    await session.merge(Heartbeat(job=attendance.WATCH, at=row.ends_at))
    await session.flush()
    await outcomes.finish(session, row, await session.get_one(Guild, GUILD), row.ends_at)


async def _earned(session: AsyncSession) -> list[Earned]:
    guild = await session.get_one(Guild, GUILD)
    return await earnings.by_month(session, guild, ADMIN, WEDNESDAY_TEN + 2 * HOUR)
