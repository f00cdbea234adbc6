"""A seat becomes free while many press for it and somebody waits for it."""

import asyncio
from collections import Counter
from functools import partial

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import FreedTime, Hold, Wish
from models.storage.database import Database
from scheduler.booking import releases
from scheduler.core.actor import Actor
from scheduler.waiting_list import answers, wishes
from scheduler.workshops import seats
from tests.support.builders import HOUR, MINUTE, MONDAY, STUDENT
from tests.support.race_worker import Press, press
from tests.support.transactions import fetch_all, transact
from tests.support.waiting_list import WAITING, Line
from tests.support.workshops import a_workshop, take, taken_by

pytestmark = pytest.mark.slow

ANN = WAITING[0]
OWNERS = STUDENT, STUDENT + 1
PRESSERS = range(10_000, 10_008)


async def take_one(session: AsyncSession, workshop: int, user_id: int) -> object:
    return await seats.take(session, workshop, Actor(user_id), MONDAY + HOUR)


async def leave(session: AsyncSession, workshop: int) -> object:
    return await seats.leave(session, workshop, Actor(OWNERS[0]), MONDAY + HOUR)


async def join(session: AsyncSession, workshop: int) -> object:
    return await wishes.add_for_seat(session, workshop, ANN, MONDAY + HOUR)


@pytest.mark.parametrize("unpaid", [False, True], ids=["left", "not paid for"])
async def test_whoever_waits_gets_the_seat_and_none_of_those_who_press(db: Database, unpaid: bool) -> None:
    workshop = await a_workshop(db, seats=2)
    await take(db, workshop, *OWNERS[unpaid:])
    if unpaid:
        await transact(db, seats.hold, workshop, Actor(OWNERS[0]), MONDAY, MONDAY + HOUR)
    line = Line(db)
    await transact(db, wishes.add_for_seat, workshop, ANN, line.now)
    line.clock.forward(HOUR)
    pressing = [press(db, partial(take_one, workshop=workshop, user_id=one)) for one in PRESSERS]
    freeing = releases.announce_expired(db, line.clock) if unpaid else press(db, partial(leave, workshop=workshop))

    ends = await asyncio.gather(*pressing[:4], freeing, *pressing[4:])

    assert Counter(one for one in ends if one is not None) == Counter(
        {Press(refused="WorkshopFull"): len(PRESSERS)} | ({} if unpaid else {Press(won=True): 1})
    )
    await line.tick()
    [offer] = await line.offers()
    by_offer = partial(answers.take, offer_id=offer.id, actor=ANN, now=line.now)
    by_press = partial(take_one, workshop=workshop, user_id=ANN.user_id)
    again = [press(db, partial(take_one, workshop=workshop, user_id=one)) for one in PRESSERS]
    both = await asyncio.gather(*again[:4], press(db, by_offer), press(db, by_press), *again[4:])
    assert Counter(both) == {Press(refused="WorkshopFull"): len(PRESSERS), Press(won=True): 2}
    assert sorted(one for one in await taken_by(db, workshop) if one) == sorted([OWNERS[1], ANN.user_id])
    assert await line.freed() == await fetch_all(db, select(Hold)) == []


@pytest.mark.parametrize("freed_first", [True, False])
async def test_whoever_joins_while_a_seat_is_left_is_not_forgotten(db: Database, freed_first: bool) -> None:
    workshop = await a_workshop(db, seats=2)
    await take(db, workshop, *OWNERS)
    joining, leaving = partial(join, workshop=workshop), partial(leave, workshop=workshop)

    for _ in range(8):
        steps = (leaving, joining) if freed_first else (joining, leaving)
        ends = dict(zip(steps, await asyncio.gather(*(press(db, one) for one in steps)), strict=True))

        kept = await fetch_all(db, select(FreedTime))
        assert ends[leaving] == Press(won=True)
        assert (ends[joining], len(kept)) in ((Press(won=True), 1), (Press(refused="NotBookable"), 0))
        async with db.begin() as session:
            await session.execute(delete(FreedTime))
            await session.execute(delete(Wish))
        await take(db, workshop, OWNERS[0], now=MONDAY + MINUTE)


async def test_one_of_those_who_are_told_gets_the_last_seat(db: Database) -> None:
    workshop = await a_workshop(db, seats=2)
    await take(db, workshop, *OWNERS)
    line, told = Line(db), WAITING[:8]
    for one in told:
        await transact(db, wishes.add_for_seat, workshop, one, line.now)
    line.clock.now = (await fetch_all(db, select(Wish)))[0].until - HOUR
    await transact(db, seats.leave, workshop, Actor(OWNERS[0]), line.now)
    await line.tick()
    offers = await line.offers()

    ends = await asyncio.gather(
        *(
            press(db, partial(answers.take, offer_id=offer.id, actor=actor, now=line.now))
            for offer, actor in zip(offers, told, strict=True)
        )
    )

    assert ends.count(Press(won=True)) == 1
    assert {one.refused for one in ends} <= {"", "WorkshopFull", "TooLate"}
    assert {one.error for one in ends} == {""}
    assert await line.open_to() == []
