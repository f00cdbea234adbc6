"""What becomes of a request for weekly lessons."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from models import (
    BlockedFrom,
    CoachingSession,
    FreedTime,
    Hold,
    Notification,
    NotificationKind,
    SeriesStatus,
    SkipReason,
)
from models.storage.database import Database
from scheduler.booking import blocks, departures, releases
from scheduler.booking.departures import Why
from scheduler.coaches import suspensions
from scheduler.core.errors import CoachingError, NotFound, TooLate
from scheduler.series import answers
from tests.support.builders import ADMIN, COACH, GUILD, HOUR, MINUTE, STUDENT, refusal
from tests.support.series import lessons_of
from tests.support.series_requests import ANOTHER, TEN, THE_COACH, THE_STUDENT, WEEK, an_asking
from tests.support.time_off import a_closure
from tests.support.transactions import attempt, fetch_all, fetch_only, transact
from tests.support.waiting_list import a_wish


async def test_accepted_lessons_take_the_hours_that_were_held(db: Database) -> None:
    asking = await an_asking(db)
    asked = await asking.ask(notes="Scales.")
    held = await asking.reserved(STUDENT)

    accepted = await asking.do(answers.accept, asked.id, THE_COACH)

    assert (accepted.status, accepted.hold_id, accepted.decided_by) == (SeriesStatus.ACTIVE, None, COACH)
    assert await asking.reserved(STUDENT) == await asking.reserved(COACH) == held[:5]
    assert [one.starts_at for one in await lessons_of(db, asked.id)] == held[:5]
    assert {one.student.notes for one in await fetch_all(db, select(CoachingSession))} == {"Scales."}
    assert await asking.told(NotificationKind.SERIES_BOOKED) == [COACH, STUDENT]
    assert await asking.told(NotificationKind.SESSION_BOOKED) == []


async def test_a_day_that_closed_meanwhile_has_no_lesson(db: Database) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()
    async with db.begin() as session:
        await a_closure(session, (TEN + WEEK).date())

    await asking.do(answers.accept, asked.id, THE_COACH)

    assert [one.skipped for one in await lessons_of(db, asked.id)][:3] == [None, SkipReason.CLOSED, None]


async def test_a_declined_request_frees_all_hours_for_whoever_waits(db: Database) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()
    async with db.begin() as session:
        await a_wish(session, ANOTHER)

    declined = await asking.do(answers.decline, asked.id, THE_COACH, " I'm full. ")

    assert (declined.status, declined.end_reason) == (SeriesStatus.DECLINED, "I'm full.")
    assert await asking.reserved(STUDENT) == await asking.reserved(COACH) == []
    assert await asking.told(NotificationKind.SERIES_CLOSED) == [STUDENT]
    freed = await fetch_all(db, select(FreedTime))
    assert sorted(one.starts_at for one in freed) == [TEN + number * WEEK for number in range(8)]


async def test_a_request_that_is_taken_back_frees_all_hours(db: Database) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()

    taken_back = await asking.do(answers.withdraw, asked.id, THE_STUDENT)

    assert taken_back.status is SeriesStatus.WITHDRAWN
    assert await fetch_all(db, select(Hold)) == []
    assert await asking.told(NotificationKind.SERIES_CLOSED) == []


async def test_a_request_lapses_when_its_time_is_over_and_both_hear_of_it(db: Database) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()

    asking.clock.now = asked.answer_by - MINUTE
    await asking.do(answers.lapse, asked.id)
    assert (await asking.series(asked.id)).status is SeriesStatus.REQUESTED

    asking.clock.now = asked.answer_by
    assert isinstance(await attempt(db, answers.accept, asked.id, THE_COACH, asking.now), TooLate)
    await asking.do(answers.lapse, asked.id)
    await asking.do(answers.lapse, asked.id)

    assert (await asking.series(asked.id)).status is SeriesStatus.LAPSED
    assert await asking.told(NotificationKind.SERIES_CLOSED) == [COACH, STUDENT]
    assert await asking.reserved(COACH) == []


async def test_all_hours_of_a_request_that_ran_out_are_offered_to_whoever_waits(db: Database) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()
    async with db.begin() as session:
        await a_wish(session, ANOTHER)

    asking.clock.now = asked.answer_by
    await releases.announce_expired(db, asking.clock)
    await asking.do(answers.lapse, asked.id)

    freed = {one.starts_at for one in await fetch_all(db, select(FreedTime))}
    assert freed == {TEN + number * WEEK for number in range(8)}


@pytest.mark.parametrize("first", ["accept", "decline", "withdraw"])
async def test_the_first_answer_decides_and_the_same_one_again_changes_nothing(db: Database, first: str) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()
    every = {
        "accept": (answers.accept, asked.id, THE_COACH),
        "decline": (answers.decline, asked.id, THE_COACH, ""),
        "withdraw": (answers.withdraw, asked.id, THE_STUDENT),
    }

    await asking.do(*every[first])
    told = len(await fetch_all(db, select(Notification)))
    await asking.do(*every[first])

    assert len(await fetch_all(db, select(Notification))) == told
    for name, (use_case, *args) in every.items():
        if name != first:
            assert isinstance(await attempt(db, use_case, *args, asking.now), TooLate)


async def test_one_of_two_answers_at_the_same_moment_decides(db: Database) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()

    both = await asyncio.gather(
        attempt(db, answers.accept, asked.id, THE_COACH, asking.now),
        attempt(db, answers.withdraw, asked.id, THE_STUDENT, asking.now),
    )

    assert sum(isinstance(one, CoachingError) for one in both) == 1
    is_active = (await asking.series(asked.id)).status is SeriesStatus.ACTIVE
    assert bool(await asking.reserved(COACH)) == is_active


@pytest.mark.parametrize(
    ("use_case", "args"),
    [
        (answers.accept, (THE_STUDENT,)),
        (answers.decline, (ANOTHER, "")),
        (answers.withdraw, (THE_COACH,)),
        (answers.accept, (ADMIN,)),
    ],
)
async def test_nobody_answers_for_somebody_else(db: Database, use_case: Any, args: tuple[Any, ...]) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()

    await refusal(db, NotFound, lambda session: use_case(session, asked.id, *args, asking.now))


async def test_a_card_that_was_sent_says_what_became_of_the_request(db: Database) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()
    async with db.begin() as session:
        await session.execute(update(Notification).values(due_at=None, sent_at=asking.now, message_id=5))

    await asking.do(answers.decline, asked.id, THE_COACH, "")

    is_card = Notification.kind == NotificationKind.SERIES_REQUEST
    assert (await fetch_only(db, select(Notification).where(is_card))).due_at == asking.now


@pytest.mark.parametrize("who", ["suspended coach", "coach left", "student left", "student blocked"])
async def test_a_request_ends_with_what_lets_them_book_or_coach(db: Database, who: str) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()

    match who:
        case "suspended coach":
            await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "No.", asking.now)
        case "coach left":
            await transact(db, departures.handle_departure, GUILD, COACH, Why.LEFT, asking.now)
        case "student left":
            await transact(db, departures.handle_departure, GUILD, STUDENT, Why.LEFT, asking.now)
        case _:
            await transact(db, blocks.block, GUILD, STUDENT, ADMIN, [BlockedFrom.BOOKING], "", asking.now)

    assert (await asking.series(asked.id)).status is SeriesStatus.WITHDRAWN
    assert await asking.reserved(COACH) == []
    assert await asking.told(NotificationKind.SERIES_CLOSED) == ([STUDENT] if "coach" in who else [])


async def test_open_requests_are_listed_for_both_until_their_time_is_over(db: Database) -> None:
    asking = await an_asking(db)
    later = await asking.ask(starts_at=TEN + HOUR)
    sooner = await asking.ask()

    async with db.read() as session:
        for user_id in (COACH, STUDENT):
            found = await answers.open_requests(session, [GUILD], user_id, asking.now)
            assert [one.id for one in found] == [sooner.id, later.id]
        assert await answers.open_requests(session, [GUILD], STUDENT, later.answer_by) == []
        assert await answers.open_requests(session, [], STUDENT, asking.now) == []
        assert await answers.open_requests(session, [GUILD], ANOTHER.user_id, asking.now) == []
