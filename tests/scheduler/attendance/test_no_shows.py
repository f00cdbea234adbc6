"""No-shows by hand: what coaches say, how absent people appeal, and what admins decide."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models import Absent, CoachingSession, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.attendance import no_shows
from scheduler.core.actor import Actor
from scheduler.core.errors import (
    AlreadyDecided,
    CoachingError,
    NotAllowed,
    NotFound,
    NotReviewable,
    TooLate,
    Unreadable,
)
from scheduler.core.limits import LONGEST_NOTES
from scheduler.reviews import reviews
from tests.support.attended_sessions import CARA, ELEVEN, STRANGER, STU, a_meeting, at, audit_log
from tests.support.builders import ADMIN, COACH, DAY, GUILD, STUDENT, a_guild, refusal
from tests.support.stored import notifications, session_now, still_enqueued
from tests.support.transactions import transact

NOON = at(120)
WEEK_OVER = ELEVEN + 7 * DAY
SECOND = timedelta(seconds=1)
REASON = "The doorbell rang."
COMPLETED, NO_SHOW = SessionStatus.COMPLETED, SessionStatus.NO_SHOW

UseCase = Callable[..., Awaitable[CoachingSession]]
mark, clear = no_shows.mark_no_show, no_shows.unmark_no_show
appeal = partial(no_shows.appeal, reason=REASON)
decide = partial(no_shows.decide_appeal, actor=ADMIN, guild_id=GUILD)
grant, refuse = partial(decide, was_there=True), partial(decide, was_there=False)


DECIDED = f"<@{ADMIN.user_id}> already decided about this session. Talk to them."
CHANGED = [(NotificationKind.ATTENDANCE_CHANGED, STUDENT), (NotificationKind.ATTENDANCE_CHANGED, COACH)]


async def a_past_one(db: Database, absent: Absent | None = None, **changed: Any) -> int:
    """Store a session that's over."""
    status = NO_SHOW if absent else COMPLETED
    return await a_meeting(db, **{"status": status, "absent": absent, "next_step_at": None, **changed})


async def an_appealed_one(db: Database, absent: Absent = Absent.STUDENT, by: int | None = None) -> int:
    """Store a no-show against which the absent person has appealed, or the student if both were absent."""
    is_coachs = absent is Absent.COACH or by == COACH
    theirs: dict[str, Any] = {"appealed_at": at(70), "appeal_reason": REASON}
    return await a_past_one(
        db, absent, **{f"coach_{name}" if is_coachs else name: theirs[name] for name in theirs}
    )


def theirs_of(one: CoachingSession, user_id: int) -> no_shows.Appeal:
    """Return somebody's appeal, which there must be."""
    found = no_shows.appeal_of(one, user_id)
    assert found is not None
    return found


async def do(
    db: Database, use_case: UseCase, session_id: int, now: datetime = NOON, **named: Any
) -> CoachingSession:
    """Run the use case and return the session."""
    await transact(db, partial(use_case, session_id=session_id, now=now, **named))
    return await session_now(db, session_id)


async def refused(
    db: Database, kind: type[CoachingError], use_case: UseCase, session_id: int, now: datetime = NOON, **named: Any
) -> str:
    return str(await refusal(db, kind, partial(use_case, session_id=session_id, now=now, **named)))


async def send_cards(db: Database) -> None:
    """Send the cards about appeals that are due."""
    async with db.begin() as session:
        for card in await session.scalars(select(Notification).where(Notification.due_at.is_not(None))):
            card.message_id, card.due_at = 9, None


by_the_coach = pytest.mark.parametrize(("use_case", "absent"), [(mark, None), (clear, Absent.STUDENT)])


# The coach.


async def test_the_coach_marks_a_no_show_and_the_student_is_told(db: Database) -> None:
    session_id = await a_past_one(db)

    one = await do(db, mark, session_id, actor=CARA)

    assert (one.status, one.absent, one.absence_marked_by) == (NO_SHOW, Absent.STUDENT, COACH)
    assert one.updated_at == NOON
    assert await still_enqueued(db) == [(NotificationKind.NO_SHOW, STUDENT)]
    assert await audit_log(db) == [("no_show_marked", COACH)]


async def test_the_coach_takes_a_no_show_back_and_the_student_is_told(db: Database) -> None:
    session_id = await a_past_one(db, Absent.STUDENT)

    one = await do(db, clear, session_id, actor=CARA)

    assert (one.status, one.absent, one.absence_marked_by) == (COMPLETED, None, COACH)
    assert await still_enqueued(db) == [
        (NotificationKind.REVIEW_REQUEST, STUDENT),
        (NotificationKind.ATTENDANCE_CHANGED, STUDENT),
    ]
    assert await audit_log(db) == [("no_show_withdrawn", COACH)]


@pytest.mark.parametrize(("use_case", "absent"), [(mark, Absent.STUDENT), (mark, Absent.BOTH), (clear, None)])
async def test_saying_what_is_already_recorded_changes_nothing(
    db: Database, use_case: UseCase, absent: Absent | None
) -> None:
    session_id = await a_past_one(db, absent)

    one = await do(db, use_case, session_id, actor=CARA)

    assert (one.absent, one.absence_marked_by) == (absent, None)
    assert (await still_enqueued(db), await audit_log(db)) == ([], [])


async def test_the_coach_can_change_their_mind(db: Database) -> None:
    session_id = await a_past_one(db)

    for use_case in (mark, clear, mark):
        await do(db, use_case, session_id, actor=CARA)

    assert (await session_now(db, session_id)).absent is Absent.STUDENT
    assert [action for action, _ in await audit_log(db)] == [
        "no_show_marked",
        "no_show_withdrawn",
        "no_show_marked",
    ]


@pytest.mark.parametrize(
    ("use_case", "absent"), [(clear, Absent.COACH), (clear, Absent.BOTH), (mark, Absent.COACH)]
)
async def test_coaches_cannot_clear_themselves(db: Database, use_case: UseCase, absent: Absent) -> None:
    session_id = await a_past_one(db, absent)

    sentence = await refused(db, NotAllowed, use_case, session_id, actor=CARA)

    assert sentence.startswith("It's your own no-show")


async def test_nobody_can_be_marked_absent_if_there_was_no_room(db: Database) -> None:
    session_id = await a_past_one(db, missed_at=ELEVEN, access_granted_at=None)

    sentence = await refused(db, NotAllowed, mark, session_id, actor=CARA)

    assert sentence.startswith("There was no room")


@by_the_coach
async def test_the_coach_has_a_week_for_it(db: Database, use_case: UseCase, absent: Absent | None) -> None:
    session_id = await a_past_one(db, absent)

    await refused(db, TooLate, use_case, session_id, WEEK_OVER, actor=CARA)
    one = await do(db, use_case, session_id, WEEK_OVER - SECOND, actor=CARA)

    assert one.updated_at == WEEK_OVER - SECOND


@by_the_coach
async def test_only_the_coach_can_say_who_was_there(
    db: Database, use_case: UseCase, absent: Absent | None
) -> None:
    session_id = await a_past_one(db, absent)

    for one, actor in ((session_id, STU), (session_id, STRANGER), (session_id, ADMIN), (session_id + 1, CARA)):
        sentence = await refused(db, NotFound, use_case, one, actor=actor)
        assert sentence == "You don't coach that session. `/sessions` lists yours."


@pytest.mark.parametrize("status", [SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS, SessionStatus.CANCELLED])
async def test_the_coach_can_say_nothing_before_the_session_is_over(db: Database, status: SessionStatus) -> None:
    session_id = await a_past_one(db, status=status)

    for use_case in (mark, clear):
        sentence = await refused(db, NotFound, use_case, session_id, actor=CARA)
        assert sentence == "This session isn't over yet, or it was cancelled."


# The appeal.


@pytest.mark.parametrize(
    ("absent", "actor"), [(Absent.STUDENT, STU), (Absent.COACH, CARA), (Absent.BOTH, STU), (Absent.BOTH, CARA)]
)
async def test_absent_people_can_appeal(db: Database, absent: Absent, actor: Actor) -> None:
    session_id = await a_past_one(db, absent)

    one = await do(db, partial(no_shows.appeal, reason=f"  {REASON}\n"), session_id, actor=actor)

    assert no_shows.appeals(one) == [no_shows.Appeal(actor.user_id, NOON, REASON, None, None)]
    assert (one.status, one.absent) == (NO_SHOW, absent)
    [card] = await notifications(db)
    assert (card.kind, card.user_id, card.about_user_id) == (
        NotificationKind.APPEAL_CARD,
        None,
        actor.user_id,
    )
    assert await audit_log(db) == [("no_show_appealed", actor.user_id)]


@pytest.mark.parametrize(
    ("absent", "others"),
    [
        (Absent.STUDENT, [CARA, STRANGER, ADMIN]),
        (Absent.COACH, [STU, STRANGER, ADMIN]),
        (Absent.BOTH, [STRANGER, ADMIN]),
        (None, [STU, CARA]),
    ],
)
async def test_nobody_else_can_appeal(db: Database, absent: Absent | None, others: list[Actor]) -> None:
    session_id = await a_past_one(db, absent)

    for actor in others:
        await refused(db, NotFound, appeal, session_id, actor=actor)
    await refused(db, NotFound, appeal, session_id + 1, actor=STU)


async def test_nobody_can_appeal_against_a_cancelled_session(db: Database) -> None:
    session_id = await a_past_one(db, status=SessionStatus.CANCELLED, cancelled_at=NOON)

    await refused(db, NotFound, appeal, session_id, actor=STU)


async def test_nobody_can_appeal_twice(db: Database) -> None:
    session_id = await an_appealed_one(db, Absent.BOTH)

    sentence = await refused(db, AlreadyDecided, appeal, session_id, actor=STU)

    assert sentence == f"You already appealed this <t:{at(70).timestamp():.0f}:R>. An admin will decide."


async def test_both_can_appeal_at_once_and_each_is_decided_alone(db: Database) -> None:
    session_id = await an_appealed_one(db, Absent.BOTH)

    await do(db, appeal, session_id, at(130), actor=CARA)
    one = await do(db, grant, session_id, at(140), of=COACH)

    assert [(theirs.user_id, theirs.at, theirs.decided_at) for theirs in no_shows.appeals(one)] == [
        (STUDENT, at(70), None),
        (COACH, at(130), at(140)),
    ]
    assert (one.status, one.absent) == (NO_SHOW, Absent.STUDENT)


async def test_a_decision_leaves_the_other_a_week_to_appeal(db: Database) -> None:
    session_id = await an_appealed_one(db, Absent.BOTH)
    decided_at = WEEK_OVER + 3 * DAY
    await do(db, refuse, session_id, decided_at)

    await refused(db, TooLate, appeal, session_id, decided_at + 7 * DAY, actor=CARA)
    one = await do(db, appeal, session_id, decided_at + 7 * DAY - SECOND, actor=CARA)

    assert theirs_of(one, COACH).decided_at is None


async def test_a_refused_appeal_cannot_be_repeated(db: Database) -> None:
    session_id = await a_past_one(db, Absent.BOTH)
    for actor in (STU, CARA):
        await do(db, appeal, session_id, actor=actor)
        await do(db, refuse, session_id, of=actor.user_id)

    for actor in (STU, CARA):
        sentence = await refused(db, AlreadyDecided, appeal, session_id, actor=actor)
        assert sentence.endswith("An admin has decided.")


async def test_there_is_a_week_to_appeal(db: Database) -> None:
    session_id = await a_past_one(db, Absent.STUDENT)

    await refused(db, TooLate, appeal, session_id, WEEK_OVER, actor=STU)
    one = await do(db, appeal, session_id, WEEK_OVER - SECOND, actor=STU)

    assert theirs_of(one, STUDENT).at == WEEK_OVER - SECOND


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * (LONGEST_NOTES + 1)], ids=["none", "blank", "long"])
async def test_an_appeal_needs_a_reason_that_fits(db: Database, reason: str) -> None:
    session_id = await a_past_one(db, Absent.STUDENT)

    await refused(db, Unreadable, partial(no_shows.appeal, reason=reason), session_id, actor=STU)


# The decision.


@pytest.mark.parametrize("absent", [Absent.STUDENT, Absent.COACH])
async def test_an_admin_grants_an_appeal(db: Database, absent: Absent) -> None:
    session_id = await an_appealed_one(db, absent)

    one = await do(db, grant, session_id)

    assert (one.status, one.absent, one.absence_marked_by) == (COMPLETED, None, ADMIN.user_id)
    theirs = theirs_of(one, COACH if absent is Absent.COACH else STUDENT)
    assert theirs[-2:] == (NOON, ADMIN.user_id)
    assert await still_enqueued(db) == [(NotificationKind.REVIEW_REQUEST, STUDENT), *CHANGED]
    assert await audit_log(db) == [("appeal_granted", ADMIN.user_id)]


async def test_an_admin_refuses_an_appeal(db: Database) -> None:
    session_id = await an_appealed_one(db)

    one = await do(db, refuse, session_id)

    assert (one.status, one.absent, one.absence_marked_by) == (NO_SHOW, Absent.STUDENT, None)
    assert theirs_of(one, STUDENT)[-2:] == (NOON, ADMIN.user_id)
    assert await still_enqueued(db) == CHANGED
    assert await audit_log(db) == [("appeal_refused", ADMIN.user_id)]


@pytest.mark.parametrize(("by", "left"), [(STUDENT, Absent.COACH), (COACH, Absent.STUDENT)])
async def test_if_both_were_absent_a_granted_appeal_leaves_the_other_absent(
    db: Database, by: int, left: Absent
) -> None:
    session_id = await an_appealed_one(db, Absent.BOTH, by)

    one = await do(db, grant, session_id)

    assert (one.status, one.absent, one.absence_marked_by) == (NO_SHOW, left, ADMIN.user_id)
    assert await still_enqueued(db) == CHANGED


@pytest.mark.parametrize(("by", "other"), [(STUDENT, CARA), (COACH, STU)])
async def test_if_both_appeals_are_granted_the_session_is_completed(db: Database, by: int, other: Actor) -> None:
    session_id = await an_appealed_one(db, Absent.BOTH, by)
    await do(db, grant, session_id)
    await do(db, appeal, session_id, actor=other)

    one = await do(db, grant, session_id, of=other.user_id)

    assert (one.status, one.absent) == (COMPLETED, None)
    assert (NotificationKind.REVIEW_REQUEST, STUDENT) in await still_enqueued(db)


async def test_a_no_show_cannot_be_reviewed(db: Database) -> None:
    session_id = await an_appealed_one(db, Absent.BOTH)
    await do(db, grant, session_id)

    await refusal(db, NotReviewable, lambda session: reviews.review(session, session_id, STU, 1, NOON))


async def test_a_card_that_names_nobody_is_about_the_first_appeal(db: Database) -> None:
    session_id = await a_past_one(db, Absent.BOTH)
    for actor, minute in ((CARA, 70), (STU, 80)):
        await do(db, appeal, session_id, at(minute), actor=actor)

    one = await do(db, grant, session_id)
    sentence = await refused(db, AlreadyDecided, refuse, session_id)

    assert sentence.endswith("Nothing was changed.")
    assert one.absent is Absent.STUDENT
    assert theirs_of(await session_now(db, session_id), STUDENT).decided_at is None


async def test_nobodys_appeal_cannot_be_decided(db: Database) -> None:
    session_id = await an_appealed_one(db, Absent.BOTH)

    for nobody in (COACH, STRANGER.user_id, 0, 2**63 - 1):
        sentence = await refused(db, NotFound, grant, session_id, of=nobody)
        assert sentence == "There's no such appeal in this server."


async def test_a_decision_and_a_correction_update_only_the_card_they_are_about(db: Database) -> None:
    session_id = await a_past_one(db, Absent.BOTH)
    for actor in (STU, CARA):
        await do(db, appeal, session_id, actor=actor)
    await send_cards(db)
    revisions = []

    for use_case in (partial(grant, of=COACH), partial(clear, actor=CARA), partial(grant, of=STUDENT)):
        await do(db, use_case, session_id)
        cards = await notifications(db, Notification.kind == NotificationKind.APPEAL_CARD)
        revisions.append([card.revision for card in cards])

    assert revisions == [[1, 2], [2, 2], [3, 2]]


async def test_news_of_a_decision_names_whose_appeal_it_was(db: Database) -> None:
    session_id = await a_past_one(db, Absent.BOTH)
    for actor in (STU, CARA):
        await do(db, appeal, session_id, actor=actor)
    for of in (COACH, STUDENT):
        await do(db, refuse, session_id, of=of)

    news = await notifications(db, Notification.kind == NotificationKind.ATTENDANCE_CHANGED)
    assert [(one.user_id, one.about_user_id) for one in news] == [
        (STUDENT, COACH),
        (COACH, COACH),
        (STUDENT, STUDENT),
        (COACH, STUDENT),
    ]


async def test_a_coach_who_was_cleared_can_clear_the_student(db: Database) -> None:
    session_id = await an_appealed_one(db, Absent.BOTH, COACH)
    await do(db, grant, session_id)

    one = await do(db, clear, session_id, actor=CARA)

    assert (one.status, one.absent, one.absence_marked_by) == (COMPLETED, None, COACH)


async def test_a_decision_about_the_student_stands_after_the_coachs_appeal(db: Database) -> None:
    session_id = await an_appealed_one(db, Absent.BOTH)
    await do(db, refuse, session_id)
    await do(db, appeal, session_id, actor=CARA)
    await do(db, grant, session_id, of=COACH)

    sentence = await refused(db, AlreadyDecided, clear, session_id, actor=CARA)

    assert sentence == DECIDED
    assert (await session_now(db, session_id)).absent is Absent.STUDENT


async def test_admins_can_decide_at_any_time(db: Database) -> None:
    session_id = await an_appealed_one(db)

    one = await do(db, grant, session_id, ELEVEN + 400 * DAY)

    assert one.status is COMPLETED


@pytest.mark.parametrize("second", [grant, refuse], ids=["granting", "refusing"])
async def test_the_first_admin_decides(db: Database, second: UseCase) -> None:
    session_id = await an_appealed_one(db)
    await do(db, grant, session_id)

    sentence = await refused(db, AlreadyDecided, second, session_id, actor=Actor(9001, is_admin=True))

    when = f"<t:{NOON.timestamp():.0f}:R>"
    assert sentence == f"<@{ADMIN.user_id}> decided this {when}. Nothing was changed."


async def test_only_admins_of_its_server_can_decide(db: Database) -> None:
    session_id = await an_appealed_one(db)
    await transact(db, a_guild, id=GUILD + 1)

    for actor in (STU, CARA, STRANGER):
        await refused(db, NotAllowed, grant, session_id, actor=actor)
    await refused(db, NotFound, grant, session_id, guild_id=GUILD + 1)
    await refused(db, NotFound, grant, session_id + 1)


async def test_admins_cannot_decide_about_their_own_session(db: Database) -> None:
    session_id = await an_appealed_one(db)

    await refused(db, NotAllowed, grant, session_id, actor=Actor(COACH, is_admin=True))


async def test_nothing_can_be_decided_without_an_appeal(db: Database) -> None:
    session_id = await a_past_one(db, Absent.STUDENT)

    assert await refused(db, NotFound, grant, session_id) == "There's no such appeal in this server."


@pytest.mark.parametrize("decision", [grant, refuse], ids=["granted", "refused"])
async def test_after_an_admins_decision_the_coach_cannot_change_it(db: Database, decision: UseCase) -> None:
    session_id = await an_appealed_one(db)
    await do(db, decision, session_id)

    for use_case in (mark, clear):
        assert await refused(db, AlreadyDecided, use_case, session_id, actor=CARA) == DECIDED


async def test_admins_can_only_confirm_what_the_coach_has_conceded(db: Database) -> None:
    session_id = await an_appealed_one(db)
    await do(db, clear, session_id, actor=CARA)

    await refused(db, AlreadyDecided, refuse, session_id)
    one = await do(db, grant, session_id)

    assert (one.status, one.absent) == (COMPLETED, None)
    assert theirs_of(one, STUDENT).decided_by == ADMIN.user_id
    assert (await still_enqueued(db)).count((NotificationKind.REVIEW_REQUEST, STUDENT)) == 1


async def test_marking_the_student_again_keeps_their_appeal(db: Database) -> None:
    session_id = await an_appealed_one(db)
    for use_case in (clear, mark):
        await do(db, use_case, session_id, actor=CARA)

    await refused(db, AlreadyDecided, appeal, session_id, actor=STU)
    one = await do(db, grant, session_id)

    assert one.status is COMPLETED
