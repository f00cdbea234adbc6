"""Creating workshops, finding them, and changing what they say."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import Hold, NotificationKind, PaymentMode, Reservation, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import (
    Misconfigured,
    NotAllowed,
    NotBookable,
    NotFound,
    TooLate,
    Unreadable,
    WrongFields,
)
from scheduler.workshops import seats, workshops
from tests.support.bookings import CARA, STU, book
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
    a_guild,
    a_server_with_a_coach,
    refusal,
)
from tests.support.transactions import fetch_all, transact
from tests.support.workshops import (
    CHANNEL,
    STARTS,
    a_workshop,
    another_workshop,
    find,
    free,
    take,
    taken_by,
    terms,
    told,
)

ONE, TWO, THREE = range(STUDENT, STUDENT + 3)


async def create(session: Any, actor: Actor = CARA, **changed: Any) -> object:
    guild = await session.get_one(workshops.Guild, GUILD)
    return await workshops.create(session, guild, actor, COACH, terms(**changed), MONDAY)


async def with_channel(db: Database, **coach: Any) -> None:
    await a_server_with_a_coach(db, guild={"workshop_channel_id": CHANNEL}, **coach)


async def test_a_workshop_is_a_session_without_participants_yet(db: Database) -> None:
    workshop_id = await a_workshop(db, least=2)

    row, workshop = await find(db, workshop_id)
    assert (row.is_workshop, row.status, row.participants, row.currency) == (
        True,
        SessionStatus.SCHEDULED,
        [],
        "USD",
    )
    assert (row.starts_at, row.duration) == (STARTS, HOUR)
    assert (workshop.title, workshop.least, workshop.decide_at) == ("Mixing drums", 2, STARTS - DAY)
    assert await taken_by(db, workshop_id) == [None, None, None]
    assert row.next_step_at == STARTS - 15 * MINUTE


async def test_only_the_coach_is_reserved_with_buffers(db: Database) -> None:
    await a_workshop(db, coach={"buffer_before_minutes": 10, "buffer_after_minutes": 5})

    [only] = await fetch_all(db, select(Reservation))
    assert (only.user_id, only.starts_at, only.ends_at) == (COACH, STARTS - 10 * MINUTE, STARTS + 65 * MINUTE)


async def test_a_coach_may_break_their_own_rules(db: Database) -> None:
    await with_channel(db, minimum_notice_minutes=60 * 24, horizon_days=1, daily_limit=1, accepting=False)

    at_night = STARTS.replace(hour=3) + 60 * DAY
    await transact(db, create, starts_at=at_night, duration=125 * MINUTE)
    await transact(db, create, starts_at=at_night + 5 * HOUR)


async def test_nobody_creates_a_workshop_at_a_time_that_is_taken(db: Database) -> None:
    await with_channel(db, buffer_after_minutes=30)
    async with db.begin() as session:
        await book(session, STU, starts_at=STARTS)

    error = await refusal(db, NotBookable, lambda session: create(session, starts_at=STARTS + HOUR))

    nearest = STARTS + 90 * MINUTE
    assert str(error).startswith(
        "Cara has something else then, buffers included. Choose another time. Nearest free: "
    )
    assert f"<t:{int(nearest.timestamp())}:F>" in str(error)


async def test_a_hold_that_ran_out_is_in_nobodys_way(db: Database) -> None:
    await with_channel(db)
    async with db.begin() as session:
        held = Hold(
            guild_id=GUILD,
            coach_id=COACH,
            student_id=ONE,
            starts_at=STARTS,
            ends_at=STARTS + HOUR,
            expires_at=MONDAY,
        )
        session.add(held)
        await session.flush()
        session.add(Reservation(user_id=COACH, starts_at=STARTS, ends_at=STARTS + HOUR, hold_id=held.id))

    await transact(db, create)

    assert await fetch_all(db, select(Hold)) == []


async def test_only_coaches_create_workshops_of_their_own(db: Database) -> None:
    await with_channel(db)

    await refusal(db, NotAllowed, lambda session: create(session, STU))
    await refusal(db, NotFound, lambda session: _of(session, ADMIN, STUDENT))
    await refusal(db, NotFound, lambda session: _of(session, STU, STUDENT))


async def _of(session: Any, actor: Actor, coach_id: int) -> object:
    guild = await session.get_one(workshops.Guild, GUILD)
    return await workshops.create(session, guild, actor, coach_id, terms(), MONDAY)


async def test_a_coach_hears_of_a_workshop_that_an_admin_created(db: Database) -> None:
    await with_channel(db)

    own = await another_workshop(db, actor=CARA)
    admins = await another_workshop(db, starts_at=STARTS + DAY)

    assert await told(db, own, NotificationKind.WORKSHOP_CREATED) == []
    assert await told(db, admins, NotificationKind.WORKSHOP_CREATED) == [COACH]
    assert await told(db, own, NotificationKind.WORKSHOP_ANNOUNCEMENT) == [None]
    assert await told(db, own, NotificationKind.SESSION_REMINDER) == [COACH, COACH]


async def test_workshops_need_a_channel(db: Database) -> None:
    await a_server_with_a_coach(db)

    error = await refusal(db, Misconfigured, create)

    assert "`/coaching setup`" in str(error)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"title": "  "}, "Title"),
        ({"title": "x" * 101}, "Title"),
        ({"description": "x" * 1001}, "Description"),
        ({"starts_at": MONDAY}, "Time"),
        ({"duration": timedelta(0)}, "Length"),
        ({"duration": 13 * HOUR}, "Length"),
        ({"seats": 1}, "Seats"),
        ({"seats": 51}, "Seats"),
        ({"price_minor": -1}, "Price"),
        ({"least": 0}, "Minimum participants"),
        ({"least": 4}, "Minimum participants"),
        ({"least": 2, "decide_before": 4 * DAY}, "Minimum participants"),
        ({"least": 2, "decide_before": -HOUR}, "Minimum participants"),
    ],
)
async def test_terms_that_cannot_be_are_refused(db: Database, changed: dict[str, Any], field: str) -> None:
    await with_channel(db)

    error = await refusal(db, WrongFields, lambda session: create(session, **changed))

    assert list(error.wrong) == [field]


async def test_a_price_that_cards_cannot_be_charged_is_refused_where_cards_are_taken(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"workshop_channel_id": CHANNEL, "payment_mode": PaymentMode.OPTIONAL})

    error = await refusal(db, Unreadable, lambda session: create(session, price_minor=10))

    assert "Cards can't be charged less than" in str(error)


async def test_what_is_free_takes_no_credit(db: Database) -> None:
    _, workshop = await find(db, await a_workshop(db, price_minor=0, takes_credit=True))

    assert not workshop.takes_credit


async def test_the_list_shows_what_has_not_started_with_free_seats(db: Database) -> None:
    later = await a_workshop(db, starts_at=STARTS + DAY)
    sooner = await another_workshop(db)
    cancelled = await another_workshop(db, starts_at=STARTS + 2 * DAY)
    await transact(db, cancellation.cancel, cancelled, CARA, GUILD, "", MONDAY)
    await take(db, sooner, ONE, TWO, THREE)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1)

    async with db.read() as session:
        listed = await workshops.list_open(session, GUILD, ONE, MONDAY)
        after_the_start = await workshops.list_open(session, GUILD, ONE, STARTS)
        elsewhere = await workshops.list_open(session, GUILD + 1, ONE, MONDAY)

    assert [(one.workshop.session_id, one.free) for one in listed] == [(sooner, 0), (later, 3)]
    assert [one.workshop.session_id for one in after_the_start] == [later]
    assert elsewhere == []


async def test_a_workshop_is_found_in_its_own_server_only(db: Database) -> None:
    workshop_id = await a_workshop(db)

    async with db.read() as session:
        found = await workshops.find(session, workshop_id, None)
        assert found.session.coach_id == COACH
        for guild_id, unknown in ((GUILD + 1, workshop_id), (GUILD, workshop_id + 1)):
            with pytest.raises(NotFound):
                await workshops.find(session, unknown, guild_id)


async def test_its_coach_says_it_in_other_words_and_adds_seats(db: Database) -> None:
    workshop_id = await a_workshop(db)
    await take(db, workshop_id, ONE)

    changed = {"title": " Drums,  again ", "description": "Bring two.", "seats": 5}
    await transact(db, workshops.edit, workshop_id, GUILD, CARA, MONDAY, **changed)

    _, workshop = await find(db, workshop_id)
    assert (workshop.title, workshop.description, workshop.seats) == ("Drums, again", "Bring two.", 5)
    assert await taken_by(db, workshop_id) == [ONE, None, None, None, None]


async def test_seats_are_removed_down_to_those_in_use(db: Database) -> None:
    workshop_id = await a_workshop(db, seats=5)
    await take(db, workshop_id, ONE, TWO)
    await transact(db, seats.hold, workshop_id, Actor(THREE), MONDAY, MONDAY + HOUR)

    def edit(to: int) -> Any:
        return lambda session: workshops.edit(session, workshop_id, GUILD, ADMIN, MONDAY, seats=to)

    error = await refusal(db, Unreadable, edit(2))
    assert str(error) == "3 seats are taken, being paid for, or on offer to the waiting list. Choose 3 or more."
    await transact(db, edit(3))
    assert await taken_by(db, workshop_id) == [ONE, TWO, None]
    assert await free(db, workshop_id) == 0


async def test_there_are_always_as_many_seats_as_it_needs_people(db: Database) -> None:
    workshop_id = await a_workshop(db, least=3)

    await refusal(
        db, Unreadable, lambda session: workshops.edit(session, workshop_id, GUILD, CARA, MONDAY, seats=2)
    )


async def test_others_do_not_change_it_and_nobody_does_once_it_has_started(db: Database) -> None:
    workshop_id = await a_workshop(db)

    def edit(actor: Actor, guild_id: int = GUILD, now: Any = MONDAY) -> Any:
        return lambda session: workshops.edit(session, workshop_id, guild_id, actor, now, title="Mine")

    await refusal(db, NotAllowed, edit(STU))
    await refusal(db, NotFound, edit(ADMIN, GUILD + 1))
    await refusal(db, TooLate, edit(CARA, now=STARTS))


async def test_a_coach_keeps_a_workshop_outside_their_hours(db: Database) -> None:
    workshop_id = await a_workshop(db, starts_at=STARTS.replace(hour=3))

    await transact(db, rescheduling.keep_session, workshop_id, CARA, MONDAY)

    row, _ = await find(db, workshop_id)
    assert row.kept_at == MONDAY
