"""Absences that Discord explains: who is excused, what becomes of the session, and who is told."""

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
from tests.support.attended_sessions import CARA, ELEVEN, Spell, a_meeting, add_stays, at, audit_log
from tests.support.builders import COACH, DAY, GUILD, MINUTE, STUDENT, FakeClock, a_session, change_session
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import advance_due
from tests.support.stored import enqueued, notifications, reservations, session_now
from tests.support.transactions import fetch, fetch_all, fetch_only, transact

BOTH_CAME: list[Spell] = [(COACH, 0, None), (STUDENT, 0, None)]
COACH_CAME: list[Spell] = [(COACH, 0, None)]
CANCELLED, NO_SHOW = SessionStatus.CANCELLED, SessionStatus.NO_SHOW


def keeping_out(barrier: Barrier, *user_ids: int) -> FakeDiscord:
    """A Discord where this keeps people out of their room."""
    discord = FakeDiscord()
    discord.barriers = dict.fromkeys(user_ids, barrier)
    return discord


async def ended(
    db: Database,
    discord: FakeDiscord,
    *spells: Spell,
    known_to_have_left: timedelta | None = None,
    told: int = COACH,
    notice: timedelta = timedelta(0),
) -> CoachingSession:
    """Store a session with these stays, let it end, and return it.

    `known_to_have_left` is how long after the start the other person was `told` that someone had left.
    """
    session_id = await a_meeting(db, *spells, guild={"cancel_notice_minutes": notice // MINUTE})
    if known_to_have_left is not None:
        async with db.begin() as session:
            told_at, kind = at(0) + known_to_have_left, NotificationKind.PERSON_LEFT
            outbox.enqueue(session, kind, GUILD, now=told_at, user_id=told, session_id=session_id)
    await advance_due(db, discord, FakeClock(ELEVEN))
    return await session_now(db, session_id)


async def alerts(db: Database) -> list[Alert]:
    return await fetch_all(db, select(Alert).order_by(Alert.key))


@pytest.mark.parametrize("barrier", [one for one in Barrier if one is not Barrier.LEFT])
async def test_a_student_who_was_kept_out_is_excused_and_everyone_is_told_why(
    db: Database, barrier: Barrier
) -> None:
    one = await ended(db, keeping_out(barrier, STUDENT), *COACH_CAME)

    assert (one.status, one.absent, one.cancelled_by) == (CANCELLED, None, None)
    assert one.cancel_reason is not None
    assert one.cancel_reason.startswith("The student ")
    assert one.cancel_reason.endswith("It doesn't count as a no-show.")
    [alert] = await alerts(db)
    assert alert.key == f"kept_out:{STUDENT}"
    assert f"<@{STUDENT}> couldn't come to session `{one.code}`" in alert.text
    assert sorted(await enqueued(db), key=str) == [
        (NotificationKind.ALERT, None),
        (NotificationKind.SESSION_CANCELLED, COACH),
        (NotificationKind.SESSION_CANCELLED, STUDENT),
    ]
    assert ("session_excused", None) in await audit_log(db)
    assert await reservations(db) == []


async def test_a_coach_who_was_kept_out_is_excused_too(db: Database) -> None:
    one = await ended(db, keeping_out(Barrier.SHUT_OUT, COACH), (STUDENT, 0, None))

    assert (one.status, one.absent) == (CANCELLED, None)
    assert (one.cancel_reason or "").startswith("The coach wasn't allowed into the room")


@pytest.mark.parametrize("known_from", [-DAY, -MINUTE])
async def test_a_student_who_left_the_server_before_is_excused_without_an_alert(
    db: Database, known_from: timedelta
) -> None:
    one = await ended(db, keeping_out(Barrier.LEFT, STUDENT), *COACH_CAME, known_to_have_left=known_from)

    assert one.cancel_reason == "The student had left the server. It doesn't count as a no-show."
    assert await alerts(db) == []


@pytest.mark.parametrize(("known_from", "is_excused"), [(-DAY, True), (-DAY + MINUTE, False)])
async def test_a_student_has_to_leave_the_server_as_early_as_they_could_cancel(
    db: Database, known_from: timedelta, is_excused: bool
) -> None:
    discord = keeping_out(Barrier.LEFT, STUDENT)

    one = await ended(db, discord, *COACH_CAME, known_to_have_left=known_from, notice=DAY)

    assert one.absent is (None if is_excused else Absent.STUDENT)


async def test_a_coach_who_left_is_excused_whatever_notice_students_have_to_give(db: Database) -> None:
    discord = keeping_out(Barrier.LEFT, COACH)

    one = await ended(db, discord, (STUDENT, 0, None), known_to_have_left=-MINUTE, told=STUDENT, notice=DAY)

    assert one.cancel_reason == "The coach had left the server. It doesn't count as a no-show."


@pytest.mark.parametrize("known_from", [None, 0 * MINUTE])
async def test_leaving_the_server_after_the_start_is_no_excuse(db: Database, known_from: timedelta | None) -> None:
    one = await ended(db, keeping_out(Barrier.LEFT, STUDENT), *COACH_CAME, known_to_have_left=known_from)

    assert (one.status, one.absent) == (NO_SHOW, Absent.STUDENT)


@pytest.mark.parametrize(
    ("kept_out", "absent"),
    [({COACH, STUDENT}, None), ({STUDENT}, Absent.COACH), ({COACH}, Absent.STUDENT), (set[int](), Absent.BOTH)],
)
async def test_if_neither_came_only_people_who_were_kept_out_are_excused(
    db: Database, kept_out: set[int], absent: Absent | None
) -> None:
    one = await ended(db, keeping_out(Barrier.TIMED_OUT, *kept_out))

    assert one.absent is absent
    assert (one.status is CANCELLED) is (absent is None)
    assert len(await alerts(db)) == len(kept_out)


async def test_people_who_came_need_no_excuse(db: Database) -> None:
    discord = keeping_out(Barrier.TIMED_OUT, STUDENT)  # after the session, say

    one = await ended(db, discord, *BOTH_CAME)

    assert discord.asked("barrier") == []
    assert one.status is SessionStatus.COMPLETED


@pytest.mark.parametrize("error", [None, DiscordFailure("down")], ids=["nothing", "no answer"])
async def test_if_discord_explains_nothing_it_is_a_no_show(db: Database, error: DiscordFailure | None) -> None:
    discord = FakeDiscord()
    if error is not None:
        discord.fail("barrier", error)

    one = await ended(db, discord, *COACH_CAME)

    assert discord.asked("barrier") == [str(STUDENT)]
    assert (one.status, one.absent) == (NO_SHOW, Absent.STUDENT)


async def test_a_session_that_is_extended_while_discord_is_asked_goes_on(db: Database) -> None:
    discord = keeping_out(Barrier.TIMED_OUT, STUDENT)
    session_id = await a_meeting(db, *COACH_CAME)

    async def extended(_call: Call) -> None:
        await change_session(db, session_id, ends_at=ELEVEN + 15 * MINUTE)

    discord.meanwhile("barrier", extended)
    await advance_due(db, discord, FakeClock(ELEVEN))

    assert (await session_now(db, session_id)).status is SessionStatus.IN_PROGRESS


async def test_excuses_count_when_a_session_is_ended_early(db: Database) -> None:
    session_id = await a_meeting(db, *COACH_CAME, watched_until=at(20))

    await transact(db, in_room.end_early, session_id, CARA, at(20))
    before = await session_now(db, session_id)
    await advance_due(db, keeping_out(Barrier.TIMED_OUT, STUDENT), FakeClock(at(20)))

    assert (before.ends_at, before.next_step_at) == (at(20), at(20))
    assert (await session_now(db, session_id)).status is CANCELLED


@pytest.mark.parametrize("why", Why)
async def test_excuses_count_when_the_coach_leaves_during_a_session(db: Database, why: Why) -> None:
    session_id = await a_meeting(db, *COACH_CAME)

    await transact(db, departures.handle_departure, GUILD, COACH, why, at(20), keep=False)
    await advance_due(db, keeping_out(Barrier.TIMED_OUT, STUDENT), FakeClock(at(20)))

    one = await session_now(db, session_id)
    assert (one.status, one.absent, one.ends_at) == (CANCELLED, None, at(20))


async def test_the_alert_is_resolved_once_both_have_met(db: Database) -> None:
    await a_meeting(db, *BOTH_CAME)
    await transact(db, admin_alerts.raise_alert, GUILD, f"kept_out:{STUDENT}", "They couldn't come.", at(-60))

    await advance_due(db, FakeDiscord(), FakeClock(ELEVEN))

    alert = await fetch_only(db, select(Alert))
    assert alert.fixed_at == ELEVEN
    told = [one.kind for one in await notifications(db, Notification.alert_id == alert.id)]
    assert told == [NotificationKind.ALERT, NotificationKind.ALERT_RESOLVED]


async def test_admins_hear_once_of_what_keeps_someone_out_of_every_session(db: Database) -> None:
    discord = keeping_out(Barrier.SHUT_OUT, STUDENT)
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

    assert (await session_now(db, following.id)).status is CANCELLED
    [alert] = await alerts(db)
    assert "`next`" in alert.text
    assert [kind for kind, _ in await enqueued(db)].count(NotificationKind.ALERT) == 1


async def test_nobody_is_absent_if_the_bot_turns_out_to_have_been_removed(db: Database) -> None:
    discord = FakeDiscord()
    discord.fail("barrier", NotInServer("the bot isn't in this server any more"))

    one = await ended(db, discord, *COACH_CAME)

    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)
    assert (await fetch(db, Guild, GUILD)).bot_removed_at == ELEVEN
