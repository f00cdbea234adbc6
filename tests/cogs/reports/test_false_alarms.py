"""What admins are not told, because there is nothing for them to mend; and that a warning names its channel."""

import datetime as dt

from models import Alert, SessionStatus
from tests.cogs.sessions.test_no_shows import REASON
from tests.cogs.sessions.test_rescheduled_rooms import move
from tests.cogs.setup.test_log_channel import titles
from tests.support.meetings import MINUTE, booked, delete_by_hand, met, now, opened, over, to_the_end
from tests.support.simulated import Academy, words
from tests.support.steps import press, send


def warnings(world: Academy) -> list[str]:
    """What the owner was told, who hears what is for admins here."""
    return titles(world.guild.owner.dm_channel.history())


async def test_a_session_that_is_rescheduled_after_its_room_was_opened_alarms_nobody(open_world: Academy) -> None:
    world = open_world
    made = await booked(world)
    await opened(world, made)
    later = made.starts_at + dt.timedelta(days=1)

    await move(world, made, later)
    await world.wait_until(world.now + 2 * MINUTE)
    assert world.room(made.code) is None
    moved = await now(world, made)
    await opened(world, moved, world.coach, world.student)
    await world.leap_to(moved.starts_at)
    await to_the_end(world, moved)

    assert (await now(world, made)).status is SessionStatus.COMPLETED
    assert warnings(world) == []
    assert await world.count(Alert) == 0


async def test_a_room_that_was_deleted_alarms_nobody_when_its_messages_are_brought_up_to_date(
    open_world: Academy,
) -> None:
    world = open_world
    made, first = await met(world, world.coach, world.student)
    await delete_by_hand(world, first)
    second = world.room(made.code)
    assert second is not None
    await world.coach.join_voice(second)
    panel = [one for one in second.history() if "Welcome" in words(one)][-1]
    await press(world.coach, panel, "+15 minutes")

    await to_the_end(world, made)

    assert warnings(world) == []
    assert await world.count(Alert) == 0


async def replaced(world: Academy) -> None:
    """The admins choose another review channel, and delete the old one."""
    old, world.review = world.review, world.guild.create_text_channel("applications")
    await world.choose(review_channel_id=world.review.id)
    world.env.backend.delete_channel(old.id)
    await world.env.settle()


async def test_the_card_of_somebody_who_coaches_already_goes_with_its_channel_and_alarms_nobody(
    world: Academy,
) -> None:
    await world.open_for_booking()
    await replaced(world)

    await send(world.coach, await world.coach.slash(world.lobby, "coach edit"), {"About you": "I master."})

    assert world.review.history() == []
    assert warnings(world) == []


async def test_an_open_appeal_whose_channel_went_with_another_choice_is_posted_there(open_world: Academy) -> None:
    world = open_world
    made = await over(world, world.coach)
    await world.send_custom_id(world.student, f"session:appeal:{made.id}", REASON)
    assert "Appeal against a no-show" in words(world.card)
    await replaced(world)

    await world.press_custom_id(world.coach, f"session:washere:{made.id}")

    assert "Appeal against a no-show" in words(world.card)
    assert warnings(world) == []


async def test_a_chosen_channel_that_is_gone_is_named_and_nobody_is_told_that_it_is_tried_for_ever(
    world: Academy,
) -> None:
    await world.set_up()
    world.env.backend.delete_channel(world.review.id)
    await world.env.settle()
    before = len(warnings(world))

    await world.apply(world.coach)
    await world.leap_to(world.now + MINUTE)

    [warning] = world.guild.owner.dm_channel.history()[before:]
    assert f"The channel <#{world.review.id}> no longer exists. Choose another channel" in words(warning)
    assert "I keep trying" not in words(warning)
