"""`/coaching coaches`, from the command to what admins read."""

import pytest

from models import CoachStatus
from tests.cogs.booking.people import Visitor, change_coach
from tests.support import builders
from tests.support.simulated import Academy, reply, words
from tests.support.transactions import transact

pytestmark = pytest.mark.usefixtures("open_world")


async def add_coaches(world: Academy, count: int) -> None:
    """Add this many coaches, listed after Cara."""
    async with world.db.begin() as session:
        for number in range(count):
            values = {"user_id": 10**17 + number, "display_name": f"Coach {number}"}
            await builders.a_coach(session, guild_id=world.guild.id, **values)


async def test_the_list_shows_hours_limits_rate_and_next_free_time(world: Academy) -> None:
    await change_coach(world, daily_limit=3)
    await world.book(world.student, "14:00")

    ada = await Visitor(world, world.admin).slash("coaching coaches")

    name, facts, figures, free = [line for line in ada.said.splitlines() if line != "Profile"][1:5]
    assert name == f"**Cara** {world.coach.mention}"
    assert facts == "Approved · $60.00 an hour · new"
    assert figures == "**Hours** 32.5 h a week · **Limits** 3 a day · **Upcoming** 1"
    assert free.startswith("🟢 **Next free** <t:")


async def test_list_and_profile_show_why_a_coach_cannot_be_booked(world: Academy) -> None:
    await change_coach(world, accepting=False, status=CoachStatus.SUSPENDED, left_at=world.now)
    ada = await Visitor(world, world.admin).slash("coaching coaches")
    left = f"left the server <t:{int(world.now.timestamp())}:R>"
    wanted = f"🔴 **Not bookable** suspended: `/coach reinstate`; {left}; bookings paused"

    assert wanted in ada.said
    await ada.slash("coaching coaches", member=world.coach)
    assert wanted in ada.said


async def test_the_list_has_pages(world: Academy) -> None:
    await add_coaches(world, 6)
    ada = await Visitor(world, world.admin).slash("coaching coaches")
    assert ada.buttons.count("Profile") == 5

    await ada.press("Older ▶")
    assert ada.buttons.count("Profile") == 2
    assert "Coach 5" in ada.said
    await ada.press("◀ Newer")
    assert "**Cara**" in ada.said


async def test_a_profile_opens_beside_the_list_and_shows_everything(world: Academy) -> None:
    await world.coach.slash(world.lobby, "availability", days="Sat", hours="10-12")
    off = {"guild_id": world.guild.id, "coach_id": world.coach.id, "reason": "My own business"}
    await transact(world.db, builders.a_date, world.now.date(), **off)
    ada = await Visitor(world, world.admin).slash("coaching coaches")
    listed = ada.panel

    await ada.press("Profile")

    assert ada.panel.id != listed.id
    for part in (
        "**Hours** 34.5 h a week in Europe/Berlin",
        "Mon 09:00–12:00, 13:30–17:00",
        "Sat 10:00–12:00",
        "Monday, 2 March 2026: off",
        "**Limits** none",
        "**Teaches** Mixing, Mastering",
        "I mix records.",
        "Ten years.",
        "**Sessions** none",
    ):
        assert part in ada.said
    assert "My own business" not in ada.said


async def test_a_profile_escapes_text_and_fits_at_its_longest(world: Academy) -> None:
    nasty = "# *@everyone* <@&1> `x` " * 50
    await change_coach(world, display_name="**Boss** @here", bio=nasty[:1000], experience=nasty[:1000])
    await change_coach(world, decision_reason=nasty[:1000], role_error=nasty, decided_at=world.now, decided_by=1)
    ada = await Visitor(world, world.admin).slash("coaching coaches")
    assert r"**\*\*Boss\*\* \@here**" in ada.said

    await ada.press("Profile")

    assert r"\*\@everyone\*" in ada.said
    assert "\n# *" not in ada.said


async def test_someone_who_never_applied_has_no_profile(world: Academy) -> None:
    answer = await world.admin.slash(world.lobby, "coaching coaches", member=world.student)

    assert f"{world.student.mention} has never applied" in words(reply(answer))


async def test_a_tampered_page_number_shows_an_empty_page(world: Academy) -> None:
    answer = await world.press_custom_id(world.admin, f"roster:list:{10**17}")

    assert "No coaches here." in words(reply(answer))
