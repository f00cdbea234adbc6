"""The database itself keeps participants in line with their session."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, CreditDispute, Participant, Review
from models.storage.database import Database
from tests.models.test_guard import some_session
from tests.support.builders import COACH, GUILD, HOUR, MONDAY, STUDENT, a_coach, everything
from tests.support.transactions import transact

ANOTHER = STUDENT + 1
SUBSTITUTE = COACH + 1


async def join(session: AsyncSession, session_id: int, user_id: int, **changed: object) -> None:
    """Give someone a place in the session that `some_session` stored, without the application's checks."""
    starts_at = await session.scalar(select(CoachingSession.starts_at).where(CoachingSession.id == session_id))
    values = {"guild_id": GUILD, "coach_id": COACH, "starts_at": starts_at, "joined_at": MONDAY}
    place = {"session_id": session_id, "user_id": user_id, "total_cost_minor": 6000}
    await session.execute(insert(Participant).values(values | place | changed))


async def change(session: AsyncSession, session_id: int, **values: object) -> None:
    """Change a session with one UPDATE, which leaves its participants to the database."""
    changed = update(CoachingSession).where(CoachingSession.id == session_id).values(**values)
    await session.execute(changed.execution_options(synchronize_session=False))


async def copies(db: Database) -> list[tuple[int, int, datetime]]:
    """Return what each participant's row says of coach and start."""
    async with db.read() as session:
        columns = Participant.user_id, Participant.coach_id, Participant.starts_at
        found = await session.execute(select(*columns).order_by(Participant.user_id))
        return [(user_id, coach_id, starts_at) for user_id, coach_id, starts_at in found]


async def test_coach_and_start_follow_the_session_in_every_participants_row(db: Database) -> None:
    session_id = await some_session(db)
    await transact(db, join, session_id, ANOTHER)
    await transact(db, a_coach, user_id=SUBSTITUTE)
    later = MONDAY + 5 * HOUR

    await transact(db, change, session_id, coach_id=SUBSTITUTE, starts_at=later, ends_at=later + HOUR)

    assert await copies(db) == [(STUDENT, SUBSTITUTE, later), (ANOTHER, SUBSTITUTE, later)]


async def test_nobody_joins_a_session_they_coach(db: Database) -> None:
    session_id = await some_session(db)
    before = await everything(db)

    with pytest.raises(IntegrityError, match="ck_session_participants_two_people"):
        await transact(db, join, session_id, COACH)

    assert await everything(db) == before


@pytest.mark.parametrize("participant", [STUDENT, ANOTHER])
async def test_nobody_becomes_the_coach_of_a_session_they_take_part_in(db: Database, participant: int) -> None:
    session_id = await some_session(db)
    await transact(db, join, session_id, ANOTHER)
    await transact(db, a_coach, user_id=participant)
    before = await everything(db)

    with pytest.raises(IntegrityError, match="ck_session_participants_two_people"):
        await transact(db, change, session_id, coach_id=participant)

    assert await everything(db) == before


@pytest.mark.parametrize("wrong", [{"coach_id": SUBSTITUTE}, {"starts_at": MONDAY}])
async def test_a_copy_never_differs_from_the_session(db: Database, wrong: dict[str, object]) -> None:
    session_id = await some_session(db)
    await transact(db, a_coach, user_id=SUBSTITUTE)

    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        await transact(db, join, session_id, ANOTHER, **wrong)

    assert [user_id for user_id, *_ in await copies(db)] == [STUDENT]


async def test_a_person_has_one_place_in_a_session(db: Database) -> None:
    session_id = await some_session(db)

    with pytest.raises(IntegrityError, match=r"pk_session_participants|session_participants\.session_id"):
        await transact(db, join, session_id, STUDENT)

    assert len(await copies(db)) == 1


async def review(session: AsyncSession, session_id: int, user_id: int) -> None:
    people = {"guild_id": GUILD, "coach_id": COACH, "student_id": user_id}
    session.add(Review(session_id=session_id, stars=5, created_at=MONDAY, updated_at=MONDAY, **people))


async def dispute(session: AsyncSession, session_id: int, user_id: int) -> None:
    session.add(CreditDispute(session_id=session_id, user_id=user_id, opened_at=MONDAY, reason="I was there."))


@pytest.mark.parametrize("write", [review, dispute])
async def test_each_participant_reviews_and_disputes_once_and_nobody_else_does(
    db: Database, write: Callable[[AsyncSession, int, int], Awaitable[None]]
) -> None:
    session_id = await some_session(db)
    await transact(db, join, session_id, ANOTHER)
    for user_id in (STUDENT, ANOTHER):
        await transact(db, write, session_id, user_id)

    for user_id in (STUDENT, ANOTHER, ANOTHER + 1):
        with pytest.raises(IntegrityError):
            await transact(db, write, session_id, user_id)
