"""What admins see of workshops: statistics, health, a session's details, the audit log and files."""

import re
from typing import Any

import pytest

from models import Guild, SessionStatus, Workshop
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.workshops import deadlines, seats, workshops
from scheduler.workshops.terms import Terms
from tests.cogs.reports.test_export import exported
from tests.cogs.reports.test_waiting_list import admin_reads
from tests.support.builders import DAY, HOUR, MINUTE
from tests.support.simulated import Academy

pytestmark = pytest.mark.usefixtures("open_world")


async def a_workshop_with_people(world: Academy) -> Any:
    """Announce a workshop, in which Stu has a seat, and Sam had one. Returns its session."""
    await world.choose(workshop_channel_id=world.lobby.id)
    cara, now = Actor(world.coach.id), world.now
    terms = Terms("Mixing *drums*", "=1+1", now + 3 * DAY, HOUR, 4, 2000, least=2)
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        made = await workshops.create(session, guild, cara, cara.user_id, terms, now)
        for person in (world.student, world.other_student):
            await seats.take(session, made.session_id, Actor(person.id), now)
        await seats.leave(session, made.session_id, Actor(world.other_student.id), now)
    [row] = await world.sessions()
    return row


async def test_admins_see_a_workshops_seats_and_what_became_of_it(world: Academy) -> None:
    row = await a_workshop_with_people(world)

    assert "**Workshops** 1 upcoming\n" in await admin_reads(world, "stats")
    before = await admin_reads(world, "session", code=row.code)
    assert r"**Mixing \*drums\***" in before
    assert f"**Have a seat (1)** {world.student.mention}\n" in before
    assert f"**Gave their seat back (1)** {world.other_student.mention}\n" in before

    assert f"news of a seat taken to {world.student.mention}" in before

    async with world.db.begin() as session:
        await deadlines.decide(session, row.id, row.starts_at - DAY)
    assert f"**Had a seat (1)** {world.student.mention}\n" in await admin_reads(world, "session", code=row.code)

    said = await admin_reads(world, "audit")
    for words in (f"workshop announced by {world.coach.mention}", "Seats: 4", "Seats taken: 1 of at least 2"):
        assert words in said
    [readable], [complete] = await exported(world, "workshops")
    shown = ("Title", "Coach", "Seats", "Taken", "Price of a seat", "Minimum participants", "Status", "Code")
    assert [readable[name] for name in shown] == [
        "Mixing *drums*",
        "Cara",
        "4",
        "1",
        "$20.00",
        "2",
        "Cancelled",
        row.code,
    ]
    assert readable["Reason for cancelling"] == "Too few people had taken a seat: 1 of at least 2."
    assert list(complete)[: len(Workshop.__table__.columns)] == list(Workshop.__table__.columns.keys())
    names = ("title", "description", "seats", "taken", "price_minor", "currency", "least", "status")
    assert [complete[name] for name in names] == [
        "Mixing *drums*",
        "=1+1",
        "4",
        "1",
        "2000",
        "USD",
        "2",
        SessionStatus.CANCELLED,
    ]


async def test_reminders_of_many_people_are_one_line_of_a_workshops_messages(world: Academy) -> None:
    await world.choose(reminder_minutes=[60])
    row = await a_workshop_with_people(world)
    async with world.db.begin() as session:
        for number in range(2):
            person = world.guild.add_member(world.env.create_user(f"guest{number}"))
            await seats.take(session, row.id, Actor(person.id), world.now + MINUTE)
    await world.leap_to(world.now + 2 * MINUTE)  # or not all of its messages would go out in one round

    planned = await admin_reads(world, "session", code=row.code)
    assert f"⏳ {stamp(row.starts_at - HOUR, 'f')} reminder to 4 people\n" in planned
    await world.leap_to(row.starts_at - HOUR)
    sent = await admin_reads(world, "session", code=row.code)

    assert re.search(r"✓ <t:\d+:f> reminder to 4 people\n", sent)
    assert f"they gave their seat back: reminder to {world.other_student.mention}\n" in sent
    assert f"news of a seat taken to {world.student.mention}" in sent


async def test_an_overdue_workshop_and_a_failing_event_are_red(world: Academy) -> None:
    row = await a_workshop_with_people(world)
    async with world.db.begin() as session:
        workshop = await session.get_one(Workshop, row.id)
        workshop.next_step_at, workshop.last_error = world.now - 10 * MINUTE, "I'm missing **Create Events**"

    said = await admin_reads(world, "health")

    assert "🔴 **Workshops** 1 needs a background check. Press **Run background checks now**." in said
    assert (
        f"🔴 **Scheduled event** of workshop `{row.code}`: I'm missing **Create Events**. I'll keep trying."
        in said
    )
