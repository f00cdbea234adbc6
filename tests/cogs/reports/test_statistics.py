"""`/coaching stats`, from the command to what admins read and see."""

import subprocess
import sys
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from models import SessionStatus
from tests.cogs.booking.people import Visitor, change_coach
from tests.support import builders
from tests.support.reviewing import reviewed, took_place
from tests.support.simulated import Academy, reply, words

pytestmark = pytest.mark.usefixtures("open_world")

DAY = timedelta(days=1)


async def a_month(world: Academy) -> None:
    """Store sessions: reviewed, completed, missed, cancelled, without a room, and one from long ago."""
    await reviewed(world, 4, created_at=world.now - DAY)
    common: dict[str, Any] = {"created_at": world.now - DAY}
    await took_place(world, **common)
    await took_place(world, status=SessionStatus.NO_SHOW, **common)
    await took_place(world, status=SessionStatus.CANCELLED, cancelled_at=world.now, **common)
    await took_place(world, missed_at=world.now, **common)
    old = world.now - 60 * DAY
    await took_place(world, created_at=old, starts_at=old)


async def test_admins_see_what_each_coach_earned_by_month(world: Academy) -> None:
    paid: dict[str, Any] = {"credit_minutes": 60, "credit_worth_minor": 6_000, "total_cost_minor": 0}
    await took_place(world, credit_charged_at=world.now, **paid)
    await took_place(world)
    await took_place(world, starts_at=world.now - 20 * DAY)
    await took_place(world, starts_at=world.now - 200 * DAY)

    ada = await Visitor(world, world.admin).slash("coaching stats")

    earned = ada.said.split("**Earned by month**")[1]
    assert f"March 2026\n- {world.coach.mention} $120.00 (120 min, 60 of them with credit)\n" in earned
    assert f"February 2026\n- {world.coach.mention} $60.00 (60 min)" in earned
    assert "2025" not in earned


@pytest.fixture
def _without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)


async def test_statistics_are_shown_as_figures_and_a_described_picture(world: Academy) -> None:
    await a_month(world)

    ada = await Visitor(world, world.admin).slash("coaching stats")

    for part in (
        "### Statistics · the last 30 days",
        "1 Feb – 2 Mar 2026 in Europe/Berlin",
        "**Sessions** 5 booked · 3 completed · 1 no-show (25%) · 1 cancelled",
        "**Rooms** 3 of 4 sessions had one (75%)",
        "**Reviews** ★ 4.0 (1)",
        "**Background checks** every 10 minutes · ",
        f"1\\. Cara {world.coach.mention} 4 of ",
        "· ★ 4.0 (1)",
    ):
        assert part in ada.said
    [file] = ada.panel.attachments
    assert Image.open(BytesIO(await file.read())).width == 1080
    assert ada.alt_text.startswith("1 Feb – 2 Mar 2026: 5 sessions booked, 3 completed, 1 no-show, 1 cancelled")


async def test_the_select_changes_the_period(world: Academy) -> None:
    await a_month(world)
    ada = await Visitor(world, world.admin).slash("coaching stats", period="7 days")
    assert ada.chosen("stats:") == "The last 7 days"
    assert "24 Feb – 2 Mar 2026" in ada.said

    await ada.choose("stats:", "Since the beginning")
    assert ada.chosen("stats:") == "Since the beginning"
    assert "**Sessions** 6 booked" in ada.said
    assert "1 Jan – 2 Mar 2026" in ada.said
    await ada.choose("stats:", "The last 90")
    assert "**Sessions** 6 booked" in ada.said
    await ada.choose("stats:", "The last 30")
    assert "**Sessions** 5 booked" in ada.said


async def test_days_are_in_the_admins_time_zone(world: Academy) -> None:
    await world.admin.slash(world.lobby, "timezone", place="Pacific/Kiritimati")
    await a_month(world)

    ada = await Visitor(world, world.admin).slash("coaching stats", period="7 days")

    assert "24 Feb – 2 Mar 2026 in Pacific/Kiritimati" in ada.said


@pytest.mark.usefixtures("_without_charts")
async def test_without_charts_admins_read_the_figures_and_nothing_about_packages(world: Academy) -> None:
    await a_month(world)

    ada = await Visitor(world, world.admin).slash("coaching stats")

    assert "**Sessions** 5 booked" in ada.said
    assert ada.panel.attachments == []
    assert not [word for word in ("charts", "pip", "extra", "install") if word in ada.said]


async def test_without_sessions_there_are_no_empty_charts(world: Academy) -> None:
    ada = await Visitor(world, world.admin).slash("coaching stats", period="7 days")
    assert "Nothing was booked, held or cancelled in these days. Choose a longer period." in ada.said
    assert ada.panel.attachments == []

    await ada.choose("stats:", "Since the beginning")

    assert "No session has been booked here yet." in ada.said


async def test_other_servers_are_not_counted(world: Academy) -> None:
    async with world.db.begin() as session:
        await builders.a_guild(session, id=77)
        await builders.a_coach(session, guild_id=77, user_id=world.coach.id)
        people = {"coach_id": world.coach.id, "student_id": world.student.id}
        await builders.a_session(session, guild_id=77, reserved=False, created_at=world.now, **people)

    ada = await Visitor(world, world.admin).slash("coaching stats")

    assert "Nothing was booked" in ada.said


async def test_names_are_escaped_and_many_coaches_fit(world: Academy) -> None:
    await a_month(world)
    await change_coach(world, display_name="**Boss** $x$ @here")
    async with world.db.begin() as session:
        for number in range(24):
            values = {"user_id": 10**17 + number, "display_name": "_" * 90 + str(number)}
            await builders.a_coach(session, guild_id=world.guild.id, **values)

    ada = await Visitor(world, world.admin).slash("coaching stats")

    assert r"1\. \*\*Boss\*\* $x$ \@here" in ada.said
    assert "and 10 more with fewer" in ada.said


async def test_a_tampered_period_shows_the_default_one(world: Academy) -> None:
    answer = await world.press_custom_id(world.admin, "stats:period", picked=["123456"])

    assert "the last 30 days" in words(reply(answer))


@pytest.mark.slow
def test_matplotlib_is_imported_only_for_a_picture() -> None:
    look = "import sys, bot.app; sys.exit('matplotlib' in sys.modules)"

    outcome = subprocess.run([sys.executable, "-c", look], cwd=Path(__file__).parents[3], check=False)

    assert outcome.returncode == 0
