"""Cancelling together what someone has booked, as an admin who has just seen it."""

from functools import partial

from models import NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.booking.cancellation import Seen
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotFound
from tests.support.attended_sessions import at, both_came
from tests.support.bookings import CARA, ELEVEN, SAM, STU, TWELVE, also_booked, book
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MONDAY, STUDENT, a_server_with_a_coach, refusal
from tests.support.credits import a_lot, book_with_credit, left
from tests.support.stored import enqueued, session_now
from tests.support.transactions import query, transact

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
