"""A charge of what was paid by card: who can waive or dispute it, and that all of it goes back then, once."""

from datetime import date

import pytest
from sqlalchemy import select

from models import (
    AuditEntry,
    CoachingSession,
    Guild,
    NotificationKind,
    RefundReason,
    RefundStatus,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.attendance import no_shows, outcomes
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotFound, TooLate
from scheduler.credits import charges, disputes
from scheduler.payments import refunds
from scheduler.reports import earnings
from scheduler.sessions import charge_standing
from tests.support.bookings import CARA, SAM, STU, TEN
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, STUDENT
from tests.support.payments import Till, till
from tests.support.stored import notifications
from tests.support.transactions import fetch, fetch_all, query, transact

STUDENT_AND_ADMIN = Actor(STUDENT, is_admin=True)


async def cancelled_late(here: Till) -> int:
    """Return a paid session that its student has just cancelled too late."""
    async with here.db.begin() as session:
        (await session.get_one(Guild, GUILD)).cancel_notice_minutes = 24 * 60
    session_id = await here.paid()
    await transact(here.db, cancellation.cancel, session_id, STU, GUILD, "", here.now)
    return session_id


async def completed(here: Till) -> int:
    """Return a paid session that took place."""
    session_id = await here.paid()
    here.now = TEN + HOUR
    async with here.db.begin() as session:
        row = await session.get_one(CoachingSession, session_id)
        await outcomes.conclude(session, row, set(), here.now)
    return session_id


async def waive(here: Till, session_id: int, actor: Actor, guild_id: int | None = GUILD) -> CoachingSession:
    return await transact(here.db, charges.waive, session_id, actor, here.now, guild_id=guild_id)


async def went_back(here: Till) -> list[int]:
    """Return what was paid back at Stripe, once everything due is done."""
    await here.tick()
    return [one["amount"] for one in here.server.refunds.values()]


async def earned(here: Till) -> int:
    async with here.db.read() as session:
        guild = await session.get_one(Guild, GUILD)
        found = await earnings.by_month(session, guild, ADMIN, here.now, since=date(2026, 3, 1))
    return sum(one.total_minor for one in found)


async def told(db: Database, kind: NotificationKind) -> list[int | None]:
    return [one.user_id for one in await notifications(db) if one.kind is kind]


@pytest.mark.parametrize("who", [CARA, ADMIN])
async def test_coach_and_admins_waive_a_late_cancellation_and_all_of_it_goes_back_once(
    db: Database, who: Actor
) -> None:
    async with till(db) as here:
        session_id = await cancelled_late(here)
        assert (await went_back(here), await earned(here)) == ([], 6000)

        for _ in range(2):
            await waive(here, session_id, who)
            assert await went_back(here) == [6000]

        [refund] = await here.refunds()
        assert (refund.status, refund.reason) == (RefundStatus.DONE, RefundReason.WAIVED)
        assert await earned(here) == 0
        assert await told(db, NotificationKind.CHARGE_WAIVED) == [STUDENT]
        assert await told(db, NotificationKind.REFUNDED) == [STUDENT]
        waived = await fetch_all(db, select(AuditEntry).where(AuditEntry.action == "charge_waived"))
        assert [one.actor_id for one in waived] == [who.user_id]


async def test_nobody_else_can_waive_it(db: Database) -> None:
    async with till(db) as here:
        session_id = await cancelled_late(here)
        for who, where in (
            (STU, GUILD),
            (SAM, GUILD),
            (STUDENT_AND_ADMIN, GUILD),
            (ADMIN, GUILD + 1),
            (ADMIN, None),
        ):
            with pytest.raises(NotFound):
                await waive(here, session_id, who, where)

        assert await went_back(here) == []


async def test_it_can_be_waived_for_a_week(db: Database) -> None:
    async with till(db) as here:
        session_id = await cancelled_late(here)
        here.now += 7 * DAY
        with pytest.raises(TooLate):
            await waive(here, session_id, ADMIN)
        here.now -= MINUTE
        await waive(here, session_id, CARA)

        assert await went_back(here) == [6000]


async def test_what_is_not_charged_yet_cannot_be_waived_or_disputed(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        with pytest.raises(NotFound):
            await waive(here, session_id, CARA)
        with pytest.raises(NotFound):
            await transact(db, disputes.open_dispute, session_id, STU, "Why?", here.now)


@pytest.mark.parametrize("give_back", [True, False])
async def test_an_admin_who_decides_a_dispute_for_the_student_gives_the_money_back(
    db: Database, give_back: bool
) -> None:
    async with till(db) as here:
        session_id = await cancelled_late(here)
        await transact(db, disputes.open_dispute, session_id, STU, "My train was late.", here.now + 71 * HOUR)
        here.now += 5 * DAY
        await transact(db, disputes.decide, session_id, ADMIN, GUILD, give_back=give_back, now=here.now)

        assert await went_back(here) == ([6000] if give_back else [])
        assert await earned(here) == (0 if give_back else 6000)
        assert sorted(await told(db, NotificationKind.DISPUTE_DECIDED), key=str) == [COACH, STUDENT]


async def test_after_72_hours_it_cannot_be_disputed(db: Database) -> None:
    async with till(db) as here:
        session_id = await cancelled_late(here)
        with pytest.raises(TooLate):
            await transact(db, disputes.open_dispute, session_id, STU, "Why?", here.now + 72 * HOUR)


async def test_a_no_show_that_is_marked_later_can_be_disputed_from_then_on_and_a_withdrawn_one_is_charged_too(
    db: Database,
) -> None:
    async with till(db) as here:
        session_id = await completed(here)
        row = await fetch(db, CoachingSession, session_id)
        assert row.student.credit_charged_at == here.now
        assert charge_standing.can_waive(row.student, COACH, here.now)
        await transact(db, no_shows.mark_no_show, session_id, CARA, here.now + DAY)
        await transact(db, no_shows.unmark_no_show, session_id, CARA, here.now + 2 * DAY)

        row = await fetch(db, CoachingSession, session_id)
        assert (row.status, row.student.credit_charged_at) == (SessionStatus.COMPLETED, here.now)
        assert await went_back(here) == []


async def test_an_admins_refund_waives_the_charge_also_before_the_session(db: Database) -> None:
    async with till(db) as here:
        await here.paid()
        [payment] = await here.payments()
        await transact(db, refunds.pay_back, GUILD, payment.id, ADMIN, here.now)
        here.now = TEN + HOUR
        async with db.begin() as session:
            row = await session.get_one(CoachingSession, payment.session_id)
            await outcomes.conclude(session, row, set(), here.now)

        assert await went_back(here) == [6000]
        assert await earned(here) == 0
        standings = await query(db, charge_standing.standings, [row], COACH, here.now)
        assert not standings[row.id].can_waive
        with pytest.raises(AlreadyDecided):
            await transact(db, disputes.open_dispute, row.id, STU, "Why?", here.now)
