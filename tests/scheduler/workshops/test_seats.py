"""Taking seats in a workshop, and giving them back."""

from typing import Any

import pytest
from sqlalchemy import select, update

from models import (
    AuditEntry,
    Block,
    BlockedFrom,
    CoachingSession,
    Hold,
    Member,
    Notification,
    NotificationKind,
    ParticipantStatus,
    Reservation,
    SessionStatus,
    Workshop,
)
from models.storage.database import Database
from scheduler.booking import blocks, cancellation, departures, rescheduling
from scheduler.booking.departures import Why
from scheduler.coaches import suspensions
from scheduler.core.actor import Actor
from scheduler.core.errors import Blocked, NotAllowed, NotBookable, NotFound, TooLate, WorkshopFull
from scheduler.workshops import seats
from tests.support.bookings import CARA, STU, book, hold
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_session,
    everything,
    refusal,
)
from tests.support.transactions import fetch_all, transact
from tests.support.workshops import (
    STARTS,
    a_workshop,
    another_workshop,
    find,
    free,
    leave,
    price,
    seat_of,
    take,
    taken_by,
    told,
)

ONE, TWO, THREE, FOUR = range(STUDENT, STUDENT + 4)


def taking(workshop: int, user_id: int = ONE, now: Any = MONDAY, **how: Any) -> Any:
    return lambda session: seats.take(session, workshop, Actor(user_id), now, **price() | how)


def leaving(workshop: int, user_id: int = ONE, now: Any = MONDAY) -> Any:
    return lambda session: seats.leave(session, workshop, Actor(user_id), now)


async def reserved(db: Database) -> list[int]:
    """Return whose time is reserved."""
    return await fetch_all(db, select(Reservation.user_id).order_by(Reservation.user_id))


async def test_a_press_takes_a_seat(db: Database) -> None:
    workshop = await a_workshop(db)

    await take(db, workshop, ONE)

    seat = await seat_of(db, workshop, ONE)
    assert (seat.status, seat.total_cost_minor, seat.joined_at) == (ParticipantStatus.BOOKED, 2000, MONDAY)
    assert await taken_by(db, workshop) == [ONE, None, None]
    assert await reserved(db) == [COACH, ONE]
    assert await told(db, workshop, NotificationKind.SEAT_TAKEN) == [ONE, COACH]
    assert await told(db, workshop, NotificationKind.SESSION_REMINDER) == [COACH, COACH, ONE, ONE]


async def test_a_second_press_changes_nothing(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE)
    before = await everything(db)

    await take(db, workshop, ONE, now=MONDAY + MINUTE)

    assert await everything(db) == before


async def test_nobody_gets_more_seats_than_there_are(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE, TWO, THREE)

    error = await refusal(db, WorkshopFull, taking(workshop, FOUR))

    assert str(error) == "Every seat is taken. `/workshop list` shows what else is coming up."


async def test_a_seat_given_back_can_be_taken_again(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE, TWO, THREE)

    await leave(db, workshop, TWO)
    await take(db, workshop, FOUR)

    assert await taken_by(db, workshop) == [ONE, FOUR, THREE]
    assert await free(db, workshop) == 0


async def test_somebody_who_left_comes_back_as_if_for_the_first_time(db: Database) -> None:
    workshop = await a_workshop(db, guild={"cancel_notice_minutes": 4 * 24 * 60})
    await take(db, workshop, ONE)
    await leave(db, workshop, ONE)
    assert (await seat_of(db, workshop, ONE)).cancelled_late

    await take(db, workshop, ONE, now=MONDAY + HOUR)

    seat = await seat_of(db, workshop, ONE)
    assert (seat.status, seat.cancelled_late, seat.joined_at) == (ParticipantStatus.BOOKED, None, MONDAY + HOUR)
    assert seat.membership_due_at == MONDAY + HOUR + DAY
    assert await reserved(db) == [COACH, ONE]


async def test_taking_a_seat_lets_go_of_what_they_were_choosing(db: Database) -> None:
    workshop = await a_workshop(db)
    await transact(db, hold, Actor(ONE))

    await take(db, workshop, ONE)

    assert await fetch_all(db, select(Hold)) == []


async def test_whoever_has_another_session_then_takes_no_seat(db: Database) -> None:
    workshop = await a_workshop(db)
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1)
        await a_session(session, coach_id=COACH + 1, student_id=ONE, starts_at=STARTS + 30 * MINUTE)

    error = await refusal(db, NotBookable, taking(workshop))

    assert str(error) == "You have another session then. Cancel or reschedule it in `/sessions` first."


async def test_a_seat_takes_the_time_for_other_sessions(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE)
    other = await another_workshop(db, starts_at=STARTS + HOUR)
    await take(db, other, ONE)

    assert await reserved(db) == [COACH, COACH, ONE, ONE]


async def test_a_coach_needs_no_seat_in_their_own_workshop(db: Database) -> None:
    workshop = await a_workshop(db)

    error = await refusal(db, NotBookable, taking(workshop, COACH))

    assert str(error) == "This is your own workshop: you're in it without a seat."


async def test_a_blocked_member_takes_no_seat_not_even_one_they_pay_for(db: Database) -> None:
    workshop = await a_workshop(db)
    held = await transact(db, seats.hold, workshop, Actor(ONE), MONDAY, MONDAY + HOUR)
    async with db.begin() as session:  # as if at the same moment, so that the hold is still there
        who = {"guild_id": GUILD, "user_id": ONE, "blocked_by": ADMIN.user_id}
        session.add(Block(blocked_from=BlockedFrom.BOOKING, blocked_at=MONDAY, **who))

    await refusal(db, Blocked, lambda session: seats.book_held(session, held, 2000, MONDAY))
    await transact(db, blocks.block, GUILD, ONE, ADMIN, [BlockedFrom.BOOKING], "", MONDAY)
    await refusal(db, Blocked, taking(workshop))


async def test_nobody_takes_a_seat_while_its_coach_is_suspended(db: Database) -> None:
    workshop = await a_workshop(db)
    held = await transact(db, seats.hold, workshop, Actor(ONE), STARTS - HOUR, STARTS + HOUR)
    assert held.expires_at == held.next_step_at == STARTS, "a seat isn't held for longer"

    await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "Complaints.", MONDAY, keep=True)

    await refusal(db, NotFound, taking(workshop, TWO))


async def test_seats_count_among_upcoming_sessions_and_those_left_do_not(db: Database) -> None:
    first = await a_workshop(db, guild={"most_upcoming": 1})
    second = await another_workshop(db, starts_at=STARTS + DAY)
    await take(db, first, ONE)

    error = await refusal(db, NotBookable, taking(second))
    assert "the most allowed here" in str(error)

    await leave(db, first, ONE)
    await take(db, second, ONE)


async def test_the_price_must_be_the_one_that_was_shown(db: Database) -> None:
    workshop = await a_workshop(db)

    wrong_prices: list[dict[str, Any]] = [{"agreed_minor": 1000}, {"agreed_currency": "EUR"}]
    for wrong in wrong_prices:
        error = await refusal(db, NotBookable, taking(workshop, **wrong))
        assert "$20.00" in str(error)


async def test_a_seat_is_not_paid_with_credit_unless_the_workshop_says_so(db: Database) -> None:
    workshop = await a_workshop(db)

    async def nothing(*_: Any) -> list[Any]:
        return []

    await refusal(db, NotBookable, taking(workshop, reserve_credit=nothing))


async def test_nobody_takes_or_leaves_a_seat_once_it_has_started_or_was_cancelled(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE)
    held = await transact(db, seats.hold, workshop, Actor(THREE), MONDAY, STARTS)

    await refusal(db, TooLate, taking(workshop, TWO, STARTS))
    await refusal(db, TooLate, leaving(workshop, ONE, STARTS))
    await transact(db, cancellation.cancel, workshop, CARA, GUILD, "Ill.", MONDAY)
    for happens in (
        taking(workshop, TWO),
        leaving(workshop, ONE),
        lambda session: seats.book_held(session, held, 2000, MONDAY),
    ):
        assert "This workshop was cancelled" in str(await refusal(db, TooLate, happens))


async def test_only_who_had_a_seat_leaves(db: Database) -> None:
    workshop = await a_workshop(db)

    await refusal(db, NotFound, leaving(workshop))
    await refusal(db, NotFound, leaving(workshop + 1))
    await refusal(db, NotFound, taking(workshop + 1))


async def test_a_session_for_one_has_no_seats(db: Database) -> None:
    await a_workshop(db)
    booked = await transact(db, book, STU)

    await refusal(db, NotFound, taking(booked.id, TWO))
    await refusal(db, NotFound, leaving(booked.id, STU.user_id))


async def test_leaving_twice_changes_nothing(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE)
    await leave(db, workshop, ONE)
    before = await everything(db)

    await leave(db, workshop, ONE, MONDAY + MINUTE)

    assert await everything(db) == before


@pytest.mark.parametrize(("before_notice", "late"), [(0 * MINUTE, False), (-MINUTE, True)])
async def test_leaving_is_late_once_the_notice_has_begun(db: Database, before_notice: Any, late: bool) -> None:
    workshop = await a_workshop(db, guild={"cancel_notice_minutes": 24 * 60})
    await take(db, workshop, ONE)

    await leave(db, workshop, ONE, STARTS - DAY - before_notice)

    assert (await seat_of(db, workshop, ONE)).cancelled_late is late


async def test_leaving_frees_the_time_drops_the_reminders_and_updates_their_messages(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE, TWO)
    news = Notification.kind == NotificationKind.SEAT_TAKEN
    async with db.begin() as session:
        sent = {"due_at": None, "tried_at": MONDAY, "sent_at": MONDAY, "channel_id": 8, "message_id": 7}
        await session.execute(update(Notification).where(news).values(sent))

    await leave(db, workshop, ONE)

    assert await fetch_all(db, select(Notification.user_id).where(news, Notification.due_at.is_not(None))) == [ONE]
    assert await fetch_all(db, select(AuditEntry.action).where(AuditEntry.member_id == ONE)) == [
        "seat_taken",
        "seat_left",
    ]
    assert await reserved(db) == [COACH, TWO]
    assert await told(db, workshop, NotificationKind.SEAT_LEFT) == [ONE, COACH]
    due = {
        one["user_id"]
        for one in await rows_about(db, workshop)
        if one.get("lead_minutes") is not None and one["due_at"] is not None
    }
    assert due == {COACH, TWO}


async def rows_about(db: Database, workshop: int) -> list[dict[str, Any]]:
    """Return all rows of all tables that name a person, as mappings with the table's name."""
    found = []
    async with db.read() as session:
        for table in Workshop.metadata.sorted_tables:
            for row in (await session.execute(select(table))).mappings():
                found.append({"table": table.name, **row})
    return found


async def test_one_who_leaves_changes_nothing_for_the_others(db: Database) -> None:
    workshop = await a_workshop(db, guild={"cancel_notice_minutes": 24 * 60})
    await take(db, workshop, ONE, TWO, THREE)
    others = {TWO, THREE}

    def of_others(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        shared = {"coaching_sessions", "workshops", "coaches", "guilds"}
        return [
            row
            for row in rows
            if row["table"] in shared
            or others & {row.get(name) for name in ("user_id", "about_user_id", "member_id")}
        ]

    before = of_others(await rows_about(db, workshop))
    assert {row["table"] for row in before} >= {
        "session_participants",
        "workshop_seats",
        "reservations",
        "notifications",
        "members",
        "audit_entries",
        "coaching_sessions",
    }

    await leave(db, workshop, ONE, STARTS - HOUR)

    assert of_others(await rows_about(db, workshop)) == before


async def test_who_leaves_the_server_leaves_their_seats(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE, TWO)

    cancelled = await transact(db, departures.handle_departure, GUILD, ONE, Why.LEFT, MONDAY)
    await transact(db, departures.handle_departure, GUILD, ONE, Why.LEFT, MONDAY)
    await transact(db, departures.handle_departure, GUILD, TWO, Why.LEFT, STARTS)  # then attendance decides

    assert cancelled == 0
    assert await taken_by(db, workshop) == [None, TWO, None]
    assert await told(db, workshop, NotificationKind.SEAT_LEFT) == [COACH]


async def test_when_its_coach_leaves_the_server_it_is_cancelled_for_all(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE, TWO)

    await transact(db, departures.handle_departure, GUILD, COACH, Why.LEFT, MONDAY)

    row, _ = await find(db, workshop)
    assert row.status is SessionStatus.CANCELLED
    assert await told(db, workshop, NotificationKind.SESSION_CANCELLED) == [ONE, TWO]
    assert await reserved(db) == []


async def test_participants_neither_cancel_nor_reschedule_it(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE)

    await refusal(
        db, NotAllowed, lambda session: cancellation.cancel(session, workshop, Actor(ONE), GUILD, "", MONDAY)
    )
    await refusal(
        db,
        NotAllowed,
        lambda session: rescheduling.reschedule(session, workshop, Actor(ONE), STARTS + HOUR, "", MONDAY),
    )


async def test_an_admin_who_cancels_it_is_not_late_for_their_own_seat(db: Database) -> None:
    workshop = await a_workshop(db, guild={"cancel_notice_minutes": 24 * 60})
    await take(db, workshop, ADMIN.user_id, ONE)

    await transact(db, cancellation.cancel, workshop, ADMIN, GUILD, "", STARTS - HOUR)

    assert not (await seat_of(db, workshop, ADMIN.user_id)).cancelled_late
    assert not (await seat_of(db, workshop, ONE)).cancelled_late


async def test_those_who_join_or_leave_when_the_room_is_open_are_let_in_and_out(db: Database) -> None:
    workshop = await a_workshop(db)
    for happens in (taking(workshop, ONE, STARTS - MINUTE), leaving(workshop, ONE, STARTS - MINUTE)):
        async with db.begin() as session:
            opened = {"access_granted_at": STARTS - 5 * MINUTE, "discord_setup_complete": True}
            opened |= {"discord_channel_id": 5, "next_step_at": STARTS}
            await session.execute(update(CoachingSession).values(opened))

        await transact(db, happens)

        row, _ = await find(db, workshop)
        assert (row.access_granted_at, row.next_step_at) == (None, STARTS - 5 * MINUTE)


async def test_a_press_stores_who_pressed_for_the_next_lock(db: Database) -> None:
    workshop = await a_workshop(db)

    await take(db, workshop, ONE)

    assert ONE in await fetch_all(db, select(Member.user_id))
