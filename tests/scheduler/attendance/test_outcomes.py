"""How sessions end: their status, who is told, who is asked for a review, and what both are asked."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models import Absent, Coach, Notification, NotificationKind, Review, SessionStatus
from models.storage.database import Database
from scheduler.attendance import no_shows, outcomes
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotFound, TooLate
from tests.support.attended_sessions import CARA, ELEVEN, STRANGER, STU, Spell, a_meeting, at, audit_log, finished
from tests.support.builders import ADMIN, COACH, GUILD, MINUTE, STUDENT, FakeClock, a_notification, refusal
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due
from tests.support.stored import enqueued, notifications, reservations, session_now, still_enqueued
from tests.support.transactions import fetch, transact

BOTH_CAME: list[Spell] = [(COACH, 0, 60), (STUDENT, 0, 60)]
ASKED = [(NotificationKind.REVIEW_REQUEST, STUDENT)]
NOON = at(120)


def both(kind: NotificationKind) -> list[tuple[NotificationKind, int | None]]:
    return [(kind, STUDENT), (kind, COACH)]


async def test_if_both_came_the_session_is_completed_and_the_student_asked_for_a_review(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)

    one = await finished(db, session_id)

    assert (one.status, one.absent, one.missed_at) == (SessionStatus.COMPLETED, None, None)
    assert one.updated_at == ELEVEN
    assert await enqueued(db) == ASKED
    assert await audit_log(db) == [("session_completed", None)]


@pytest.mark.parametrize(
    ("inside", "absent"),
    [([(COACH, 0, 60)], Absent.STUDENT), ([(STUDENT, 0, 60)], Absent.COACH), ([], Absent.BOTH)],
    ids=["student", "coach", "both"],
)
async def test_after_a_no_show_both_are_told_and_nobody_is_asked_for_a_review(
    db: Database, inside: list[Spell], absent: Absent
) -> None:
    session_id = await a_meeting(db, *inside)

    one = await finished(db, session_id)

    assert (one.status, one.absent, one.missed_at) == (SessionStatus.NO_SHOW, absent, None)
    assert await enqueued(db) == both(NotificationKind.NO_SHOW)
    assert await audit_log(db) == [("session_no_show", None)]


async def test_if_too_little_was_watched_the_session_is_completed(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, 60), watched_until=at(50))

    one = await finished(db, session_id)

    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)
    assert await enqueued(db) == ASKED


async def test_the_grace_period_is_the_servers(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, 20), (STUDENT, 20, 60), guild={"no_show_grace_minutes": 20})

    assert (await finished(db, session_id)).absent is Absent.STUDENT


NO_ROOM: Mapping[str, Any] = {
    "access_granted_at": None,
    "discord_channel_id": None,
    "discord_setup_complete": False,
}


@pytest.mark.parametrize(
    "changed",
    [NO_ROOM, {"access_granted_at": None}, NO_ROOM | {"room_lost_at": at(-2)}],
    ids=["no room", "never opened", "deleted before the start"],
)
async def test_if_no_room_was_open_both_are_asked_whether_the_session_took_place(
    db: Database, changed: Mapping[str, Any]
) -> None:
    session_id = await a_meeting(db, (COACH, -4, -2), **changed)

    one = await finished(db, session_id)

    assert (one.status, one.missed_at) == (SessionStatus.COMPLETED, ELEVEN)
    assert (one.absent, one.took_place) == (None, None)
    assert await enqueued(db) == both(NotificationKind.SESSION_MISSED)
    assert await audit_log(db) == [("session_missed", None)]


@pytest.mark.parametrize(("lost", "absent"), [(58, Absent.STUDENT), (20, None)])
async def test_if_the_room_was_deleted_during_the_session_nobody_is_asked(
    db: Database, lost: int, absent: Absent | None
) -> None:
    session_id = await a_meeting(db, (COACH, 0, lost), **NO_ROOM, room_lost_at=at(lost))

    one = await finished(db, session_id)

    assert (one.missed_at, one.absent) == (None, absent)


async def test_the_rooms_first_message_is_updated(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    about = {"kind": NotificationKind.ROOM_WELCOME, "session_id": session_id, "user_id": None, "due_at": None}
    for message_id in (9, None):
        await transact(db, a_notification, message_id=message_id, **about)

    await finished(db, session_id)

    welcomes = await notifications(db, Notification.kind == NotificationKind.ROOM_WELCOME)
    assert [(one.due_at, one.revision) for one in welcomes] == [(ELEVEN, 2), (None, 1)]


async def test_a_session_is_finished_at_its_end_and_only_once(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    clock = FakeClock(ELEVEN - MINUTE)

    for clock.now in (ELEVEN - MINUTE, ELEVEN, ELEVEN + MINUTE):
        await advance_due(db, FakeDiscord(), clock)

    assert (await session_now(db, session_id)).updated_at == ELEVEN
    assert (await audit_log(db)).count(("session_completed", None)) == 1
    assert await enqueued(db) == ASKED


async def mark_and_unmark(db: Database, session_id: int) -> None:
    await transact(db, no_shows.mark_no_show, session_id, CARA, NOON)
    await transact(db, no_shows.unmark_no_show, session_id, CARA, NOON)


async def test_a_review_is_asked_for_once_even_if_the_outcome_changes(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    await finished(db, session_id)

    for _ in range(2):
        await mark_and_unmark(db, session_id)

    assert (await still_enqueued(db)).count((NotificationKind.REVIEW_REQUEST, STUDENT)) == 1


async def test_a_review_request_that_was_dropped_for_a_no_show_is_made_again(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    await finished(db, session_id)
    async with db.begin() as session:
        request = (await session.scalars(select(Notification))).one()
        request.given_up_at, request.due_at = NOON, None

    await mark_and_unmark(db, session_id)

    assert (await still_enqueued(db)).count((NotificationKind.REVIEW_REQUEST, STUDENT)) == 1


# Whether a session that the bot missed took place.


async def a_missed_one(db: Database) -> int:
    session_id = await a_meeting(db, **NO_ROOM)
    await finished(db, session_id)
    return session_id


say = partial(outcomes.answer_whether_it_took_place, guild_id=GUILD, now=NOON)


async def answer(db: Database, session_id: int, actor: Actor, said: bool, now: datetime = NOON) -> None:
    await transact(db, partial(say, session_id=session_id, actor=actor, answer=said, now=now))


by_either = pytest.mark.parametrize(("actor", "other"), [(CARA, STUDENT), (STU, COACH)], ids=["coach", "student"])


@by_either
async def test_when_one_says_that_it_took_place_the_other_is_told(db: Database, actor: Actor, other: int) -> None:
    session_id = await a_missed_one(db)

    await answer(db, session_id, actor, True)

    one = await session_now(db, session_id)
    assert (one.status, one.took_place, one.cancelled_at) == (SessionStatus.COMPLETED, True, None)
    assert (await enqueued(db))[2:] == [*ASKED, (NotificationKind.ATTENDANCE_CHANGED, other)]
    assert (await audit_log(db))[1:] == [("session_took_place", actor.user_id)]


@by_either
async def test_when_one_says_that_it_did_not_it_is_cancelled(db: Database, actor: Actor, other: int) -> None:
    session_id = await a_missed_one(db)
    before = await session_now(db, session_id)

    await answer(db, session_id, actor, False)

    one = await session_now(db, session_id)
    assert (one.status, one.took_place, one.absent) == (SessionStatus.CANCELLED, False, None)
    assert (one.cancelled_at, one.cancelled_by) == (NOON, actor.user_id)
    assert one.cancel_reason == "It didn't take place."
    assert one.revision == before.revision + 1
    assert await reservations(db) == []
    assert (await enqueued(db))[2:] == [(NotificationKind.ATTENDANCE_CHANGED, other)]
    assert (await audit_log(db))[1:] == [("session_did_not_take_place", actor.user_id)]


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("second", [CARA, STU], ids=["the same", "the other"])
async def test_the_same_answer_again_changes_nothing(db: Database, said: bool, second: Actor) -> None:
    session_id = await a_missed_one(db)
    await answer(db, session_id, CARA, said)
    before = await enqueued(db), await audit_log(db)

    await answer(db, session_id, second, said, at(130))

    assert (await enqueued(db), await audit_log(db)) == before
    assert (await session_now(db, session_id)).updated_at == NOON


@pytest.mark.parametrize(("said", "sentence"), [(True, "it took place"), (False, "it didn't take place")])
async def test_the_first_answer_counts(db: Database, said: bool, sentence: str) -> None:
    session_id = await a_missed_one(db)
    await answer(db, session_id, CARA, said)

    again = partial(say, session_id=session_id, actor=STU, answer=not said)
    refused = await refusal(db, AlreadyDecided, again)

    assert str(refused) == f"That's been answered already: {sentence}. If that's wrong, talk to an admin."


async def test_after_a_week_it_is_too_late_to_answer(db: Database) -> None:
    session_id = await a_missed_one(db)
    week_over = ELEVEN + timedelta(days=7)

    late = partial(say, session_id=session_id, actor=STU, answer=True, now=week_over)
    refused = await refusal(db, TooLate, late)
    await answer(db, session_id, CARA, True, week_over - timedelta(seconds=1))

    assert "a week after the session" in str(refused)
    assert (await session_now(db, session_id)).took_place is True


async def test_a_review_of_a_session_that_did_not_take_place_is_hidden(db: Database) -> None:
    session_id = await a_missed_one(db)
    async with db.begin() as session:  # given before the answer
        given = {"coach_id": COACH, "student_id": STUDENT, "stars": 1, "created_at": NOON, "updated_at": NOON}
        session.add(Review(session_id=session_id, guild_id=GUILD, **given))
        coach = await session.get_one(Coach, (GUILD, COACH))
        coach.rating_total, coach.rating_count = 6, 2

    await answer(db, session_id, CARA, False)

    coach = await fetch(db, Coach, (GUILD, COACH))
    assert (coach.rating_total, coach.rating_count) == (5, 1)
    assert (await fetch(db, Review, (session_id, STUDENT))).hidden_at == NOON


@pytest.mark.parametrize("actor", [STRANGER, ADMIN], ids=["stranger", "admin"])
async def test_nobody_else_can_answer(db: Database, actor: Actor) -> None:
    session_id = await a_missed_one(db)

    await refusal(db, NotFound, partial(say, session_id=session_id, actor=actor, answer=True))


async def test_only_missed_sessions_can_be_answered_for(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    await finished(db, session_id)

    for one in (session_id, session_id + 1):
        await refusal(db, NotFound, partial(say, session_id=one, actor=STU, answer=True))
