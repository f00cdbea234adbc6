"""What frees time for the waiting list, and what doesn't."""

from datetime import timedelta

from sqlalchemy import select

from models import BlockedFrom, CoachingSession, Guild, Hold, OfferState, SessionStatus, WishEnd
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.booking import blocks, cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.waiting_list import answers
from tests.support.bookings import CARA, STU, book, hold
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    a_session,
)
from tests.support.transactions import fetch_all, transact
from tests.support.waiting_list import WAITING, WEDNESDAY_TEN, Line, a_line

ANN, BOB, CAT = WAITING[:3]


async def test_a_rescheduled_session_frees_its_old_time(db: Database) -> None:
    line, booked = await a_line(db, hours=[(2, 600, 660), (3, 600, 660)])
    await line.waits(ANN)

    await transact(db, rescheduling.reschedule, booked, STU, WEDNESDAY_TEN + DAY, "", line.now)
    await line.tick()

    [offer] = await line.offers()
    assert (offer.user_id, offer.starts_at) == (ANN.user_id, WEDNESDAY_TEN)


async def test_what_a_rescheduled_session_still_takes_is_not_freed(db: Database) -> None:
    line, booked = await a_line(db, hours=[(2, 600, 690)])
    await line.waits(ANN, minutes=60)
    await line.waits(BOB, minutes=30)

    await transact(db, rescheduling.reschedule, booked, STU, WEDNESDAY_TEN + 30 * MINUTE, "", line.now)
    await line.tick()

    [offer] = await line.offers()
    assert (offer.user_id, offer.starts_at, offer.ends_at - offer.starts_at) == (
        BOB.user_id,
        WEDNESDAY_TEN,
        30 * MINUTE,
    )


async def test_a_hold_that_ran_out_frees_its_time(db: Database) -> None:
    line, booked = await a_line(db)
    await line.cancel(booked, STU)
    await transact(db, hold, CAT, WEDNESDAY_TEN)
    await line.waits(ANN)
    await line.tick()
    assert await line.offers() == []

    await line.tick(5 * MINUTE)

    assert await line.open_to() == [ANN.user_id]


async def test_confirming_a_held_time_frees_nothing(db: Database) -> None:
    line, booked = await a_line(db)
    await line.cancel(booked, STU)
    await transact(db, hold, CAT, WEDNESDAY_TEN)
    await line.waits(ANN)

    await transact(db, book, CAT, WEDNESDAY_TEN)

    assert await line.freed() == await fetch_all(db, select(Hold)) == []


async def test_a_session_that_ends_early_tells_those_who_wait_for_the_rest(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(0, 480, 660)], durations_minutes=[30])
    async with db.begin() as session:
        running = await a_session(
            session, starts_at=MONDAY + HOUR, ends_at=MONDAY + 3 * HOUR, status=SessionStatus.IN_PROGRESS
        )
    line = Line(db)
    await line.waits(ANN, minutes=30, until=MONDAY + DAY)
    line.clock.forward(HOUR + 10 * MINUTE)
    async with db.begin() as session:
        row = await session.get_one(CoachingSession, running.id)
        guild = await session.get_one(Guild, GUILD)
        await cancellation.end_early(session, row, guild, line.now)
    await line.tick()

    [offer] = await line.offers()
    assert (offer.user_id, offer.is_shared, offer.starts_at) == (ANN.user_id, True, MONDAY + 90 * MINUTE)


async def test_whoever_freed_it_is_not_offered_it(db: Database) -> None:
    line, booked = await a_line(db)
    await line.waits(STU)
    await line.cancel(booked, STU)
    await line.tick()

    assert await line.offers() == []
    assert await line.freed() == []


async def test_what_is_left_of_a_time_goes_to_the_line(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(2, 600, 690)], horizon_days=6)
    async with db.begin() as session:
        booked = await a_session(session, starts_at=WEDNESDAY_TEN, ends_at=WEDNESDAY_TEN + 90 * MINUTE)
    line = Line(db)
    await line.waits(ANN, minutes=60)
    await line.waits(BOB, minutes=30)
    await line.cancel(booked.id, STU)
    await line.tick()
    [offer] = await line.offers()

    await transact(db, answers.take, offer.id, ANN, line.now)
    await line.tick()

    [_, rest] = await line.offers()
    assert (rest.user_id, rest.starts_at) == (BOB.user_id, WEDNESDAY_TEN + HOUR)


async def test_new_hours_offer_each_a_time_of_their_own_and_one_at_a_time(db: Database) -> None:
    line, _ = await a_line(db)
    for one in (ANN, BOB):
        await line.waits(one)

    await transact(db, schedule.set_hours, GUILD, CARA, [3], [(600, 840)], line.now)
    await line.tick()

    first, second = await line.offers()
    thursday = WEDNESDAY_TEN + DAY
    assert [(one.user_id, one.starts_at) for one in (first, second)] == [
        (ANN.user_id, thursday),
        (BOB.user_id, thursday + HOUR),
    ]
    await transact(db, answers.decline, first.id, ANN, line.now)
    await line.tick()
    third = (await line.offers())[-1]
    assert (third.user_id, third.state) == (ANN.user_id, OfferState.OPEN)
    assert third.starts_at not in (first.starts_at, second.starts_at)


async def test_new_hours_can_be_booked_by_everybody_but_what_is_offered(db: Database) -> None:
    line, _ = await a_line(db)
    await line.waits(ANN)

    await transact(db, schedule.set_hours, GUILD, CARA, [3], [(600, 840)], line.now)
    booked = await transact(db, book, CAT, WEDNESDAY_TEN + DAY)
    await line.tick()

    [offer] = await line.offers()
    assert offer.starts_at == booked.ends_at


async def test_nothing_stays_behind_once_new_hours_are_worked_through(db: Database) -> None:
    line, _ = await a_line(db)
    wish = await line.waits(ANN)
    await transact(db, schedule.set_hours, GUILD, CARA, [3], [(600, 660)], line.now)
    await line.tick()
    [offer] = await line.offers()

    await transact(db, answers.take, offer.id, ANN, line.now)
    await line.tick()

    assert (await line.wish(wish)).end_reason is WishEnd.BOOKED
    assert await line.freed() == []


async def test_a_time_is_free_in_each_server_of_its_coach(db: Database) -> None:
    line, booked = await a_line(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, hours=[(2, 600, 660)], horizon_days=6, rate_minor=100)
    await line.waits(ANN, guild_id=GUILD + 1)
    await line.cancel(booked, STU)
    await line.tick()

    [offer] = await line.offers()
    assert (offer.guild_id, offer.cost_minor) == (GUILD + 1, 100)


async def test_a_block_ends_wishes_and_offers_it_to_the_next_person(db: Database) -> None:
    line, booked = await a_line(db)
    wish = await line.waits(ANN)
    await line.waits(BOB)
    await line.cancel(booked, STU)
    await line.tick()

    await transact(db, blocks.block, GUILD, ANN.user_id, ADMIN, (BlockedFrom.BOOKING,), "", line.now)
    await line.tick()

    assert (await line.wish(wish)).end_reason is WishEnd.BLOCKED
    assert await line.open_to() == [BOB.user_id]


async def test_a_wish_ends_on_its_day(db: Database) -> None:
    line, _ = await a_line(db)
    wish = await line.waits(ANN, until=MONDAY + HOUR)

    await line.tick(timedelta(minutes=59))
    assert (await line.wish(wish)).ended_at is None
    await line.tick(MINUTE)

    assert (await line.wish(wish)).end_reason is WishEnd.EXPIRED


async def test_an_offer_that_could_not_be_sent_in_time_counts_for_nobody(db: Database) -> None:
    line, booked = await a_line(db)
    wish = await line.waits(ANN)
    await line.cancel(booked, STU)
    await line.tick(delivered=False)

    await line.tick(2 * HOUR, delivered=False)

    assert [one.state for one in await line.offers()] == [OfferState.UNDELIVERED]
    assert (await line.wish(wish)).unanswered == 0


async def test_nobody_is_offered_a_time_with_themselves(db: Database) -> None:
    line, booked = await a_line(db)
    await line.waits(Actor(COACH))
    await line.cancel(booked, STU)
    await line.tick()

    assert await line.offers() == []
