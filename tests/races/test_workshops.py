"""Many people in several processes press for the seats of a workshop at once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest
from sqlalchemy import func, select

from models import Hold, Notification, NotificationKind, Participant, ParticipantStatus, Reservation, Seat
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.workshops import seats
from tests.races.test_bookings import PROCESSES, in_all, processes
from tests.support import race_worker
from tests.support.builders import COACH, HOUR, MONDAY
from tests.support.race_worker import Press
from tests.support.transactions import fetch_all, transact
from tests.support.workshops import a_workshop, free, take, taken_by, told

__all__ = ["processes"]

SEATS = 12


async def race(
    processes: ProcessPoolExecutor,
    url: str,
    workshop: int,
    people: range,
    *,
    leaving: range = range(0),
    paying: range = range(0),
) -> Counter[Press]:
    """Let these people press for a seat at once, others begin to pay for one, and others give theirs back.

    Returns how the presses ended.
    """

    def shares() -> Iterator[partial[list[Press]]]:
        for number in range(PROCESSES):
            some = (one[number::PROCESSES] for one in (people, leaving, paying))
            yield partial(race_worker.race_for_seats, url, workshop, *some)

    return Counter(press for share in await in_all(processes, shares()) for press in share)


async def faults(db: Database, workshop: int, expected: int) -> list[str]:
    """Return what disagrees among seats, participants, reservations and messages."""
    taken = [one for one in await taken_by(db, workshop) if one is not None]
    theirs = Participant.session_id == workshop, Participant.status == ParticipantStatus.BOOKED
    booked = await fetch_all(db, select(Participant.user_id).where(*theirs))
    by_session = Reservation.session_id == workshop, Reservation.user_id != COACH
    reserved = await fetch_all(db, select(Reservation.user_id).where(*by_session))
    heard = await told(db, workshop, NotificationKind.SEAT_TAKEN)
    found = {
        "seats": sorted(taken),
        "participants": sorted(booked),
        "reservations": sorted(reserved),
        "told": sorted(set(booked).intersection(heard)),
    }
    wrong = [f"{name}: {those}" for name, those in found.items() if those != found["seats"]]
    return wrong if len(taken) == len(set(taken)) == expected else [*wrong, f"{len(taken)} seats are taken"]


@pytest.mark.parametrize("pressers", [SEATS, pytest.param(200, marks=pytest.mark.slow)])
async def test_as_many_as_there_are_seats_get_one(
    db: Database, database_url: str, processes: ProcessPoolExecutor, pressers: int
) -> None:
    workshop = await a_workshop(db, seats=SEATS)

    presses = await race(processes, database_url, workshop, range(10_000, 10_000 + pressers))

    refused = {Press(refused="WorkshopFull"): pressers - SEATS} if pressers > SEATS else {}
    assert presses == {Press(won=True): SEATS} | refused
    assert await faults(db, workshop, SEATS) == []
    async with db.read() as session:
        is_announcement = Notification.kind == NotificationKind.WORKSHOP_ANNOUNCEMENT
        assert await session.scalar(select(func.count()).select_from(Notification).where(is_announcement)) == 1


@pytest.mark.slow
async def test_a_seat_given_back_meanwhile_goes_to_exactly_one(
    db: Database, database_url: str, processes: ProcessPoolExecutor
) -> None:
    workshop = await a_workshop(db, seats=SEATS)
    first = range(9_000, 9_000 + SEATS)
    await take(db, workshop, *first)

    presses = await race(processes, database_url, workshop, range(10_000, 10_024), leaving=first[:3])

    newcomers = presses[Press(won=True)] - 3
    assert set(presses) <= {Press(won=True), Press(refused="WorkshopFull")}
    assert 0 <= newcomers <= 3
    assert await faults(db, workshop, SEATS - 3 + newcomers) == []
    assert await free(db, workshop) == 3 - newcomers
    await take(db, workshop, *range(20_000, 20_003 - newcomers))
    assert await faults(db, workshop, SEATS) == []


@pytest.mark.slow
@pytest.mark.parametrize("paying", [0, 12])
async def test_seats_that_nobody_paid_for_in_time_go_to_one_each(
    db: Database, database_url: str, processes: ProcessPoolExecutor, paying: int
) -> None:
    workshop = await a_workshop(db, seats=SEATS)
    for one in range(9_000, 9_000 + SEATS):
        await transact(db, seats.hold, workshop, Actor(one), MONDAY - HOUR, MONDAY)
    assert await free(db, workshop, MONDAY - HOUR) == 0

    people, payers = range(10_000, 10_024 - paying), range(20_000, 20_000 + paying)
    presses = await race(processes, database_url, workshop, people, paying=payers)

    assert presses == {Press(won=True): SEATS, Press(refused="WorkshopFull"): 24 - SEATS}
    assert await free(db, workshop) == 0
    now_held = select(Hold.student_id).join(Seat, Seat.hold_id == Hold.id)
    held_for = await fetch_all(db, now_held)
    assert set(held_for) <= set(payers)
    assert await faults(db, workshop, SEATS - len(held_for)) == []


@pytest.mark.slow
async def test_many_take_seats_while_it_is_cancelled(
    db: Database, database_url: str, processes: ProcessPoolExecutor
) -> None:
    workshop = await a_workshop(db, seats=SEATS)
    people = range(10_000, 10_024)

    presses = await race(processes, database_url, workshop, people, leaving=range(COACH, COACH + 1))

    assert {one.refused for one in presses} <= {"", "WorkshopFull", "TooLate"}
    assert {one.error for one in presses} == {""}
    assert await fetch_all(db, select(Reservation)) == []
    booked = await fetch_all(db, select(Participant.user_id))
    assert len(booked) == presses[Press(won=True)] - 1
    cancelled = await told(db, workshop, NotificationKind.SESSION_CANCELLED)
    assert sorted(one for one in cancelled if one is not None) == sorted([*booked, COACH])
