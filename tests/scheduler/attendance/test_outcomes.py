"""How sessions end: what becomes of them, who is told, whose review is asked, and what is asked of both."""

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
from tests.support.attended_sessions import (
    CARA,
    ELEVEN,
    STRANGER,
    STU,
    Spell,
    a_meeting,
    at,
    enqueued,
    finished,
    found,
    press,
    recorded,
)
from tests.support.builders import (
    ADMIN,
    COACH,
    GUILD,
    MINUTE,
    STUDENT,
    FakeClock,
    a_notification,
    everything,
    refusal,
)
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due

BOTH_CAME: list[Spell] = [(COACH, 0, 60), (STUDENT, 0, 60)]
ASKED = [(NotificationKind.REVIEW_REQUEST, STUDENT)]
NOON = at(120)


def both(kind: NotificationKind) -> list[tuple[NotificationKind, int | None]]:
    return [(kind, STUDENT), (kind, COACH)]


async def test_a_session_to_which_both_came_is_completed_and_its_student_is_asked_for_a_review(
    db: Database,
) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)

    one = await finished(db, session_id)

    assert (one.status, one.absent, one.missed_at) == (SessionStatus.COMPLETED, None, None)
    assert one.updated_at == ELEVEN
    assert await enqueued(db) == ASKED
    assert await recorded(db) == [("session_completed", None)]


@pytest.mark.parametrize(
    ("inside", "absent"),
    [([(COACH, 0, 60)], Absent.STUDENT), ([(STUDENT, 0, 60)], Absent.COACH), ([], Absent.BOTH)],
    ids=["student", "coach", "both"],
)
async def test_of_a_no_show_both_are_told_and_nobody_is_asked_for_a_review(
    db: Database, inside: list[Spell], absent: Absent
) -> None:
    session_id = await a_meeting(db, *inside)

    one = await finished(db, session_id)

    assert (one.status, one.absent, one.missed_at) == (SessionStatus.NO_SHOW, absent, None)
    assert await enqueued(db) == both(NotificationKind.NO_SHOW)
    assert await recorded(db) == [("session_no_show", None)]


async def test_where_too_little_was_watched_it_is_completed(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, 60), watched_until=at(50))

    one = await finished(db, session_id)

    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)
    assert await enqueued(db) == ASKED


async def test_the_grace_time_is_the_servers(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, 20), (STUDENT, 20, 60), guild={"no_show_grace_minutes": 20})

    one = await finished(db, session_id)

    assert one.absent is Absent.STUDENT


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
async def test_a_session_without_an_open_room_is_missed_and_both_are_asked(
    db: Database, changed: Mapping[str, Any]
) -> None:
    session_id = await a_meeting(db, (COACH, -4, -2), **changed)

    one = await finished(db, session_id)

    assert (one.status, one.absent, one.missed_at, one.took_place) == (
        SessionStatus.COMPLETED,
        None,
        ELEVEN,
        None,
    )
    assert await enqueued(db) == both(NotificationKind.SESSION_MISSED)
    assert await recorded(db) == [("session_missed", None)]


@pytest.mark.parametrize(("lost", "absent"), [(58, Absent.STUDENT), (20, None)])
async def test_a_session_whose_room_was_deleted_in_the_middle_is_not_missed(
    db: Database, lost: int, absent: Absent | None
) -> None:
    session_id = await a_meeting(db, (COACH, 0, lost), **NO_ROOM, room_lost_at=at(lost))

    one = await finished(db, session_id)

    assert (one.missed_at, one.absent) == (None, absent)


async def test_what_was_said_in_the_room_is_brought_up_to_date(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    async with db.begin() as session:
        for message_id in (9, None):
            kind = NotificationKind.ROOM_WELCOME
            await a_notification(
                session, kind=kind, session_id=session_id, user_id=None, message_id=message_id, due_at=None
            )

    await finished(db, session_id)

    async with db.read() as session:
        welcomes = (
            select(Notification)
            .where(Notification.kind == NotificationKind.ROOM_WELCOME)
            .order_by(Notification.id)
        )
        assert [(one.due_at, one.revision) for one in await session.scalars(welcomes)] == [(ELEVEN, 2), (None, 1)]


async def test_the_loop_finishes_a_session_at_its_end_and_only_once(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    clock = FakeClock(ELEVEN - MINUTE)

    for clock.now in (ELEVEN - MINUTE, ELEVEN, ELEVEN + MINUTE):
        await advance_due(db, FakeDiscord(), clock)

    assert (await found(db, session_id)).updated_at == ELEVEN
    assert (await recorded(db)).count(("session_completed", None)) == 1
    assert await enqueued(db) == ASKED


async def test_a_review_is_asked_for_once_however_often_the_outcome_changes(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    await finished(db, session_id)

    for _ in range(2):
        await press(db, lambda s: no_shows.mark_no_show(s, session_id, CARA, NOON))
        await press(db, lambda s: no_shows.was_here_after_all(s, session_id, CARA, NOON))

    assert (await enqueued(db)).count((NotificationKind.REVIEW_REQUEST, STUDENT)) == 1


async def test_a_review_that_was_not_asked_for_because_of_a_no_show_is_asked_for_afterwards(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    await finished(db, session_id)
    async with db.begin() as session:  # while it counted as a no-show there was nothing to review
        request = (await session.scalars(select(Notification))).one()
        request.given_up_at, request.due_at = NOON, None

    await press(db, lambda s: no_shows.mark_no_show(s, session_id, CARA, NOON))
    await press(db, lambda s: no_shows.was_here_after_all(s, session_id, CARA, NOON))

    assert (await enqueued(db)).count((NotificationKind.REVIEW_REQUEST, STUDENT)) == 1


# Whether a session took place that the bot missed.


async def a_missed_one(db: Database) -> int:
    session_id = await a_meeting(db, **NO_ROOM)
    await finished(db, session_id)
    return session_id


say = partial(outcomes.say_whether_it_took_place, guild_id=GUILD, now=NOON)


async def answer(db: Database, session_id: int, actor: Actor, said: bool, now: datetime = NOON) -> None:
    await press(db, partial(say, session_id=session_id, actor=actor, answer=said, now=now))


@pytest.mark.parametrize(("actor", "other"), [(CARA, STUDENT), (STU, COACH)], ids=["coach", "student"])
async def test_it_took_place_says_one_and_the_other_is_told(db: Database, actor: Actor, other: int) -> None:
    session_id = await a_missed_one(db)

    await answer(db, session_id, actor, True)

    one = await found(db, session_id)
    assert (one.status, one.took_place, one.cancelled_at) == (SessionStatus.COMPLETED, True, None)
    assert (await enqueued(db))[2:] == [*ASKED, (NotificationKind.ATTENDANCE_CHANGED, other)]
    assert (await recorded(db))[1:] == [("session_took_place", actor.user_id)]


@pytest.mark.parametrize(("actor", "other"), [(CARA, STUDENT), (STU, COACH)], ids=["coach", "student"])
async def test_a_session_that_did_not_take_place_is_cancelled_and_nobody_is_asked_for_a_review(
    db: Database, actor: Actor, other: int
) -> None:
    session_id = await a_missed_one(db)
    before = await found(db, session_id)

    await answer(db, session_id, actor, False)

    one = await found(db, session_id)
    assert (one.status, one.took_place, one.absent) == (SessionStatus.CANCELLED, False, None)
    assert (one.cancelled_at, one.cancelled_by) == (NOON, actor.user_id)
    assert one.cancel_reason == outcomes.DID_NOT_TAKE_PLACE
    assert one.revision == before.revision + 1
    assert (await everything(db))["reservations"] == []
    assert (await enqueued(db))[2:] == [(NotificationKind.ATTENDANCE_CHANGED, other)]
    assert (await recorded(db))[1:] == [("session_did_not_take_place", actor.user_id)]


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("second", [CARA, STU], ids=["the same", "the other"])
async def test_the_same_answer_again_changes_nothing(db: Database, said: bool, second: Actor) -> None:
    session_id = await a_missed_one(db)
    await answer(db, session_id, CARA, said)
    told, written = await enqueued(db), await recorded(db)

    await answer(db, session_id, second, said, at(130))

    assert await enqueued(db) == told
    assert await recorded(db) == written
    assert (await found(db, session_id)).updated_at == NOON


@pytest.mark.parametrize(("said", "sentence"), [(True, "it took place"), (False, "it didn't take place")])
async def test_the_first_answer_counts(db: Database, said: bool, sentence: str) -> None:
    session_id = await a_missed_one(db)
    await answer(db, session_id, CARA, said)

    refused = await refusal(
        db,
        AlreadyDecided,
        partial(say, session_id=session_id, actor=STU, answer=not said),
    )

    assert str(refused) == f"That's been answered already: {sentence}. If that's wrong, talk to an admin."


async def test_after_a_week_it_is_too_late_to_answer(db: Database) -> None:
    session_id = await a_missed_one(db)
    last = ELEVEN + timedelta(days=7)

    too_late = last + timedelta(seconds=1)
    refused = await refusal(db, TooLate, partial(say, session_id=session_id, actor=STU, answer=True, now=too_late))
    await answer(db, session_id, CARA, True, last)

    assert "a week after the session" in str(refused)
    assert (await found(db, session_id)).took_place is True


async def test_a_review_of_a_session_that_did_not_take_place_counts_no_more(db: Database) -> None:
    session_id = await a_missed_one(db)
    async with db.begin() as session:  # as it could be given before
        given = {"coach_id": COACH, "student_id": STUDENT, "stars": 1, "created_at": NOON, "updated_at": NOON}
        session.add(Review(session_id=session_id, guild_id=GUILD, **given))
        coach = await session.get_one(Coach, (GUILD, COACH))
        coach.rating_total, coach.rating_count = 6, 2

    await answer(db, session_id, CARA, False)

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        assert (coach.rating_total, coach.rating_count) == (5, 1)
        assert (await session.get_one(Review, session_id)).hidden_at == NOON


@pytest.mark.parametrize("actor", [STRANGER, ADMIN], ids=["stranger", "admin"])
async def test_nobody_else_answers(db: Database, actor: Actor) -> None:
    session_id = await a_missed_one(db)

    await refusal(db, NotFound, partial(say, session_id=session_id, actor=actor, answer=True))


async def test_only_of_a_missed_session_it_is_asked(db: Database) -> None:
    session_id = await a_meeting(db, *BOTH_CAME)
    await finished(db, session_id)

    for one in (session_id, session_id + 1):
        await refusal(db, NotFound, partial(say, session_id=one, actor=STU, answer=True))
