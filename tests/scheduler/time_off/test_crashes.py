"""Something fails, or the process dies, at each step of an absence. Pressed again, everything is right."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models import Absence, Hold, Notification, NotificationKind, SessionStatus, Substitution, SubstitutionState
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.task_pool import TaskPool
from scheduler.time_off import answers, decisions, due
from tests.support.bookings import CARA, STU, book
from tests.support.builders import COACH, DAY, GUILD, HOUR, MONDAY, STUDENT, FakeClock
from tests.support.mortal import Died, Doom, doomed_statements
from tests.support.parameters import first_plain
from tests.support.snapshots import Snapshot
from tests.support.stored import notifications, reservations, session_now
from tests.support.time_off import SAM, SAMS, ask, away, left_of, outcomes_to, two_coaches
from tests.support.transactions import fetch_all, transact
from tests.support.waiting_list import WEDNESDAY_TEN

MOST_STEPS = 2000
"""More than any of these stories has."""
STRIDE, PLAIN_STRIDE = 3, 29
"""Which of the steps are tried."""


@dataclass
class Life:
    """Two sessions of a coach who's away, in a process that fails or dies somewhere."""

    db: Database
    absence: Absence
    sessions: list[int]
    clock: FakeClock = field(default_factory=lambda: FakeClock(MONDAY))

    async def accept_both(self) -> None:
        """Find a substitute for the first session, and let both accept."""
        [first, _] = self.sessions
        found = await fetch_all(self.db, select(Substitution).where(Substitution.session_id == first))
        [question] = found or [await ask(self.db, self.absence, first)]
        for actor in (STU, SAMS):
            await transact(self.db, answers.accept, question.id, actor, self.clock())

    async def let_it_lapse(self) -> None:
        """Ask about the first session, and let nobody answer."""
        [first, _] = self.sessions
        if not await fetch_all(self.db, select(Substitution)):
            await ask(self.db, self.absence, first)
        self.clock.now = MONDAY + DAY
        await due.do_due(self.db, self.clock, TaskPool(wait_for_slow=True))

    async def cancel_all(self) -> None:
        """Cancel both with one press."""
        await decisions.cancel_left(self.db, self.clock, self.absence.id, GUILD, CARA, "")


async def judge_takeover(life: Life) -> None:
    """Check that the substitute has the first session, and only that one, once and for both people."""
    [first, second] = [await session_now(life.db, one) for one in life.sessions]
    assert (first.coach_id, first.revision, second.coach_id) == (SAM, 1, COACH)
    assert await fetch_all(life.db, select(Substitution.state)) == [SubstitutionState.TAKEN_OVER]
    assert {(who, at) for who, at, _ in await reservations(life.db)} == {
        (SAM, first.starts_at),
        (STUDENT, first.starts_at),
        (COACH, second.starts_at),
        (STUDENT + 1, second.starts_at),
    }
    to_sam = Notification.user_id == SAM, Notification.kind == NotificationKind.SESSION_BOOKED
    assert len(await notifications(life.db, *to_sam)) == 1
    for person in (COACH, STUDENT):
        assert await outcomes_to(life.db, person) == [[(first.id, "taken_over")]]


async def judge_lapse(life: Life) -> None:
    assert await fetch_all(life.db, select(Substitution.state)) == [SubstitutionState.LAPSED]
    assert await outcomes_to(life.db, COACH) == [[(life.sessions[0], "no_substitute")]]
    assert await outcomes_to(life.db, STUDENT) == []
    assert [one.id for one in (await left_of(life.db, life.absence, MONDAY + DAY)).left] == life.sessions


async def judge_cancelling(life: Life) -> None:
    """Check that both sessions are cancelled once, their time is free, and each person is told once."""
    rows = [await session_now(life.db, one) for one in life.sessions]
    assert [(one.status, one.revision) for one in rows] == [(SessionStatus.CANCELLED, 1)] * 2
    assert await reservations(life.db) == []
    [first, second] = life.sessions
    assert await outcomes_to(life.db, COACH) == [[(first, "cancelled"), (second, "cancelled")]]
    assert await outcomes_to(life.db, STUDENT) == [[(first, "cancelled")]]


Step = Callable[[Life], Awaitable[None]]
STORIES: dict[str, tuple[Step, Step]] = {
    "a takeover": (Life.accept_both, judge_takeover),
    "one press for all": (Life.cancel_all, judge_cancelling),
    "a question that lapses": (Life.let_it_lapse, judge_lapse),
}
FAULTS = {"dies": False, "fails": True}


async def dies_in(happening: Awaitable[None], doom: Doom) -> bool:
    """Return whether something fails or the process dies in this."""
    with contextlib.suppress(Died, OperationalError, BaseExceptionGroup):
        await happening
    return doom.has_struck


@pytest.mark.parametrize(("name", "fault"), first_plain((name, fault) for name in STORIES for fault in FAULTS))
async def test_what_is_begun_is_done_once_after_a_crash(
    db: Database, name: str, fault: str, request: pytest.FixtureRequest
) -> None:
    happen, judge = STORIES[name]
    await two_coaches(db)
    people = STU, Actor(STUDENT + 1)
    booked = [(await transact(db, book, who, WEDNESDAY_TEN + n * HOUR)).id for n, who in enumerate(people)]
    absence, number = await away(db), 0
    fresh = await Snapshot.of(db)
    is_plain = request.node.get_closest_marker("slow") is None
    for number in range(0, MOST_STEPS, PLAIN_STRIDE if is_plain else STRIDE):
        await fresh.restore()
        life, doom = Life(db, absence, booked), Doom(only_fails=FAULTS[fault])
        with doomed_statements(db, doom):
            doom.begin(number)
            has_struck = await dies_in(happen(life), doom)
            doom.begin(None)
        await happen(life)
        await happen(life)

        await judge(life)
        assert await fetch_all(db, select(Hold)) == []

        if not has_struck:
            break
    assert number > 20
