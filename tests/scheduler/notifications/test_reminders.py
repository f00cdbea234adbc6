"""Reminders: planned with a booking, following its session, and sent while they still help."""

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
    statements,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.transactions import fetch, fetch_all, fetch_only, transact

STU = Actor(STUDENT)
WEDNESDAY = MONDAY + 2 * DAY + HOUR
"""9:00, two days and an hour after Monday's booking."""
Planned = list[tuple[int | None, datetime | None, int | None]]


async def set_up(db: Database, **changed: Any) -> None:
    await a_server_with_a_coach(db, guild=changed)


async def book(db: Database, starts_at: datetime = WEDNESDAY, now: datetime = MONDAY) -> int:
    """A server in which somebody has booked an hour; gives back the session's id."""
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        return (await booking.book(session, guild, STU, COACH, starts_at, HOUR, None, now)).id


async def move(db: Database, session_id: int, starts_at: datetime, now: datetime = MONDAY + HOUR) -> None:
    await transact(db, rescheduling.reschedule, session_id, STU, starts_at, "", now)


async def cancel(db: Database, session_id: int, now: datetime = MONDAY + HOUR) -> None:
    await transact(db, cancellation.cancel, session_id, STU, GUILD, "", now)


async def remind_at(db: Database, *minutes: int, now: datetime = MONDAY + HOUR) -> None:
    """The server chooses other times."""
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await settings.change(session, guild, ADMIN, GuildChanges(reminder_minutes=list(minutes)), now)


async def every(db: Database) -> list[Notification]:
    """All reminders, in the order in which they were planned."""
    async with db.read() as session:
        found = (
            select(Notification)
            .where(Notification.kind == NotificationKind.SESSION_REMINDER)
            .order_by(Notification.id)
        )
        return list(await session.scalars(found))


async def waiting(db: Database) -> Planned:
    """Recipient, due time and lead of all that have not gone out."""
    return [(one.user_id, one.due_at, one.lead_minutes) for one in await every(db) if one.due_at is not None]


async def notes(db: Database) -> list[str | None]:
    """Why reminders were dropped."""
    return [one.last_error for one in await every(db) if one.given_up_at is not None]


async def row(db: Database) -> CoachingSession:
    return await fetch_only(db, select(CoachingSession))


def for_both(starts_at: datetime, *leads: timedelta) -> Planned:
    """What is planned for student and coach."""
    return [(user_id, starts_at - lead, lead // MINUTE) for lead in leads for user_id in (STUDENT, COACH)]


async def reminded(db: Database, discord: FakeDiscord, now: datetime) -> list[tuple[int | None, int | None]]:
    """Deliver what is due; recipient and lead of the reminders that this sent."""
    before = len(discord.calls)
    await deliver_due(db, discord, FakeClock(now))
    contexts = [call.context for call in discord.calls[before:] if call.context is not None]
    told = [
        (one.notification.user_id, one.notification.lead_minutes)
        for one in contexts
        if one.notification.lead_minutes
    ]
    return sorted(told, key=str)


# Planning.


async def test_a_booking_plans_for_both_a_reminder_a_day_and_an_hour_before(db: Database) -> None:
    await set_up(db)

    await book(db)

    assert await waiting(db) == for_both(WEDNESDAY, DAY, HOUR)
    assert {one.created_at for one in await every(db)} == {MONDAY}


async def test_a_server_may_want_other_reminders_or_none(db: Database) -> None:
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
async def test_a_reminder_that_would_come_right_after_the_booking_is_not_owed(
    db: Database, ahead: timedelta, leads: list[timedelta]
) -> None:
    await set_up(db)

    await book(db, WEDNESDAY, WEDNESDAY - ahead)

    assert await waiting(db) == for_both(WEDNESDAY, *leads)


async def test_all_that_a_booking_owes_is_one_statement(db: Database) -> None:
    await set_up(db)

    with statements(db) as said:
        await book(db)

    assert sum(one.startswith("INSERT INTO notifications") for one in said) == 1
    async with db.read() as session:
        assert len((await session.scalars(select(Notification))).all()) == 6


async def test_a_moved_session_gets_new_reminders_in_place_of_the_old(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)

    await move(db, session_id, WEDNESDAY + DAY + HOUR)

    assert await waiting(db) == for_both(WEDNESDAY + DAY + HOUR, DAY, HOUR)
    assert await notes(db) == ["the session was moved"] * 4


async def test_a_session_that_is_moved_into_the_next_hour_has_no_reminders(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)

    await move(db, session_id, MONDAY + 2 * HOUR, now=MONDAY + HOUR)

    assert await waiting(db) == []
    assert len(await notes(db)) == 4


async def test_a_move_after_the_first_reminder_reminds_again_a_day_before(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()
    session_id = await book(db)
    await reminded(db, discord, WEDNESDAY - DAY)
    assert (await row(db)).reminder_sent

    await move(db, session_id, WEDNESDAY + 2 * DAY, now=WEDNESDAY - HOUR - MINUTE)

    assert not (await row(db)).reminder_sent
    assert await reminded(db, discord, WEDNESDAY - HOUR) == []
    assert await reminded(db, discord, WEDNESDAY + DAY) == [(STUDENT, 1440), (COACH, 1440)][::-1]
    assert (await row(db)).reminder_sent


async def test_a_cancelled_session_reminds_nobody(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)
    other_id = await book(db, WEDNESDAY + 2 * HOUR)

    await cancel(db, session_id)

    assert await waiting(db) == for_both(WEDNESDAY + 2 * HOUR, DAY, HOUR)
    assert {one.session_id for one in await every(db) if one.given_up_at == MONDAY + HOUR} == {session_id}
    assert {one.session_id for one in await every(db) if one.given_up_at is None} == {other_id}
    assert await notes(db) == ["the session was cancelled"] * 4


# The server's times.


async def test_other_reminder_times_hold_for_what_is_booked_already(db: Database) -> None:
    await set_up(db)
    await book(db)
    kept = [one.id for one in await every(db) if one.lead_minutes == 60]

    await remind_at(db, 180, 60)

    assert sorted(await waiting(db), key=str) == sorted(for_both(WEDNESDAY, 3 * HOUR, HOUR), key=str)
    assert await notes(db) == ["the server's reminder times were changed"] * 2
    assert [one.id for one in await every(db) if one.lead_minutes == 60] == kept


async def test_no_reminders_drops_those_of_this_server_only_and_can_be_taken_back(db: Database) -> None:
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


async def test_other_times_do_not_remind_of_what_has_begun_or_was_cancelled_and_not_twice(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()
    await cancel(db, await book(db, WEDNESDAY + 2 * HOUR))
    await book(db)
    await transact(db, a_session, starts_at=WEDNESDAY - 2 * DAY, status=SessionStatus.IN_PROGRESS)
    await reminded(db, discord, WEDNESDAY - DAY)

    await remind_at(db, 1440, 720, 60, now=WEDNESDAY - DAY + MINUTE)

    assert sorted(await waiting(db), key=str) == sorted(for_both(WEDNESDAY, 12 * HOUR, HOUR), key=str)


async def test_a_reminder_that_is_being_tried_again_survives_other_times(db: Database) -> None:
    await set_up(db)
    await book(db)
    discord = FakeDiscord()
    discord.fail("deliver", DiscordFailure("Discord does not answer."))
    await reminded(db, discord, WEDNESDAY - DAY)
    discord.heal()

    await remind_at(db, 1440, 30, now=WEDNESDAY - DAY)

    assert len(await reminded(db, discord, WEDNESDAY - DAY + MINUTE)) == 2


async def test_two_admins_who_choose_times_at_once_leave_the_reminders_of_one_of_them(db: Database) -> None:
    await set_up(db)
    await book(db)

    await asyncio.gather(remind_at(db, 120), remind_at(db, 180))

    chosen = (await fetch(db, Guild, GUILD)).reminder_minutes
    assert chosen in ([120], [180])
    assert await waiting(db) == for_both(WEDNESDAY, chosen[0] * MINUTE)


# Delivering.


async def test_each_reminder_goes_out_once_at_its_instant(db: Database) -> None:
    await set_up(db)
    await book(db)
    discord = FakeDiscord()
    second = timedelta(seconds=1)

    told = [
        await reminded(db, discord, WEDNESDAY - lead + late)
        for lead in (DAY, HOUR)
        for late in (-second, 0 * second, second)
    ]

    both = [[(COACH, minutes), (STUDENT, minutes)] for minutes in (1440, 60)]
    assert told == [[], both[0], [], [], both[1], []]
    assert (await row(db)).reminder_sent
    assert await notes(db) == []


async def test_nobody_was_reminded_before_anybody_was(db: Database) -> None:
    await set_up(db)
    await book(db)
    discord = FakeDiscord()
    discord.fail("deliver", DiscordFailure("Discord does not answer."))

    await reminded(db, discord, WEDNESDAY - DAY)

    assert not (await row(db)).reminder_sent


@pytest.mark.parametrize(
    ("back", "told"),
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
async def test_after_a_long_outage_only_the_newest_reminder_goes_out_and_none_after_the_start(
    db: Database, back: datetime, told: list[tuple[int, int]]
) -> None:
    await set_up(db)
    await book(db)

    assert await reminded(db, FakeDiscord(), back) == told

    left = [] if back >= WEDNESDAY - HOUR else for_both(WEDNESDAY, HOUR)
    assert await waiting(db) == left
    gone = {one.last_error for one in await every(db) if one.given_up_at == back}
    if back >= WEDNESDAY:
        assert gone == {"the session has begun or was cancelled"}
    else:
        assert gone == (set() if left else {"a later reminder is due as well"})


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"status": SessionStatus.CANCELLED}, "the session has begun or was cancelled"),
        ({"status": SessionStatus.IN_PROGRESS}, "the session has begun or was cancelled"),
        ({"starts_at": WEDNESDAY + 30 * MINUTE}, "the session was rescheduled"),
    ],
    ids=["cancelled", "begun", "moved"],
)
async def test_a_reminder_that_nobody_dropped_is_held_against_the_session_once_more(
    db: Database, changed: dict[str, Any], note: str
) -> None:
    await set_up(db)
    await book(db)
    async with db.begin() as session:
        about = (await session.scalars(select(CoachingSession))).one()
        for name, value in changed.items():
            setattr(about, name, value)
    discord = FakeDiscord()

    await reminded(db, discord, MONDAY)
    told = await reminded(db, discord, WEDNESDAY - DAY)

    assert told == []
    assert await notes(db) == [note, note]
    assert len(await waiting(db)) == 2


async def test_a_time_that_the_server_gave_up_while_somebody_booked_is_not_kept(db: Database) -> None:
    await set_up(db)
    await book(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).reminder_minutes = [60]

    assert await reminded(db, FakeDiscord(), WEDNESDAY - DAY) == []
    assert await notes(db) == ["the server's reminder times were changed"] * 2


async def test_a_move_while_a_reminder_fails_does_not_bring_it_back(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)
    discord = FakeDiscord()

    async def move_and_fail(call: Call) -> None:
        if call.context is not None and call.context.notification.lead_minutes == 1440:
            if (await row(db)).starts_at == WEDNESDAY:
                await move(db, session_id, WEDNESDAY + DAY, now=WEDNESDAY - DAY)
            raise DiscordFailure("Discord does not answer.")

    await deliver_due(db, discord, FakeClock())
    discord.meanwhile("deliver", move_and_fail)
    await deliver_due(db, discord, FakeClock(WEDNESDAY - DAY))

    assert await waiting(db) == for_both(WEDNESDAY + DAY, DAY, HOUR)


async def test_a_reminder_that_arrives_while_its_session_is_moved_is_none_of_the_new_time(db: Database) -> None:
    await set_up(db)
    session_id = await book(db)
    discord = FakeDiscord()
    await deliver_due(db, discord, FakeClock())

    async def move_once(_call: Call) -> None:
        if (await row(db)).starts_at == WEDNESDAY:
            await move(db, session_id, WEDNESDAY + DAY, now=WEDNESDAY - DAY)

    discord.meanwhile("deliver", move_once)
    await deliver_due(db, discord, FakeClock(WEDNESDAY - DAY))

    assert not (await row(db)).reminder_sent
    assert await waiting(db) == for_both(WEDNESDAY + DAY, DAY, HOUR)


# Who wants none.


async def test_who_turned_reminders_off_gets_none_and_the_other_side_does(db: Database) -> None:
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


async def test_turning_reminders_off_remembers_somebody_new_and_forgets_nothing_of_somebody_known(
    db: Database,
) -> None:
    async with db.begin() as session:
        session.add(Member(user_id=COACH, time_zone="Europe/Berlin"))

    async with db.begin() as session:
        await reminders.set_off(session, STUDENT, off=True)
        await reminders.set_off(session, COACH, off=True)

    found = {one.user_id: one for one in await fetch_all(db, select(Member))}
    assert [found[one].reminders_off for one in (STUDENT, COACH)] == [True, True]
    assert found[COACH].time_zone == "Europe/Berlin"
