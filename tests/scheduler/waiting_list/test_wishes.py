"""Joining and leaving the waiting list."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Guild, Member, Wish, WishEnd
from models.storage.database import Database
from scheduler.booking import blocks
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, Blocked, NotBookable, NotFound, TooLate, Unreadable
from scheduler.waiting_list import offers, wishes
from tests.support.builders import ADMIN, COACH, DAY, GUILD, MONDAY, refusal
from tests.support.transactions import attempt, fetch, query, transact
from tests.support.waiting_list import WAITING, a_line, wanted

ANN, BOB, CAT = WAITING[:3]
NIGHT = {"from_minute": 0, "until_minute": 300}
"""Hours in which nothing is free."""


async def add(
    session: AsyncSession, actor: Actor = ANN, coach_id: int | None = COACH, minutes: int = 60, **changed: Any
) -> Wish:
    guild = await session.get_one(Guild, GUILD)
    return await wishes.add(session, guild, actor, coach_id, minutes, wanted(**NIGHT | changed), MONDAY)


async def test_a_wish_is_stored_and_the_same_again_is_the_same(db: Database) -> None:
    await a_line(db)
    async with db.begin() as session:
        session.add(Member(user_id=ANN.user_id, dms_closed_at=MONDAY))

    wish, again = await transact(db, add), await transact(db, add)

    assert (wish.id, wish.next_step_at) == (again.id, wish.until)
    assert (await fetch(db, Member, ANN.user_id)).dms_closed_at is None


async def test_three_wishes_are_enough(db: Database) -> None:
    await a_line(db)
    for minutes in (30, 60, 90):
        await transact(db, add, minutes=minutes)

    await refusal(db, TooLate, lambda session: add(session, coach_id=None))
    await transact(db, add, BOB)


@pytest.mark.parametrize(
    "changed",
    [
        {"weekdays": 0},
        {"weekdays": 128},
        {"from_minute": 300},
        {"until_minute": 1441},
        {"until": MONDAY},
        {"until": MONDAY + 61 * DAY},
    ],
)
async def test_what_cannot_be_is_refused(db: Database, changed: dict[str, Any]) -> None:
    await a_line(db)

    await refusal(db, Unreadable, lambda session: add(session, **changed))


async def test_who_cannot_book_cannot_wait(db: Database) -> None:
    await a_line(db)
    await transact(db, blocks.block, GUILD, BOB.user_id, ADMIN, (BlockedFrom.BOOKING,), "", MONDAY)

    assert isinstance(await attempt(db, add, BOB), Blocked)
    assert isinstance(await attempt(db, add, Actor(COACH)), NotBookable)
    assert isinstance(await attempt(db, add, coach_id=1), NotFound)
    assert isinstance(await attempt(db, add, minutes=45), NotBookable)
    assert isinstance(await attempt(db, add, coach_id=None, minutes=45), NotBookable)


@pytest.mark.parametrize("coach_id", [COACH, None])
async def test_nobody_waits_for_what_is_free_now(db: Database, coach_id: int | None) -> None:
    await a_line(db, hours=[(3, 600, 660)])

    refused = await refusal(
        db, NotBookable, lambda session: add(session, coach_id=coach_id, from_minute=0, until_minute=1440)
    )

    assert "You needn't wait: Cara is free" in str(refused)


async def test_places_count_the_people_ahead_who_want_the_same_coach(db: Database) -> None:
    line, _ = await a_line(db)
    await line.waits(BOB, coach_id=COACH)
    await line.waits(BOB)
    await line.waits(CAT)
    await transact(db, add)

    [place] = await query(db, wishes.places, [GUILD], ANN.user_id, MONDAY)

    assert (place.place, place.coach_name) == (3, "Cara")


async def test_only_its_student_ends_a_wish_and_once(db: Database) -> None:
    await a_line(db)
    wish = await transact(db, add)

    assert isinstance(await attempt(db, offers.stop, wish.id, BOB, MONDAY), NotFound)
    ended = await transact(db, offers.stop, wish.id, ANN, MONDAY)
    assert (ended.end_reason, ended.next_step_at) == (WishEnd.STOPPED, None)
    assert isinstance(await attempt(db, offers.stop, wish.id, ANN, MONDAY), AlreadyDecided)
