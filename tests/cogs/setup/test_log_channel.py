"""Alerts when the bot can't write in the alerts channel, and when it can again."""

from collections.abc import Sequence
from typing import Any

import pytest

from scheduler.notifications import admin_alerts
from tests.cogs.setup.test_panel import deny, own_role
from tests.support.simulated import Academy, words
from tests.support.transactions import transact

LOG = "I can't post in the alerts channel"


async def raise_alert(world: Academy, key: str) -> None:
    """Raise an alert, and wait until it's delivered or the bot notices that it can't be."""
    await transact(world.db, admin_alerts.raise_alert, world.guild.id, key, f"{key} does not work.", world.now)
    await world.wait_until(world.now + world.minutes(21))


def allow(world: Academy, place: Any) -> None:
    world.env.backend.delete_overwrite(place.id, own_role(world).id)


def titles(messages: Sequence[Any]) -> list[str]:
    """Return the first two lines of each: its heading, and which problem it's about."""
    return [" ".join(words(one).split("\n")[:2]) for one in messages]


@pytest.fixture
async def log_channel(world: Academy) -> Any:
    place = world.guild.create_text_channel("log")
    await world.choose(log_channel_id=place.id)
    return place


@pytest.mark.parametrize("denied", [{"send_messages": True}, {"view_channel": True}])
@pytest.mark.parametrize("where", ["system channel", "owner"])
async def test_alerts_go_elsewhere_once_if_the_bot_cannot_write_in_the_log_channel(
    world: Academy, log_channel: Any, denied: dict[str, bool], where: str
) -> None:
    if where == "system channel":
        world.env.backend.edit_guild(world.guild.id, {"system_channel_id": world.lobby.id})
    place = world.lobby if where == "system channel" else world.guild.owner.dm_channel
    deny(world, log_channel.id, **denied)

    await raise_alert(world, "a")
    await raise_alert(world, "b")

    told = titles(place.history())
    assert [one.startswith("### ⚠️ Coaching needs an admin") for one in told] == [True] * 3
    assert sum(LOG in one for one in told) == 1
    assert sum("A does not work." in one for one in told) == sum("B does not work." in one for one in told) == 1
    assert log_channel.history() == []


async def test_a_log_channel_that_works_again_is_reported_there(world: Academy, log_channel: Any) -> None:
    deny(world, log_channel.id, send_messages=True)
    await raise_alert(world, "a")
    allow(world, log_channel)

    await raise_alert(world, "b")

    told = titles(log_channel.history())
    assert [one for one in told if one.startswith("### ✅ Solved") and LOG in one]
    assert [one for one in told if "B does not work." in one]
    assert len(told) == 2


@pytest.mark.parametrize("how", ["another", "none"])
async def test_choosing_another_channel_or_none_resolves_the_alert(
    world: Academy, log_channel: Any, how: str
) -> None:
    owner = world.guild.owner.dm_channel
    deny(world, log_channel.id, send_messages=True)
    await raise_alert(world, "a")

    if how == "another":
        await world.choose(log_channel_id=world.review.id)
    else:
        await world.press_custom_id(world.admin, "setup:clear:3")
    await world.wait_until(world.now + world.minutes(21))

    place = world.review if how == "another" else owner
    assert [LOG in one for one in titles(place.history()) if "Solved" in one] == [True]


async def test_a_deleted_log_channel_is_reported_elsewhere(world: Academy, log_channel: Any) -> None:
    world.env.backend.delete_channel(log_channel.id)

    await raise_alert(world, "a")

    told = titles(world.guild.owner.dm_channel.history())
    assert sorted(LOG in one for one in told) == [False, True]


async def test_an_alert_arrives_later_if_the_owner_cannot_be_reached_either(
    world: Academy, log_channel: Any
) -> None:
    dm = world.guild.owner.dm_channel
    deny(world, log_channel.id, send_messages=True)
    world.env.inject_error("POST", f"/channels/{dm.id}/messages", status=403, code=50007, times=None)
    await raise_alert(world, "a")
    allow(world, log_channel)

    await world.leap_to(world.now + world.minutes(25 * 60))
    await raise_alert(world, "a")

    assert [one for one in titles(log_channel.history()) if "A does not work." in one]


async def test_solved_problems_are_reported_in_the_log_channel(world: Academy, log_channel: Any) -> None:
    await raise_alert(world, "a")

    await transact(world.db, admin_alerts.resolve, world.guild.id, "a", world.now)
    await world.wait_until(world.now + world.minutes(21))

    assert [one.split(" ")[1] for one in titles(log_channel.history())] == ["⚠️", "✅"]
