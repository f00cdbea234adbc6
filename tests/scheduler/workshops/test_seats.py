"""Taking seats in a workshop, and giving them back."""

from models import NotificationKind, ParticipantStatus
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import WorkshopFull
from scheduler.workshops import seats
from tests.support.builders import COACH, MONDAY, STUDENT, refusal
from tests.support.workshops import a_workshop, free, leave, price, seat_of, take, taken_by, told

ONE, TWO, THREE, FOUR = range(STUDENT, STUDENT + 4)


async def test_a_press_takes_a_seat(db: Database) -> None:
    workshop = await a_workshop(db)

    await take(db, workshop, ONE)

    seat = await seat_of(db, workshop, ONE)
    assert (seat.status, seat.total_cost_minor) == (ParticipantStatus.BOOKED, 2000)
    assert await taken_by(db, workshop) == [ONE, None, None]
    assert await told(db, workshop, NotificationKind.SEAT_TAKEN) == [ONE, COACH]


async def test_a_second_press_takes_no_second_seat(db: Database) -> None:
    workshop = await a_workshop(db)

    await take(db, workshop, ONE, ONE)

    assert await taken_by(db, workshop) == [ONE, None, None]


async def test_nobody_gets_more_seats_than_there_are(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE, TWO, THREE)

    error = await refusal(
        db, WorkshopFull, lambda session: seats.take(session, workshop, Actor(FOUR), MONDAY, **price())
    )

    assert str(error) == "Every seat is taken. `/workshop list` shows what else is coming up."


async def test_a_seat_given_back_can_be_taken_again(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE, TWO, THREE)

    await leave(db, workshop, TWO)
    await take(db, workshop, FOUR)

    assert await taken_by(db, workshop) == [ONE, FOUR, THREE]
    assert await free(db, workshop) == 0
