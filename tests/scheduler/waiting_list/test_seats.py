"""Waiting for a seat in a full workshop."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Guild, OfferState, Wish, WishEnd
from models.storage.database import Database
from scheduler.booking import blocks, cancellation, departures
from scheduler.booking.departures import Why
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, TooLate, Unreachable, WorkshopFull
from scheduler.waiting_list import answers, offers, wishes
from scheduler.workshops import seats, workshops
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_session
from tests.support.stored import enqueued, notifications
from tests.support.transactions import attempt, fetch_all, transact
from tests.support.waiting_list import WAITING, Line
from tests.support.workshops import STARTS, a_workshop, free, leave, take, taken_by

ANN, BOB, CAT, DAN, EVE = WAITING[:5]
FULL = STUDENT, STUDENT + 1
"""Who has the seats, before one leaves."""
TWO_SEATS: dict[str, Any] = {"seats": 2}


async def waits(line: Line, workshop: int, *people: Actor) -> list[int]:
    """Put these people in line, and return their wishes' ids."""
    return [(await transact(line.db, wishes.add_for_seat, workshop, one, line.now)).id for one in people]


async def a_full_one(db: Database, *people: Actor, **terms: Any) -> tuple[Line, int]:
    """Store a full workshop with these people in line."""
    workshop = await a_workshop(db, **TWO_SEATS | terms)
    line = Line(db)
    await take(db, workshop, *FULL)
    await waits(line, workshop, *people)
    return line, workshop


async def offered(db: Database, *people: Actor, **terms: Any) -> tuple[Line, int]:
    """Let one leave a full workshop for which these people wait."""
    line, workshop = await a_full_one(db, *people, **terms)
    await leave(db, workshop, STUDENT, line.now)
    await line.tick()
    return line, workshop


async def wish_of(line: Line, actor: Actor) -> Wish:
    return (await fetch_all(line.db, select(Wish).where(Wish.user_id == actor.user_id)))[-1]


async def press(line: Line, workshop: int, actor: Actor) -> Any:
    """Press **Take a seat**, and return what came of it."""
    return await attempt(line.db, seats.take, workshop, actor, line.now)


async def test_a_seat_that_was_left_is_offered_to_the_first_in_line(db: Database) -> None:
    line, workshop = await offered(db, ANN, BOB)

    [offer] = await line.offers()
    assert (offer.user_id, offer.session_id, offer.starts_at) == (ANN.user_id, workshop, STARTS)
    assert (offer.cost_minor, offer.currency, offer.is_shared, offer.hold_id) == (2000, "USD", False, None)
    assert ("time_offered", ANN.user_id) in await enqueued(db)


async def test_a_seat_on_offer_is_nobody_elses_and_does_not_count_as_free(db: Database) -> None:
    line, workshop = await a_full_one(db, ANN)
    await leave(db, workshop, STUDENT)

    before = await press(line, workshop, EVE)
    await line.tick()

    assert isinstance(before, WorkshopFull)
    assert isinstance(await press(line, workshop, EVE), WorkshopFull)
    assert await free(db, workshop) == 0


async def test_nobody_waits_so_a_left_seat_is_free_at_once(db: Database) -> None:
    line, workshop = await a_full_one(db)
    await leave(db, workshop, STUDENT)

    assert await free(db, workshop) == 1
    assert await line.freed() == []


async def test_taking_it_gives_the_seat_and_ends_the_wish(db: Database) -> None:
    line, workshop = await offered(db, ANN, BOB)
    [offer] = await line.offers()

    taken = await transact(db, answers.take, offer.id, ANN, line.now)
    again = await transact(db, answers.take, offer.id, ANN, line.now)
    await line.tick()

    assert taken.id == again.id == workshop
    assert sorted(one for one in await taken_by(db, workshop) if one) == sorted([FULL[1], ANN.user_id])
    assert (await wish_of(line, ANN)).end_reason is WishEnd.BOOKED
    assert [one.state for one in await line.offers()] == [OfferState.TAKEN]
    assert await line.freed() == []


async def test_whoever_is_offered_a_seat_can_take_it_at_the_announcement(db: Database) -> None:
    line, workshop = await offered(db, ANN, BOB)

    await press(line, workshop, ANN)

    assert ANN.user_id in await taken_by(db, workshop)
    assert [one.state for one in await line.offers()] == [OfferState.TAKEN]
    assert (await wish_of(line, ANN)).end_reason is WishEnd.BOOKED
    assert await line.freed() == []


async def test_whoever_is_offered_a_seat_takes_that_one_though_another_is_free(db: Database) -> None:
    line, workshop = await a_full_one(db, seats=3)
    await take(db, workshop, EVE.user_id)
    await waits(line, workshop, ANN)
    for left in reversed(FULL):
        await leave(db, workshop, left, line.now)
        await line.tick()
    assert await free(db, workshop) == 1, "nobody else waits for the second"

    await press(line, workshop, ANN)

    assert await taken_by(db, workshop) == [None, ANN.user_id, EVE.user_id]
    assert await line.freed() == []


async def test_passing_offers_it_to_the_next_and_keeps_the_place(db: Database) -> None:
    line, workshop = await offered(db, ANN, BOB)
    [offer] = await line.offers()

    await transact(db, answers.decline, offer.id, ANN, line.now)
    await line.tick()

    assert await line.open_to() == [BOB.user_id]
    async with db.read() as session:
        [place] = await wishes.places(session, [GUILD], ANN.user_id, line.now)
    assert (place.place, place.workshop is not None) == (1, True)
    await leave(db, workshop, FULL[1], line.now)
    await line.tick()
    assert await line.open_to() == [BOB.user_id, ANN.user_id], "the next seat is offered to who passed the first"


@pytest.mark.parametrize(
    ("before", "held"),
    [(80 * HOUR, 12 * HOUR), (48 * HOUR, 2 * HOUR), (20 * HOUR, 30 * MINUTE), (62 * HOUR, 10 * HOUR)],
)
async def test_a_seat_is_held_by_the_rules_for_times_and_not_until_the_night(
    db: Database, before: timedelta, held: timedelta
) -> None:
    starts_at = MONDAY + 6 * DAY + 4 * HOUR
    line, workshop = await a_full_one(db, ANN, starts_at=starts_at)
    line.clock.now = starts_at - before
    await leave(db, workshop, STUDENT, line.now)
    await line.tick()

    [offer] = await line.offers()
    assert offer.expires_at - line.now == held
    line.clock.now = offer.expires_at
    assert isinstance(await press(line, workshop, ANN), WorkshopFull)


async def test_after_three_offers_it_is_free_for_all_and_ten_are_told(db: Database) -> None:
    line, workshop = await offered(db, *WAITING[:16])

    for _ in range(3):
        assert await free(db, workshop, line.now) == 0
        [offer] = await line.offers(OfferState.OPEN)
        line.clock.now = offer.expires_at
        await line.tick()

    shared = [one for one in await line.offers(OfferState.OPEN) if one.is_shared]
    assert [one.user_id for one in shared] == [one.user_id for one in WAITING[3:13]]
    assert await free(db, workshop, line.now) == 1
    await press(line, workshop, EVE)
    assert {one.state for one in await line.offers() if one.is_shared} == {
        OfferState.TAKEN,
        OfferState.WITHDRAWN,
    }, "EVE was told, too, and the others' offers are over"


async def test_in_the_last_two_hours_all_are_told_and_the_first_press_wins(db: Database) -> None:
    line, workshop = await a_full_one(db, ANN, BOB, CAT)
    line.clock.now = STARTS - 2 * HOUR
    await leave(db, workshop, STUDENT, line.now)
    await line.tick()
    told = await line.offers(OfferState.OPEN)

    await transact(db, answers.take, told[1].id, BOB, line.now)

    assert [one.is_shared for one in told] == [True] * 3
    assert BOB.user_id in await taken_by(db, workshop)
    assert isinstance(await attempt(db, answers.take, told[0].id, ANN, line.now), TooLate)
    assert (await wish_of(line, ANN)).ended_at is None


async def test_three_unanswered_offers_end_the_wish(db: Database) -> None:
    line, workshop = await a_full_one(db, ANN, starts_at=MONDAY + timedelta(days=20))
    for number in range(3):
        await leave(db, workshop, STUDENT, line.now)
        await line.tick()
        assert await line.open_to() == [ANN.user_id]
        [offer] = await line.offers(OfferState.OPEN)
        line.clock.now = offer.expires_at
        await line.tick()
        if number < 2:
            await take(db, workshop, STUDENT, now=line.now)

    assert (await wish_of(line, ANN)).end_reason is WishEnd.UNANSWERED
    assert ("wish_ended", ANN.user_id) in await enqueued(db)


async def test_closed_direct_messages_pass_it_on_at_once(db: Database) -> None:
    line, workshop = await a_full_one(db, ANN, BOB)
    await leave(db, workshop, STUDENT, line.now)
    await line.tick(delivered=False)
    [offer] = await line.offers()
    [message] = [one for one in await notifications(db) if one.offer_id == offer.id]
    line.discord.fail("deliver", Unreachable("closed", dms_closed=True), about=str(message.id))
    await line.tick()

    assert [(one.user_id, one.state) for one in await line.offers()] == [
        (ANN.user_id, OfferState.UNDELIVERED),
        (BOB.user_id, OfferState.OPEN),
    ]
    assert (await wish_of(line, ANN)).unanswered == 0


async def test_who_cannot_take_it_is_skipped_and_keeps_the_place(db: Database) -> None:
    line, workshop = await a_full_one(db, ANN, BOB, CAT, DAN)
    await have_another_session(db, ANN)
    await transact(db, update_guild, most_upcoming=2)
    async with db.begin() as session:
        for number in (1, 2):
            await a_session(session, student_id=BOB.user_id, starts_at=STARTS + number * DAY)
    line.discord.gone.add(CAT.user_id)
    await leave(db, workshop, STUDENT, line.now)
    await line.tick()

    assert await line.open_to() == [DAN.user_id]
    assert [(await wish_of(line, one)).ended_at for one in (ANN, BOB, CAT)] == [None] * 3


async def have_another_session(db: Database, actor: Actor) -> None:
    """Let somebody have a session with another coach at the same time."""
    async with db.begin() as session:
        other = await a_coach(session, user_id=COACH + 500)
        await a_session(session, student_id=actor.user_id, coach_id=other.user_id, starts_at=STARTS)


async def update_guild(session: AsyncSession, **values: Any) -> None:
    await session.execute(update(Guild).values(**values))


async def test_a_block_ends_the_wish_and_the_offer(db: Database) -> None:
    line, _ = await offered(db, ANN, BOB)

    await transact(db, blocks.block, GUILD, ANN.user_id, ADMIN, (BlockedFrom.BOOKING,), "", line.now)
    await line.tick()

    assert (await wish_of(line, ANN)).end_reason is WishEnd.BLOCKED
    assert await line.open_to() == [BOB.user_id]


async def test_who_left_a_seat_is_not_offered_that_one_again(db: Database) -> None:
    line, workshop = await offered(db, ANN)
    await waits(line, workshop, Actor(STUDENT))
    [offer] = await line.offers()

    await transact(db, answers.decline, offer.id, ANN, line.now)
    await line.tick()

    assert await line.open_to() == []
    assert await free(db, workshop) == 1


async def test_the_seat_of_a_participant_who_left_the_server_is_offered(db: Database) -> None:
    line, _ = await a_full_one(db, ANN)

    await transact(db, departures.handle_departure, GUILD, STUDENT, Why.LEFT, line.now)
    await line.tick()

    assert await line.open_to() == [ANN.user_id]


async def test_more_seats_are_offered_one_to_each_in_line(db: Database) -> None:
    line, workshop = await a_full_one(db, ANN, BOB)

    await transact(db, workshops.edit, workshop, GUILD, ADMIN, line.now, seats=5)
    await line.tick()

    assert await line.open_to() == [ANN.user_id, BOB.user_id]
    assert await free(db, workshop) == 1, "nobody else waits for the third"


async def test_a_seat_on_offer_cannot_be_removed(db: Database) -> None:
    line, workshop = await a_full_one(db, seats=3)
    await take(db, workshop, EVE.user_id)
    await waits(line, workshop, ANN)
    await leave(db, workshop, STUDENT)
    await line.tick()

    refused = await attempt(db, workshops.edit, workshop, GUILD, ADMIN, line.now, seats=2)

    assert "3 seats are taken, being paid for, or on offer" in str(refused)


async def test_an_unpaid_seat_that_runs_out_is_offered_even_if_somebody_presses_first(db: Database) -> None:
    workshop = await a_workshop(db, seats=2)
    line = Line(db)
    await take(db, workshop, STUDENT)
    await transact(db, seats.hold, workshop, Actor(FULL[1]), line.now, line.now + HOUR)
    await waits(line, workshop, ANN)
    line.clock.forward(HOUR)

    assert await free(db, workshop, line.now) == 0, "it's Ann's next"
    await waits(line, workshop, BOB)
    refused = await press(line, workshop, EVE)
    await line.tick()

    assert isinstance(refused, WorkshopFull)
    assert await line.open_to() == [ANN.user_id]


async def test_a_seat_that_ran_out_is_free_and_can_be_removed_if_nobody_waits(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, STUDENT)
    for user_id in (FULL[1], FULL[1] + 1):
        await transact(db, seats.hold, workshop, Actor(user_id), MONDAY, MONDAY + HOUR)

    assert await free(db, workshop, MONDAY + HOUR) == 2
    assert isinstance(await attempt(db, wishes.add_for_seat, workshop, ANN, MONDAY + HOUR), NotBookable)
    await transact(db, workshops.edit, workshop, GUILD, ADMIN, MONDAY + HOUR, seats=2)

    assert len(await taken_by(db, workshop)) == 2


async def test_a_wish_whose_last_day_is_over_counts_no_more_before_the_tick_ends_it(db: Database) -> None:
    await a_full_one(db, ANN)

    for now, count in ((STARTS - MINUTE, 1), (STARTS, 0)):
        async with db.read() as session:
            assert len(await wishes.places(session, [GUILD], ANN.user_id, now)) == count


async def test_an_offered_seat_is_free_for_whom_it_is_offered_to(db: Database) -> None:
    line, _ = await offered(db, ANN)

    async with db.read() as session:
        [[of_ann], [of_bob]] = [
            await workshops.list_open(session, GUILD, one.user_id, line.now) for one in (ANN, BOB)
        ]
    assert (of_ann.free, of_bob.free) == (1, 0)


async def test_whoever_is_told_stops_waiting_with_one_press(db: Database) -> None:
    line, _ = await offered(db, ANN, BOB)

    await transact(db, offers.stop, (await wish_of(line, ANN)).id, ANN, line.now)
    await line.tick()

    assert (await wish_of(line, ANN)).end_reason is WishEnd.STOPPED
    assert await line.open_to() == [BOB.user_id]


async def test_cancelling_the_workshop_ends_what_people_wait_for_and_says_so(db: Database) -> None:
    line, workshop = await offered(db, ANN, BOB)

    await transact(db, cancellation.cancel, workshop, ADMIN, GUILD, "Ill.", line.now)
    await line.tick()

    assert [(await wish_of(line, one)).end_reason for one in (ANN, BOB)] == [WishEnd.CANCELLED] * 2
    assert {one.state for one in await line.offers()} == {OfferState.WITHDRAWN}
    assert await line.freed() == []
    assert ("wish_ended", BOB.user_id) in await enqueued(db)


async def test_the_wish_ends_when_the_workshop_starts(db: Database) -> None:
    line, _ = await a_full_one(db, ANN)
    line.clock.now = STARTS

    await line.tick()

    assert (await wish_of(line, ANN)).end_reason is WishEnd.EXPIRED


async def test_nobody_waits_for_a_seat_that_is_free(db: Database) -> None:
    workshop = await a_workshop(db)

    refused = await attempt(db, wishes.add_for_seat, workshop, ANN, MONDAY)

    assert isinstance(refused, NotBookable)
    assert "Press **Take a seat**" in str(refused)


async def test_who_has_a_seat_or_coaches_cannot_wait(db: Database) -> None:
    line, workshop = await a_full_one(db)

    for user_id in (STUDENT, COACH):
        assert isinstance(await attempt(db, wishes.add_for_seat, workshop, Actor(user_id), line.now), NotBookable)


async def test_waiting_twice_is_waiting_once(db: Database) -> None:
    line, workshop = await a_full_one(db, ANN)

    assert len(set(await waits(line, workshop, ANN, ANN))) == 1


async def test_a_student_waits_for_three_things_at_most(db: Database) -> None:
    line, workshop = await a_full_one(db)
    for _ in range(3):
        await line.waits(ANN)

    assert isinstance(await attempt(db, wishes.add_for_seat, workshop, ANN, line.now), TooLate)


async def test_a_coachs_free_time_is_not_offered_to_who_waits_for_a_seat(db: Database) -> None:
    line, _ = await a_full_one(db, ANN)
    async with db.begin() as session:
        booked = await a_session(session, starts_at=STARTS + DAY)
    await line.cancel(booked.id, Actor(STUDENT))
    await line.tick()

    assert await line.freed() == await line.offers() == []
