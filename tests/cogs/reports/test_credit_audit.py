"""Credit in the audit log, from what admins and students do to what admins read."""

import re

from models import Guild
from scheduler.core.actor import Actor
from scheduler.credits import charges, disputes, grants, orders, packages
from scheduler.credits.packages import PackageTerms
from tests.cogs.booking.people import Visitor
from tests.support.academy_credit import booked_with_credit, cancelled
from tests.support.builders import DAY
from tests.support.meetings import TWO, booked, settings
from tests.support.simulated import Academy


async def what_happened(world: Academy) -> list[str]:
    """Return the lines of the audit log, oldest first, without their times and people."""
    ada = await Visitor(world, world.admin).slash("coaching audit")
    lines: list[str] = []
    while True:
        lines += [line for line in ada.said.splitlines() if line.startswith("<t:")]
        if "Older ▶" not in ada.buttons:
            return [about(line.partition("> ")[2]) for line in reversed(lines)]
        await ada.press("Older ▶")


def about(line: str) -> str:
    """Return what was done and the details."""
    head, _, details = line.partition(" · `")[0].partition(": ")
    return f"{re.split(' by <|, about|, coach', head)[0]}: {details}"


async def test_the_audit_log_says_what_was_offered_given_and_decided(open_world: Academy) -> None:
    world = open_world
    now, ada, stu = world.now, Actor(world.admin.id, is_admin=True), Actor(world.student.id)
    terms = PackageTerms("Five *lessons*", 300, 25000, "USD", coach_ids=[world.coach.id])
    before = len(await what_happened(world))
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        package = await packages.save(session, guild, ada, terms, now)
        order = await orders.place(session, guild, stu, package.id, now)
        await orders.give(session, guild, ada, order.id, now)
        order = await orders.place(session, guild, stu, package.id, now)
        await orders.decline(session, guild, ada, order.id, now)
        await packages.retire(session, guild, ada, package.id, now)
        await packages.set_role_grant(session, guild, ada, world.coach_role.id, 120, now)
        await packages.set_role_grant(session, guild, ada, world.coach_role.id, 0, now)
        lot = await grants.give(session, guild, ada, stu.user_id, 1200, "Sorry.", None, now)
        await grants.take_back(session, guild.id, ada, lot.id, now)

    assert (await what_happened(world))[before:] == [
        r"package added: Five \*lessons\*; 300 minutes; $250.00; valid 180 days; only for some coaches",
        r"package asked for: Five \*lessons\*; 300 minutes",
        r"package given: Five \*lessons\*; 300 minutes",
        r"package asked for: Five \*lessons\*; 300 minutes",
        r"request for a package declined: Five \*lessons\*; 300 minutes",
        r"package removed: Five \*lessons\*",
        "credit of a role set: @Coach: 120 minutes a month",
        "credit of a role set: @Coach: none",
        "credit given: 1,200 minutes; Reason: Sorry.",
        "credit taken back: 1,200 minutes",
    ]


async def test_the_audit_log_says_what_became_of_charges(open_world: Academy) -> None:
    world = open_world
    now, ada, stu = world.now, Actor(world.admin.id, is_admin=True), Actor(world.student.id)
    await settings(world, cancel_notice_minutes=1440, most_make_ups=1)
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        await grants.give(session, guild, ada, stu.user_id, 120, "Sorry.", None, now)
    charged = await booked_with_credit(world)
    await cancelled(world, charged, world.student)
    async with world.db.begin() as session:
        await disputes.open_dispute(session, charged.id, stu, "I was ill.", now)
        await disputes.decide(session, charged.id, ada, world.guild.id, give_back=False, now=now)
        await charges.waive(session, charged.id, Actor(world.coach.id), now)
    paid = await booked(world, TWO + 2 * DAY)
    await cancelled(world, paid, world.student)

    said = await what_happened(world)

    assert [one for one in said if not one.startswith(("session", "room", "settings"))][-4:] == [
        "charge disputed: ",
        "dispute decided, charge kept: ",
        "charge waived: ",
        "make-up given: 60 minutes",
    ]
