"""One press for all sessions that are left, each in its own transaction, and one summary a person."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import event, select

from models import CoachingSession, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.time_off import decisions
from tests.support.bookings import CARA, STU, book
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, FakeClock
from tests.support.fakes import FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.stored import session_now
from tests.support.time_off import FRIDAY, WEDNESDAY, away, left_of, outcomes_to, summaries_to, two_coaches
from tests.support.transactions import fetch_all, transact
from tests.support.waiting_list import WEDNESDAY_TEN

NEXT_MONDAY = MONDAY + 7 * DAY + 2 * HOUR
STUDENTS = [Actor(STUDENT + number) for number in range(4)]
_NEWS = (
    NotificationKind.SESSION_CANCELLED,
    NotificationKind.SESSION_RESCHEDULED,
    NotificationKind.CREDITS_GRANTED,
)


async def forty_sessions(db: Database) -> list[int]:
    """Book 40 half hours with Cara from Wednesday to Friday, ten for each of four students."""
    await two_coaches(db, guild={"most_upcoming": 100, "most_make_ups": 2})
    starts = [MONDAY + (2 + day) * DAY + HOUR + half * 30 * MINUTE for day in range(3) for half in range(16)][:40]
    return [
        (await transact(db, book, STUDENTS[number % 4], at, minutes=30)).id for number, at in enumerate(starts)
    ]


async def status_of(db: Database, ids: list[int]) -> list[SessionStatus]:
    return [(await session_now(db, one)).status for one in ids]


async def test_one_press_cancels_forty_sessions_and_sends_one_message_a_person(db: Database) -> None:
    ids = await forty_sessions(db)
    absence = await away(db, WEDNESDAY, FRIDAY)
    clock = FakeClock(MONDAY)

    done = await decisions.cancel_left(db, clock, absence.id, GUILD, CARA, "At sea.")
    again = await decisions.cancel_left(db, clock, absence.id, GUILD, CARA, "At sea.")

    assert (done, again) == ((40, 0), (0, 0))
    assert set(await status_of(db, ids)) == {SessionStatus.CANCELLED}
    summaries = {person: await summaries_to(db, person) for person in (COACH, *(one.user_id for one in STUDENTS))}
    assert {person: [len(one.lines) for one in sent] for person, sent in summaries.items()} == {
        COACH: [40],
        **{one.user_id: [10] for one in STUDENTS},
    }
    assert all(line.make_up_minutes == 30 for line in summaries[STUDENT][0].lines)
    waiting = await fetch_all(
        db, select(Notification).where(Notification.kind.in_(_NEWS), Notification.due_at.is_not(None))
    )
    assert waiting == []


async def test_one_that_fails_leaves_the_others_done(db: Database) -> None:
    ids = await forty_sessions(db)
    absence = await away(db, WEDNESDAY, FRIDAY)
    broken = ids[20]

    with _failing_for(broken):
        done = await decisions.cancel_left(db, FakeClock(MONDAY), absence.id, GUILD, CARA, "")

    assert done == (39, 1)
    assert Counter(await status_of(db, ids)) == {SessionStatus.CANCELLED: 39, SessionStatus.SCHEDULED: 1}
    assert [row.id for row in (await left_of(db, absence)).left] == [broken]
    assert [len(one) for one in await outcomes_to(db, COACH)] == [39]


@contextmanager
def _failing_for(session_id: int) -> Iterator[None]:
    """Fail whenever this session is changed, as a bug or a broken disk would."""

    def fail(_mapper: object, _connection: object, target: CoachingSession) -> None:
        if target.id == session_id:
            raise OSError("the disk is full, says the test")

    event.listen(CoachingSession, "before_update", fail)
    try:
        yield
    finally:
        event.remove(CoachingSession, "before_update", fail)


async def test_what_somebody_else_changed_meanwhile_is_left_alone(db: Database) -> None:
    ids = await forty_sessions(db)
    absence = await away(db, WEDNESDAY, FRIDAY)

    done = await decisions.keep_left(db, FakeClock(WEDNESDAY_TEN), absence.id, GUILD, CARA)

    begun = [one for one in ids if (await session_now(db, one)).starts_at <= WEDNESDAY_TEN]
    assert (len(begun), done) == (3, (37, 0))
    assert (await left_of(db, absence, WEDNESDAY_TEN)).sessions == []


async def test_a_summary_gathers_what_the_coach_decides_one_by_one(db: Database) -> None:
    await two_coaches(db)
    moved, cancelled = [(await transact(db, book, STU, WEDNESDAY_TEN + n * HOUR)).id for n in range(2)]
    absence = await away(db)

    await transact(db, decisions.reschedule, absence.id, moved, GUILD, CARA, NEXT_MONDAY, MONDAY)
    soon = MONDAY + 30 * timedelta(seconds=1)
    await transact(db, decisions.cancel, absence.id, cancelled, GUILD, CARA, "", soon)
    early = await _delivered(db, MONDAY + MINUTE)
    sent = await _delivered(db, soon + MINUTE)

    assert NotificationKind.ABSENCE_SUMMARY not in early
    assert Counter(sent)[NotificationKind.ABSENCE_SUMMARY] == 2
    assert not set(sent).intersection(_NEWS)
    assert await outcomes_to(db, STUDENT) == [[(moved, "rescheduled"), (cancelled, "cancelled")]]
    [summary] = await summaries_to(db, STUDENT)
    assert [line.was_at for line in summary.lines] == [WEDNESDAY_TEN, WEDNESDAY_TEN + HOUR]


async def test_what_is_decided_after_the_summary_is_in_another_one(db: Database) -> None:
    await two_coaches(db)
    first, second = [(await transact(db, book, STU, WEDNESDAY_TEN + n * HOUR)).id for n in range(2)]
    absence = await away(db)
    await transact(db, decisions.cancel, absence.id, first, GUILD, CARA, "", MONDAY)
    await _delivered(db, MONDAY + 2 * MINUTE)

    await transact(db, decisions.cancel, absence.id, second, GUILD, CARA, "", MONDAY + HOUR)

    assert await outcomes_to(db, STUDENT) == [[(first, "cancelled")], [(second, "cancelled")]]


async def _delivered(db: Database, now: datetime) -> list[NotificationKind]:
    """Deliver what's due, and return its kinds."""
    discord = FakeDiscord()
    await deliver_due(db, discord, FakeClock(now))
    return [call.context.notification.kind for call in discord.calls if call.context is not None]
