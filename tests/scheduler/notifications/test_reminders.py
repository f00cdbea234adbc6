"""Reminders: planned with a booking, replanned on changes, and sent while they still help."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import CoachingSession, Guild, Member, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import booking, cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import DiscordFailure
from scheduler.notifications import reminders
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_guild,
    a_notification,
    a_server_with_a_coach,
    a_session,
    change_session,
    statements,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.stored import notifications
from tests.support.transactions import fetch, fetch_all, fetch_only, transact

STU = Actor(STUDENT)
WEDNESDAY = MONDAY + 2 * DAY + HOUR
"""9:00, two days and an hour after the booking."""
Planned = list[tuple[int | None, datetime | None, int | None]]


async def set_up(db: Database, **changed: Any) -> None:
    await a_server_with_a_coach(db, guild=changed)


async def book(db: Database, starts_at: datetime = WEDNESDAY, now: datetime = MONDAY) -> int:
    """Book an hour. Returns the session's id."""
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        return (await booking.book(session, guild, STU, COACH, starts_at, HOUR, None, now)).id


async def reschedule(db: Database, session_id: int, starts_at: datetime, now: datetime = MONDAY + HOUR) -> None:
    await transact(db, rescheduling.reschedule, session_id, STU, starts_at, "", now)


async def cancel(db: Database, session_id: int, now: datetime = MONDAY + HOUR) -> None:
    await transact(db, cancellation.cancel, session_id, STU, GUILD, "", now)


async def remind_at(db: Database, *minutes: int, now: datetime = MONDAY + HOUR) -> None:
    """Choose other reminder times for the server."""
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await settings.change(session, guild, ADMIN, GuildChanges(reminder_minutes=list(minutes)), now)


async def every(db: Database) -> list[Notification]:
    """Return all reminders in the order they were planned."""
    return await notifications(db, Notification.kind == NotificationKind.SESSION_REMINDER)


async def waiting(db: Database) -> Planned:
    """Return recipient, due time and lead of unsent reminders."""
    return [
        (one.user_id, one.due_at, one.lead_minutes)
        for one in await every(db)
        if one.due_at is not None and one.sent_at is None
    ]


async def notes(db: Database) -> list[str | None]:
    """Return why reminders were dropped."""
    return [one.last_error for one in await every(db) if one.given_up_at is not None]


async def row(db: Database) -> CoachingSession:
    return await fetch_only(db, select(CoachingSession))


def for_both(starts_at: datetime, *leads: timedelta) -> Planned:
    """Return the reminders to plan for student and coach."""
    return [(user_id, starts_at - lead, lead // MINUTE) for lead in leads for user_id in (STUDENT, COACH)]


async def reminded(db: Database, discord: FakeDiscord, now: datetime) -> list[tuple[int | None, int | None]]:
    """Deliver what's due. Returns recipient and lead of the reminders sent, without those updated."""
    before = len(discord.calls)
    await deliver_due(db, discord, FakeClock(now))
    sent = [call.context.notification for call in discord.calls[before:] if call.context is not None]
    return sorted(
        ((one.user_id, one.lead_minutes) for one in sent if one.lead_minutes and one.message_id is None), key=str
    )


# Planning.


async def test_both_get_a_reminder_a_day_and_an_hour_before(db: Database) -> None:
    await set_up(db)

    await book(db)

    assert await waiting(db) == for_both(WEDNESDAY, DAY, HOUR)
    assert {one.created_at for one in await every(db)} == {MONDAY}


async def test_a_server_can_choose_other_reminders_or_none(db: Database) -> None:
    await set_up(db, reminder_minutes=[90])
    await book(db)

    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).reminder_minutes = []
    await book(db, WEDNESDAY + 2 * HOUR)

    assert await waiting(db) == for_both(WEDNESDAY, 90 * MINUTE)


@pytest.mark.parametrize(
    ("ahead", "leads"),
    [
        (24 * HOUR + 5 * MINUTE, [DAY, HOUR]),
        (24 * HOUR + 4 * MINUTE, [HOUR]),
        (HOUR + 5 * MINUTE, [HOUR]),
        (HOUR + 4 * MINUTE, []),
        (30 * MINUTE, []),
    ],
    ids=str,
)
async def test_no_reminder_is_planned_for_right_after_the_booking(
    db: Database, ahead: timedelta, leads: list[timedelta]
) -> None:
    await set_up(db)

    await book(db, WEDNESDAY, WEDNESDAY - ahead)

    assert await waiting(db) == for_both(WEDNESDAY, *leads)


async def test_a_booking_enqueues_all_its_messages_in_one_statement(db: Database) -> None:
    await set_up(db)

    with statements(db) as said:
        await book(db)

    assert sum(one.startswith("INSERT INTO notifications") for one in said) == 1
    assert len(await notifications(db)) == 6


async def test_a_rescheduled_session_gets_new_reminders(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)

    await reschedule(db, session_id, WEDNESDAY + DAY + HOUR)

    assert await waiting(db) == for_both(WEDNESDAY + DAY + HOUR, DAY, HOUR)
    assert await notes(db) == ["the session was rescheduled"] * 4


async def test_a_session_rescheduled_into_the_next_hour_has_no_reminders(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)

    await reschedule(db, session_id, MONDAY + 2 * HOUR, now=MONDAY + HOUR)

    assert await waiting(db) == []
    assert len(await notes(db)) == 4


async def test_a_session_rescheduled_after_its_first_reminder_is_reminded_of_again(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()
    session_id = await book(db)
    await reminded(db, discord, WEDNESDAY - DAY)
    assert (await row(db)).reminder_sent

    await reschedule(db, session_id, WEDNESDAY + 2 * DAY, now=WEDNESDAY - HOUR - MINUTE)

    assert not (await row(db)).reminder_sent
    assert await reminded(db, discord, WEDNESDAY - HOUR) == []
    assert await reminded(db, discord, WEDNESDAY + DAY) == [(COACH, 1440), (STUDENT, 1440)]
    assert (await row(db)).reminder_sent


async def test_nobody_is_reminded_of_a_cancelled_session(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)
    other_id = await book(db, WEDNESDAY + 2 * HOUR)

    await cancel(db, session_id)

    assert await waiting(db) == for_both(WEDNESDAY + 2 * HOUR, DAY, HOUR)
    assert {one.session_id for one in await every(db) if one.given_up_at == MONDAY + HOUR} == {session_id}
    assert {one.session_id for one in await every(db) if one.given_up_at is None} == {other_id}
    assert await notes(db) == ["the session was cancelled"] * 4


# The server's reminder times.


async def test_new_reminder_times_apply_to_booked_sessions(db: Database) -> None:
    await set_up(db)
    await book(db)
    kept = [one.id for one in await every(db) if one.lead_minutes == 60]

    await remind_at(db, 180, 60)

    assert sorted(await waiting(db), key=str) == sorted(for_both(WEDNESDAY, 3 * HOUR, HOUR), key=str)
    assert await notes(db) == ["the server's reminder times were changed"] * 2
    assert [one.id for one in await every(db) if one.lead_minutes == 60] == kept


async def test_a_server_can_turn_its_reminders_off_and_on(db: Database) -> None:
    await set_up(db)
    await book(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        elsewhere = await a_notification(
            session, guild_id=GUILD + 1, kind=NotificationKind.SESSION_REMINDER, lead_minutes=60, due_at=WEDNESDAY
        )

    await remind_at(db)
    none_left = await waiting(db)
    stored = (await fetch(db, Guild, GUILD)).reminder_minutes
    await remind_at(db, 60)

    assert stored == []
    assert none_left == [(elsewhere.user_id, WEDNESDAY, 60)]
    assert (await fetch(db, Guild, GUILD)).reminder_minutes == [60]
    assert (await waiting(db))[:1] == none_left
    assert (await waiting(db))[1:] == for_both(WEDNESDAY, HOUR)


async def test_new_times_plan_no_reminder_twice_or_for_begun_and_cancelled_sessions(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()
    await cancel(db, await book(db, WEDNESDAY + 2 * HOUR))
    await book(db)
    await transact(db, a_session, starts_at=WEDNESDAY - 2 * DAY, status=SessionStatus.IN_PROGRESS)
    await reminded(db, discord, WEDNESDAY - DAY)

    await remind_at(db, 1440, 720, 60, now=WEDNESDAY - DAY + MINUTE)

    assert sorted(await waiting(db), key=str) == sorted(for_both(WEDNESDAY, 12 * HOUR, HOUR), key=str)


async def test_new_times_keep_a_reminder_that_is_being_retried(db: Database) -> None:
    await set_up(db)
    await book(db)
    discord = FakeDiscord()
    discord.fail("deliver", DiscordFailure("Discord does not answer."))
    await reminded(db, discord, WEDNESDAY - DAY)
    discord.heal()

    await remind_at(db, 1440, 30, now=WEDNESDAY - DAY)

    assert len(await reminded(db, discord, WEDNESDAY - DAY + MINUTE)) == 2


async def test_two_admins_choosing_times_at_once_leave_one_set_of_reminders(db: Database) -> None:
    await set_up(db)
    await book(db)

    await asyncio.gather(remind_at(db, 120), remind_at(db, 180))

    chosen = (await fetch(db, Guild, GUILD)).reminder_minutes
    assert chosen in ([120], [180])
    assert await waiting(db) == for_both(WEDNESDAY, chosen[0] * MINUTE)


# Delivering.


async def test_each_reminder_is_sent_once_when_it_is_due(db: Database) -> None:
    await set_up(db)
    await book(db)
    discord = FakeDiscord()
    second = timedelta(seconds=1)

    sent = [
        await reminded(db, discord, WEDNESDAY - lead + late)
        for lead in (DAY, HOUR)
        for late in (-second, 0 * second, second)
    ]

    both = [[(COACH, minutes), (STUDENT, minutes)] for minutes in (1440, 60)]
    assert sent == [[], both[0], [], [], both[1], []]
    assert (await row(db)).reminder_sent
    assert await notes(db) == []


async def test_a_failed_reminder_does_not_count_as_sent(db: Database) -> None:
    await set_up(db)
    await book(db)
    discord = FakeDiscord()
    discord.fail("deliver", DiscordFailure("Discord does not answer."))

    await reminded(db, discord, WEDNESDAY - DAY)

    assert not (await row(db)).reminder_sent


@pytest.mark.parametrize(
    ("back", "sent"),
    [
        (WEDNESDAY - 20 * HOUR, [(COACH, 1440), (STUDENT, 1440)]),
        (WEDNESDAY - HOUR - MINUTE, [(COACH, 1440), (STUDENT, 1440)]),
        (WEDNESDAY - 30 * MINUTE, [(COACH, 60), (STUDENT, 60)]),
        (WEDNESDAY - timedelta(seconds=1), [(COACH, 60), (STUDENT, 60)]),
        (WEDNESDAY, []),
        (WEDNESDAY + HOUR, []),
    ],
    ids=str,
)
async def test_after_an_outage_only_the_latest_reminder_is_sent_and_none_after_the_start(
    db: Database, back: datetime, sent: list[tuple[int, int]]
) -> None:
    await set_up(db)
    await book(db)

    assert await reminded(db, FakeDiscord(), back) == sent

    left = [] if back >= WEDNESDAY - HOUR else for_both(WEDNESDAY, HOUR)
    assert await waiting(db) == left
    begun = "the session has begun or was cancelled"
    expected = {begun} if back >= WEDNESDAY else set() if left else {"a later reminder is due as well"}
    assert {one.last_error for one in await every(db) if one.given_up_at == back} == expected


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"status": SessionStatus.CANCELLED}, "the session has begun or was cancelled"),
        ({"status": SessionStatus.IN_PROGRESS}, "the session has begun or was cancelled"),
        ({"starts_at": WEDNESDAY + 30 * MINUTE}, "the session was rescheduled"),
    ],
    ids=["cancelled", "begun", "rescheduled"],
)
async def test_a_reminder_is_checked_against_its_session_again_when_it_is_due(
    db: Database, changed: dict[str, Any], note: str
) -> None:
    await set_up(db)
    await change_session(db, await book(db), **changed)
    discord = FakeDiscord()

    await reminded(db, discord, MONDAY)
    sent = await reminded(db, discord, WEDNESDAY - DAY)

    assert sent == []
    assert await notes(db) == [note, note]
    assert len(await waiting(db)) == 2


async def test_a_reminder_time_dropped_during_a_booking_is_not_used(db: Database) -> None:
    await set_up(db)
    await book(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).reminder_minutes = [60]

    assert await reminded(db, FakeDiscord(), WEDNESDAY - DAY) == []
    assert await notes(db) == ["the server's reminder times were changed"] * 2


async def test_rescheduling_while_a_reminder_fails_does_not_bring_it_back(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)
    discord = FakeDiscord()

    async def reschedule_and_fail(call: Call) -> None:
        if call.context is not None and call.context.notification.lead_minutes == 1440:
            if (await row(db)).starts_at == WEDNESDAY:
                await reschedule(db, session_id, WEDNESDAY + DAY, now=WEDNESDAY - DAY)
            raise DiscordFailure("Discord does not answer.")

    await deliver_due(db, discord, FakeClock())
    discord.meanwhile("deliver", reschedule_and_fail)
    await deliver_due(db, discord, FakeClock(WEDNESDAY - DAY))

    assert await waiting(db) == for_both(WEDNESDAY + DAY, DAY, HOUR)


async def test_a_reminder_sent_during_rescheduling_does_not_count_for_the_new_time(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)
    discord = FakeDiscord()
    await deliver_due(db, discord, FakeClock())

    async def reschedule_once(_call: Call) -> None:
        if (await row(db)).starts_at == WEDNESDAY:
            await reschedule(db, session_id, WEDNESDAY + DAY, now=WEDNESDAY - DAY)

    discord.meanwhile("deliver", reschedule_once)
    await deliver_due(db, discord, FakeClock(WEDNESDAY - DAY))

    assert not (await row(db)).reminder_sent
    assert await waiting(db) == for_both(WEDNESDAY + DAY, DAY, HOUR)


# Turning reminders off.


async def test_turning_reminders_off_affects_only_that_person(db: Database) -> None:
    await set_up(db)
    await book(db)
    discord = FakeDiscord()
    async with db.begin() as session:
        await reminders.set_off(session, STUDENT, off=True)
        await reminders.set_off(session, STUDENT, off=True)

    first = await reminded(db, discord, WEDNESDAY - DAY)
    await transact(db, reminders.set_off, STUDENT, off=False)
    second = await reminded(db, discord, WEDNESDAY - HOUR)

    assert (first, second) == ([(COACH, 1440)], [(COACH, 60), (STUDENT, 60)])
    assert await notes(db) == ["they want no reminders"]


async def test_turning_reminders_off_keeps_what_else_is_known_of_a_person(db: Database) -> None:
    async with db.begin() as session:
        session.add(Member(user_id=COACH, time_zone="Europe/Berlin"))

    async with db.begin() as session:
        await reminders.set_off(session, STUDENT, off=True)
        await reminders.set_off(session, COACH, off=True)

    found = {one.user_id: one for one in await fetch_all(db, select(Member))}
    assert [found[one].reminders_off for one in (STUDENT, COACH)] == [True, True]
    assert found[COACH].time_zone == "Europe/Berlin"
