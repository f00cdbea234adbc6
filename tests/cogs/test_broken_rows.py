"""Broken rows hide nobody else, and people read what to do about them."""

from typing import Any

import pytest
from sqlalchemy import Table, update

from models import Coach, DateOverride, Guild, Member, Notification
from models.base import Base
from scheduler.booking import membership_checks
from tests.cogs.booking.people import Visitor, change_coach
from tests.support import builders
from tests.support.builders import FakeClock
from tests.support.fakes import FakeDiscord
from tests.support.simulated import Academy, reply, words

pytestmark = pytest.mark.usefixtures("open_world")

BRUNO, LENA, DAN = (10**17 + number for number in range(3))
LOST = "Mars/Olympus"


async def write(world: Academy, table: type[Base], *which: Any, **values: Any) -> None:
    """Write values unchecked, as another release or someone editing the database would."""
    core = table.__table__
    assert isinstance(core, Table)
    async with world.db.begin() as session:
        done: Any = await session.execute(update(core).where(*which).values(values))
        assert done.rowcount > 0


async def break_rows(world: Academy) -> None:
    """Break Bruno's zone, Lena's lengths, Dan's dates, and all the server's settings."""
    async with world.db.begin() as session:
        for user_id, name in ((BRUNO, "Bruno"), (LENA, "Lena"), (DAN, "Dan")):
            await builders.a_coach(session, guild_id=world.guild.id, user_id=user_id, display_name=name)
        await builders.a_date(session, world.now.date(), (540, 720), guild_id=world.guild.id, coach_id=DAN)
        session.add_all(Member(user_id=one.id) for one in (world.admin, world.student))
    await write(world, Coach, Coach.user_id == BRUNO, time_zone=LOST)
    await write(world, Coach, Coach.user_id == LENA, durations_minutes={"usual": 60}, currency="XQX")
    await write(world, DateOverride, windows=["9-12"])
    await write(
        world, Guild, time_zone=LOST, presets=["Morning"], default_policy={"old": 1}, reminder_minutes=["24h"]
    )
    await write(world, Member, time_zone="Europe")


async def test_lists_still_show_everyone_else(world: Academy) -> None:
    await world.book(world.other_student, "14:00")
    await break_rows(world)
    stu, ada = Visitor(world, world.student), Visitor(world, world.admin)

    await stu.slash("book")

    assert [str(one) in stu.said for one in (world.coach.id, LENA, DAN)] == [True, True, True]
    assert str(BRUNO) not in stu.said
    for command, wanted in {
        "coaching coaches": ("**Cara**", "**Lena**", "**Dan**", f'I no longer know their time zone "{LOST}"'),
        "coaching health": (f'🔴 **Time zone** I no longer know "{LOST}", so nobody can book <@{BRUNO}>',),
        "coaching stats": ("Cara",),
        "coaching sessions": (world.coach.mention,),
        "coaching audit": (),
        "coaching defaults": ("Morning 08:00–12:00",),
        "coaching setup": (f'I no longer know "{LOST}"',),
        "coach profile": (),
        "timezone": ("Your time zone is UTC", 'You chose "Europe", which I no longer know.'),
    }.items():
        await ada.slash(command, **({"member": world.coach} if command == "coach profile" else {}))
        assert [one for one in wanted if one not in ada.said] == [], command
    assert reply(await world.admin.slash(world.lobby, "coaching export", what="coaches")).attachments


async def test_other_coaches_can_still_be_booked(world: Academy) -> None:
    await break_rows(world)
    stu = Visitor(world, world.student)

    await stu.slash("book", coach=str(world.coach.id))
    await stu.press("13:30")
    await stu.press("Confirm")

    assert "Booked ✅" in stu.said
    assert await world.count(Notification)
    cara = await Visitor(world, world.coach).slash("availability")
    assert "h open** this week" in cara.said
    assert "Morning 08:00–12:00" in cara.buttons


async def test_a_coach_whose_zone_is_unknown_chooses_again(world: Academy) -> None:
    await change_coach(world, time_zone=LOST)
    stu = await Visitor(world, world.student).slash("book")
    assert world.coach.mention not in stu.said
    cara = await Visitor(world, world.coach).slash("availability")
    assert f'⚠️ **I no longer know your time zone "{LOST}"**' in cara.said

    await cara.fill("Zone…", **{"City or time zone": "Berlin"})
    assert "Keep actual times" not in cara.buttons
    await cara.press("Keep clock times")

    assert "h open** this week" in cara.said
    await stu.slash("book")
    assert world.coach.mention in stu.said


async def test_coach_and_admins_hear_once_of_an_unknown_zone(world: Academy) -> None:
    await world.choose(log_channel_id=world.review.id)
    await change_coach(world, time_zone=LOST)
    clock = FakeClock(world.now)
    for _ in range(2):
        await membership_checks.check(world.db, FakeDiscord(), clock, world.guild.id, world.coach.id)

    await world.wait_until(world.now + world.minutes(11))

    assert sum(f'I no longer know your time zone "{LOST}"' in one for one in world.dms(world.coach)) == 1
    [told] = [words(one) for one in world.review.history()]
    assert "Coaching needs an admin" in told
    assert f'Nobody can book {world.coach.mention} because I no longer know their time zone "{LOST}".' in told
    cara = await Visitor(world, world.coach).slash("availability")
    await cara.fill("Zone…", **{"City or time zone": "Berlin"})
    await cara.press("Keep clock times")
    await world.wait_until(world.now + world.minutes(11))
    assert "Solved" in words(world.review.last_message)
