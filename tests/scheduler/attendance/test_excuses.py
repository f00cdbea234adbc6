"""Absences that Discord itself explains: who is excused, what becomes of the session, and who hears of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models import Absent, Alert, CoachingSession, Guild, Heartbeat, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.attendance.ports import Barrier
from scheduler.booking import departures
from scheduler.booking.departures import Why
from scheduler.core.errors import DiscordFailure, NotInServer
from scheduler.notifications import admin_alerts, outbox
from scheduler.rooms import in_room
from tests.support.attended_sessions import (
    CARA,
    ELEVEN,
    Spell,
    a_meeting,
    add_stays,
    at,
    enqueued,
    found,
    recorded,
)
from tests.support.builders import COACH, DAY, GUILD, MINUTE, STUDENT, FakeClock, a_session
from tests.support.fakes import Call, FakeDiscord
from tests.support.rescheduled_sessions import reservations
from tests.support.rounds import advance_due
from tests.support.transactions import fetch, fetch_all, transact

BOTH_CAME: list[Spell] = [(COACH, 0, None), (STUDENT, 0, None)]
COACH_CAME: list[Spell] = [(COACH, 0, None)]
STUDENT_CAME: list[Spell] = [(STUDENT, 0, None)]
NOBODY_CAME: list[Spell] = []


async def ended(
    db: Database, discord: FakeDiscord, *spells: Spell, known_to_have_left: timedelta | None = None
) -> CoachingSession:
    """The session from ten to eleven to which these came, after the look at its end.

    `known_to_have_left`: how long after the start the coach was told that the student had left.
    """
    session_id = await a_meeting(db, *spells)
    if known_to_have_left is not None:
        async with db.begin() as session:
            told_at, kind = at(0) + known_to_have_left, NotificationKind.PERSON_LEFT
            outbox.enqueue(session, kind, GUILD, now=told_at, user_id=COACH, session_id=session_id)
    await advance_due(db, discord, FakeClock(ELEVEN))
    return await found(db, session_id)


async def problems_told(db: Database) -> list[tuple[str, str]]:
    """Key and text of what admins are told."""
    return [(one.key, one.text) for one in await fetch_all(db, select(Alert).order_by(Alert.key))]


@pytest.mark.parametrize("barrier", [one for one in Barrier if one is not Barrier.LEFT])
async def test_a_student_who_was_kept_out_is_excused_and_both_and_the_admins_hear_why(
    db: Database, barrier: Barrier
) -> None:
    discord = FakeDiscord()
    discord.barriers = {STUDENT: barrier}

    one = await ended(db, discord, *COACH_CAME)

    assert (one.status, one.absent, one.cancelled_by) == (SessionStatus.CANCELLED, None, None)
    assert one.cancel_reason is not None
    assert one.cancel_reason.startswith("The student ")
    assert one.cancel_reason.endswith("It doesn't count as a no-show.")
    kinds = await enqueued(db)
    assert [kind for kind in kinds if kind[1] is not None] == [
        (NotificationKind.SESSION_CANCELLED, STUDENT),
        (NotificationKind.SESSION_CANCELLED, COACH),
    ]
    [(key, text)] = await problems_told(db)
    assert key == f"kept_out:{STUDENT}"
    assert f"<@{STUDENT}> couldn't come to session `{one.code}`" in text
    assert (NotificationKind.ALERT, None) in kinds
    assert ("session_excused", None) in await recorded(db)
    assert await reservations(db) == []


@pytest.mark.parametrize("known_from", [-DAY, -MINUTE])
async def test_who_had_left_before_is_excused_and_admins_are_told_nothing(
    db: Database, known_from: timedelta
) -> None:
    discord = FakeDiscord()
    discord.barriers = {STUDENT: Barrier.LEFT}

    one = await ended(db, discord, *COACH_CAME, known_to_have_left=known_from)

    assert one.cancel_reason == "The student had left the server. It doesn't count as a no-show."
    assert await problems_told(db) == []


@pytest.mark.parametrize("known_from", [None, 0 * MINUTE])
async def test_who_leaves_once_it_has_begun_does_not_escape_the_no_show(
    db: Database, known_from: timedelta | None
) -> None:
    discord = FakeDiscord()
    discord.barriers = {STUDENT: Barrier.LEFT}

    one = await ended(db, discord, *COACH_CAME, known_to_have_left=known_from)

    assert (one.status, one.absent) == (SessionStatus.NO_SHOW, Absent.STUDENT)


@pytest.mark.parametrize(
    ("kept_out", "absent", "admins_told"),
    [
        ({COACH, STUDENT}, None, 2),
        ({STUDENT}, Absent.COACH, 1),
        ({COACH}, Absent.STUDENT, 1),
        (set[int](), Absent.BOTH, 0),
    ],
)
async def test_where_neither_came_only_who_was_kept_out_is_excused(
    db: Database, kept_out: set[int], absent: Absent | None, admins_told: int
) -> None:
    discord = FakeDiscord()
    discord.barriers = dict.fromkeys(kept_out, Barrier.TIMED_OUT)

    one = await ended(db, discord, *NOBODY_CAME)

    assert one.absent is absent
    assert (one.status is SessionStatus.CANCELLED) is (absent is None)
    assert len(await problems_told(db)) == admins_told


async def test_a_coach_who_was_kept_out_is_excused_as_well(db: Database) -> None:
    discord = FakeDiscord()
    discord.barriers = {COACH: Barrier.SHUT_OUT}

    one = await ended(db, discord, *STUDENT_CAME)

    assert (one.status, one.absent) == (SessionStatus.CANCELLED, None)
    assert (one.cancel_reason or "").startswith("The coach wasn't allowed into the room")


async def test_of_whoever_came_discord_is_not_asked_and_they_need_no_excuse(db: Database) -> None:
    discord = FakeDiscord()
    discord.barriers = {STUDENT: Barrier.TIMED_OUT}  # after the session, say

    one = await ended(db, discord, *BOTH_CAME)

    assert discord.asked("barrier") == []
    assert one.status is SessionStatus.COMPLETED


@pytest.mark.parametrize("error", [None, DiscordFailure("down")], ids=["nothing", "nobody can say"])
async def test_where_discord_explains_nothing_it_is_a_no_show_at_once(
    db: Database, error: DiscordFailure | None
) -> None:
    discord = FakeDiscord()
    if error is not None:
        discord.fail("barrier", error)

    one = await ended(db, discord, *COACH_CAME)

    assert discord.asked("barrier") == [str(STUDENT)]
    assert (one.status, one.absent) == (SessionStatus.NO_SHOW, Absent.STUDENT)


async def test_the_database_is_not_held_while_discord_is_asked_and_what_happens_meanwhile_counts(
    db: Database,
) -> None:
    discord = FakeDiscord()
    discord.barriers = {STUDENT: Barrier.TIMED_OUT}
    session_id = await a_meeting(db, *COACH_CAME)

    async def prolonged(_call: Call) -> None:
        async with db.begin() as session:
            row = await session.get_one(CoachingSession, session_id)
            row.ends_at = ELEVEN + 15 * MINUTE

    discord.meanwhile("barrier", prolonged)
    await advance_due(db, discord, FakeClock(ELEVEN))

    assert (await found(db, session_id)).status is SessionStatus.IN_PROGRESS


async def test_ended_by_hand_an_absence_is_excused_as_well(db: Database) -> None:
    discord = FakeDiscord()
    discord.barriers = {STUDENT: Barrier.TIMED_OUT}
    session_id = await a_meeting(db, *COACH_CAME, watched_until=at(20))

    await transact(db, in_room.end_early, session_id, CARA, at(20))
    before = await found(db, session_id)
    await advance_due(db, discord, FakeClock(at(20)))

    assert (before.ends_at, before.next_step_at) == (at(20), at(20))
    assert (await found(db, session_id)).status is SessionStatus.CANCELLED


async def test_once_they_have_met_again_admins_hear_that_it_is_over(db: Database) -> None:
    await a_meeting(db, *BOTH_CAME)
    await transact(db, admin_alerts.raise_alert, GUILD, f"kept_out:{STUDENT}", "They couldn't come.", at(-60))

    await advance_due(db, FakeDiscord(), FakeClock(ELEVEN))

    async with db.read() as session:
        [alert] = await session.scalars(select(Alert))
        told = list(await session.scalars(select(Notification.kind).where(Notification.alert_id == alert.id)))
    assert (alert.fixed_at, told) == (ELEVEN, [NotificationKind.ALERT, NotificationKind.ALERT_RESOLVED])


async def test_of_what_keeps_somebody_out_of_session_after_session_admins_hear_once(db: Database) -> None:
    discord = FakeDiscord()
    discord.barriers = {STUDENT: Barrier.SHUT_OUT}
    await ended(db, discord, *COACH_CAME)
    async with db.begin() as session:
        following = await a_session(
            session,
            code="next",
            starts_at=ELEVEN,
            status=SessionStatus.IN_PROGRESS,
            room_intended_at=at(45),
            access_granted_at=at(55),
            next_step_at=at(120),
        )
        await add_stays(session, following.id, (COACH, 60, None))
        await session.execute(update(Heartbeat).values(at=at(120)))

    await advance_due(db, discord, FakeClock(at(120)))

    assert (await found(db, following.id)).status is SessionStatus.CANCELLED
    [(_, text)] = await problems_told(db)
    assert "`next`" in text
    assert [kind for kind, _ in await enqueued(db)].count(NotificationKind.ALERT) == 1


async def test_where_the_bot_turns_out_to_be_in_the_server_no_more_nobody_is_absent(db: Database) -> None:
    discord = FakeDiscord()
    discord.fail("barrier", NotInServer("the bot is not in this server any more"))

    one = await ended(db, discord, *COACH_CAME)

    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)
    assert (await fetch(db, Guild, GUILD)).bot_removed_at == ELEVEN


@pytest.mark.parametrize("why", Why)
async def test_a_student_who_was_kept_out_is_excused_too_where_the_coach_goes_before_the_end(
    db: Database, why: Why
) -> None:
    discord = FakeDiscord()
    discord.barriers = {STUDENT: Barrier.TIMED_OUT}
    session_id = await a_meeting(db, *COACH_CAME)

    await transact(db, departures.handle_departure, GUILD, COACH, why, at(20), keep=False)
    await advance_due(db, discord, FakeClock(at(20)))

    one = await found(db, session_id)
    assert (one.status, one.absent, one.ends_at) == (SessionStatus.CANCELLED, None, at(20))
