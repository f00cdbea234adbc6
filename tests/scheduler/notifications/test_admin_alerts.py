"""What admins hear of problems: at once, then rarely, and when it is over; not each turn of one that flickers."""

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
from tests.support.transactions import fetch_all, fetch_only, transact

TEN = MONDAY + 2 * HOUR
ROOM = TEN - 15 * MINUTE
FULL = DiscordFailure("the server has 500 channels", for_admins=True)
DOWN = DiscordFailure("Discord did not answer")


async def set_up(db: Database, *codes: str) -> None:
    """A server with a session at ten for each code, of different people."""
    async with db.begin() as session:
        await a_guild(session)
        for number, code in enumerate(codes):
            await a_coach(session, user_id=COACH + number, hours=())
            coach_id, student_id = COACH + number, STUDENT + number
            await a_session(session, code=code, starts_at=TEN, coach_id=coach_id, student_id=student_id)


async def report(
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
    """What is due to admins by then reaches them."""
    await deliver_due(db, FakeDiscord(), FakeClock(at))


async def told(db: Database) -> list[tuple[NotificationKind, datetime]]:
    """What is planned for admins to hear, and from when on, if it was not taken back."""
    kinds = NotificationKind.ALERT, NotificationKind.ALERT_RESOLVED
    planned = (
        select(Notification)
        .where(Notification.kind.in_(kinds), Notification.given_up_at.is_(None))
        .order_by(Notification.id)
    )
    return [(one.kind, one.sent_at or one.due_at or MONDAY) for one in await fetch_all(db, planned)]


async def lasting(db: Database) -> list[str]:
    """What does not work."""
    return await fetch_all(db, select(Alert.text).where(Alert.fixed_at.is_(None)))


async def kinds(db: Database) -> list[NotificationKind]:
    return [kind for kind, _ in await told(db)]


async def test_a_problem_that_lasts_is_told_at_once_and_then_after_one_three_and_seven_days(db: Database) -> None:
    await set_up(db)

    for hours in range(0, 30 * 24, 6):
        await report(db, MONDAY + hours * HOUR)

    days = (0, 1, 4, 11, 18, 25)
    assert await told(db) == [(NotificationKind.ALERT, MONDAY + after * DAY) for after in days]


async def test_another_cause_is_told_at_once_and_takes_the_place_of_the_first(db: Database) -> None:
    await set_up(db)
    await report(db, MONDAY)

    await report(db, MONDAY + MINUTE, text="Another thing is in the way.")

    assert await told(db) == [(NotificationKind.ALERT, MONDAY), (NotificationKind.ALERT, MONDAY + MINUTE)]
    assert await lasting(db) == ["Another thing is in the way."]


async def test_another_cause_hours_after_the_first_was_fixed_is_told_at_once_and_fixed_by_itself(
    db: Database,
) -> None:
    await set_up(db)
    await report(db, MONDAY)
    await works(db, MONDAY + MINUTE)

    await report(db, MONDAY + 3 * HOUR, text="Another thing is in the way.")
    await works(db, MONDAY + 4 * HOUR)

    assert (await told(db))[2:] == [
        (NotificationKind.ALERT, MONDAY + 3 * HOUR),
        (NotificationKind.ALERT_RESOLVED, MONDAY + 4 * HOUR),
    ]


async def test_what_may_heal_by_itself_is_one_problem_in_whatever_words(db: Database) -> None:
    await set_up(db)

    for number in range(3):
        text = f"No answer within {number} seconds."
        await report(db, MONDAY + number * MINUTE, text=text, cause=admin_alerts.PASSING)

    assert await kinds(db) == [NotificationKind.ALERT]
    assert await lasting(db) == ["No answer within 2 seconds."]


async def test_nobody_hears_that_something_works_who_was_not_warned(db: Database) -> None:
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


async def test_a_warning_that_is_under_way_while_it_is_mended_is_followed_by_the_good_news(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    await transact(db, admin_alerts.raise_alert, GUILD, "k", "It is full.", MONDAY)

    async def mended(_call: Call) -> None:
        await transact(db, admin_alerts.resolve, GUILD, "k", MONDAY)

    discord.meanwhile("deliver", mended)
    for _ in range(2):
        await deliver_due(db, discord, clock)

    assert await kinds(db) == [NotificationKind.ALERT, NotificationKind.ALERT_RESOLVED]
    assert len(discord.asked("deliver")) == 2


async def test_what_fails_again_before_admins_heard_that_it_works_has_never_worked_for_them(db: Database) -> None:
    await set_up(db)
    await report(db, MONDAY)
    async with db.begin() as session:
        await admin_alerts.resolve(session, GUILD, "k", MONDAY + MINUTE)
        await admin_alerts.raise_alert(session, GUILD, "k", "It is full.", MONDAY + MINUTE)

    await works(db, MONDAY + HOUR)

    assert await told(db) == [(NotificationKind.ALERT, MONDAY), (NotificationKind.ALERT_RESOLVED, MONDAY + HOUR)]


async def test_that_it_works_again_is_told_once(db: Database) -> None:
    await set_up(db)
    await report(db, MONDAY)

    for minutes in (1, 2, 3):
        await works(db, MONDAY + minutes * MINUTE)

    assert await told(db) == [(NotificationKind.ALERT, MONDAY), (NotificationKind.ALERT_RESOLVED, MONDAY + MINUTE)]


async def test_what_never_failed_is_not_told_to_work(db: Database) -> None:
    await set_up(db)
    await report(db, MONDAY, key="another")

    await works(db, MONDAY)

    assert await kinds(db) == [NotificationKind.ALERT]


async def test_a_problem_that_comes_and_goes_within_a_day_is_told_once_and_so_is_its_end(db: Database) -> None:
    await set_up(db)

    for minutes in range(0, 120, 10):
        await report(db, MONDAY + minutes * MINUTE)
        await works(db, MONDAY + (minutes + 5) * MINUTE)

    assert await kinds(db) == [NotificationKind.ALERT, NotificationKind.ALERT_RESOLVED]


async def test_a_problem_that_came_back_soon_is_told_once_it_has_stayed_for_a_quarter_of_an_hour(
    db: Database,
) -> None:
    await set_up(db)
    await report(db, MONDAY)
    await works(db, MONDAY + MINUTE)
    back = MONDAY + 30 * MINUTE

    await report(db, back)
    await deliver(db, back + 14 * MINUTE)
    before = await kinds(db)
    await deliver(db, back + 15 * MINUTE)
    await works(db, back + HOUR)

    assert before == [
        NotificationKind.ALERT,
        NotificationKind.ALERT_RESOLVED,
        NotificationKind.ALERT,
    ]  # the last is only enqueued
    assert (await told(db))[2:] == [
        (NotificationKind.ALERT, back + 15 * MINUTE),
        (NotificationKind.ALERT_RESOLVED, back + HOUR),
    ]


async def test_a_problem_that_comes_back_after_it_worked_for_an_hour_is_a_new_one(db: Database) -> None:
    await set_up(db)
    await report(db, MONDAY)
    await works(db, MONDAY + MINUTE)

    await report(db, MONDAY + MINUTE + HOUR)

    assert (await told(db))[2:] == [(NotificationKind.ALERT, MONDAY + MINUTE + HOUR)]


async def test_a_problem_that_comes_back_after_days_is_a_new_one(db: Database) -> None:
    await set_up(db)
    await report(db, MONDAY)
    await works(db, MONDAY + MINUTE)

    for days in (5, 6):
        await report(db, MONDAY + days * DAY)

    assert (await told(db))[2:] == [
        (NotificationKind.ALERT, MONDAY + 5 * DAY),
        (NotificationKind.ALERT, MONDAY + 6 * DAY),
    ]


async def test_two_problems_and_two_servers_have_nothing_to_do_with_each_other(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await admin_alerts.raise_alert(session, GUILD + 1, "k", "It is full.", MONDAY)

    await report(db, MONDAY)
    await report(db, MONDAY, key="another")
    await works(db, MONDAY)

    async with db.read() as session:
        fixed = select(Alert.guild_id, Alert.key).where(Alert.fixed_at.is_not(None))
        assert [tuple(one) for one in await session.execute(fixed)] == [(GUILD, "k")]


# Steps of sessions.


async def test_what_only_admins_can_mend_is_told_at_its_first_failure(db: Database) -> None:
    await set_up(db, "abc")
    discord = FakeDiscord()
    discord.fail("ensure_room", FULL)

    await advance_due(db, discord, FakeClock(ROOM))

    assert await told(db) == [(NotificationKind.ALERT, ROOM)]
    alert = await fetch_only(db, select(Alert))
    assert (alert.key, alert.text) == ("make_room", "the server has 500 channels")


async def test_what_may_heal_by_itself_is_told_after_three_failures_in_a_row_and_once(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock, counts = FakeDiscord(), FakeClock(ROOM), []
    discord.fail("ensure_room", DOWN)

    for _ in range(5):
        await advance_due(db, discord, clock)
        counts.append(len(await told(db)))
        clock.forward(2 * MINUTE)

    assert counts == [0, 0, 1, 1, 1]


async def test_failures_with_a_success_between_them_are_not_in_a_row(db: Database) -> None:
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


async def test_of_many_sessions_that_fail_alike_admins_hear_once(db: Database) -> None:
    await set_up(db, "one", "two", "three")
    discord = FakeDiscord()
    discord.fail("ensure_room", FULL)

    await advance_due(db, discord, FakeClock(ROOM))

    assert await kinds(db) == [NotificationKind.ALERT]


async def test_it_is_fixed_only_when_it_fails_for_no_other_session_any_more(db: Database) -> None:
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

    assert while_one_fails == [NotificationKind.ALERT]
    assert await kinds(db) == [NotificationKind.ALERT, NotificationKind.ALERT_RESOLVED]


async def test_another_step_that_works_does_not_say_that_this_one_does(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    discord.fail("ensure_room", FULL)
    for clock.now in (ROOM, TEN):  # at ten it starts, without a room
        await advance_due(db, discord, clock)

    assert await kinds(db) == [NotificationKind.ALERT]


async def test_a_role_that_cannot_be_given_is_told_once_and_when_it_can(db: Database) -> None:
    await a_server_with_a_coach(db, role_due_at=MONDAY)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("set_role", DiscordFailure("my own role stands too low", for_admins=True))

    for _ in range(3):
        await sync_roles(db, discord, clock)
        clock.forward(HOUR)
    discord.heal()
    await sync_roles(db, discord, clock)

    assert await told(db) == [
        (NotificationKind.ALERT, MONDAY),
        (NotificationKind.ALERT_RESOLVED, MONDAY + 3 * HOUR),
    ]


# What concerns each room alike.


def lacking(code: str) -> DiscordFailure:
    """As Discord refuses it: with the place, which is called otherwise for each session."""
    return DiscordFailure(f'I lack **Connect** in the channel "coaching-session-{code}"', for_admins=True)


async def test_that_nothing_can_be_said_in_rooms_is_told_once_whichever_rooms_they_are(db: Database) -> None:
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

    assert len(await lasting(db)) == 1
    assert [kind for kind, _ in await told(db)] == [NotificationKind.ALERT]


async def test_rooms_that_are_given_up_for_one_reason_are_told_of_once(db: Database) -> None:
    await set_up(db, "abc", "def")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    for code in ("abc", "def"):
        discord.fail("remove_room", lacking(code), about=f"coaching-session-{code}")

    while (due_at := await next_due(db)) is not None:
        clock.now = max(clock(), due_at)
        await tick(db, discord, clock)

    given_up = [text for text in await all_told(db) if "I've stopped trying after a week" in text]
    assert len(given_up) == 1


async def all_told(db: Database) -> list[str]:
    """What admins read, once for each message."""
    warned = select(Alert.text).join(Notification, Notification.alert_id == Alert.id)
    async with db.read() as session:
        return list(
            await session.scalars(
                warned.where(Notification.kind == NotificationKind.ALERT, Notification.sent_at.is_not(None))
            )
        )
