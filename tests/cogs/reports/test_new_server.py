"""What reports show on a server that isn't set up yet."""

from tests.cogs.booking.people import Visitor
from tests.support.simulated import Academy


async def test_without_coaches_the_list_says_how_people_become_one(world: Academy) -> None:
    ada = await Visitor(world, world.admin).slash("coaching coaches")

    assert "No coaches here. People apply with `/coach apply`" in ada.said


async def test_statistics_work_before_the_setup(world: Academy) -> None:
    ada = await Visitor(world, world.admin).slash("coaching stats", period="all")

    assert "No session has been booked here yet." in ada.said
