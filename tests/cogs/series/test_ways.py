"""How weekly lessons are paid for: as the student chose before, and as the server allows."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from models import Coach, Guild, PaymentMode, Series, SeriesPayment
from models.storage.database import Database
from tests.cogs.booking.people import Visitor, about_to_confirm
from tests.cogs.payments.test_paying import taking_cards
from tests.support.credits import a_lot
from tests.support.simulated import Academy
from tests.support.transactions import fetch_only, transact


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[Academy]:
    """Open an academy in which students can pay by card."""
    async with taking_cards(db) as (made, _):
        yield made


async def every_week(world: Academy, *before: str) -> Visitor:
    """Look at the dates of weekly lessons, after pressing these buttons on the panel before."""
    stu = await about_to_confirm(world, world.student)
    await stu.press(*before)
    return await stu.choose("series:repeat:", "Every week")


async def way_of_the_only_series(world: Academy) -> SeriesPayment:
    return (await fetch_only(world.db, select(Series))).pays_with


async def test_credit_is_set_aside_before_each_lesson_and_not_when_asking(world: Academy) -> None:
    await transact(world.db, a_lot, guild_id=world.guild.id, user_id=world.student.id, minutes=60)

    stu = await every_week(world)

    assert "With credit. We set aside 60 minutes a week before each lesson. You have 60." in stu.said
    await stu.press("Ask Cara")
    assert await way_of_the_only_series(world) is SeriesPayment.CREDIT


async def test_the_way_that_was_chosen_before_stays(world: Academy) -> None:
    stu = await every_week(world, "Pay another way")

    assert "By card" not in stu.said
    await stu.press("Ask Cara")
    assert await way_of_the_only_series(world) is SeriesPayment.OTHERWISE


async def test_a_card_is_charged_for_each_lesson_on_its_own(world: Academy) -> None:
    stu = await every_week(world)

    assert "By card. We send you a link a week before each lesson. **TEST: no money moves.**" in stu.said
    await stu.press("Ask Cara")
    assert await way_of_the_only_series(world) is SeriesPayment.CARD


async def test_a_way_that_is_gone_meanwhile_is_refused(world: Academy) -> None:
    stu = await every_week(world, "Pay another way")
    async with world.db.begin() as session:
        (await session.get_one(Guild, world.guild.id)).payment_mode = PaymentMode.REQUIRED

    await stu.press("Ask Cara")

    assert "can't be paid for like that any more" in stu.said


async def test_a_changed_price_is_refused(world: Academy) -> None:
    stu = await every_week(world)
    async with world.db.begin() as session:
        (await session.get_one(Coach, (world.guild.id, world.coach.id))).rate_minor = 7000

    await stu.press("Ask Cara")

    assert "has changed the price to $70.00" in stu.said
