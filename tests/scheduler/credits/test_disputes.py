"""Disputes about charges: who can open one, until when, and who decides."""

from datetime import datetime

import pytest
from sqlalchemy import select, update

from models import (
    AuditEntry,
    CoachingSession,
    CreditDispute,
    Notification,
    NotificationKind,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, CoachingError, NotAllowed, NotFound, TooLate, Unreadable
from scheduler.credits import charges, disputes
from scheduler.sessions import charge_standing
from scheduler.sessions.charge_standing import ChargeStanding
from tests.support.bookings import CARA, SAM, STU, book
from tests.support.builders import (
    ADMIN,
    COACH,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_server_with_a_coach,
    refusal,
)
from tests.support.credits import a_lot, book_with_credit, left
from tests.support.stored import notifications
from tests.support.stored_workshops import ANN, BEN, a_workshop
from tests.support.transactions import fetch, fetch_all, transact

WHY = "I was ill."
IN_TIME = MONDAY + 72 * HOUR - MINUTE


async def a_charge(db: Database) -> int:
    """Return a session that its student cancelled too late, at `MONDAY`."""
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 180})
    await transact(db, a_lot, 60)
    booked = await transact(db, book_with_credit)
    await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", MONDAY)
    return booked.id


async def disputed(db: Database) -> int:
    one = await a_charge(db)
    await transact(db, disputes.open_dispute, one, STU, f" {WHY} ", IN_TIME)
    return one


async def decide(db: Database, one: int, *, give_back: bool, actor: Actor = ADMIN) -> None:
    await transact(db, disputes.decide, one, actor, GUILD, give_back=give_back, now=IN_TIME)


async def test_a_student_can_dispute_a_charge_for_72_hours(db: Database) -> None:
    one = await a_charge(db)
    row = await fetch(db, CoachingSession, one)

    assert charge_standing.can_dispute(row.student, STUDENT, IN_TIME)
    assert not charge_standing.can_dispute(row.student, STUDENT, MONDAY + 72 * HOUR)
    assert not charge_standing.can_dispute(row.student, COACH, IN_TIME)
    await refusal(db, TooLate, lambda session: disputes.open_dispute(session, one, STU, WHY, MONDAY + 72 * HOUR))
    await transact(db, disputes.open_dispute, one, STU, f" {WHY} ", IN_TIME)

    [dispute] = await fetch_all(db, select(CreditDispute))
    assert (dispute.reason, dispute.opened_at, dispute.decided_at) == (WHY, IN_TIME, None)
    [card] = [note for note in await notifications(db) if note.kind is NotificationKind.DISPUTE_CARD]
    assert card.session_id == one


async def test_the_standing_says_who_can_do_what_and_that_it_is_disputed(db: Database) -> None:
    one, at = await a_charge(db), MONDAY + HOUR

    async def standing(user_id: int, now: datetime = at) -> ChargeStanding:
        async with db.read() as session:
            row = await session.get_one(CoachingSession, one)
            return (await charge_standing.standings(session, [row], user_id, now))[one]

    assert await standing(STUDENT) == ChargeStanding(can_dispute=True)
    assert await standing(COACH) == ChargeStanding(can_waive=True)
    assert await standing(ADMIN.user_id) == await standing(STUDENT, MONDAY + 72 * HOUR) == ChargeStanding()
    await transact(db, disputes.open_dispute, one, STU, WHY, at)

    disputed_one, coachs = await standing(STUDENT), await standing(COACH)
    assert (disputed_one.can_dispute, coachs.can_waive) == (False, True)
    assert [each.dispute and each.dispute.reason for each in (disputed_one, coachs)] == [WHY, WHY]


async def test_sessions_without_credit_have_no_standing(db: Database) -> None:
    await a_server_with_a_coach(db)
    booked = await transact(db, book)

    async with db.read() as session:
        assert await charge_standing.standings(session, [booked], STUDENT, MONDAY) == {}
    assert charge_standing.closes_at(booked, STUDENT) is None


@pytest.mark.parametrize(
    ("actor", "reason", "error"),
    [(CARA, WHY, NotFound), (SAM, WHY, NotFound), (ADMIN, WHY, NotFound), (STU, "  ", Unreadable)],
)
async def test_only_the_student_can_dispute_and_says_why(
    db: Database, actor: Actor, reason: str, error: type[CoachingError]
) -> None:
    one = await a_charge(db)

    await refusal(db, error, lambda session: disputes.open_dispute(session, one, actor, reason, MONDAY))


async def test_a_reason_has_to_fit(db: Database) -> None:
    one = await a_charge(db)

    await refusal(db, Unreadable, lambda session: disputes.open_dispute(session, one, STU, "x" * 10_000, MONDAY))


async def test_a_charge_is_disputed_once(db: Database) -> None:
    one = await disputed(db)
    again = await refusal(
        db, AlreadyDecided, lambda session: disputes.open_dispute(session, one, STU, WHY, IN_TIME)
    )
    await decide(db, one, give_back=False)
    later = await refusal(
        db, AlreadyDecided, lambda session: disputes.open_dispute(session, one, STU, WHY, IN_TIME)
    )

    assert "An admin will decide." in str(again)
    assert "An admin has decided." in str(later)


async def test_what_is_not_charged_any_more_cannot_be_disputed(db: Database) -> None:
    one = await a_charge(db)
    await transact(db, charges.waive, one, CARA, MONDAY)

    await refusal(db, AlreadyDecided, lambda session: disputes.open_dispute(session, one, STU, WHY, MONDAY))


@pytest.mark.parametrize(("give_back", "minutes"), [(True, 60), (False, 0)])
async def test_an_admin_decides_once_and_both_are_told(db: Database, give_back: bool, minutes: int) -> None:
    one = await disputed(db)

    await decide(db, one, give_back=give_back)

    assert await left(db) == [minutes]
    row = await fetch(db, CoachingSession, one)
    assert (row.student.credit_charged_at is None) is give_back
    assert row.student.charge_waived_by == (ADMIN.user_id if give_back else None)
    told = [note.user_id for note in await notifications(db) if note.kind is NotificationKind.DISPUTE_DECIDED]
    assert sorted(told, key=str) == [COACH, STUDENT]
    last = (await fetch_all(db, select(AuditEntry).order_by(AuditEntry.id)))[-1]
    assert last.action == ("dispute_granted" if give_back else "dispute_refused")
    for other in (True, False):
        await refusal(
            db,
            AlreadyDecided,
            lambda session, back=other: disputes.decide(session, one, ADMIN, GUILD, give_back=back, now=IN_TIME),
        )


@pytest.mark.parametrize(
    ("actor", "guild_id", "error"),
    [
        (STU, GUILD, NotAllowed),
        (CARA, GUILD, NotAllowed),
        (SAM, GUILD, NotAllowed),
        (Actor(COACH, is_admin=True), GUILD, NotAllowed),
        (Actor(STUDENT, is_admin=True), GUILD, NotAllowed),
        (ADMIN, GUILD + 1, NotFound),
    ],
)
async def test_nobody_decides_about_their_own_session_or_another_servers(
    db: Database, actor: Actor, guild_id: int, error: type[CoachingError]
) -> None:
    one = await disputed(db)

    await refusal(
        db,
        error,
        lambda session: disputes.decide(session, one, actor, guild_id, give_back=True, now=IN_TIME),
    )


async def test_without_a_dispute_there_is_nothing_to_decide(db: Database) -> None:
    one = await a_charge(db)

    await refusal(
        db, NotFound, lambda session: disputes.decide(session, one, ADMIN, GUILD, give_back=True, now=MONDAY)
    )


async def test_of_two_disputes_about_a_workshop_each_keeps_its_own_card(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        over = {"status": SessionStatus.COMPLETED, "starts_at": MONDAY - HOUR, "next_step_at": None}
        one = await a_workshop(session, ANN, BEN, **over)
        for seat in one.participants:
            seat.credit_minutes, seat.credit_charged_at = 60, MONDAY
    for who in (ANN, BEN):
        await transact(db, disputes.open_dispute, one.id, Actor(who), WHY, IN_TIME)
    async with db.begin() as session:
        await session.execute(update(Notification).values(message_id=9, due_at=None))

    await transact(db, charges.waive, one.id, CARA, IN_TIME, of=ANN)
    once_waived = [card.revision for card in await cards(db)]
    await transact(db, disputes.decide, one.id, ADMIN, GUILD, give_back=False, now=IN_TIME, of=ANN)

    assert once_waived == [2, 1]
    assert [card.revision for card in await cards(db)] == [3, 1]


async def cards(db: Database) -> list[Notification]:
    return [one for one in await notifications(db) if one.kind is NotificationKind.DISPUTE_CARD]


async def test_a_charge_waived_meanwhile_is_given_back_once_whatever_is_decided(db: Database) -> None:
    one = await disputed(db)
    await transact(db, charges.waive, one, CARA, IN_TIME)

    await decide(db, one, give_back=True)

    assert await left(db) == [60]
    assert (await fetch(db, CoachingSession, one)).student.charge_waived_by == COACH


async def test_refusing_a_dispute_does_not_undo_what_the_coach_waived(db: Database) -> None:
    one = await disputed(db)
    await transact(db, charges.waive, one, CARA, IN_TIME)

    await decide(db, one, give_back=False)

    assert await left(db) == [60]
