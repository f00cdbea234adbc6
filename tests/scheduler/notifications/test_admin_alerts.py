"""Alerts to admins: sent at once, repeated rarely, resolved once, and quiet about a flickering problem."""

from datetime import datetime, timedelta

from sqlalchemy import select

from models import Alert, CoachingSession, Notification, NotificationKind
from models.storage.database import Database
from scheduler.coaches.coach_role import sync_roles
from scheduler.core.errors import DiscordFailure
from scheduler.loop.tick import next_due
from scheduler.notifications import admin_alerts
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_notification,
    a_server_with_a_coach,
    a_session,
    change_session,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import advance_due, deliver_due, tick
from tests.support.stored import notifications
from tests.support.transactions import fetch_all, fetch_only, transact

ALERT, RESOLVED = NotificationKind.ALERT, NotificationKind.ALERT_RESOLVED
TEN = MONDAY + 2 * HOUR
ROOM = TEN - 15 * MINUTE
FULL = DiscordFailure("the server has 500 channels", for_admins=True)
DOWN = DiscordFailure("Discord did not answer")


async def set_up(db: Database, *codes: str) -> None:
    """Create a server with a session at ten for each code, of different people."""
    async with db.begin() as session:
        await a_guild(session)
        for number, code in enumerate(codes):
            await a_coach(session, user_id=COACH + number, hours=())
            coach_id, student_id = COACH + number, STUDENT + number
            await a_session(session, code=code, starts_at=TEN, coach_id=coach_id, student_id=student_id)


async def fails(
    db: Database, at: datetime, *, key: str = "k", text: str = "It is full.", cause: str | None = None
) -> None:
    await deliver(db, at)
    await transact(db, admin_alerts.raise_alert, GUILD, key, text, at, cause=cause)
    await deliver(db, at)


async def works(db: Database, at: datetime, *, key: str = "k", session_id: int = 0) -> None:
    await deliver(db, at)
    await transact(db, admin_alerts.resolve, GUILD, key, at, session_id=session_id)
    await deliver(db, at)


async def deliver(db: Database, at: datetime) -> None:
    """Deliver what's due to admins by then."""
    await deliver_due(db, FakeDiscord(), FakeClock(at))


async def alerts(db: Database) -> list[tuple[NotificationKind, datetime]]:
    """Return alerts to admins that weren't withdrawn, with when they were sent or are due."""
    to_admins = Notification.kind.in_((ALERT, RESOLVED))
    found = await notifications(db, to_admins, Notification.given_up_at.is_(None))
    return [(one.kind, one.sent_at or one.due_at or MONDAY) for one in found]


async def unresolved(db: Database) -> list[str]:
    return await fetch_all(db, select(Alert.text).where(Alert.fixed_at.is_(None)))


async def kinds(db: Database) -> list[NotificationKind]:
    return [kind for kind, _ in await alerts(db)]


async def test_a_lasting_problem_is_repeated_after_one_three_and_seven_days(db: Database) -> None:
    await set_up(db)

    for hours in range(0, 30 * 24, 6):
        await fails(db, MONDAY + hours * HOUR)

    assert await alerts(db) == [(ALERT, MONDAY + days * DAY) for days in (0, 1, 4, 11, 18, 25)]


async def test_a_new_cause_is_alerted_at_once_and_replaces_the_first(db: Database) -> None:
    await set_up(db)
    await fails(db, MONDAY)

    await fails(db, MONDAY + MINUTE, text="Another thing is in the way.")

    assert await alerts(db) == [(ALERT, MONDAY), (ALERT, MONDAY + MINUTE)]
    assert await unresolved(db) == ["Another thing is in the way."]


async def test_a_new_cause_after_the_first_was_resolved_is_a_problem_of_its_own(db: Database) -> None:
    await set_up(db)
    await fails(db, MONDAY)
    await works(db, MONDAY + MINUTE)

    await fails(db, MONDAY + 3 * HOUR, text="Another thing is in the way.")
    await works(db, MONDAY + 4 * HOUR)

    assert (await alerts(db))[2:] == [(ALERT, MONDAY + 3 * HOUR), (RESOLVED, MONDAY + 4 * HOUR)]


async def test_a_passing_problem_is_one_problem_however_it_is_worded(db: Database) -> None:
    await set_up(db)

    for number in range(3):
        text = f"No answer within {number} seconds."
        await fails(db, MONDAY + number * MINUTE, text=text, cause=admin_alerts.PASSING)

    assert await kinds(db) == [ALERT]
    assert await unresolved(db) == ["No answer within 2 seconds."]


async def test_admins_who_were_not_alerted_do_not_hear_that_it_works_again(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", DOWN)
    await transact(db, admin_alerts.raise_alert, GUILD, "k", "It is full.", MONDAY)
    await deliver_due(db, discord, clock)
    await transact(db, admin_alerts.resolve, GUILD, "k", MONDAY)

    discord.heal()
    for clock.now in (MONDAY, MONDAY + HOUR):
        await deliver_due(db, discord, clock)

    assert len(discord.asked("deliver")) == 1
    assert await kinds(db) == []


async def test_an_alert_being_sent_while_it_is_resolved_is_followed_by_the_resolution(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    await transact(db, admin_alerts.raise_alert, GUILD, "k", "It is full.", MONDAY)

    async def resolve(_call: Call) -> None:
        await transact(db, admin_alerts.resolve, GUILD, "k", MONDAY)

    discord.meanwhile("deliver", resolve)
    for _ in range(2):
        await deliver_due(db, discord, clock)

    assert await kinds(db) == [ALERT, RESOLVED]
    assert len(discord.asked("deliver")) == 2


async def test_failing_again_before_admins_hear_of_the_fix_sends_nothing(db: Database) -> None:
    await set_up(db)
    await fails(db, MONDAY)
    async with db.begin() as session:
        await admin_alerts.resolve(session, GUILD, "k", MONDAY + MINUTE)
        await admin_alerts.raise_alert(session, GUILD, "k", "It is full.", MONDAY + MINUTE)

    await works(db, MONDAY + HOUR)

    assert await alerts(db) == [(ALERT, MONDAY), (RESOLVED, MONDAY + HOUR)]


async def test_admins_hear_once_that_it_works_again(db: Database) -> None:
    await set_up(db)
    await fails(db, MONDAY)

    for minutes in (1, 2, 3):
        await works(db, MONDAY + minutes * MINUTE)

    assert await alerts(db) == [(ALERT, MONDAY), (RESOLVED, MONDAY + MINUTE)]


async def test_what_never_failed_is_not_resolved(db: Database) -> None:
    await set_up(db)
    await fails(db, MONDAY, key="another")

    await works(db, MONDAY)

    assert await kinds(db) == [ALERT]


async def test_a_flickering_problem_is_alerted_and_resolved_once(db: Database) -> None:
    await set_up(db)

    for minutes in range(0, 120, 10):
        await fails(db, MONDAY + minutes * MINUTE)
        await works(db, MONDAY + (minutes + 5) * MINUTE)

    assert await kinds(db) == [ALERT, RESOLVED]


async def test_a_problem_that_comes_back_soon_is_alerted_after_15_minutes(db: Database) -> None:
    await set_up(db)
    await fails(db, MONDAY)
    await works(db, MONDAY + MINUTE)
    back = MONDAY + 30 * MINUTE

    await fails(db, back)
    await deliver(db, back + 14 * MINUTE)
    before = await kinds(db)
    await deliver(db, back + 15 * MINUTE)
    await works(db, back + HOUR)

    assert before == [ALERT, RESOLVED, ALERT]  # the last is only enqueued
    assert (await alerts(db))[2:] == [(ALERT, back + 15 * MINUTE), (RESOLVED, back + HOUR)]


async def test_a_problem_that_comes_back_after_an_hour_is_a_new_one(db: Database) -> None:
    await set_up(db)
    await fails(db, MONDAY)
    await works(db, MONDAY + MINUTE)

    await fails(db, MONDAY + MINUTE + HOUR)

    assert (await alerts(db))[2:] == [(ALERT, MONDAY + MINUTE + HOUR)]


async def test_a_problem_that_comes_back_after_days_is_a_new_one(db: Database) -> None:
    await set_up(db)
    await fails(db, MONDAY)
    await works(db, MONDAY + MINUTE)

    for days in (5, 6):
        await fails(db, MONDAY + days * DAY)

    assert (await alerts(db))[2:] == [(ALERT, MONDAY + 5 * DAY), (ALERT, MONDAY + 6 * DAY)]


async def test_problems_and_servers_are_independent(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await admin_alerts.raise_alert(session, GUILD + 1, "k", "It is full.", MONDAY)

    await fails(db, MONDAY)
    await fails(db, MONDAY, key="another")
    await works(db, MONDAY)

    async with db.read() as session:
        fixed = select(Alert.guild_id, Alert.key).where(Alert.fixed_at.is_not(None))
        assert [tuple(one) for one in await session.execute(fixed)] == [(GUILD, "k")]


# Sessions and roles.


async def test_what_only_admins_can_fix_is_alerted_at_the_first_failure(db: Database) -> None:
    await set_up(db, "abc")
    discord = FakeDiscord()
    discord.fail("ensure_room", FULL)

    await advance_due(db, discord, FakeClock(ROOM))

    assert await alerts(db) == [(ALERT, ROOM)]
    alert = await fetch_only(db, select(Alert))
    assert (alert.key, alert.text) == ("make_room", "the server has 500 channels")


async def test_a_passing_failure_is_alerted_once_after_three_in_a_row(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock, counts = FakeDiscord(), FakeClock(ROOM), []
    discord.fail("ensure_room", DOWN)

    for _ in range(5):
        await advance_due(db, discord, clock)
        counts.append(len(await alerts(db)))
        clock.forward(2 * MINUTE)

    assert counts == [0, 0, 1, 1, 1]


async def test_a_success_restarts_the_count_of_failures(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    failures = iter([True, True, False, True, True])

    async def come_and_go(_call: Call) -> None:
        if next(failures):
            raise DOWN

    discord.meanwhile("ensure_room", come_and_go)
    for _ in range(5):
        await advance_due(db, discord, clock)
        if discord.rooms:  # the room is deleted by hand, and has to be made again
            discord.rooms.clear()
            await change_session(db, 1, discord_setup_complete=False, room_intended_at=None)
            await change_session(db, 1, discord_channel_id=None, next_step_at=clock())
        clock.forward(timedelta(minutes=1))

    assert len(discord.asked("ensure_room")) == 5
    assert await kinds(db) == []


async def test_sessions_that_fail_alike_are_alerted_once(db: Database) -> None:
    await set_up(db, "one", "two", "three")
    discord = FakeDiscord()
    discord.fail("ensure_room", FULL)

    await advance_due(db, discord, FakeClock(ROOM))

    assert await kinds(db) == [ALERT]


async def test_a_problem_is_resolved_once_no_session_has_it(db: Database) -> None:
    await set_up(db, "one", "two")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    discord.fail("ensure_room", FULL)
    await advance_due(db, discord, clock)
    discord.heal()
    discord.fail("ensure_room", FULL, about="coaching-session-two")
    clock.forward(MINUTE)

    await advance_due(db, discord, clock)
    while_one_fails = await kinds(db)
    discord.heal()
    clock.forward(MINUTE)
    await advance_due(db, discord, clock)

    assert while_one_fails == [ALERT]
    assert await kinds(db) == [ALERT, RESOLVED]


async def test_another_steps_success_does_not_resolve_it(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    discord.fail("ensure_room", FULL)
    for clock.now in (ROOM, TEN):  # at ten it starts, without a room
        await advance_due(db, discord, clock)

    assert await kinds(db) == [ALERT]


async def test_a_failing_role_is_alerted_once_and_resolved(db: Database) -> None:
    await a_server_with_a_coach(db, role_due_at=MONDAY)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("set_role", DiscordFailure("my own role is too low", for_admins=True))

    for _ in range(3):
        await sync_roles(db, discord, clock)
        clock.forward(HOUR)
    discord.heal()
    await sync_roles(db, discord, clock)

    assert await alerts(db) == [(ALERT, MONDAY), (RESOLVED, MONDAY + 3 * HOUR)]


# The same error in several rooms.


def lacking(code: str) -> DiscordFailure:
    """Return Discord's refusal, which names the session's own channel."""
    return DiscordFailure(f'I lack **Connect** in the channel "coaching-session-{code}"', for_admins=True)


async def test_rooms_the_bot_cannot_write_in_are_one_problem(db: Database) -> None:
    await set_up(db, "abc", "def")
    discord = FakeDiscord()
    async with db.begin() as session:
        for one in await session.scalars(select(CoachingSession)):
            one.access_granted_at, one.discord_channel_id = MONDAY, one.id
            notification = await a_notification(
                session, kind=NotificationKind.ROOM_WELCOME, user_id=None, session_id=one.id
            )
            discord.fail("deliver", lacking(one.code), about=str(notification.id))

    await deliver_due(db, discord, FakeClock())

    assert len(await unresolved(db)) == 1
    assert await kinds(db) == [ALERT]


async def test_rooms_given_up_for_the_same_reason_are_alerted_once(db: Database) -> None:
    await set_up(db, "abc", "def")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    for code in ("abc", "def"):
        discord.fail("remove_room", lacking(code), about=f"coaching-session-{code}")

    while (due_at := await next_due(db)) is not None:
        over_a_week_later = TEN + 9 * DAY if discord.asked("remove_room") else TEN
        clock.now = max(clock(), due_at, over_a_week_later)
        await tick(db, discord, clock)

    sent = select(Alert.text).join(Notification, Notification.alert_id == Alert.id)
    texts = await fetch_all(db, sent.where(Notification.kind == ALERT, Notification.sent_at.is_not(None)))
    assert sum("I've stopped trying after a week" in text for text in texts) == 1
