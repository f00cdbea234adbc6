"""What admins see of the waiting list: statistics, health, a session's details, the audit log and files."""

from typing import Any

import pytest
from sqlalchemy import update

from models import FreedTime, Offer, OfferState, Wish, WishEnd
from tests.cogs.booking.people import Visitor
from tests.cogs.reports.test_export import exported
from tests.cogs.waiting_list.test_commands import cancelled, press, waiting_for
from tests.support.builders import MINUTE
from tests.support.simulated import Academy

pytestmark = pytest.mark.usefixtures("open_world")


async def admin_reads(world: Academy, command: str, **options: Any) -> str:
    """Return what a command tells the admin."""
    return (await Visitor(world, world.admin).slash(f"coaching {command}", **options)).said


async def passed_and_taken(world: Academy) -> Any:
    """Cancel a session for which two people wait, and let the first pass and the second take it. Returns him."""
    sue = world.guild.add_member(world.env.create_user("sue", global_name="=Sue"))
    await world.book(world.student, "14:00")
    await waiting_for(world, world.other_student)
    await waiting_for(world, sue)
    await cancelled(world, world.student)
    await press(world.other_student, "Pass")
    await world.wait_until(world.now + MINUTE)
    await press(sue, "Take it")
    await world.wait_until(world.now + MINUTE)
    return sue


@pytest.mark.slow
async def test_admins_see_who_was_offered_what(world: Academy) -> None:
    sue = await passed_and_taken(world)
    [left, booked] = await world.sessions()

    assert (
        "**Waiting list** 1 person waiting · 2 offers made · 1 taken · 1 passed · 0 ran out"
        in await admin_reads(world, "stats")
    )
    assert "🟢 **Waiting list** 1 person waiting" in await admin_reads(world, "health")
    of_left, of_booked = [await admin_reads(world, "session", code=one.code) for one in (left, booked)]
    assert f"offered to {world.other_student.mention}: passed\n" in of_left
    assert f"offered to {sue.mention}: taken" in of_left
    assert f"offered to {sue.mention}: taken" in of_booked
    assert "passed" not in of_booked.split("**Waiting list**")[1]


async def test_the_audit_log_names_what_happened_on_the_waiting_list(world: Academy) -> None:
    sue = await passed_and_taken(world)

    said = await admin_reads(world, "audit")

    for words in (
        "time offered to the waiting list",
        f"offer passed to the next person by {world.other_student.mention}",
        f"offer taken by {sue.mention}",
        f"off the waiting list, booked by {sue.mention}",
        f"joined the waiting list by {sue.mention}: 60 minutes",
    ):
        assert words in said


async def test_wishes_and_offers_are_exported_in_words(world: Academy) -> None:
    sue = await passed_and_taken(world)
    [_, booked] = await world.sessions()

    wishes, complete_wishes = await exported(world, "wishes")
    offers, complete_offers = await exported(world, "offers")

    shown = ("Coach", "Student", "Length", "Days", "Hours on their clock", "Last day", "Why it ended")
    common = ["60 min", "Mon–Sun", "14:00–15:00", "2026-03-02"]
    assert [[row[name] for name in shown] for row in wishes] == [
        ["any", "Sam", *common, ""],
        ["any", "=Sue", *common, "booked"],
    ]
    shown = ("Coach", "Student", "Offered date", "Start", "End", "Price", "Outcome", "Session", "Student ID")
    common = ["2026-03-02", "14:00", "15:00", "$60.00"]
    assert [[row[name] for name in shown] for row in offers] == [
        ["Cara", "Sam", *common, "passed", "", str(world.other_student.id)],
        ["Cara", "=Sue", *common, "taken", booked.code, str(sue.id)],
    ]
    for table, rows in ((Wish, complete_wishes), (Offer, complete_offers)):
        assert list(rows[0]) == [column.key for column in table.__table__.columns]


async def test_every_outcome_has_words(world: Academy) -> None:
    await passed_and_taken(world)

    for state in OfferState:
        async with world.db.begin() as session:
            await session.execute(update(Offer).values(state=state))
        assert all(row["Outcome"] for row in (await exported(world, "offers"))[0])
    for reason in WishEnd:
        async with world.db.begin() as session:
            await session.execute(update(Wish).values(end_reason=reason))
        assert all(row["Why it ended"] for row in (await exported(world, "wishes"))[0])


async def test_an_overdue_time_is_red(world: Academy) -> None:
    async with world.db.begin() as session:
        since = world.now - 10 * MINUTE
        times = {"starts_at": world.now, "ends_at": world.now + 60 * MINUTE}
        session.add(FreedTime(coach_id=world.coach.id, **times, created_at=since, next_step_at=since))

    said = await admin_reads(world, "health")

    assert "🔴 **Waiting list** 1 offer is overdue. Press **Run background checks now**." in said
