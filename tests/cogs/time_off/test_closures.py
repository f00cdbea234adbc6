"""`/coaching closures`, from the press to what admins, coaches and students read."""

from datetime import timedelta
from typing import Any

from simcord.components import walk_components

from models import SessionStatus
from scheduler.core.clock import stamp
from tests.support.meetings import TWO, booked, reloaded, told
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, send

DAY = timedelta(days=1)
REASON = "Reason"


async def the_panel(world: Academy) -> Any:
    return reply(await world.admin.slash(world.lobby, "coaching closures"))


async def close(world: Academy, first: str, last: str = "", name: str = "") -> Any:
    """Close days in the form, and return the panel."""
    return await fill(
        world.admin, await the_panel(world), "Close days…", {"From": first, "To": last, "Name": name}
    )


async def first(person: Any, message: Any, route: str) -> Any:
    """Press the first button whose `custom_id` starts like this, and return the result."""
    ids = [one.get("custom_id") or "" for one in walk_components(message.components)]
    return await person.click(message, custom_id=next(one for one in ids if one.startswith(route)))


def day_options(message: Any) -> list[str]:
    parts = walk_components(message.components)
    return [option["label"] for one in parts for option in one.get("options") or ()]


async def booking_days(world: Academy) -> list[str]:
    """Return the days that `/book` offers a student."""
    found = reply(await world.student.slash(world.lobby, "book", coach=str(world.coach.id)))
    return [label.split(" · ")[0] for label in day_options(found) if " · " in label]


async def test_an_admin_closes_days_and_opens_them_again(open_world: Academy) -> None:
    world = open_world
    empty = words(await the_panel(world))

    panel = await close(world, "3 March", "4 March", "Winter break")
    closed, offered = words(panel), await booking_days(world)
    after = words(await press(world.admin, panel, "Remove"))

    assert "Nothing can be booked on these days. Booked sessions stay until you decide." in empty
    assert "No days are closed." in empty
    assert "**Tuesday, 3 March 2026 – Wednesday, 4 March 2026**\nWinter break" in closed
    assert "✅ Closed Tuesday, 3 March 2026 – Wednesday, 4 March 2026." in closed
    assert not {"Tue 3 Mar", "Wed 4 Mar"}.intersection(offered)
    assert offered
    assert "✅ Tuesday, 3 March 2026 – Wednesday, 4 March 2026 can be booked again." in after
    assert "Tue 3 Mar" in await booking_days(world)


async def test_public_holidays_of_a_country_and_its_state(open_world: Academy) -> None:
    world, where = open_world, "State or region"
    panel = await the_panel(world)

    refused = await fill(world.admin, panel, "Public holidays…", {"Country": "Germany", where: "Mars"})
    why = words(refused)
    panel = await fill(world.admin, refused, "Fix it", {where: "Bavaria"})
    chosen, opened = words(panel), await form(world.admin, panel, "Public holidays…")
    none = await send(world.admin, opened, {"Country": "", where: ""})

    assert f'**{where}:** I don\'t know "Mars" in Germany. There is Augsburg' in why
    assert "Public holidays: Bavaria, Germany" in chosen
    assert "**Friday, 3 April 2026**\nGood Friday" in chosen
    assert held(opened) == {"Country": "Germany", where: "BY"}
    assert "✅ No public holidays are closed any more." in words(none)
    assert "No days are closed." in words(none)


async def test_booked_sessions_are_kept_rescheduled_or_cancelled_one_by_one(open_world: Academy) -> None:
    world, tuesday, admin = open_world, TWO + DAY, open_world.admin
    kept, moved, cancelled = [await booked(world, tuesday + number * timedelta(hours=1)) for number in range(3)]
    listed = await press(admin, await close(world, "3 March"), "Decide about 3 sessions")
    asked = words(listed)

    after_keeping = reply(await first(admin, listed, "closure:keep:"))
    said = [words(after_keeping)]
    times = reply(await first(admin, after_keeping, "closure:times:"))
    said.append(words(times))
    after_moving = await press(admin, times, "To time 1")
    said.append(words(after_moving))
    done = await fill(admin, after_moving, "Cancel…", {REASON: "The server is closed then."})
    await world.leap_to(world.now)

    to = (await reloaded(world, moved)).starts_at
    assert "They stay booked until you decide." in asked
    assert asked.count(f"{world.coach.mention} and {world.student.mention}") == 3
    assert "✅ The session stays booked." in said[0]
    assert to.date() == (tuesday + DAY).date()
    assert f"1. {stamp(to)}" in said[1]
    assert f"✅ Rescheduled to {stamp(to)}. We've messaged both." in said[2]
    assert "Session cancelled" in words(done)
    assert (await reloaded(world, kept)).status is SessionStatus.SCHEDULED
    assert (await reloaded(world, cancelled)).status is SessionStatus.CANCELLED
    for person in (world.student, world.coach):
        [news] = told(world, person, "Session rescheduled by an admin")
        assert "The server is closed then." in words(news)
        assert told(world, person, "Session cancelled by an admin")
    assert list(labels(await the_panel(world))) == ["Remove", "Close days…", "Public holidays…"]


async def test_the_admin_menu_leads_there(open_world: Academy) -> None:
    world = open_world
    listed = reply(await world.admin.slash(world.lobby, "sessions"))
    menu = await press(world.admin, listed, "Admin")

    panel = await press(world.admin, menu, "Closures")

    assert words(panel).startswith("### Closures")
