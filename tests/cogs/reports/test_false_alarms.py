"""Alerts that admins don't get because there's nothing to fix, and one that names its channel."""

import datetime as dt

import pytest

from models import Alert, SessionStatus
from tests.cogs.sessions.test_no_shows import REASON
from tests.cogs.sessions.test_rescheduled_rooms import move
from tests.cogs.setup.test_log_channel import titles
from tests.support.meetings import MINUTE, booked, delete_by_hand, ended_session, met, opened, reloaded, to_the_end
from tests.support.simulated import Academy, words
from tests.support.steps import press, send


def alerts(world: Academy) -> list[str]:
    """Return the alerts that the owner got in place of a channel."""
    return titles(world.guild.owner.dm_channel.history())


async def test_rescheduling_a_session_with_an_open_room_raises_no_alert(open_world: Academy) -> None:
    world = open_world
    made = await booked(world)
    await opened(world, made)
    later = made.starts_at + dt.timedelta(days=1)

    await move(world, made, later)
    await world.wait_until(world.now + 2 * MINUTE)
    assert world.room(made.code) is None
    moved = await reloaded(world, made)
    await opened(world, moved, world.coach, world.student)
    await world.leap_to(moved.starts_at)
    await to_the_end(world, moved)

    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED
    assert alerts(world) == []
    assert await world.count(Alert) == 0


async def test_updating_messages_of_a_deleted_room_raises_no_alert(open_world: Academy) -> None:
    world = open_world
    made, first = await met(world, world.coach, world.student)
    await delete_by_hand(world, first)
    second = world.room(made.code)
    assert second is not None
    await world.coach.join_voice(second)
    panel = [one for one in second.history() if "Welcome" in words(one)][-1]
    await press(world.coach, panel, "+15 minutes")

    await to_the_end(world, made)

    assert alerts(world) == []
    assert await world.count(Alert) == 0


async def replace_review_channel(world: Academy) -> None:
    """Choose another review channel and delete the old one."""
    old, world.review = world.review, world.guild.create_text_channel("applications")
    await world.choose(review_channel_id=world.review.id)
    world.env.backend.delete_channel(old.id)
    await world.env.settle()


async def test_a_coachs_old_card_in_a_deleted_channel_raises_no_alert(world: Academy) -> None:
    await world.open_for_booking()
    await replace_review_channel(world)

    await send(world.coach, await world.coach.slash(world.lobby, "coach edit"), {"About you": "I master."})

    assert world.review.history() == []
    assert alerts(world) == []


@pytest.mark.slow
async def test_an_appeal_is_posted_again_in_a_new_review_channel_while_it_is_open(open_world: Academy) -> None:
    world = open_world
    made = await ended_session(world, world.coach)
    await world.send_custom_id(world.student, f"session:appeal:{made.id}", REASON)
    assert "Appeal against a no-show" in words(world.card)
    await replace_review_channel(world)

    await world.press_custom_id(world.coach, f"session:washere:{made.id}")

    assert "Appeal against a no-show" in words(world.card)
    await replace_review_channel(world)

    await world.press_custom_id(world.admin, f"session:appeal:{made.id}:of:{world.student.id}:decide:1")

    assert world.review.history() == []
    assert alerts(world) == []


async def test_an_alert_names_a_deleted_channel_and_promises_no_retries(world: Academy) -> None:
    await world.set_up()
    world.env.backend.delete_channel(world.review.id)
    await world.env.settle()
    before = len(alerts(world))

    await world.apply(world.coach)
    await world.leap_to(world.now + MINUTE)

    [alert] = world.guild.owner.dm_channel.history()[before:]
    assert "The channel #unknown no longer exists. Choose another channel" in words(alert)
    assert "I'll keep trying" not in words(alert)
