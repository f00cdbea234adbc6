"""Sessions for several: each participant is there or not by themselves."""

from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st

from models import CoachingSession, Guild, Heartbeat, NotificationKind, ParticipantStatus, SessionStatus
from models.storage.database import Database
from scheduler.attendance import attendance, no_shows, outcomes
from scheduler.attendance.attendance import Stay, determine_absent
from scheduler.attendance.ports import Barrier
from scheduler.booking import cancellation, departures
from scheduler.booking.departures import Why
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotFound
from scheduler.time.intervals import Interval
from tests.support.attended_sessions import CARA, ELEVEN, ROOM, TEN, Spell, add_stays, at
from tests.support.builders import ADMIN, COACH, GUILD, MONDAY, a_coach, a_guild, refusal
from tests.support.stored import enqueued, reservations, session_now
from tests.support.stored_workshops import ANN, BEN, CLEO, a_workshop
from tests.support.transactions import transact

CLASS = (ANN, BEN, CLEO)
NOBODY: Mapping[int, Barrier] = {}
ATTENDED, LEFT, NO_SHOW = ParticipantStatus.ATTENDED, ParticipantStatus.LEFT, ParticipantStatus.NO_SHOW


async def a_class(
    db: Database, *spells: Spell, people: Collection[int] = CLASS, left: Collection[int] = ()
) -> int:
    """Store a workshop from ten to eleven whose room was open, and return its id."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        room = {"discord_channel_id": ROOM, "discord_setup_complete": True, "room_intended_at": at(-15)}
        running = {"starts_at": TEN, "status": SessionStatus.IN_PROGRESS, "access_granted_at": at(-5)}
        one = await a_workshop(session, *people, left=left, **room, **running)
        await add_stays(session, one.id, *spells)
        session.add(Heartbeat(job=attendance.WATCH, at=ELEVEN))
        return one.id


async def finished(db: Database, session_id: int, kept_out: Mapping[int, Barrier] = NOBODY) -> CoachingSession:
    async with db.begin() as session:
        row = await session.get_one(CoachingSession, session_id)
        guild = await session.get_one(Guild, GUILD)
        await outcomes.finish(session, row, guild, ELEVEN, kept_out)
    return await session_now(db, session_id)


def of_each(row: CoachingSession) -> list[ParticipantStatus]:
    return [one.status for one in row.participants]


async def test_whoever_came_attended_and_is_asked_for_a_review(db: Database) -> None:
    one = await finished(db, await a_class(db, (COACH, 0, 60), (ANN, 0, 60), (CLEO, 5, 60)))

    assert (one.status, one.coach_absent) == (SessionStatus.COMPLETED, False)
    assert of_each(one) == [ATTENDED, NO_SHOW, ATTENDED]
    asked, missed = NotificationKind.REVIEW_REQUEST, NotificationKind.NO_SHOW
    assert await enqueued(db) == [(missed, BEN), (asked, ANN), (asked, CLEO)]


async def test_it_is_a_no_show_only_if_nobody_came(db: Database) -> None:
    one = await finished(db, await a_class(db, (COACH, 0, 60)))

    assert (one.status, one.coach_absent) == (SessionStatus.NO_SHOW, False)
    assert of_each(one) == [NO_SHOW, NO_SHOW, NO_SHOW]
    assert await enqueued(db) == [(NotificationKind.NO_SHOW, one) for one in (*CLASS, COACH)]


async def test_without_its_coach_it_is_the_coachs_no_show(db: Database) -> None:
    one = await finished(db, await a_class(db, (ANN, 0, 60), (BEN, 0, 60)))

    assert (one.status, one.coach_absent) == (SessionStatus.NO_SHOW, True)
    assert of_each(one) == [ATTENDED, ATTENDED, NO_SHOW]
    assert await enqueued(db) == [(NotificationKind.NO_SHOW, one) for one in (*CLASS, COACH)]


async def test_nobody_is_absent_from_what_they_left(db: Database) -> None:
    one = await finished(db, await a_class(db, (COACH, 0, 60), (ANN, 0, 60), left=[BEN, CLEO]))

    assert one.status is SessionStatus.COMPLETED
    assert of_each(one) == [ATTENDED, LEFT, LEFT]
    assert await enqueued(db) == [(NotificationKind.REVIEW_REQUEST, ANN)]


async def test_a_workshop_without_participants_is_cancelled_at_its_end(db: Database) -> None:
    one = await finished(db, await a_class(db, (COACH, 0, 60), people=()))

    assert (one.status, one.cancel_reason) == (SessionStatus.CANCELLED, "Nobody took a seat.")
    assert await enqueued(db) == [(NotificationKind.SESSION_CANCELLED, COACH)]


async def test_one_who_was_kept_out_is_not_absent_and_pays_nothing(db: Database) -> None:
    session_id = await a_class(db, (COACH, 0, 60), (ANN, 0, 60), (CLEO, 0, 60))

    one = await finished(db, session_id, {BEN: Barrier.TIMED_OUT})

    assert one.status is SessionStatus.COMPLETED
    assert [(seat.status, seat.cancelled_late) for seat in one.participants] == [
        (ATTENDED, None),
        (LEFT, False),
        (ATTENDED, None),
    ]


async def test_if_its_coach_was_kept_out_it_is_cancelled_by_the_bot(db: Database) -> None:
    session_id = await a_class(db, *((who, 0, 60) for who in CLASS))

    one = await finished(db, session_id, {COACH: Barrier.SHUT_OUT})

    assert (one.status, one.cancelled_by) == (SessionStatus.CANCELLED, None)
    told = [who for kind, who in await enqueued(db) if kind is NotificationKind.SESSION_CANCELLED]
    assert told == [*CLASS, COACH]


async def test_the_coach_corrects_one_and_the_others_hear_nothing(db: Database) -> None:
    session_id = await a_class(db, (COACH, 0, 60), (ANN, 0, 60), (BEN, 0, 60), (CLEO, 0, 60))
    await finished(db, session_id)
    before = len(await enqueued(db))

    one = await transact(db, no_shows.mark_no_show, session_id, CARA, at(70), of=BEN)

    assert (one.status, of_each(one)) == (SessionStatus.COMPLETED, [ATTENDED, NO_SHOW, ATTENDED])
    assert (await enqueued(db))[before:] == [(NotificationKind.NO_SHOW, BEN)]

    one = await transact(db, no_shows.unmark_no_show, session_id, CARA, at(75), of=BEN)

    assert (one.status, of_each(one)) == (SessionStatus.COMPLETED, [ATTENDED] * 3)
    assert NotificationKind.ATTENDANCE_CHANGED in [kind for kind, who in await enqueued(db) if who == BEN]
    for who in (None, GUILD):
        said = await refusal(
            db, NotFound, lambda session, of=who: no_shows.mark_no_show(session, session_id, CARA, at(70), of=of)
        )
        assert str(said) == "That person doesn't take part in this session."


async def test_a_participant_who_appeals_is_cleared_alone(db: Database) -> None:
    session_id = await a_class(db, (COACH, 0, 60), (ANN, 0, 60))
    await finished(db, session_id)
    await transact(db, no_shows.appeal, session_id, Actor(BEN), "I was there.", at(70))

    one = await transact(db, no_shows.decide_appeal, session_id, ADMIN, GUILD, was_there=True, now=at(80))

    assert of_each(one) == [ATTENDED, ATTENDED, NO_SHOW]
    told = {who for kind, who in await enqueued(db) if kind is NotificationKind.ATTENDANCE_CHANGED}
    assert told == {BEN, COACH}


async def test_a_participant_cannot_cancel_it_for_everybody(db: Database) -> None:
    session_id = await a_class(db)

    said = await refusal(
        db, NotAllowed, lambda session: cancellation.cancel(session, session_id, Actor(ANN), GUILD, "", MONDAY)
    )

    assert str(said) == "You can't cancel a workshop for everybody. Press **Leave** to give up your seat."


async def test_its_coach_cancels_it_for_everybody(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        session_id = (await a_workshop(session, *CLASS, left=[CLEO])).id

    one = await transact(db, cancellation.cancel, session_id, CARA, GUILD, "Ill.", MONDAY)

    assert one.status is SessionStatus.CANCELLED
    assert [seat.cancelled_late for seat in one.participants] == [False, False, False]
    assert await reservations(db) == []
    assert await enqueued(db) == [(NotificationKind.SESSION_CANCELLED, one) for one in (ANN, BEN, COACH)]


async def test_if_its_coach_leaves_the_server_everybody_else_is_told(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        session_id = (await a_workshop(session, *CLASS)).id

    await transact(db, departures.handle_departure, GUILD, COACH, Why.LEFT, MONDAY)

    assert (await session_now(db, session_id)).status is SessionStatus.CANCELLED
    assert await enqueued(db) == [(NotificationKind.SESSION_CANCELLED, one) for one in CLASS]


SPELLS = st.lists(
    st.builds(
        lambda who, since, length: (who, since, since + length),
        st.sampled_from([COACH, *CLASS, None]),
        st.integers(-10, 40),
        st.integers(0, 50),
    ),
    max_size=8,
)


@given(SPELLS, st.integers(1, 45), st.integers(0, 60))
def test_who_is_absent_agrees_with_someone_who_checks_every_minute(
    spells: list[tuple[int | None, int, int]], ends: int, late: int
) -> None:
    stays = [Stay(who, at(since), at(until)) for who, since, until in spells]
    late = min(late, ends)

    absent = determine_absent(
        stays, COACH, CLASS, Interval(TEN, at(ends)), dict.fromkeys((COACH, *CLASS), at(late))
    )

    def inside(who: int | None, minute: int) -> bool:
        return any(one == who and since <= minute < until for one, since, until in spells)

    def came(who: int) -> bool:
        met = CLASS if who == COACH else (COACH,)
        return any(inside(who, minute) for minute in range(late)) or any(
            inside(who, minute) and inside(other, minute) for minute in range(ends) for other in met
        )

    unwatched = sum(inside(None, minute) for minute in range(ends))
    assert absent == (set() if unwatched >= 5 else {who for who in (COACH, *CLASS) if not came(who)})
