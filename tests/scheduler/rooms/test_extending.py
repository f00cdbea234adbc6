"""Extending a session by a quarter of an hour: who asks and agrees, when it fits, and what it changes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, ExtensionPrice, Guild, Hold, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import booking, cancellation, holds
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotBookable, TooLate
from scheduler.rooms import extensions, in_room
from scheduler.rooms.extensions import Answer, Terms, TermsChanged
from tests.support.attended_sessions import CARA, ELEVEN, STU, TEN, at, audit_log, both_came
from tests.support.builders import (
    COACH,
    GUILD,
    HOUR,
    MINUTE,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_notification,
    a_session,
    refusal,
)
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due
from tests.support.stored import notifications, reservations, session_now
from tests.support.transactions import fetch_all, transact

HALF_PAST, LONGER = at(30), at(75)
SECOND = timedelta(seconds=1)
OFFER = Terms(LONGER, 0)
"""What the room's message offers at first."""
ASKED, EXTENDED = ("extension_asked", STUDENT), ("session_extended", COACH)
NOT_OPEN = "That request isn't open any more. If you need more time, press **+15 minutes**."


async def ask(
    db: Database, session_id: int, actor: Actor = STU, now: datetime = HALF_PAST, terms: Terms | None = OFFER
) -> CoachingSession:
    return await transact(db, extensions.ask, session_id, actor, terms, now)


async def agree(
    db: Database, session_id: int, actor: Actor = CARA, now: datetime = HALF_PAST, terms: Terms = OFFER
) -> CoachingSession:
    return await transact(db, extensions.agree, session_id, actor, terms, now)


async def decline(
    db: Database, session_id: int, actor: Actor = CARA, now: datetime = HALF_PAST
) -> CoachingSession:
    return await transact(db, extensions.decline, session_id, actor, OFFER, now)


async def extend(db: Database, session_id: int, actor: Actor = STU, now: datetime = HALF_PAST) -> CoachingSession:
    """Let this person ask, and the other agree."""
    terms = Terms((await session_now(db, session_id)).ends_at + 15 * MINUTE, 0)
    await ask(db, session_id, actor, now, terms)
    return await agree(db, session_id, CARA if actor == STU else STU, now, terms)


async def refused(db: Database, session_id: int, terms: Terms = OFFER) -> str:
    use_case = partial(extensions.ask, session_id=session_id, actor=STU, terms=terms, now=HALF_PAST)
    return str(await refusal(db, NotBookable, use_case))


async def offered(db: Database, session_id: int, now: datetime = HALF_PAST) -> Terms | None:
    async with db.read() as session:
        row = await session.get_one(CoachingSession, session_id)
        return await extensions.offer(session, row, await session.get_one(Guild, row.guild_id), now)


async def can_be_extended(db: Database, session_id: int) -> bool:
    """Try to extend the session; returns whether that works. Fails unless it's offered exactly then."""
    row = await session_now(db, session_id)
    if await offered(db, session_id):
        await extend(db, session_id)
        assert (await session_now(db, session_id)).ends_at == row.ends_at + 15 * MINUTE
        return True
    await refused(db, session_id, Terms(row.ends_at + 15 * MINUTE, 0))
    return False


async def warnings(db: Database) -> list[tuple[datetime | None, datetime | None]]:
    """Return when each warning before the end is due, and when it was dropped."""
    ending = await notifications(db, Notification.kind == NotificationKind.ROOM_ENDING)
    return [(one.due_at, one.given_up_at) for one in ending]


@pytest.mark.parametrize("actor", [STU, CARA], ids=["student", "coach"])
async def test_asking_changes_nothing_until_the_other_agrees(db: Database, actor: Actor) -> None:
    session_id = await both_came(db)
    other = CARA if actor == STU else STU

    await ask(db, session_id, actor)

    one = await session_now(db, session_id)
    assert (one.ends_at, one.extension_asked_by, one.extensions_asked) == (ELEVEN, actor.user_id, 1)
    assert await reservations(db) == [(COACH, TEN, ELEVEN), (STUDENT, TEN, ELEVEN)]
    assert await offered(db, session_id) is None

    await agree(db, session_id, other)

    one = await session_now(db, session_id)
    assert (one.starts_at, one.ends_at, one.status) == (TEN, LONGER, SessionStatus.IN_PROGRESS)
    assert await reservations(db) == [(COACH, TEN, LONGER), (STUDENT, TEN, LONGER)]
    assert (one.revision, one.next_step_at, one.updated_at) == (1, LONGER, HALF_PAST)
    assert (one.booked_duration, one.student.booked_cost, one.student.total_cost_minor) == (HOUR, 6000, 6000)
    assert await audit_log(db) == [("extension_asked", actor.user_id), ("session_extended", other.user_id)]


async def test_whoever_asked_cannot_agree(db: Database) -> None:
    session_id = await both_came(db)
    await ask(db, session_id)

    use_case = partial(extensions.agree, session_id=session_id, actor=STU, terms=OFFER, now=HALF_PAST)
    said = str(await refusal(db, NotAllowed, use_case))

    assert said == f"You asked for this, so <@{COACH}> has to accept it."


async def test_asking_for_what_the_other_asked_for_is_agreeing(db: Database) -> None:
    session_id = await both_came(db)

    for actor in (STU, STU, CARA, STU, CARA):
        await ask(db, session_id, actor)

    assert (await session_now(db, session_id)).ends_at == LONGER
    assert await audit_log(db) == [ASKED, EXTENDED]


@pytest.mark.parametrize(
    ("actor", "action", "counted"),
    [(CARA, "extension_declined", 1), (STU, "extension_taken_back", 0)],
    ids=["declined", "taken back"],
)
async def test_a_request_can_be_declined_and_taken_back(
    db: Database, actor: Actor, action: str, counted: int
) -> None:
    session_id = await both_came(db)
    await ask(db, session_id)

    await decline(db, session_id, actor)

    one = await session_now(db, session_id)
    assert (one.ends_at, one.extension_asked_at, one.extensions_asked) == (ELEVEN, None, counted)
    assert await audit_log(db) == [ASKED, (action, actor.user_id)]
    for answer in (extensions.agree, extensions.decline):
        use_case = partial(answer, session_id=session_id, actor=CARA, terms=OFFER, now=HALF_PAST)
        assert str(await refusal(db, AlreadyDecided, use_case)) == NOT_OPEN


async def test_a_request_answered_while_its_message_is_being_sent_is_updated(db: Database) -> None:
    session_id = await both_came(db)
    await ask(db, session_id)
    [request] = await notifications(db, Notification.kind == NotificationKind.ROOM_EXTENSION)
    async with db.begin() as session:
        (await session.get_one(Notification, request.id)).tried_at = HALF_PAST

    await decline(db, session_id)

    [now] = await notifications(db, Notification.kind == NotificationKind.ROOM_EXTENSION)
    assert (now.revision, now.due_at) == (request.revision + 1, HALF_PAST)


async def test_each_request_says_what_became_of_it(db: Database) -> None:
    session_id = await both_came(db)
    for minute, actor in ((30, STU), (31, CARA), (32, None)):
        await ask(db, session_id, now=at(minute))
        if actor is not None:
            await decline(db, session_id, actor, now=at(minute))
    sent = await notifications(db, Notification.kind == NotificationKind.ROOM_EXTENSION)

    async def answers(now: datetime) -> list[Answer]:
        async with db.read() as session:
            row = await session.get_one(CoachingSession, session_id)
            return [await extensions.answer_to(session, row, one, now) for one in sent]

    assert await answers(at(32)) == [Answer.TAKEN_BACK, Answer.DECLINED, Answer.OPEN]
    assert await answers(ELEVEN) == [Answer.TAKEN_BACK, Answer.DECLINED, Answer.LAPSED]


async def test_a_request_lapses_at_the_end(db: Database) -> None:
    session_id = await both_came(db, watched_until=ELEVEN)
    await ask(db, session_id)

    use_case = partial(extensions.agree, session_id=session_id, actor=CARA, terms=OFFER, now=ELEVEN)
    said = str(await refusal(db, TooLate, use_case))
    await advance_due(db, FakeDiscord(), FakeClock(ELEVEN))

    one = await session_now(db, session_id)
    assert said == "This session is over."
    assert (one.status, one.ends_at) == (SessionStatus.COMPLETED, ELEVEN)


@pytest.mark.parametrize("most", [0, 1, 2])
async def test_people_can_ask_as_often_as_the_server_allows(db: Database, most: int) -> None:
    session_id = await both_came(db, guild={"most_extensions": most})

    for _ in range(most):
        await ask(db, session_id)
        await decline(db, session_id)
    sentence = await refused(db, session_id)

    assert sentence == "You can't ask for more time in this session. Book another one with `/book`."
    assert await offered(db, session_id) is None


@pytest.mark.parametrize(("cost", "minutes", "extra"), [(6000, 60, 1500), (1001, 30, 501), (0, 60, 0)])
async def test_pro_rata_adds_the_share_of_the_booked_price(
    db: Database, cost: int, minutes: int, extra: int
) -> None:
    pro_rata = {"extension_price": ExtensionPrice.PRO_RATA}
    session_id = await both_came(db, guild=pro_rata, total_cost_minor=cost, ends_at=at(minutes))
    prices = []

    for n in (1, 2):
        terms = Terms(at(minutes + n * 15), extra)
        assert await offered(db, session_id, at(20)) == terms
        await ask(db, session_id, now=at(20), terms=terms)
        await agree(db, session_id, now=at(20), terms=terms)
        prices.append((await session_now(db, session_id)).student.total_cost_minor)

    one = await session_now(db, session_id)
    assert prices == [cost + extra, cost + 2 * extra]
    assert (one.student.booked_cost, one.booked_duration) == (cost, minutes * MINUTE)


async def test_a_price_that_was_not_shown_is_never_asked_for(db: Database) -> None:
    session_id = await both_came(db, guild={"extension_price": ExtensionPrice.PRO_RATA})
    shown: list[Terms | None] = [OFFER, None, Terms(at(90), 1500)]

    for terms in shown:
        use_case = partial(extensions.ask, session_id=session_id, actor=STU, terms=terms, now=HALF_PAST)
        changed = await refusal(db, TermsChanged, use_case)
        assert (str(changed), changed.terms) == ("15 more minutes are $15.00 more here.", Terms(LONGER, 1500))


async def test_an_open_request_keeps_its_price_when_the_server_changes_it(db: Database) -> None:
    session_id = await both_came(db)
    await ask(db, session_id)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).extension_price = ExtensionPrice.PRO_RATA

    await agree(db, session_id)

    assert (await session_now(db, session_id)).student.total_cost_minor == 6000


async def test_if_the_time_is_taken_meanwhile_the_request_stays_open(db: Database) -> None:
    session_id = await both_came(db)
    await ask(db, session_id)
    taken_id = await transact(db, _book_next)

    use_case = partial(extensions.agree, session_id=session_id, actor=CARA, terms=OFFER, now=HALF_PAST)
    sentence = str(await refusal(db, NotBookable, use_case))
    await transact(db, cancellation.cancel, taken_id, CARA, GUILD, "", HALF_PAST)
    await agree(db, session_id)

    assert sentence.startswith("15 more minutes don't fit")
    assert (await session_now(db, session_id)).ends_at == LONGER


async def _book_next(session: AsyncSession) -> int:
    return (await a_session(session, starts_at=ELEVEN, student_id=STUDENT + 1)).id


async def test_what_was_booked_and_agreed_stays_on_the_record(db: Database) -> None:
    session_id = await both_came(db, guild={"extension_price": ExtensionPrice.PRO_RATA})
    terms = Terms(LONGER, 1500)
    await ask(db, session_id, terms=terms)
    await agree(db, session_id, terms=terms)

    await transact(db, in_room.end_early, session_id, STU, at(50))

    one = await session_now(db, session_id)
    assert (one.booked_duration, one.student.booked_cost) == (HOUR, 6000)
    assert (one.agreed_until, one.student.total_cost_minor) == (LONGER, 7500)
    assert one.ends_at == at(50)


async def test_an_extended_session_ends_at_its_new_end(db: Database) -> None:
    session_id = await both_came(db, watched_until=LONGER)
    await extend(db, session_id)
    clock = FakeClock()
    statuses: list[SessionStatus] = []

    for clock.now in (ELEVEN, LONGER):
        await advance_due(db, FakeDiscord(), clock)
        statuses.append((await session_now(db, session_id)).status)

    assert statuses == [SessionStatus.IN_PROGRESS, SessionStatus.COMPLETED]


async def test_agreeing_twice_extends_once(db: Database) -> None:
    session_id = await both_came(db)
    await extend(db, session_id)

    for actor in (CARA, STU):
        assert (await agree(db, session_id, actor)).ends_at == LONGER
        assert (await ask(db, session_id, actor)).ends_at == LONGER

    assert await audit_log(db) == [ASKED, EXTENDED]


async def test_the_warning_comes_before_the_new_end_and_the_welcome_is_requeued(db: Database) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        about = {"session_id": session_id, "user_id": None}
        await a_notification(session, kind=NotificationKind.ROOM_WELCOME, message_id=9, due_at=None, **about)
        await a_notification(session, kind=NotificationKind.ROOM_ENDING, due_at=at(55), **about)

    await extend(db, session_id)

    assert await warnings(db) == [(None, HALF_PAST), (at(70), None)]
    [welcome] = await notifications(db, Notification.kind == NotificationKind.ROOM_WELCOME)
    assert (welcome.due_at, welcome.revision) == (HALF_PAST, 3)


async def test_a_sent_warning_is_updated_and_another_follows_before_the_new_end(db: Database) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        about = {"session_id": session_id, "user_id": None, "kind": NotificationKind.ROOM_ENDING}
        await a_notification(session, sent_at=at(55), message_id=9, due_at=None, **about)

    await extend(db, session_id, now=at(57))

    assert await warnings(db) == [(at(57), None), (at(70), None)]


@pytest.mark.parametrize("of_coach", [True, False], ids=["coach", "student"])
@pytest.mark.parametrize(("next_at", "fits"), [(60, False), (74, False), (75, True), (-60, True)])
async def test_the_next_booking_of_either_person_limits_it(
    db: Database, of_coach: bool, next_at: int, fits: bool
) -> None:
    session_id = await both_came(db)
    other: dict[str, Any] = {"student_id": STUDENT + 1} if of_coach else {"coach_id": COACH + 1}
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1)
        await a_session(session, starts_at=at(next_at), **other)

    assert await can_be_extended(db, session_id) is fits


async def test_the_refusal_says_when_someone_is_booked(db: Database) -> None:
    session_id = await both_came(db)
    await transact(db, a_session, starts_at=ELEVEN, student_id=STUDENT + 1)

    sentence = await refused(db, session_id)

    when = f"<t:{ELEVEN.timestamp():.0f}:t>"
    assert sentence == f"15 more minutes don't fit: one of you is booked soon after {when}."


@pytest.mark.parametrize(("buffer", "fits"), [(15, True), (16, False)])
async def test_the_coachs_buffer_after_the_session_is_kept(db: Database, buffer: int, fits: bool) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, buffer_after_minutes=buffer, durations_minutes=[60])
        session_id = (await booking.book(session, guild, STU, COACH, TEN, HOUR, None, at(-60))).id
        await a_session(session, starts_at=at(90), student_id=STUDENT + 1)

    assert await can_be_extended(db, session_id) is fits
    assert (await reservations(db))[0] == (COACH, TEN, at(90) if fits else at(60 + buffer))


async def test_the_coachs_buffer_does_not_limit_the_student(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, buffer_after_minutes=30)
        await a_coach(session, user_id=COACH + 1)
        session_id = (await booking.book(session, guild, STU, COACH, TEN, HOUR, None, at(-60))).id
        await booking.book(session, guild, STU, COACH + 1, at(90), HOUR, None, at(-60))

    assert await can_be_extended(db, session_id)


async def test_a_buffer_that_was_enlarged_since_does_not_limit_it(db: Database) -> None:
    session_id = await both_came(db, coach={"buffer_before_minutes": 45, "buffer_after_minutes": 45})
    async with db.begin() as session:
        for minute in (-60, 75):
            await a_session(session, starts_at=at(minute), student_id=STUDENT + 1)

    assert await can_be_extended(db, session_id)
    assert (COACH, TEN, LONGER) in await reservations(db)
    await transact(db, in_room.end_early, session_id, CARA, HALF_PAST)

    assert (COACH, TEN, HALF_PAST) in await reservations(db)


HOLDS = {
    "of the coach, by someone else": ({"student_id": STUDENT + 1}, False),
    "of the coach, by someone else, expired": ({"student_id": STUDENT + 1, "expires_at": HALF_PAST}, True),
    "by the student, here": ({}, True),
    "by the student, elsewhere": ({"guild_id": GUILD + 1, "coach_id": COACH + 1}, False),
    "by the student, elsewhere, expired": (
        {"guild_id": GUILD + 1, "coach_id": COACH + 1, "expires_at": TEN},
        True,
    ),
}


@pytest.mark.parametrize(("held", "fits"), HOLDS.values(), ids=HOLDS)
async def test_a_hold_after_the_end_limits_it_unless_it_is_released(
    db: Database, held: Mapping[str, Any], fits: bool
) -> None:
    session_id = await both_came(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, user_id=COACH + 1)
        guild = await session.get_one(Guild, held.get("guild_id", GUILD))
        actor = Actor(held.get("student_id", STUDENT))
        hold = await holds.hold(session, guild, actor, held.get("coach_id", COACH), ELEVEN, HOUR, at(28))
        hold.expires_at = held.get("expires_at", hold.expires_at)

    assert await can_be_extended(db, session_id) is fits
    assert (await fetch_all(db, select(Hold.id)) == []) is fits


async def test_no_session_is_longer_than_a_day(db: Database) -> None:
    session_id = await both_came(db, ends_at=at(24 * 60 - 10))

    sentence = await refused(db, session_id, Terms(at(24 * 60 + 5), 0))

    assert sentence == "This session can't get any longer. Book another one with `/book`."
    assert not await can_be_extended(db, session_id)
