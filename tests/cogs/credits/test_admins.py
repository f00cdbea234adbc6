"""`/coaching credits` and `/coaching grant`: what admins sell, give and take back."""

from typing import Any

import pytest
from simcord.components import walk_components
from sqlalchemy import select

from models import AuditEntry, CreditLot, Package
from tests.support.academy_credit import a_package, booked_with_credit, in_world, role_gives
from tests.support.simulated import Academy, reply, words
from tests.support.steps import another_coach, fill, labels, press
from tests.support.transactions import fetch_all, fetch_only

TERMS = {"Name": "Five lessons", "Minutes": "5 hours", "Price": "250", "Days valid": "180"}


async def panel_of(world: Academy) -> Any:
    return reply(await world.admin.slash(world.lobby, "coaching credits"))


async def granted(world: Academy, person: Any = None, minutes: int = 60, **options: Any) -> Any:
    """Give someone credit by command, and return the answer."""
    options = {"reason": "Paid in cash"} | options
    member = person or world.student
    return reply(await world.admin.slash(world.lobby, "coaching grant", member=member, minutes=minutes, **options))


async def pick(world: Academy, panel: Any, values: list[Any], custom_id: str) -> Any:
    """Pick in the select whose `custom_id` this is."""
    return reply(await world.admin.select(panel, values, custom_id=custom_id))


async def on_sale(world: Academy) -> list[Package]:
    return await fetch_all(world.db, select(Package).where(Package.retired_at.is_(None)))


async def test_an_admin_offers_changes_and_removes_a_package(open_world: Academy) -> None:
    world = open_world
    empty = await panel_of(world)
    assert "Nothing is on sale. Add a package, and people can ask for it." in words(empty)

    made = await fill(world.admin, empty, "Add a package…", TERMS)
    assert "### Package\n**Five lessons**\n300 minutes · $250.00 · valid 180 days" in words(made)
    assert "✅ Added. Everybody sees it in `/credits`." in words(made)
    changed = await fill(world.admin, made, "Change…", {"Price": "240"})
    assert "300 minutes · $240.00 · valid 180 days" in words(changed)
    listed = await press(world.admin, changed, "◀ Credit")
    assert "- **Five lessons** · 300 min · $240.00" in words(listed)
    again = await pick(world, listed, [str((await on_sale(world))[0].id)], "credits:package:pick")
    gone = await press(world.admin, again, "Remove")

    assert "✅ Removed. Whoever bought it keeps what they have." in words(gone)
    assert await on_sale(world) == []
    log = words(reply(await world.admin.slash(world.lobby, "coaching audit")))
    assert "package removed" in log
    assert "Five lessons; 300 minutes; $240.00; valid 180 days" in log


async def test_everything_wrong_with_a_package_is_said_at_once(open_world: Academy) -> None:
    world = open_world

    refused = await fill(
        world.admin,
        await panel_of(world),
        "Add a package…",
        {"Name": " ", "Minutes": "none", "Price": "a lot", "Days valid": "0"},
    )

    said = words(refused)
    assert "**Name:** Give it a name of up to 80 characters." in said
    assert "**Minutes:** Use between 1 and 100,000 minutes." in said
    assert '**Price:** "a lot" isn\'t an amount. Type the price in USD, like 60.' in said
    assert "**Days valid:** Credit can be valid for 1 to 3,650 days." in said
    fixed = await fill(world.admin, refused, "Fix it", TERMS)
    assert "✅ Added." in words(fixed)


async def test_a_package_can_be_only_for_some_coaches_and_specialties(open_world: Academy) -> None:
    world = open_world
    package = await a_package(world)
    await a_package(world, name="Ten lessons", minutes=600)
    await another_coach(world, world.other_student)
    panel = await pick(world, await panel_of(world), [str(package.id)], "credits:package:pick")

    both = [world.coach, world.other_student]
    panel = await pick(world, panel, both, f"credits:package:{package.id}:coaches")
    assert f"valid 180 days · with {world.coach.mention} or {world.other_student.mention}" in words(panel)
    [changed] = [one for one in await on_sale(world) if one.minutes == 300]
    panel = await pick(world, panel, ["2"], f"credits:package:{changed.id}:specialties")
    assert f"{world.other_student.mention} for Mixing" in words(panel)
    refused = await pick(
        world,
        panel,
        [world.student],
        next(one for one in all_ids(panel) if one.endswith(":coaches")),
    )
    assert words(refused) == f"{world.student.mention} can't be booked here, so pick only approved coaches."
    panel = await pick(world, panel, [], next(one for one in all_ids(panel) if one.endswith(":coaches")))

    assert "valid 180 days · for Mixing" in words(panel)
    assert "valid 180 days · for Mixing" in words(reply(await world.student.slash(world.lobby, "credits")))


def all_ids(message: Any) -> list[str]:
    """Return the `custom_id` of everything on a message."""
    raw = [one if isinstance(one, dict) else one.to_dict() for one in message.components]
    return [one["custom_id"] for one in walk_components(raw) if one.get("custom_id")]


async def test_a_role_gives_credit_each_month_until_it_gives_none(open_world: Academy) -> None:
    world = open_world

    panel = await pick(world, await panel_of(world), [world.coach_role], "credits:role:pick")
    assert f"{world.coach_role.mention} gives no credit." in words(panel)
    set_ = await fill(world.admin, panel, "Set minutes…", {"Minutes each month": "2 h"})
    assert f"- {world.coach_role.mention}: 120 minutes a month" in words(set_)
    assert "### Your credit: 120 minutes" in words(reply(await world.coach.slash(world.lobby, "credits")))
    panel = await pick(world, set_, [world.coach_role], "credits:role:pick")
    assert f"{world.coach_role.mention} gives 120 minutes a month." in words(panel)
    none = await press(world.admin, panel, "Give none")

    assert "No role gives credit." in words(none)
    shown = reply(await world.coach.slash(world.lobby, "credits"))
    assert "### Your credit: 0 minutes" in words(shown)
    assert f"the role is gone: {world.coach_role.mention}" in words(await press(world.coach, shown, "History"))


async def test_an_admin_gives_credit_by_command_and_the_student_is_told(open_world: Academy) -> None:
    world = open_world

    said = await granted(world, minutes=90, days=30)

    assert f"### Credit of {world.student.mention}: 90 minutes" in words(said)
    assert f"✅ Gave {world.student.mention} 90 minutes, until <t:" in words(said)
    [told] = world.dms(world.student)
    assert told.startswith(
        "### An admin gave you 90 minutes of credit\n**Reason**\n> Paid in cash\n**Valid** until <t:"
    )
    entry = await fetch_only(world.db, select(AuditEntry).where(AuditEntry.action == "credits_granted"))
    assert (entry.actor_id, entry.member_id) == (world.admin.id, world.student.id)
    log = words(reply(await world.admin.slash(world.lobby, "coaching audit")))
    assert "credit given" in log
    assert "90 minutes; Reason: Paid in cash" in log


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"minutes": 0}, "Use between 1 and 100,000 minutes."),
        ({"minutes": 100_001}, "Use between 1 and 100,000 minutes."),
        ({"days": 0}, "Credit can be valid for 1 to 3,650 days."),
        ({"reason": " "}, 'Add a reason, like "paid in cash". The person sees it, too.'),
    ],
)
async def test_what_nobody_can_have_meant_is_refused(open_world: Academy, options: Any, why: str) -> None:
    assert words(await granted(open_world, **options)) == why
    assert await open_world.count(CreditLot) == 0


async def test_bots_and_people_who_left_cannot_get_credit(open_world: Academy) -> None:
    world = open_world
    left = world.guild.add_member(world.env.create_user("gil", global_name="Gil"))
    panel = await pick(world, await panel_of(world), [left], "credits:person:pick")
    world.guild.remove_member(left)
    robot = world.guild.add_member(world.env.create_user("rob", global_name="Rob", bot=True))

    gone = await fill(world.admin, panel, "Give minutes…", {"Minutes": "60", "Reason": "Paid."})
    bot = await granted(world, robot)

    assert words(gone).startswith(f"⚠️ {left.mention} isn't in this server, so they can't get credit here.")
    assert words(bot) == f"{robot.mention} is a bot, and bots don't book sessions. Pick a person."
    assert await world.count(CreditLot) == 0


async def test_an_admin_looks_someone_up_gives_a_package_and_takes_it_back(open_world: Academy) -> None:
    world = open_world
    package = await a_package(world)
    menu = await press(world.admin, reply(await world.admin.slash(world.lobby, "sessions")), "Admin")
    panel = await pick(world, await press(world.admin, menu, "Credit"), [world.student], "credits:person:pick")
    assert f"### Credit of {world.student.mention}: 0 minutes" in words(panel)

    panel = await pick(world, panel, [str(package.id)], f"credits:person:{world.student.id}:package")
    assert f"✅ Given: **Five lessons**. We've messaged {world.student.mention}." in words(panel)
    await booked_with_credit(world)
    panel = await press(world.admin, panel, "Take back…")
    assert f"### Take this back from {world.student.mention}?\n**240 min** of 300 · Five lessons" in words(panel)
    panel = await press(world.admin, panel, "Take it back")

    assert "✅ Took back 240 minutes. Booked sessions stay." in words(panel)
    assert "60 minutes more are reserved" in words(panel)
    history = await press(world.admin, panel, "History")
    assert "**−240 min** · taken back by an admin: Five lessons" in words(history)
    assert "credit taken back" in words(reply(await world.admin.slash(world.lobby, "coaching audit")))


async def test_what_comes_with_a_role_cannot_be_taken_back(open_world: Academy) -> None:
    world = open_world
    await role_gives(world, world.coach_role.id, 120)
    await world.coach.slash(world.lobby, "credits")

    panel = await pick(world, await panel_of(world), [world.coach], "credits:person:pick")

    assert f"**120 min** · {world.coach_role.mention}, this month" in words(panel)
    assert "Take back…" not in labels(panel)


async def test_the_panel_fits_as_many_packages_and_roles_as_there_can_be(open_world: Academy) -> None:
    world = open_world
    for number in range(25):
        await a_package(world, name="*" * 78 + f"{number:02}", coach_ids=[world.coach.id])
        await role_gives(world, 10**18 + number, 99_999)
        await in_world(world, 10, reason="~" * 300, coach_ids=[10**18 + one for one in range(25)])

    panel = await panel_of(world)  # `reply` checks Discord's limits
    assert "Add a package…" not in labels(panel)
    await pick(world, panel, [world.student], "credits:person:pick")
    shown = reply(await world.student.slash(world.lobby, "credits"))
    listed = await press(world.student, shown, "All packages")

    assert "Page 1 of 5" in words(listed)
    assert "Page 2 of 5" in words(await press(world.student, listed, "▶"))
