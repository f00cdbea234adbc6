"""Blocking someone from booking or applying: what they can't do any more, what stays, and how it's undone."""

from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Block, BlockedFrom, Coach, CoachStatus, Guild, Hold, Reservation
from models.storage.database import Database
from scheduler.booking import blocks, cancellation
from scheduler.coaches import applications, profiles
from scheduler.core.errors import Blocked, NotAllowed, NotFound, Unreadable
from scheduler.reports import activity
from tests.support.bookings import CARA, ELEVEN, SAM, STU, TEN, book, booked, hold, reschedule
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_server_with_a_coach,
    an_application,
    refusal,
)
from tests.support.transactions import fetch_all, query, transact

BOOKING, APPLYING = (BlockedFrom.BOOKING,), (BlockedFrom.APPLYING,)
ELSEWHERE = GUILD + 1


@pytest.fixture
async def town(db: Database) -> Database:
    """Store two servers, in each of which the same coach can be booked."""
    for guild_id in (GUILD, ELSEWHERE):
        await a_server_with_a_coach(db, guild={"id": guild_id}, guild_id=guild_id)
    return db


async def block(
    db: Database, what: Collection[BlockedFrom] = BOOKING, reason: str = "", user_id: int = STUDENT
) -> CoachStatus | None:
    return await transact(db, blocks.block, GUILD, user_id, ADMIN, what, reason, MONDAY)


async def unblock(db: Database, what: Collection[BlockedFrom] = blocks.EVERYTHING) -> list[BlockedFrom]:
    return await transact(db, blocks.unblock, GUILD, STUDENT, ADMIN, what, MONDAY + HOUR)


async def apply(session: AsyncSession) -> Coach:
    return await applications.apply(session, await session.get_one(Guild, GUILD), STU, an_application(), MONDAY)


@pytest.mark.parametrize("press", [hold, book])
async def test_a_blocked_student_cannot_book_and_sees_the_reason_and_what_to_do(
    town: Database, press: Callable[[AsyncSession], Awaitable[object]]
) -> None:
    await block(town, reason="Four no-shows.")

    refused = await refusal(town, Blocked, press)

    assert str(refused).startswith("You can't book sessions here: an admin has blocked you.")
    assert "ask an admin of this server." in str(refused)
    assert refused.quotation == "Four no-shows."


async def test_a_block_without_a_reason_quotes_none(town: Database) -> None:
    await block(town)

    refused = await refusal(town, Blocked, book)

    assert str(refused).endswith("ask an admin of this server.")
    assert refused.quotation is None


async def test_a_block_applies_to_one_person_in_one_server(town: Database) -> None:
    await block(town)

    await transact(town, book, guild_id=ELSEWHERE)
    await transact(town, book, SAM, ELEVEN)


async def test_blocking_releases_what_the_person_holds_here_and_nothing_else(town: Database) -> None:
    await transact(town, hold)
    await transact(town, hold, STU, TEN + DAY, guild_id=ELSEWHERE)
    await transact(town, hold, SAM, ELEVEN)

    await block(town)

    held = await fetch_all(town, select(Hold).order_by(Hold.id))
    assert [(one.guild_id, one.student_id) for one in held] == [(ELSEWHERE, STUDENT), (GUILD, SAM.user_id)]
    assert len(await fetch_all(town, select(Reservation))) == 4
    await refusal(town, Blocked, book)  # the old hold is no way in


async def test_a_block_from_applying_leaves_holds_and_booking_alone(town: Database) -> None:
    await transact(town, hold)

    await block(town, APPLYING)

    assert len(await fetch_all(town, select(Hold))) == 1
    await transact(town, book)


async def test_booked_sessions_stay_and_can_be_rescheduled_and_cancelled(db: Database) -> None:
    session_id = await booked(db)

    await block(db)

    await reschedule(db, session_id, ELEVEN)
    await transact(db, cancellation.cancel, session_id, STU, GUILD, "", MONDAY)


async def test_a_person_blocked_from_applying_can_neither_apply_nor_apply_again(town: Database) -> None:
    await block(town, APPLYING, "No more, please.")

    assert (await refusal(town, Blocked, apply)).quotation == "No more, please."

    await unblock(town)
    await transact(town, apply)
    await transact(town, applications.reject, GUILD, STUDENT, ADMIN, "No.", MONDAY)
    await block(town, APPLYING)
    assert "can't apply to coach here" in str(await refusal(town, Blocked, apply))


async def test_an_open_application_stays_but_cannot_be_edited(town: Database) -> None:
    await transact(town, apply)

    assert await block(town, APPLYING) is CoachStatus.PENDING

    await refusal(town, Blocked, apply)
    await refusal(town, Blocked, lambda session: profiles.edit(session, GUILD, STU, an_application(), MONDAY))
    approved = await transact(town, applications.approve, GUILD, STUDENT, ADMIN, MONDAY)
    assert approved.status is CoachStatus.APPROVED


async def test_a_blocked_coach_still_coaches_and_edits_their_profile(town: Database) -> None:
    assert await block(town, blocks.EVERYTHING, user_id=COACH) is CoachStatus.APPROVED

    await transact(town, book)
    await transact(town, profiles.edit, GUILD, CARA, an_application(bio="I master."), MONDAY)


async def test_blocking_again_replaces_the_reason_and_leaves_the_other_block_alone(town: Database) -> None:
    await block(town, blocks.EVERYTHING, "Both.")

    await block(town, BOOKING, "  Four no-shows. ")

    found = await fetch_all(town, select(Block).order_by(Block.blocked_from))
    assert [(one.user_id, one.blocked_from, one.reason) for one in found] == [
        (STUDENT, BlockedFrom.APPLYING, "Both."),
        (STUDENT, BlockedFrom.BOOKING, "Four no-shows."),
    ]


async def test_unblocking_lifts_what_was_asked_and_returns_it(town: Database) -> None:
    await block(town, blocks.EVERYTHING)

    assert await unblock(town, APPLYING) == [BlockedFrom.APPLYING]

    await transact(town, apply)
    await refusal(town, Blocked, book)
    assert await unblock(town) == [BlockedFrom.BOOKING]
    await transact(town, book)


async def test_nobody_can_be_unblocked_twice(town: Database) -> None:
    await block(town)
    await unblock(town)

    again = partial(
        blocks.unblock, guild_id=GUILD, user_id=STUDENT, actor=ADMIN, what=blocks.EVERYTHING, now=MONDAY
    )
    assert "isn't blocked here" in str(await refusal(town, NotFound, again))


async def test_only_admins_can_block_unblock_and_see_the_list(town: Database) -> None:
    await block(town)

    ways = (
        lambda s: blocks.block(s, GUILD, STUDENT + 1, STU, BOOKING, "", MONDAY),
        lambda s: blocks.unblock(s, GUILD, STUDENT, STU, BOOKING, MONDAY),
        lambda s: blocks.list_page(s, GUILD, STU, page=0, size=5),
    )
    for way in ways:
        assert "Only admins" in str(await refusal(town, NotAllowed, way))


@pytest.mark.parametrize(
    ("user_id", "reason", "error", "sentence"),
    [
        (ADMIN.user_id, "", NotAllowed, "You can't block yourself."),
        (STUDENT, "x" * 501, Unreadable, "The reason has 501 characters; at most 500 fit."),
    ],
    ids=["oneself", "a long reason"],
)
async def test_some_blocks_are_refused(
    town: Database, user_id: int, reason: str, error: Any, sentence: str
) -> None:
    refused = await refusal(town, error, lambda s: blocks.block(s, GUILD, user_id, ADMIN, BOOKING, reason, MONDAY))

    assert sentence in str(refused)


async def test_the_list_has_pages_and_begins_with_the_newest(town: Database) -> None:
    for number in range(5):
        at = MONDAY + number * HOUR
        await transact(town, blocks.block, GUILD, STUDENT + number, ADMIN, BOOKING, "", at)

    first = await query(town, blocks.list_page, GUILD, ADMIN, page=0, size=3)
    last = await query(town, blocks.list_page, GUILD, ADMIN, page=1, size=3)
    elsewhere = await query(town, blocks.list_page, ELSEWHERE, ADMIN, page=0, size=3)

    assert [one.user_id - STUDENT for one in first.shown] == [4, 3, 2]
    assert [one.user_id - STUDENT for one in last.shown] == [1, 0]
    assert (first.has_more, last.has_more, elsewhere.shown) == (True, False, [])


async def test_the_audit_log_says_who_blocked_whom_from_what_and_why(town: Database) -> None:
    await block(town, blocks.EVERYTHING, "Four no-shows.")
    await unblock(town, BOOKING)

    found = await query(town, activity.list_audit_entries, GUILD, ADMIN, user_id=STUDENT, page=0, size=5)

    entries = [entry for entry, _ in found.shown]
    assert {(one.actor_id, one.member_id) for one in entries} == {(ADMIN.user_id, STUDENT)}
    assert [(one.action, one.details) for one in entries] == [
        ("member_unblocked", {"from": ["booking"]}),
        ("member_blocked", {"from": ["booking", "applying"], "reason": "Four no-shows."}),
    ]
