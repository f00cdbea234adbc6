"""Extending a session by a quarter of an hour: when both people are free, and what it changes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models import Guild, Hold, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import booking, holds
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable
from scheduler.rooms import in_room
from tests.support.attended_sessions import CARA, ELEVEN, STU, TEN, at, audit_log, both_came
from tests.support.builders import (
    COACH,
    GUILD,
    HOUR,
    MINUTE,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_notification,
    a_session,
    refusal,
)
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due
from tests.support.stored import notifications, reservations, session_now
from tests.support.transactions import fetch_all, query, transact

HALF_PAST, LONGER = at(30), at(75)
SECOND = timedelta(seconds=1)


async def extend(db: Database, session_id: int, actor: Actor = STU, now: datetime = HALF_PAST) -> None:
    await transact(db, in_room.extend, session_id, actor, now)


async def refused(db: Database, session_id: int) -> str:
    use_case = partial(in_room.extend, session_id=session_id, actor=STU, now=HALF_PAST)
    return str(await refusal(db, NotBookable, use_case))


async def can_be_extended(db: Database, session_id: int) -> bool:
    """Try to extend the session; returns whether that works. Fails unless it's offered exactly then."""
    row = await session_now(db, session_id)
    if await query(db, in_room.can_extend, row, HALF_PAST):
        await extend(db, session_id)
        assert (await session_now(db, session_id)).ends_at == row.ends_at + 15 * MINUTE
        return True
    await refused(db, session_id)
    return False


async def warnings(db: Database) -> list[tuple[datetime | None, datetime | None]]:
    """Return when each warning before the end is due, and when it was dropped."""
    ending = await notifications(db, Notification.kind == NotificationKind.ROOM_ENDING)
    return [(one.due_at, one.given_up_at) for one in ending]


@pytest.mark.parametrize("actor", [STU, CARA], ids=["student", "coach"])
async def test_extending_takes_another_quarter_of_an_hour_from_both(db: Database, actor: Actor) -> None:
    session_id = await both_came(db)
    before = await session_now(db, session_id)

    await extend(db, session_id, actor)

    one = await session_now(db, session_id)
    assert (one.starts_at, one.ends_at, one.status) == (TEN, LONGER, SessionStatus.IN_PROGRESS)
    assert await reservations(db) == [(COACH, TEN, LONGER), (STUDENT, TEN, LONGER)]
    assert (one.revision, one.next_step_at, one.updated_at) == (before.revision + 1, LONGER, HALF_PAST)
    assert one.total_cost_minor == before.total_cost_minor
    assert await audit_log(db) == [("session_extended", actor.user_id)]


async def test_an_extended_session_ends_at_its_new_end(db: Database) -> None:
    session_id = await both_came(db, watched_until=LONGER)
    await extend(db, session_id)
    clock = FakeClock()
    statuses: list[SessionStatus] = []

    for clock.now in (ELEVEN, LONGER):
        await advance_due(db, FakeDiscord(), clock)
        statuses.append((await session_now(db, session_id)).status)

    assert statuses == [SessionStatus.IN_PROGRESS, SessionStatus.COMPLETED]


async def test_a_session_can_be_extended_again_and_again(db: Database) -> None:
    session_id = await both_came(db)

    for minute in (30, 40, 55):
        await extend(db, session_id, now=at(minute))

    assert (await session_now(db, session_id)).ends_at == at(105)
    assert (await reservations(db))[0] == (COACH, TEN, at(105))


async def test_a_double_click_extends_once(db: Database) -> None:
    session_id = await both_came(db)
    await extend(db, session_id)

    await extend(db, session_id, now=HALF_PAST + 9 * SECOND)
    await extend(db, session_id, CARA, now=HALF_PAST + 9 * SECOND)

    assert (await session_now(db, session_id)).ends_at == LONGER
    assert await audit_log(db) == [("session_extended", STUDENT)]

    await extend(db, session_id, now=HALF_PAST + 10 * SECOND)

    assert (await session_now(db, session_id)).ends_at == at(90)


async def test_the_warning_comes_before_the_new_end_and_the_welcome_is_requeued(db: Database) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        about = {"session_id": session_id, "user_id": None}
        await a_notification(session, kind=NotificationKind.ROOM_WELCOME, message_id=9, due_at=None, **about)
        await a_notification(session, kind=NotificationKind.ROOM_ENDING, due_at=at(55), **about)

    await extend(db, session_id)

    assert await warnings(db) == [(None, HALF_PAST), (at(70), None)]
    [welcome] = await notifications(db, Notification.kind == NotificationKind.ROOM_WELCOME)
    assert (welcome.due_at, welcome.revision) == (HALF_PAST, 2)


async def test_after_a_warning_was_sent_another_follows_before_the_new_end(db: Database) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        about = {"session_id": session_id, "user_id": None, "kind": NotificationKind.ROOM_ENDING}
        await a_notification(session, sent_at=at(55), message_id=9, due_at=None, **about)

    await extend(db, session_id, now=at(57))

    assert await warnings(db) == [(None, None), (at(70), None)]


@pytest.mark.parametrize("of_coach", [True, False], ids=["coach", "student"])
@pytest.mark.parametrize(("next_at", "fits"), [(60, False), (74, False), (75, True), (-60, True)])
async def test_the_next_booking_of_either_person_limits_it(
    db: Database, of_coach: bool, next_at: int, fits: bool
) -> None:
    session_id = await both_came(db)
    other: dict[str, Any] = {"student_id": STUDENT + 1} if of_coach else {"coach_id": COACH + 1}
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1)
        await a_session(session, starts_at=at(next_at), **other)

    assert await can_be_extended(db, session_id) is fits


async def test_the_refusal_says_when_someone_is_booked(db: Database) -> None:
    session_id = await both_came(db)
    await transact(db, a_session, starts_at=ELEVEN, student_id=STUDENT + 1)

    sentence = await refused(db, session_id)

    when = f"<t:{ELEVEN.timestamp():.0f}:t>"
    assert sentence == f"15 more minutes don't fit: one of you is booked soon after {when}."


@pytest.mark.parametrize(("buffer", "fits"), [(15, True), (16, False)])
async def test_the_coachs_buffer_after_the_session_is_kept(db: Database, buffer: int, fits: bool) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, buffer_after_minutes=buffer, durations_minutes=[60])
        session_id = (await booking.book(session, guild, STU, COACH, TEN, HOUR, None, at(-60))).id
        await a_session(session, starts_at=at(90), student_id=STUDENT + 1)

    assert await can_be_extended(db, session_id) is fits
    assert (await reservations(db))[0] == (COACH, TEN, at(90) if fits else at(60 + buffer))


async def test_the_coachs_buffer_does_not_limit_the_student(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, buffer_after_minutes=30)
        await a_coach(session, user_id=COACH + 1)
        session_id = (await booking.book(session, guild, STU, COACH, TEN, HOUR, None, at(-60))).id
        await booking.book(session, guild, STU, COACH + 1, at(90), HOUR, None, at(-60))

    assert await can_be_extended(db, session_id)


async def test_a_buffer_that_was_enlarged_since_does_not_limit_it(db: Database) -> None:
    session_id = await both_came(db, coach={"buffer_before_minutes": 45, "buffer_after_minutes": 45})
    async with db.begin() as session:
        for minute in (-60, 75):
            await a_session(session, starts_at=at(minute), student_id=STUDENT + 1)

    assert await can_be_extended(db, session_id)
    assert (COACH, TEN, LONGER) in await reservations(db)
    await transact(db, in_room.end_early, session_id, CARA, HALF_PAST)

    assert (COACH, TEN, HALF_PAST) in await reservations(db)


HOLDS = {
    "of the coach, by someone else": ({"student_id": STUDENT + 1}, False),
    "of the coach, by someone else, expired": ({"student_id": STUDENT + 1, "expires_at": HALF_PAST}, True),
    "by the student, here": ({}, True),
    "by the student, elsewhere": ({"guild_id": GUILD + 1, "coach_id": COACH + 1}, False),
    "by the student, elsewhere, expired": (
        {"guild_id": GUILD + 1, "coach_id": COACH + 1, "expires_at": TEN},
        True,
    ),
}


@pytest.mark.parametrize(("held", "fits"), HOLDS.values(), ids=HOLDS)
async def test_a_hold_after_the_end_limits_it_unless_it_is_released(
    db: Database, held: Mapping[str, Any], fits: bool
) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, user_id=COACH + 1)
        guild = await session.get_one(Guild, held.get("guild_id", GUILD))
        actor = Actor(held.get("student_id", STUDENT))
        hold = await holds.hold(session, guild, actor, held.get("coach_id", COACH), ELEVEN, HOUR, at(28))
        hold.expires_at = held.get("expires_at", hold.expires_at)

    assert await can_be_extended(db, session_id) is fits
    assert (await fetch_all(db, select(Hold.id)) == []) is fits


async def test_no_session_is_longer_than_a_day(db: Database) -> None:
    session_id = await both_came(db, ends_at=at(24 * 60 - 10))

    sentence = await refused(db, session_id)

    assert sentence == "This session can't get any longer. Book another one with `/book`."
    assert not await can_be_extended(db, session_id)
