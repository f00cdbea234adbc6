"""Cancelling together what someone has booked, as an admin who has just seen it."""

from functools import partial

from sqlalchemy import select

from models import AuditEntry, NotificationKind, ParticipantStatus, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.booking.cancellation import Seen
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotFound
from scheduler.waiting_list import wishes
from tests.support.attended_sessions import at, both_came
from tests.support.bookings import CARA, ELEVEN, SAM, STU, TWELVE, also_booked, book
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_server_with_a_coach,
    refusal,
)
from tests.support.credits import a_lot, book_with_credit, left
from tests.support.stored import enqueued, session_now
from tests.support.transactions import fetch_all, query, transact
from tests.support.waiting_list import WAITING, Line
from tests.support.workshops import STARTS, a_workshop, another_workshop, seat_of, take, taken_by, told

ELSEWHERE = GUILD + 1


async def test_exactly_what_was_seen_and_can_still_be_cancelled_is_cancelled(db: Database) -> None:
    running = await both_came(db)
    await transact(db, a_lot)
    with_credit = (await transact(db, book_with_credit, STU, ELEVEN)).id
    by_student = await also_booked(db, TWELVE, STU)
    last = await also_booked(db, ELEVEN + DAY, STU)
    booked_since = await also_booked(db, TWELVE + DAY, STU)
    of_another = await also_booked(db, ELEVEN + 2 * DAY, SAM)
    shown = await query(db, cancellation.list_upcoming, GUILD, STUDENT, ADMIN, MONDAY)
    assert [one.id for one in shown] == [running, with_credit, by_student, last, booked_since]
    seen = Seen(last, MONDAY)
    await transact(db, cancellation.cancel, by_student, STU, GUILD, "", at(5))

    cancel = partial(cancellation.cancel_seen, guild_id=GUILD, user_id=STUDENT, actor=ADMIN, seen=seen)
    done = await transact(db, cancel, now=at(20))
    again = await transact(db, cancel, now=at(21))

    assert [one.id for one in done.cancelled] == [with_credit, last]
    assert [one.id for one in done.too_late] == [running, by_student]
    assert [one.id for one in again.cancelled] == []
    assert await left(db) == [60]
    assert (await session_now(db, last)).cancelled_by == ADMIN.user_id
    for kept, status in ((running, "IN_PROGRESS"), (booked_since, "SCHEDULED"), (of_another, "SCHEDULED")):
        assert (await session_now(db, kept)).status is SessionStatus(status)
    told = [who for kind, who in await enqueued(db) if kind is NotificationKind.SESSION_CANCELLED]
    assert sorted(told, key=str) == [COACH] * 3 + [STUDENT] * 3


async def test_only_admins_cancel_and_only_what_others_booked_in_their_server(db: Database) -> None:
    for guild_id in (GUILD, ELSEWHERE):
        await a_server_with_a_coach(db, guild={"id": guild_id}, guild_id=guild_id)
    there = await transact(db, book, STU, ELEVEN, guild_id=ELSEWHERE)
    seen = Seen(there.id, MONDAY)
    student = Actor(STUDENT, is_admin=True)

    for actor, error, sentence in (
        (CARA, NotAllowed, "Only admins"),
        (student, NotAllowed, "These are your own sessions. Cancel them in `/sessions`."),
        (ADMIN, NotFound, "None of these sessions is upcoming any more."),
    ):
        cancelling = partial(cancellation.cancel_seen, seen=seen)
        listing = partial(cancellation.list_cancellable, newest_id=seen.newest_id)
        for use_case in (cancelling, listing):
            refused = await refusal(
                db, error, partial(use_case, guild_id=GUILD, user_id=STUDENT, actor=actor, now=MONDAY + HOUR)
            )
            assert str(refused).startswith(sentence)
    assert (await session_now(db, there.id)).status is SessionStatus.SCHEDULED


async def test_of_a_workshop_only_the_seat_is_cancelled_and_offered_to_the_line(db: Database) -> None:
    full = await a_workshop(db, seats=2)
    begun = await another_workshop(db, starts_at=STARTS - DAY)
    since = await another_workshop(db, starts_at=STARTS + DAY)
    for workshop in (full, begun):
        await take(db, workshop, STUDENT, SAM.user_id)
    line = Line(db)
    await transact(db, wishes.add_for_seat, full, WAITING[0], MONDAY)
    seen = Seen(since, MONDAY)
    await take(db, since, STUDENT, now=MONDAY + 2 * MINUTE)
    line.clock.now = STARTS - DAY

    cancel = partial(cancellation.cancel_seen, guild_id=GUILD, user_id=STUDENT, actor=ADMIN, seen=seen)
    done = await transact(db, cancel, now=line.now)
    await line.tick()

    assert [one.id for one in done.cancelled] == [full]
    assert [one.id for one in done.too_late] == [begun]
    mine, others = await seat_of(db, full, STUDENT), await seat_of(db, full, SAM.user_id)
    assert (mine.status, mine.cancelled_late) == (ParticipantStatus.LEFT, None)
    assert others.status is ParticipantStatus.BOOKED
    assert (await session_now(db, full)).status is SessionStatus.SCHEDULED
    assert await taken_by(db, full) == [None, SAM.user_id]
    assert await told(db, full, NotificationKind.SEAT_LEFT) == [STUDENT, COACH]
    [offer] = await line.offers()
    assert (offer.user_id, offer.session_id) == (WAITING[0].user_id, full)
    audited = select(AuditEntry).where(AuditEntry.action == "seat_cancelled")
    [entry] = await fetch_all(db, audited)
    assert (entry.actor_id, entry.member_id, entry.session_id) == (ADMIN.user_id, STUDENT, full)
    for kept in (begun, since):
        assert (await seat_of(db, kept, STUDENT)).status is ParticipantStatus.BOOKED
