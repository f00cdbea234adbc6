"""Offers: who gets one, and what becomes of it."""

from typing import Any

from sqlalchemy import select, update

from models import CoachingSession, Hold, Member, OfferState, Reservation, WishEnd
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, NotFound, SlotTaken, TooLate, Unreachable
from scheduler.waiting_list import answers
from tests.support.bookings import STU, book
from tests.support.builders import COACH, DAY, HOUR, MINUTE, MONDAY, a_session
from tests.support.stored import enqueued, notifications
from tests.support.transactions import attempt, fetch_all, transact
from tests.support.waiting_list import WAITING, WEDNESDAY_TEN, Line, a_line

ANN, BOB, CAT, DAN, EVE = WAITING[:5]


async def offered(db: Database, *people: Actor, **coach: Any) -> tuple[Line, list[int]]:
    """Cancel the only session while these people wait, and return the line with their wishes."""
    line, booked = await a_line(db, **coach)
    wishes = [await line.waits(one) for one in people]
    await line.cancel(booked, STU)
    await line.tick()
    return line, wishes


async def test_a_cancelled_time_is_offered_to_the_first_in_line(db: Database) -> None:
    line, _ = await offered(db, ANN, BOB)

    [offer] = await line.offers()
    assert (offer.user_id, offer.starts_at, offer.expires_at) == (ANN.user_id, WEDNESDAY_TEN, MONDAY + 2 * HOUR)
    assert (offer.cost_minor, offer.currency, offer.is_shared) == (6000, "USD", False)
    assert [call.about for call in line.discord.calls if call.method == "deliver"][-1]


async def test_an_offer_reserves_the_coach_only(db: Database) -> None:
    line, _ = await offered(db, ANN)

    assert [one.user_id for one in await fetch_all(line.db, select(Reservation))] == [COACH]
    assert isinstance(await attempt(db, book, BOB, WEDNESDAY_TEN), SlotTaken)


async def test_freed_time_is_nobody_elses_until_it_is_offered(db: Database) -> None:
    line, booked = await a_line(db)
    await line.waits(ANN)
    await line.cancel(booked, STU)

    assert isinstance(await attempt(db, book, BOB, WEDNESDAY_TEN), SlotTaken)


async def test_freed_time_is_free_at_once_if_nobody_waits(db: Database) -> None:
    line, booked = await a_line(db)
    await line.cancel(booked, STU)

    assert not isinstance(await attempt(db, book, BOB, WEDNESDAY_TEN), SlotTaken)
    assert await line.freed() == []


async def test_taking_it_books_it_and_ends_the_wish(db: Database) -> None:
    line, [wish] = await offered(db, ANN)
    [offer] = await line.offers()

    booked = await transact(db, answers.take, offer.id, ANN, line.now)
    again = await transact(db, answers.take, offer.id, ANN, line.now)

    assert (booked.student_id, booked.starts_at, booked.student.total_cost_minor) == (
        ANN.user_id,
        WEDNESDAY_TEN,
        6000,
    )
    assert again.id == booked.id
    assert (await line.wish(wish)).end_reason is WishEnd.BOOKED
    assert [one.state for one in await line.offers()] == [OfferState.TAKEN]
    assert await line.freed() == await fetch_all(db, select(Hold)) == []


async def test_passing_offers_it_to_the_next_person_and_keeps_the_place(db: Database) -> None:
    line, [wish, _] = await offered(db, ANN, BOB)
    [offer] = await line.offers()

    await transact(db, answers.decline, offer.id, ANN, line.now)
    await line.tick()

    assert await line.open_to() == [BOB.user_id]
    assert (await line.wish(wish)).ended_at is None


async def test_what_runs_out_is_offered_to_the_next_person(db: Database) -> None:
    line, [wish, _] = await offered(db, ANN, BOB)

    await line.tick(2 * HOUR)

    assert [(one.user_id, one.state) for one in await line.offers()] == [
        (ANN.user_id, OfferState.LAPSED),
        (BOB.user_id, OfferState.OPEN),
    ]
    assert (await line.wish(wish)).unanswered == 1


async def test_a_third_unanswered_offer_ends_the_wish_and_says_so(db: Database) -> None:
    line, [wish] = await offered(db, ANN)
    for week in (1, 2):
        async with db.begin() as session:
            again = await a_session(session, starts_at=WEDNESDAY_TEN + 7 * week * DAY)
        line.clock.now = WEDNESDAY_TEN + (7 * week - 2) * DAY
        await line.tick()
        await line.cancel(again.id, STU)
        await line.tick()
        await line.tick(2 * HOUR)

    found = await line.wish(wish)
    assert (found.unanswered, found.end_reason) == (3, WishEnd.UNANSWERED)
    assert ("wish_ended", ANN.user_id) in await enqueued(db)


async def test_after_three_offers_everybody_can_book_it_and_ten_are_told(db: Database) -> None:
    line, _ = await offered(db, *WAITING[:15])
    for number in range(3):
        [offer] = await line.offers(OfferState.OPEN)
        await transact(db, answers.decline, offer.id, WAITING[number], line.now)
        await line.tick()

    told = await line.offers(OfferState.OPEN)
    assert [one.user_id for one in told] == [one.user_id for one in WAITING[3:13]]
    assert all(one.is_shared for one in told)
    booked = await transact(db, answers.take, told[4].id, WAITING[7], line.now)
    assert booked.student_id == WAITING[7].user_id
    assert await line.open_to() == []


async def test_in_the_last_two_hours_all_are_told_and_the_first_gets_it(db: Database) -> None:
    line, booked = await a_line(db, starts_at=MONDAY + 2 * HOUR)
    for one in (ANN, BOB):
        await line.waits(one)
    await line.cancel(booked, STU)
    await line.tick()
    first, second = await line.offers()

    await transact(db, answers.take, second.id, BOB, line.now)

    assert await line.freed() == []
    assert isinstance(await attempt(db, answers.take, first.id, ANN, line.now), TooLate)
    assert [one.student_id for one in await fetch_all(db, select(CoachingSession))] == [STU.user_id, BOB.user_id]


async def test_closed_messages_pass_it_on_at_once(db: Database) -> None:
    line, booked = await a_line(db)
    [ann, _] = [await line.waits(one) for one in (ANN, BOB)]
    await line.cancel(booked, STU)
    await line.tick(delivered=False)
    [offer] = await line.offers()
    [message] = [one for one in await notifications(db) if one.offer_id == offer.id]
    line.discord.fail("deliver", Unreachable("closed", dms_closed=True), about=str(message.id))
    await line.tick()

    assert [(one.user_id, one.state) for one in await line.offers()] == [
        (ANN.user_id, OfferState.UNDELIVERED),
        (BOB.user_id, OfferState.OPEN),
    ]
    wish = await line.wish(ann)
    assert (wish.unanswered, wish.ended_at) == (0, None)


async def test_people_who_cannot_book_are_skipped_and_keep_their_places(db: Database) -> None:
    line, booked = await a_line(db)
    wishes = [await line.waits(one) for one in (ANN, BOB, CAT, DAN)]
    async with db.begin() as session:
        await a_session(session, student_id=ANN.user_id, coach_id=COACH, starts_at=WEDNESDAY_TEN - 2 * HOUR)
        session.add(Member(user_id=BOB.user_id, dms_closed_at=MONDAY))
        guild = await line.guild()
        await session.execute(update(type(guild)).values(most_upcoming=1))
    line.discord.gone.add(CAT.user_id)
    await line.cancel(booked, STU)
    await line.tick()

    assert await line.open_to() == [DAN.user_id]
    assert all([(await line.wish(one)).ended_at is None for one in wishes])


async def test_nobody_else_can_answer_an_offer(db: Database) -> None:
    line, _ = await offered(db, ANN)
    [offer] = await line.offers()

    for answer in (answers.take, answers.decline, answers.reschedule):
        assert isinstance(await attempt(db, answer, offer.id, BOB, line.now), NotFound)


async def test_an_offer_that_ran_out_cannot_be_taken(db: Database) -> None:
    line, _ = await offered(db, ANN)
    [offer] = await line.offers()

    refused = await attempt(db, answers.take, offer.id, ANN, offer.expires_at)

    assert isinstance(refused, TooLate)


async def test_a_student_who_is_busy_then_cannot_take_it_and_keeps_the_offer(db: Database) -> None:
    line, _ = await offered(db, ANN)
    [offer] = await line.offers()
    async with db.begin() as session:
        session.add(
            Reservation(
                user_id=ANN.user_id,
                starts_at=WEDNESDAY_TEN + 30 * MINUTE,
                ends_at=WEDNESDAY_TEN + HOUR,
                session_id=1,
            )
        )

    refused = await attempt(db, answers.take, offer.id, ANN, line.now)

    assert isinstance(refused, NotBookable)
    assert await line.open_to() == [ANN.user_id]


async def test_a_later_session_can_be_moved_to_the_offered_time_and_frees_its_own(db: Database) -> None:
    line, booked = await a_line(db, hours=[(2, 600, 660), (3, 600, 660)])
    [_, bob] = [await line.waits(ANN), await line.waits(BOB)]
    async with db.begin() as session:
        later = await a_session(session, student_id=ANN.user_id, starts_at=WEDNESDAY_TEN + DAY)
    await line.cancel(booked, STU)
    await line.tick()
    [offer] = await line.offers()

    moved = await transact(db, answers.reschedule, offer.id, ANN, line.now)
    await line.tick()

    assert (moved.id, moved.starts_at) == (later.id, WEDNESDAY_TEN)
    [_, freed] = await line.offers()
    assert (freed.wish_id, freed.starts_at) == (bob, WEDNESDAY_TEN + DAY)
