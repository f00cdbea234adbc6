"""Another quarter of an hour: whether both are free for it, and what it changes."""

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
from tests.support.attended_sessions import CARA, ELEVEN, STU, TEN, at, both_came, found, press, recorded
from tests.support.builders import (
    COACH,
    GUILD,
    HOUR,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_notification,
    a_session,
    refusal,
)
from tests.support.fakes import FakeDiscord
from tests.support.rescheduled_sessions import reservations
from tests.support.rounds import advance_due
from tests.support.transactions import query

HALF_PAST, LONGER = at(30), at(75)
SECOND = timedelta(seconds=1)


async def go_on(db: Database, session_id: int, actor: Actor = STU, now: datetime = HALF_PAST) -> None:
    await press(db, partial(in_room.extend, session_id=session_id, actor=actor, now=now))


async def refused(db: Database, session_id: int) -> str:
    """The sentence with which the student may not go on."""
    use_case = partial(in_room.extend, session_id=session_id, actor=STU, now=HALF_PAST)
    return str(await refusal(db, NotBookable, use_case))


async def offered(db: Database, session_id: int, now: datetime = HALF_PAST) -> bool:
    row = await found(db, session_id)
    return await query(db, in_room.can_extend, row, now)


async def warnings(db: Database) -> list[tuple[datetime | None, datetime | None]]:
    """When each word of warning is due and when it was taken back."""
    async with db.read() as session:
        ending = (
            select(Notification).where(Notification.kind == NotificationKind.ROOM_ENDING).order_by(Notification.id)
        )
        return [(one.due_at, one.given_up_at) for one in await session.scalars(ending)]


@pytest.mark.parametrize("actor", [STU, CARA], ids=["student", "coach"])
async def test_going_on_takes_another_quarter_of_an_hour_from_both(db: Database, actor: Actor) -> None:
    session_id = await both_came(db)
    before = await found(db, session_id)

    await go_on(db, session_id, actor)

    one = await found(db, session_id)
    assert (one.starts_at, one.ends_at, one.status) == (TEN, LONGER, SessionStatus.IN_PROGRESS)
    assert await reservations(db) == [(COACH, TEN, LONGER), (STUDENT, TEN, LONGER)]
    assert (one.revision, one.next_step_at, one.updated_at) == (before.revision + 1, LONGER, HALF_PAST)
    assert one.total_cost_minor == before.total_cost_minor
    assert await recorded(db) == [("session_extended", actor.user_id)]


async def test_the_loop_ends_a_longer_session_at_its_new_end(db: Database) -> None:
    session_id = await both_came(db, watched_until=LONGER)
    await go_on(db, session_id)
    clock = FakeClock()

    for clock.now in (ELEVEN, LONGER):
        await advance_due(db, FakeDiscord(), clock)
        if clock.now == ELEVEN:
            assert (await found(db, session_id)).status is SessionStatus.IN_PROGRESS

    assert (await found(db, session_id)).status is SessionStatus.COMPLETED


async def test_a_session_can_go_on_again_and_again(db: Database) -> None:
    session_id = await both_came(db)

    for minute in (30, 40, 55):
        await go_on(db, session_id, now=at(minute))

    assert (await found(db, session_id)).ends_at == at(105)
    assert (await reservations(db))[0] == (COACH, TEN, at(105))


async def test_a_double_click_goes_on_once(db: Database) -> None:
    session_id = await both_came(db)
    await go_on(db, session_id)

    await go_on(db, session_id, now=HALF_PAST + 9 * SECOND)
    await go_on(db, session_id, CARA, now=HALF_PAST + 9 * SECOND)

    assert (await found(db, session_id)).ends_at == LONGER
    assert await recorded(db) == [("session_extended", STUDENT)]

    await go_on(db, session_id, now=HALF_PAST + 10 * SECOND)

    assert (await found(db, session_id)).ends_at == at(90)


async def test_the_warning_comes_before_the_new_end_and_the_welcome_is_requeued(db: Database) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        about = {"session_id": session_id, "user_id": None}
        await a_notification(session, kind=NotificationKind.ROOM_WELCOME, message_id=9, due_at=None, **about)
        await a_notification(session, kind=NotificationKind.ROOM_ENDING, due_at=at(55), **about)

    await go_on(db, session_id)

    assert await warnings(db) == [(None, HALF_PAST), (at(70), None)]
    async with db.read() as session:
        welcome = await session.scalar(
            select(Notification).where(Notification.kind == NotificationKind.ROOM_WELCOME)
        )
        assert welcome is not None
        assert (welcome.due_at, welcome.revision) == (HALF_PAST, 2)


async def test_a_warning_that_is_out_is_followed_by_another_before_the_new_end(db: Database) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        about = {"session_id": session_id, "user_id": None, "kind": NotificationKind.ROOM_ENDING}
        await a_notification(session, sent_at=at(55), message_id=9, due_at=None, **about)

    await go_on(db, session_id, now=at(57))

    assert await warnings(db) == [(None, None), (at(70), None)]


NEXT: Mapping[str, Mapping[str, Any]] = {
    "coach": {"student_id": STUDENT + 1},
    "student": {"coach_id": COACH + 1},
}


@pytest.mark.parametrize("who", NEXT)
@pytest.mark.parametrize(("next_at", "fits"), [(60, False), (74, False), (75, True), (-60, True)])
async def test_whoever_is_booked_next_keeps_the_session_from_going_on(
    db: Database, who: str, next_at: int, fits: bool
) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1)
        await a_session(session, starts_at=at(next_at), **NEXT[who])
    before = await reservations(db)

    assert await offered(db, session_id) is fits
    if fits:
        await go_on(db, session_id)
        assert (await found(db, session_id)).ends_at == LONGER
    else:
        sentence = await refused(db, session_id)
        assert sentence.startswith("15 more minutes don't fit: one of you is booked soon after <t:")
        assert await reservations(db) == before


@pytest.mark.parametrize(("buffer", "fits"), [(15, True), (16, False)])
async def test_the_coachs_buffer_after_the_session_is_kept(db: Database, buffer: int, fits: bool) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, buffer_after_minutes=buffer, durations_minutes=[60])
        booked = await booking.book(session, guild, STU, COACH, TEN, HOUR, None, at(-60))
        await a_session(session, starts_at=at(90), student_id=STUDENT + 1)
    session_id = booked.id

    assert await offered(db, session_id) is fits
    if fits:
        await go_on(db, session_id)
        assert (await reservations(db))[0] == (COACH, TEN, at(90))
    else:
        await refused(db, session_id)


async def test_the_coachs_buffer_is_no_matter_of_the_student(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, buffer_after_minutes=30)
        await a_coach(session, user_id=COACH + 1)
        session_id = (await booking.book(session, guild, STU, COACH, TEN, HOUR, None, at(-60))).id
        await booking.book(session, guild, STU, COACH + 1, at(90), HOUR, None, at(-60))

    assert await offered(db, session_id)
    await go_on(db, session_id)

    assert (await found(db, session_id)).ends_at == LONGER


async def test_a_buffer_that_the_coach_enlarged_since_is_in_nobodys_way(db: Database) -> None:
    session_id = await both_came(db, coach={"buffer_before_minutes": 45, "buffer_after_minutes": 45})
    async with db.begin() as session:
        for minute in (-60, 75):
            await a_session(session, starts_at=at(minute), student_id=STUDENT + 1)

    assert await offered(db, session_id)
    await go_on(db, session_id, now=at(20))
    assert (COACH, TEN, LONGER) in await reservations(db)
    await press(db, partial(in_room.end_early, session_id=session_id, actor=CARA, now=HALF_PAST))

    assert (COACH, TEN, HALF_PAST) in await reservations(db)


HOLDS = [
    ("somebody's, of the coach", {"student_id": STUDENT + 1}, False),
    ("somebody's, lapsed", {"student_id": STUDENT + 1, "expires_at": HALF_PAST}, True),
    ("the student's, here", {}, True),
    ("the student's, elsewhere", {"guild_id": GUILD + 1, "coach_id": COACH + 1}, False),
    ("the student's, elsewhere, lapsed", {"guild_id": GUILD + 1, "coach_id": COACH + 1, "expires_at": TEN}, True),
]


@pytest.mark.parametrize(("held", "fits"), [one[1:] for one in HOLDS], ids=[one[0] for one in HOLDS])
async def test_what_is_held_after_the_end(db: Database, held: Mapping[str, Any], fits: bool) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, user_id=COACH + 1)
        guild = await session.get_one(Guild, held.get("guild_id", GUILD))
        actor = Actor(held.get("student_id", STUDENT))
        kept = await holds.hold(session, guild, actor, held.get("coach_id", COACH), ELEVEN, HOUR, at(28))
        kept.expires_at = held.get("expires_at", kept.expires_at)

    assert await offered(db, session_id) is fits
    if fits:
        await go_on(db, session_id)
        async with db.read() as session:
            assert await session.scalar(select(Hold.id)) is None
    else:
        await refused(db, session_id)


async def test_no_session_is_longer_than_a_day(db: Database) -> None:
    session_id = await both_came(db, ends_at=at(24 * 60 - 10))

    sentence = await refused(db, session_id)

    assert sentence == "This session can't get any longer. Book another one with `/book`."
    assert not await offered(db, session_id)
