"""Blocking somebody from booking or applying: what they can't do any more, what stays, and how it's undone."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Block, BlockedFrom, Coach, CoachingSession, CoachStatus, Guild, Hold, Reservation
from models.storage.database import Database
from scheduler.booking import blocks, booking, cancellation, holds, rescheduling
from scheduler.coaches import applications, profiles
from scheduler.core.actor import Actor
from scheduler.core.errors import Blocked, NotAllowed, NotFound, Unreadable
from scheduler.reports import activity
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
    an_application,
    refusal,
)
from tests.support.transactions import transact

STU = Actor(STUDENT)
BOOKING, APPLYING = (BlockedFrom.BOOKING,), (BlockedFrom.APPLYING,)
TEN = MONDAY + 2 * HOUR
ELSEWHERE = GUILD + 1


@pytest.fixture
async def town(db: Database) -> Database:
    """Two servers, in each of which the same coach can be booked."""
    async with db.begin() as session:
        for guild_id in (GUILD, ELSEWHERE):
            await a_guild(session, id=guild_id)
            await a_coach(session, guild_id=guild_id)
    return db


async def block(
    db: Database, what: Collection[BlockedFrom] = BOOKING, reason: str = "", user_id: int = STUDENT
) -> CoachStatus | None:
    return await transact(db, blocks.block, GUILD, user_id, ADMIN, what, reason, MONDAY)


async def unblock(db: Database, what: Collection[BlockedFrom] = blocks.EVERYTHING) -> list[BlockedFrom]:
    return await transact(db, blocks.unblock, GUILD, STUDENT, ADMIN, what, MONDAY + HOUR)


async def hold(session: AsyncSession, guild_id: int = GUILD, at: datetime = TEN) -> Hold:
    guild = await session.get_one(Guild, guild_id)
    return await holds.hold(session, guild, STU, COACH, at, HOUR, MONDAY)


async def book(session: AsyncSession, guild_id: int = GUILD, at: datetime = TEN) -> CoachingSession:
    guild = await session.get_one(Guild, guild_id)
    return await booking.book(session, guild, STU, COACH, at, HOUR, None, MONDAY)


async def apply(session: AsyncSession) -> Coach:
    guild = await session.get_one(Guild, GUILD)
    return await applications.apply(session, guild, STU, an_application(), MONDAY)


async def standing(db: Database) -> list[tuple[int, BlockedFrom, str | None]]:
    async with db.read() as session:
        rows = await session.scalars(select(Block).order_by(Block.user_id, Block.blocked_from))
        return [(row.user_id, row.blocked_from, row.reason) for row in rows]


@pytest.mark.parametrize("way", [hold, book])
async def test_somebody_blocked_from_booking_is_told_so_with_the_reason_and_what_to_do(
    town: Database, way: Callable[[AsyncSession], Awaitable[object]]
) -> None:
    await block(town, reason="Four no-shows.")

    refused = await refusal(town, Blocked, way)

    assert str(refused).startswith("You can't book sessions here: an admin has blocked you.")
    assert "ask an admin of this server" in str(refused)
    assert refused.quotation == "Four no-shows."


async def test_without_a_reason_none_is_promised(town: Database) -> None:
    await block(town)

    refused = await refusal(town, Blocked, book)

    assert str(refused).endswith("ask an admin of this server.")
    assert refused.quotation is None


async def test_a_block_holds_in_its_own_server_and_for_its_own_person_only(town: Database) -> None:
    await block(town)

    async with town.begin() as session:
        assert (await book(session, ELSEWHERE)).guild_id == ELSEWHERE
        guild = await session.get_one(Guild, GUILD)
        other = await booking.book(session, guild, Actor(STUDENT + 1), COACH, TEN + HOUR, HOUR, None, MONDAY)
        assert other.student_id == STUDENT + 1


async def test_blocking_releases_what_the_person_holds_here_and_nothing_else(town: Database) -> None:
    async with town.begin() as session:
        await hold(session)
        await hold(session, ELSEWHERE, TEN + DAY)
        guild = await session.get_one(Guild, GUILD)
        await holds.hold(session, guild, Actor(STUDENT + 1), COACH, TEN + HOUR, HOUR, MONDAY)

    await block(town)

    async with town.read() as session:
        held = [(one.guild_id, one.student_id) for one in await session.scalars(select(Hold).order_by(Hold.id))]
        assert held == [(ELSEWHERE, STUDENT), (GUILD, STUDENT + 1)]
        assert len(list(await session.scalars(select(Reservation)))) == 4
    await refusal(town, Blocked, book)  # what was held before is no way in


async def test_a_block_from_applying_lets_a_hold_and_bookings_be(town: Database) -> None:
    async with town.begin() as session:
        await hold(session)

    await block(town, APPLYING)

    async with town.begin() as session:
        assert (await book(session)).student_id == STUDENT


async def test_booked_sessions_stay_and_can_be_rescheduled_and_cancelled(town: Database) -> None:
    async with town.begin() as session:
        booked = await a_session(session, starts_at=TEN)

    await block(town)

    async with town.begin() as session:
        moved = await rescheduling.reschedule(session, booked.id, STU, TEN + HOUR, "", MONDAY)
        assert moved.starts_at == TEN + HOUR
        await cancellation.cancel(session, booked.id, STU, GUILD, "", MONDAY)


async def test_somebody_blocked_from_applying_cannot_apply_for_the_first_time_or_again(town: Database) -> None:
    await block(town, APPLYING, "No more, please.")

    assert (await refusal(town, Blocked, apply)).quotation == "No more, please."

    await unblock(town)
    async with town.begin() as session:
        await apply(session)
        await applications.reject(session, GUILD, STUDENT, ADMIN, "No.", MONDAY)
    await block(town, APPLYING)
    assert "can't apply to coach here" in str(await refusal(town, Blocked, apply))


async def test_an_open_application_stays_but_its_applicant_cannot_edit_it(town: Database) -> None:
    async with town.begin() as session:
        await apply(session)

    assert await block(town, APPLYING) is CoachStatus.PENDING

    await refusal(town, Blocked, apply)
    await refusal(town, Blocked, lambda session: profiles.edit(session, GUILD, STU, an_application(), MONDAY))
    async with town.begin() as session:
        approved = await applications.approve(session, GUILD, STUDENT, ADMIN, MONDAY)
        assert approved.status is CoachStatus.APPROVED


async def test_an_approved_coach_still_coaches_and_edits_their_profile(town: Database) -> None:
    assert await block(town, blocks.EVERYTHING, user_id=COACH) is CoachStatus.APPROVED

    async with town.begin() as session:
        assert (await book(session)).coach_id == COACH
        await profiles.edit(session, GUILD, Actor(COACH), an_application(bio="I master."), MONDAY)


async def test_blocking_again_replaces_the_reason_and_leaves_the_other_block_alone(town: Database) -> None:
    await block(town, blocks.EVERYTHING, "Both.")

    await block(town, BOOKING, "  Four no-shows. ")

    assert await standing(town) == [
        (STUDENT, BlockedFrom.APPLYING, "Both."),
        (STUDENT, BlockedFrom.BOOKING, "Four no-shows."),
    ]


async def test_unblocking_lifts_what_was_meant_and_says_what_that_was(town: Database) -> None:
    await block(town, blocks.EVERYTHING)

    assert await unblock(town, APPLYING) == [BlockedFrom.APPLYING]

    async with town.begin() as session:
        await apply(session)
    await refusal(town, Blocked, book)
    assert await unblock(town) == [BlockedFrom.BOOKING]
    async with town.begin() as session:
        await book(session)


async def test_nobody_can_be_unblocked_twice(town: Database) -> None:
    await block(town)
    await unblock(town)

    def again(session: AsyncSession) -> Awaitable[object]:
        return blocks.unblock(session, GUILD, STUDENT, ADMIN, blocks.EVERYTHING, MONDAY)

    assert "isn't blocked here" in str(await refusal(town, NotFound, again))


async def test_only_admins_block_unblock_and_see_the_list(town: Database) -> None:
    await block(town)

    ways = (
        lambda s: blocks.block(s, GUILD, STUDENT + 1, STU, BOOKING, "", MONDAY),
        lambda s: blocks.unblock(s, GUILD, STUDENT, STU, BOOKING, MONDAY),
        lambda s: blocks.page_of(s, GUILD, STU, page=0, size=5),
    )
    for way in ways:
        assert "Only admins" in str(await refusal(town, NotAllowed, way))


async def test_admins_cannot_block_themselves(town: Database) -> None:
    def myself(session: AsyncSession) -> Awaitable[object]:
        return blocks.block(session, GUILD, ADMIN.user_id, ADMIN, BOOKING, "", MONDAY)

    assert "can't block yourself" in str(await refusal(town, NotAllowed, myself))


async def test_a_reason_that_is_too_long_says_by_how_much(town: Database) -> None:
    def wordy(session: AsyncSession) -> Awaitable[object]:
        return blocks.block(session, GUILD, STUDENT, ADMIN, BOOKING, "x" * 501, MONDAY)

    assert "501 characters; at most 500" in str(await refusal(town, Unreadable, wordy))


async def test_the_list_has_the_newest_first_and_pages(town: Database) -> None:
    async with town.begin() as session:
        for number in range(5):
            at = MONDAY + number * HOUR
            await blocks.block(session, GUILD, STUDENT + number, ADMIN, BOOKING, "", at)

    async with town.read() as session:
        first = await blocks.page_of(session, GUILD, ADMIN, page=0, size=3)
        last = await blocks.page_of(session, GUILD, ADMIN, page=1, size=3)
        elsewhere = await blocks.page_of(session, ELSEWHERE, ADMIN, page=0, size=3)

    assert [one.user_id - STUDENT for one in first.shown] == [4, 3, 2]
    assert first.has_more
    assert [one.user_id - STUDENT for one in last.shown] == [1, 0]
    assert not last.has_more
    assert list(elsewhere.shown) == []


async def test_the_audit_log_says_who_blocked_and_unblocked_whom_from_what_and_why(town: Database) -> None:
    await block(town, blocks.EVERYTHING, "Four no-shows.")
    await unblock(town, BOOKING)

    async with town.read() as session:
        found = await activity.list_audit_entries(session, GUILD, ADMIN, user_id=STUDENT, page=0, size=5)

    entries: list[AuditEntry] = [entry for entry, _ in found.shown]
    assert [(one.action, one.actor_id, one.member_id, one.details) for one in entries] == [
        ("member_unblocked", ADMIN.user_id, STUDENT, {"from": ["booking"]}),
        (
            "member_blocked",
            ADMIN.user_id,
            STUDENT,
            {"from": ["booking", "applying"], "reason": "Four no-shows."},
        ),
    ]
