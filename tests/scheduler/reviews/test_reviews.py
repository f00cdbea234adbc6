"""Reviews: who can give them and until when, hiding them, and that the stored rating always matches."""

import asyncio
import random
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Coach, CoachingSession, Review, SessionStatus
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotAllowed, NotFound, NotReviewable, TooLate, Unreadable
from scheduler.reviews import reviews
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_session,
    change_session,
    everything,
    refusal,
)
from tests.support.transactions import fetch, fetch_all, query, transact

ELSEWHERE = GUILD + 1
STU, SAM, CARA = Actor(STUDENT), Actor(STUDENT + 1), Actor(COACH)
ENDED = MONDAY - DAY
LATER = ENDED + HOUR
WEEK = timedelta(days=7)


async def set_up(db: Database, count: int = 1, **changed: Any) -> list[int]:
    """Store a server with a coach and completed sessions that ended at `ENDED`, and return their ids."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        values = {"status": SessionStatus.COMPLETED, "reserved": False, **changed}
        made = [await a_session(session, starts_at=ENDED - HOUR, **values) for _ in range(count)]
    return [one.id for one in made]


async def review(db: Database, session_id: int, stars: int, actor: Actor = STU, now: datetime = LATER) -> Review:
    return await transact(db, reviews.review, session_id, actor, stars, now)


async def comment(db: Database, session_id: int, text: str, actor: Actor = STU, now: datetime = LATER) -> Review:
    return await transact(db, reviews.comment, session_id, actor, text, now)


async def hide(db: Database, session_id: int, now: datetime = LATER) -> Review:
    return await transact(db, reviews.hide, session_id, ADMIN, GUILD, now)


async def show(db: Database, session_id: int, now: datetime = LATER) -> Review:
    return await transact(db, reviews.show, session_id, ADMIN, GUILD, now)


async def rating(db: Database, guild_id: int = GUILD, coach_id: int = COACH) -> tuple[int, int]:
    """Return the coach's stored total of stars and number of reviews."""
    coach = await fetch(db, Coach, (guild_id, coach_id))
    return coach.rating_total, coach.rating_count


async def counted(db: Database, guild_id: int = GUILD, coach_id: int = COACH) -> tuple[int, int]:
    """Return the total of stars and the number of the visible reviews."""
    shown = await fetch_all(
        db,
        select(Review).where(Review.coach_id == coach_id, Review.guild_id == guild_id, Review.hidden_at.is_(None)),
    )
    return sum(one.stars for one in shown), len(shown)


async def audit(db: Database) -> list[tuple[str, int | None, dict[str, Any]]]:
    entries = await fetch_all(db, select(AuditEntry).order_by(AuditEntry.id))
    return [(one.action, one.actor_id, one.details) for one in entries]


# Giving and changing.


async def test_stars_change_the_coachs_rating(db: Database) -> None:
    first, second = await set_up(db, 2)

    await review(db, first, 5)
    given = await review(db, second, 4)

    assert (given.guild_id, given.coach_id, given.student_id) == (GUILD, COACH, STUDENT)
    assert (given.stars, given.comment, given.created_at, given.updated_at) == (4, None, LATER, LATER)
    assert await rating(db) == (9, 2)


async def test_a_rolled_back_review_changes_nothing(db: Database) -> None:
    [one] = await set_up(db)
    before = await everything(db)

    async def fail_halfway(session: AsyncSession) -> None:
        await reviews.review(session, one, STU, 5, LATER)
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        await transact(db, fail_halfway)

    assert await everything(db) == before


async def test_new_stars_replace_the_first_ones(db: Database) -> None:
    [one] = await set_up(db)
    await review(db, one, 2)

    await review(db, one, 5, now=LATER + HOUR)

    assert await rating(db) == (5, 1)
    assert await audit(db) == [
        ("review_given", STUDENT, {"stars": 2}),
        ("review_changed", STUDENT, {"stars": 5, "before": 2}),
    ]


async def test_giving_the_same_stars_again_changes_nothing(db: Database) -> None:
    [one] = await set_up(db)
    await review(db, one, 3)
    before = await everything(db)

    await review(db, one, 3, now=LATER + HOUR)

    assert await everything(db) == before


@pytest.mark.parametrize("stars", [-1, 0, 6, 2**63])
async def test_other_than_one_to_five_stars_are_refused(db: Database, stars: int) -> None:
    [one] = await set_up(db)

    await refusal(db, Unreadable, lambda s: reviews.review(s, one, STU, stars, LATER))


async def test_a_review_can_be_changed_until_seven_days_after_the_end(db: Database) -> None:
    [one] = await set_up(db)
    await review(db, one, 3, now=ENDED)
    last = ENDED + WEEK - timedelta(microseconds=1)

    await review(db, one, 4, now=last)
    await comment(db, one, "Better than I thought.", now=last)
    for attempt in (
        lambda s: reviews.review(s, one, STU, 5, ENDED + WEEK),
        lambda s: reviews.comment(s, one, STU, "No.", ENDED + WEEK),
        lambda s: reviews.reviewable(s, one, STU, ENDED + WEEK),
    ):
        refused = await refusal(db, TooLate, attempt)
        assert "Reviews close 7 days after" in str(refused)

    assert await rating(db) == (4, 1)


NOT_REVIEWED = {
    SessionStatus.SCHEDULED: "This session isn't over yet.",
    SessionStatus.IN_PROGRESS: "This session isn't over yet.",
    SessionStatus.CANCELLED: "This session was cancelled, so there's nothing to review.",
    SessionStatus.NO_SHOW: "This session counts as a no-show, so you can't review it.",
}


async def test_a_session_without_a_room_can_be_reviewed_once_confirmed(
    db: Database,
) -> None:
    (session_id,) = await set_up(db, missed_at=ENDED)

    refused = await refusal(
        db, NotReviewable, partial(reviews.review, session_id=session_id, actor=STU, stars=5, now=LATER)
    )
    await change_session(db, session_id, took_place=True)
    await review(db, session_id, 5)

    assert "nobody has confirmed that it took place" in str(refused)
    assert await rating(db) == (5, 1)


@pytest.mark.parametrize("status", NOT_REVIEWED)
async def test_only_completed_sessions_can_be_reviewed(db: Database, status: SessionStatus) -> None:
    [one] = await set_up(db, status=status)

    for attempt in (
        lambda s: reviews.review(s, one, STU, 5, LATER),
        lambda s: reviews.comment(s, one, STU, "Good.", LATER),
        lambda s: reviews.reviewable(s, one, STU, LATER),
    ):
        assert NOT_REVIEWED[status] in str(await refusal(db, NotReviewable, attempt))


@pytest.mark.parametrize(("actor", "kind"), [(CARA, NotAllowed), (SAM, NotFound), (ADMIN, NotFound)])
async def test_only_the_student_can_review_a_session(
    db: Database, actor: Actor, kind: type[CoachingError]
) -> None:
    [one] = await set_up(db)
    await review(db, one, 3)

    await refusal(db, kind, lambda s: reviews.review(s, one, actor, 5, LATER))
    await refusal(db, kind, lambda s: reviews.comment(s, one, actor, "Me.", LATER))
    await refusal(db, kind, lambda s: reviews.reviewable(s, one, actor, LATER))


async def test_a_missing_session_looks_like_someone_elses(db: Database) -> None:
    [one] = await set_up(db)

    refused = [
        await refusal(db, NotFound, partial(reviews.review, session_id=id_, actor=SAM, stars=5, now=LATER))
        for id_ in (one, one + 1)
    ]

    assert str(refused[0]) == str(refused[1])


# Comments.


async def test_a_comment_is_stored_on_one_line_and_never_in_the_audit_log(db: Database) -> None:
    [one] = await set_up(db)
    await review(db, one, 4)

    given = await comment(db, one, "  She hears\neverything. ", now=LATER + HOUR)

    assert (given.comment, given.updated_at) == ("She hears everything.", LATER + HOUR)
    assert (await audit(db))[-1] == ("review_changed", STUDENT, {"comment_length": 21})
    assert await rating(db) == (4, 1)


async def test_an_empty_comment_removes_it(db: Database) -> None:
    [one] = await set_up(db)
    await review(db, one, 4)
    await comment(db, one, "Hm.")

    assert (await comment(db, one, " \n ")).comment is None


async def test_a_comment_needs_stars_first(db: Database) -> None:
    [one] = await set_up(db)

    refused = await refusal(db, NotReviewable, lambda s: reviews.comment(s, one, STU, "Good.", LATER))

    assert str(refused) == "Give stars first, then write a review."


async def test_a_comment_has_at_most_300_characters(db: Database) -> None:
    [one] = await set_up(db)
    await review(db, one, 4)

    await comment(db, one, "x" * 300)

    refused = await refusal(db, Unreadable, lambda s: reviews.comment(s, one, STU, "x" * 301, LATER))
    assert "That's 301 characters, and at most 300 fit." in str(refused)


# Hiding.


async def test_a_hidden_review_is_not_counted_until_it_is_shown_again(db: Database) -> None:
    first, second = await set_up(db, 2)
    await review(db, first, 1)
    await review(db, second, 5)

    hidden = await hide(db, first)
    while_hidden = await rating(db)
    await show(db, first)

    assert (hidden.hidden_at, hidden.hidden_by) == (LATER, ADMIN.user_id)
    assert (while_hidden, await rating(db)) == ((5, 1), (6, 2))
    assert [(action, by) for action, by, _ in await audit(db)][2:] == [
        ("review_hidden", ADMIN.user_id),
        ("review_shown", ADMIN.user_id),
    ]


async def test_hiding_or_showing_twice_is_the_same_as_once(db: Database) -> None:
    [one] = await set_up(db)
    await review(db, one, 4)

    await show(db, one)
    assert (await rating(db), len(await audit(db))) == ((4, 1), 1)
    await hide(db, one)
    await hide(db, one, now=LATER + HOUR)

    assert (await rating(db), len(await audit(db))) == ((0, 0), 2)
    assert (await fetch(db, Review, (one, STUDENT))).hidden_at == LATER


async def test_the_student_cannot_change_a_hidden_review(db: Database) -> None:
    [one] = await set_up(db)
    await review(db, one, 1)
    await hide(db, one)

    for attempt in (
        lambda s: reviews.review(s, one, STU, 5, LATER),
        lambda s: reviews.comment(s, one, STU, "Again!", LATER),
    ):
        assert "An admin has hidden your review" in str(await refusal(db, NotReviewable, attempt))


async def test_only_admins_of_the_server_can_hide_and_show_reviews(db: Database) -> None:
    [one] = await set_up(db)
    await review(db, one, 1)

    for use_case in (reviews.hide, reviews.show):
        await refusal(db, NotAllowed, partial(use_case, session_id=one, actor=CARA, guild_id=GUILD, now=LATER))
        await refusal(db, NotFound, partial(use_case, session_id=one, actor=ADMIN, guild_id=ELSEWHERE, now=LATER))
        await refusal(db, NotFound, partial(use_case, session_id=one + 1, actor=ADMIN, guild_id=GUILD, now=LATER))


# Lists.


async def test_lists_are_newest_first_in_pages_and_for_one_server(db: Database) -> None:
    ids = await set_up(db, 4)
    async with db.begin() as session:
        await a_guild(session, id=ELSEWHERE)
        await a_coach(session, guild_id=ELSEWHERE)
        there = await a_session(
            session, guild_id=ELSEWHERE, starts_at=ENDED - HOUR, status=SessionStatus.COMPLETED, reserved=False
        )
    for number, id_ in enumerate(ids):
        await review(db, id_, 1 + number, now=ENDED + number * HOUR)
    await review(db, there.id, 5)
    await hide(db, ids[2])

    async def listed(guild_id: int, coach_id: int | None = None, **how: Any) -> tuple[list[int], bool]:
        page = await query(db, reviews.list_reviews, guild_id, coach_id, **{"page": 0, "size": 9, **how})
        return [one.session_id for one in page.shown], page.has_more

    assert await listed(GUILD, COACH) == ([ids[3], ids[1], ids[0]], False)
    assert await listed(GUILD, with_hidden=True) == (ids[::-1], False)
    assert await listed(GUILD, COACH + 1, with_hidden=True) == ([], False)
    assert await listed(ELSEWHERE, COACH, with_hidden=True) == ([there.id], False)
    assert await listed(GUILD, size=2) == ([ids[3], ids[1]], True)
    assert await listed(GUILD, size=2, page=1) == ([ids[0]], False)
    assert (await rating(db), await rating(db, ELSEWHERE)) == ((7, 3), (5, 1))


async def test_review_states_say_which_sessions_can_be_reviewed(db: Database) -> None:
    new, given, hidden = await set_up(db, 3)
    async with db.begin() as session:
        old = await a_session(session, starts_at=ENDED - 2 * WEEK, status=SessionStatus.COMPLETED, reserved=False)
        await a_session(session, starts_at=ENDED - HOUR, status=SessionStatus.NO_SHOW, reserved=False)
        await a_session(session)
    await review(db, given, 4)
    await review(db, hidden, 1)
    await hide(db, hidden)
    await review(db, old.id, 2, now=old.ends_at)

    rows = await fetch_all(db, select(CoachingSession))
    found = await query(db, reviews.review_states, rows, STUDENT, LATER)

    stars = {id_: (one.review and one.review.stars, one.is_open) for id_, one in found.items()}
    assert stars == {new: (None, True), given: (4, True), hidden: (1, False), old.id: (2, False)}


# The stored rating.


class RandomPresses:
    """Students and admins pressing buttons at random on the reviews of two coaches."""

    def __init__(self, db: Database, seed: int, sessions: list[tuple[int, int]]) -> None:
        self.db, self.dice, self.sessions = db, random.Random(seed), sessions
        self.outcomes: Counter[str] = Counter()

    async def press(self) -> None:
        """Press one button on any session, and count its outcome."""
        session_id, student_id = self.dice.choice(self.sessions)
        now = LATER + self.dice.choice([0, 0, 0, 0, 0, 8]) * DAY
        stars, what = self.dice.randint(1, 5), self.dice.choice(["review", "review", "comment", "hide", "show"])
        actor = Actor(student_id)
        try:
            async with self.db.begin() as session:
                match what:
                    case "review":
                        await reviews.review(session, session_id, actor, stars, now)
                    case "comment":
                        await reviews.comment(session, session_id, actor, "x" * stars, now)
                    case "hide":
                        await reviews.hide(session, session_id, ADMIN, GUILD, now)
                    case _:
                        await reviews.show(session, session_id, ADMIN, GUILD, now)
        except CoachingError as refused:
            what = f"{what}: {type(refused).__name__}"
        self.outcomes[what] += 1


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_at_once_the_rating_is_the_sum_of_the_visible_reviews(
    db: Database, seed: int
) -> None:
    ids = await set_up(db, 8)
    await transact(db, a_coach, user_id=COACH + 1)
    for id_ in ids[5:]:
        await change_session(db, id_, coach_id=COACH + 1)
    presses = RandomPresses(db, seed, [(id_, STUDENT) for id_ in ids])

    for _ in range(12):
        await asyncio.gather(*(presses.press() for _ in range(10)))
        for coach_id in (COACH, COACH + 1):
            assert await rating(db, coach_id=coach_id) == await counted(db, coach_id=coach_id)

    assert presses.outcomes.total() == 120
    for what in ("review", "comment", "hide", "show", "review: TooLate", "review: NotReviewable"):
        assert presses.outcomes[what] > 0, presses.outcomes


async def test_pressing_several_times_at_once_gives_one_review(db: Database) -> None:
    [one] = await set_up(db)

    await asyncio.gather(*(review(db, one, 4) for _ in range(8)))

    assert await rating(db) == await counted(db) == (4, 1)
    assert [action for action, _, _ in await audit(db)] == ["review_given"]


async def test_stars_changed_while_being_hidden_are_not_counted(db: Database) -> None:
    ids = await set_up(db, 10)
    for id_ in ids:
        await review(db, id_, 2)

    ended = await asyncio.gather(
        *(review(db, id_, 5) for id_ in ids), *(hide(db, id_) for id_ in ids), return_exceptions=True
    )

    assert {type(one) for one in ended} <= {Review, NotReviewable}, ended
    assert await rating(db) == await counted(db) == (0, 0)
