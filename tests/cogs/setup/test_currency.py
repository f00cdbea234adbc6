"""A server changes its currency: what admins, coaches and students see and can do."""

from typing import Any

import pytest

from cogs.cards.charge import decode_currency, encode_currency
from models import Coach, CoachingSession
from tests.cogs.booking.people import Visitor, change_coach
from tests.support import builders
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, held, send
from tests.support.transactions import fetch, transact

pytestmark = pytest.mark.usefixtures("open_world")

RATE = "Rate per hour"
ASKED = "This server now uses EUR"


@pytest.fixture
async def ada(open_world: Academy) -> Visitor:
    """The admin, who has just changed the currency."""
    ada = Visitor(open_world, open_world.admin)
    await ada.slash("coaching set", setting="Currency", value="EUR")
    return await ada.slash("coaching setup")


async def charged(world: Academy) -> tuple[int, str]:
    coach = await fetch(world.db, Coach, (world.guild.id, world.coach.id))
    return coach.rate_minor, coach.currency


async def test_an_admin_asks_coaches_with_another_currency_for_new_rates(world: Academy, ada: Visitor) -> None:
    assert f"**Currency** 1 coach doesn't charge in EUR: {world.coach.mention} (USD)" in ada.said

    await ada.press("Ask them")
    await world.wait_until(world.now + world.minutes(1))

    assert "✅ We've messaged 1 coach." in ada.said
    assert [ASKED in one and "You still charge $60.00 an hour" in one for one in world.dms(world.coach)] == [True]
    await ada.press("Ask them")
    assert "They were already asked within the last day." in ada.said


async def test_a_coach_switches_to_the_new_currency_with_a_new_rate(world: Academy, ada: Visitor) -> None:
    booked = await world.book(world.student, "11:00")
    opened = await world.coach.slash(world.lobby, "coach edit")
    assert held(opened)["Currency"] == ["USD, as before"]

    refused = await send(world.coach, opened, {"Currency": ["EUR, this server's currency"]})
    said = words(refused)
    shown = words(await fill(world.coach, refused, "Fix it", {RATE: "55"}))

    assert "Your rate was $60.00. Enter what you charge in EUR" in said
    assert "€55.00 an hour" in shown
    assert "Currency" not in held(await world.coach.slash(world.lobby, "coach edit"))
    assert (await fetch(world.db, CoachingSession, booked.id)).currency == "USD"
    await ada.slash("coaching setup")
    assert "**Currency** 1 coach" not in ada.said


async def test_other_edits_keep_rate_and_currency(world: Academy, ada: Visitor) -> None:
    await send(world.coach, await world.coach.slash(world.lobby, "coach edit"), {"About you": "I write songs."})

    assert await charged(world) == (6000, "USD")


async def test_a_coach_is_told_when_an_admin_sets_their_rate(world: Academy, ada: Visitor) -> None:
    await ada.slash("coaching coaches", member=world.coach)

    await ada.fill("Set rate in EUR…", **{RATE: "55"})
    await world.wait_until(world.now + world.minutes(1))

    assert "€55.00 an hour" in ada.said
    assert "Set rate in EUR…" not in ada.buttons
    assert "An admin changed your rate\nYou now charge €55.00 an hour" in world.dms(world.coach)[-1]


async def test_applying_again_asks_for_a_new_rate(world: Academy, ada: Visitor) -> None:
    await change_coach(world, status="PENDING")

    opened = await world.coach.slash(world.lobby, "coach apply")

    assert held(opened)[RATE] == ""
    await send(world.coach, opened, {RATE: "40"})
    assert await charged(world) == (4000, "EUR")


async def test_a_student_sees_the_price_in_the_new_currency_before_booking(world: Academy, ada: Visitor) -> None:
    panel = await world.about_to_confirm(world.student, "11:00")
    await send(
        world.coach,
        await world.coach.slash(world.lobby, "coach edit"),
        {"Currency": ["EUR, this server's currency"], RATE: "60 EUR"},
    )

    answer = words(reply(await world.student.click(panel, label="Confirm")))

    assert "The coach has changed the price to €60.00." in answer
    assert await world.sessions() == []


async def test_a_confirm_button_from_before_an_upgrade_asks_again(world: Academy) -> None:
    panel = await world.about_to_confirm(world.student, "11:00")
    start = int((world.now + world.minutes(120)).timestamp()) // 60

    answer = reply(await world.press_custom_id(world.student, f"book:confirm:{world.coach.id}:60:{start}:6000"))

    assert "Confirm your session" in words(answer)
    assert "Confirm your session" in words(panel)
    assert await world.sessions() == []


async def test_sorting_by_rate_says_that_currencies_are_not_compared(world: Academy, ada: Visitor) -> None:
    stu = await Visitor(world, world.student).slash("book")
    await stu.choose("book:sort", "Lowest rate")
    assert "can't be compared" not in stu.said
    dina: dict[str, Any] = {"user_id": 10**17, "display_name": "Dina", "rate_minor": 1500, "currency": "KWD"}
    await transact(world.db, builders.a_coach, guild_id=world.guild.id, **dina)

    await stu.choose("book:sort", "Lowest rate")

    assert "Rates in different currencies can't be compared" in stu.said
    assert str(10**17) in stu.said


@pytest.mark.parametrize("code", ["USD", "KWD", "", "€", "XQX"])
def test_a_currency_fits_into_a_custom_id(code: str) -> None:
    assert decode_currency(encode_currency(code)) == code
