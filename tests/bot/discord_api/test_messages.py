"""Where messages go, whom they ping, and that none is sent twice."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from models import Notification, NotificationKind
from models.notification import Route
from models.storage.database import Database
from scheduler.core.errors import DiscordFailure, Unreachable
from scheduler.notifications.kinds import NotificationContext
from scheduler.notifications.ports import Receipt
from tests.support.direct import Direct
from tests.support.simulated import academy, lost_answers, words
from tests.support.transactions import fetch_only


def pings(body: dict[str, Any]) -> Any:
    """Return who may be pinged. Checks that nothing else may be."""
    allowed = body["allowed_mentions"]
    assert allowed["parse"] == []
    assert not allowed.get("roles")
    return allowed.get("users", [])


def texts(here: Direct, channel_id: int) -> list[str]:
    channel = next(one for one in here.world.guild.channels.values() if one.id == channel_id)
    return [words(one) for one in channel.history()]


def sent_before(here: Direct, receipt: Receipt, **changed: Any) -> NotificationContext:
    """Return the context of a notification that was already sent."""
    context = here.a_context(channel_id=receipt.channel_id, **changed)
    context.notification.channel_id, context.notification.message_id = receipt
    return context


async def test_a_message_goes_to_the_rooms_chat_and_pings_its_recipients(here: Direct):
    made = await here.port.ensure_room(here.a_room())
    here.pinged.append(here.world.student.id)

    receipt = await here.port.deliver(here.a_context(channel_id=made))

    [said] = texts(here, made)
    [sent] = here.asked("POST", f"/channels/{made}/messages")
    assert "Academy ref 7" in said
    assert receipt.channel_id == made
    assert pings(sent) == [here.world.student.id]


async def test_a_message_without_mentions_pings_nobody(here: Direct):
    await here.port.deliver(here.a_context(channel_id=here.world.lobby.id))

    [sent] = here.asked("POST", f"/channels/{here.world.lobby.id}/messages")
    assert pings(sent) == []


async def test_updating_a_message_pings_nobody(here: Direct):
    made = await here.port.ensure_room(here.a_room())
    here.pinged.append(here.world.student.id)
    first = await here.port.deliver(here.a_context(channel_id=made))

    again = await here.port.deliver(sent_before(here, first))

    [edited] = here.asked("PATCH", f"/messages/{first.message_id}")
    assert again == first
    assert pings(edited) == []
    assert len(texts(here, made)) == 1


async def test_updating_a_direct_message_opens_no_channel(here: Direct):
    first = await here.port.deliver(here.a_context(user_id=here.world.student.id))
    here.world.env.http_requests.clear()

    again = await here.port.deliver(sent_before(here, first, user_id=here.world.student.id))

    assert again == first
    assert [(one.method, one.path.rpartition("/")[2]) for one in here.world.env.http_requests] == [
        ("PATCH", str(first.message_id))
    ]


async def test_a_direct_message_that_is_gone_is_not_sent_again(here: Direct):
    first = await here.port.deliver(here.a_context(user_id=here.world.student.id))
    here.refuse("PATCH", f"/channels/{first.channel_id}/messages/{first.message_id}", status=404, code=10008)

    with pytest.raises(Unreachable, match="the message is gone"):
        await here.port.deliver(sent_before(here, first, user_id=here.world.student.id))

    assert len(here.asked("POST", f"/channels/{first.channel_id}/messages")) == 1


async def test_a_room_message_whose_answer_was_lost_is_found_there(here: Direct):
    made = await here.port.ensure_room(here.a_room())
    with lost_answers(here.world, "POST", "/channels/*/messages") as lost, pytest.raises(DiscordFailure):
        await here.port.deliver(here.a_context(channel_id=made))

    await here.port.deliver(here.a_context(channel_id=made, maybe_sent=True))

    assert lost
    assert len(texts(here, made)) == 1


async def test_a_deleted_message_is_sent_again(here: Direct):
    lobby = here.world.lobby.id
    first = await here.port.deliver(here.a_context(channel_id=lobby))
    here.backend.messages[lobby].clear()

    again = await here.port.deliver(sent_before(here, first))

    assert again != first
    assert len(texts(here, lobby)) == 1


@pytest.mark.parametrize("route", [Route.ROOM, Route.FALLBACK, None])
async def test_a_deleted_channel_is_not_retried(here: Direct, route: Route | None):
    context = here.a_context(channel_id=4711, route=route, user_id=here.world.student.id if route else None)

    with pytest.raises(Unreachable, match="the channel <#4711> no longer exists"):
        await here.port.deliver(context)


@pytest.mark.parametrize("chosen", ["review_channel_id", "log_channel_id", "fallback_channel_id", None])
async def test_a_deleted_channel_is_reported_to_admins_while_it_is_chosen(here: Direct, chosen: str | None):
    context = here.a_context(channel_id=4711)
    if chosen is not None:
        setattr(context.guild, chosen, 4711)

    with pytest.raises(Unreachable) as failure:
        await here.port.deliver(context)

    assert failure.value.for_admins is (chosen is not None)


async def test_a_channel_deleted_right_now_is_gone_too(here: Direct):
    lobby = here.world.lobby.id
    here.refuse("POST", f"/channels/{lobby}/messages", status=404, code=10003)

    with pytest.raises(Unreachable, match="no longer exists"):
        await here.port.deliver(here.a_context(channel_id=lobby))


async def test_nothing_is_sent_to_another_server(here: Direct):
    elsewhere = here.world.env.create_guild("Elsewhere").create_text_channel("lobby")

    with pytest.raises(Unreachable, match="of this server"):
        await here.port.deliver(here.a_context(channel_id=elsewhere.id))

    assert elsewhere.history() == []


@pytest.mark.parametrize("route", [Route.ROOM, Route.FALLBACK])
async def test_a_rerouted_person_is_told_there_instead_of_by_dm(here: Direct, route: Route):
    student, lobby = here.world.student, here.world.lobby.id

    await here.port.deliver(here.a_context(channel_id=lobby, user_id=student.id, route=route))

    assert len(texts(here, lobby)) == 1
    assert here.world.dms(student) == []


async def test_a_direct_message_is_sent_again_on_another_route(here: Direct):
    student, lobby = here.world.student, here.world.lobby.id
    first = await here.port.deliver(here.a_context(user_id=student.id))
    assert len(here.world.dms(student)) == 1
    context = sent_before(here, first, user_id=student.id, route=Route.FALLBACK)

    again = await here.port.deliver(replace(context, channel_id=lobby))

    assert again.channel_id == lobby
    assert len(texts(here, lobby)) == 1
    assert here.asked("PATCH", f"/messages/{first.message_id}") == []


async def test_a_permission_missing_in_a_channel_is_named_with_it(here: Direct):
    lobby = here.world.lobby.id
    here.take_from_the_bot("send_messages", lobby)

    with pytest.raises(DiscordFailure) as failure:
        await here.port.deliver(here.a_context(channel_id=lobby))

    assert "I'm missing **Send Messages** in the channel lobby: grant it to my role there (" in str(failure.value)
    assert failure.value.for_admins


async def test_a_channel_that_the_bot_cannot_see_is_named(here: Direct):
    lobby = here.world.lobby.id
    here.take_from_the_bot("view_channel", lobby)

    with pytest.raises(DiscordFailure, match=r"I'm missing \*\*View Channels\*\* in the channel lobby"):
        await here.port.deliver(here.a_context(channel_id=lobby))


@pytest.mark.parametrize("code", [50007, 50278])
async def test_closed_direct_messages_are_recognised(here: Direct, code: int):
    dm = here.world.student.user.dm_channel
    here.refuse("POST", f"/channels/{dm.id}/messages", code=code)

    with pytest.raises(Unreachable) as failure:
        await here.port.deliver(here.a_context(user_id=here.world.student.id))

    assert failure.value.dms_closed
    assert not failure.value.for_admins


@pytest.mark.parametrize("kind", [NotificationKind.ALERT, NotificationKind.ALERT_RESOLVED])
async def test_an_alert_goes_to_the_system_channel_by_default(here: Direct, kind: NotificationKind):
    lobby = here.world.lobby.id
    here.backend.edit_guild(here.world.guild.id, {"system_channel_id": lobby})
    await here.world.env.settle()

    receipt = await here.port.deliver(here.a_context(kind=kind))

    assert receipt.channel_id == lobby
    assert len(texts(here, lobby)) == 1


async def test_an_alert_goes_to_the_owner_if_the_system_channel_is_closed(here: Direct):
    lobby = here.world.lobby.id
    here.take_from_the_bot("send_messages", lobby)
    here.backend.edit_channel(lobby, {"topic": "quiet"})  # so that the bot hears of it
    here.backend.edit_guild(here.world.guild.id, {"system_channel_id": lobby})
    await here.world.env.settle()

    await here.port.deliver(here.a_context(kind=NotificationKind.ALERT))

    owner = here.world.guild.owner
    assert len(owner.dm_channel.history()) == 1
    assert texts(here, lobby) == []


async def test_an_alert_to_the_owner_is_updated_there(here: Direct):
    first = await here.port.deliver(here.a_context(kind=NotificationKind.ALERT))
    here.backend.edit_guild(here.world.guild.id, {"system_channel_id": here.world.lobby.id})
    await here.world.env.settle()
    context = replace(sent_before(here, first, kind=NotificationKind.ALERT), channel_id=None)

    again = await here.port.deliver(context)

    assert again == first
    assert len(here.world.guild.owner.dm_channel.history()) == 1
    assert texts(here, here.world.lobby.id) == []


async def test_an_alert_goes_to_the_alerts_channel(here: Direct):
    here.backend.edit_guild(here.world.guild.id, {"system_channel_id": here.world.lobby.id})

    receipt = await here.port.deliver(here.a_context(kind=NotificationKind.ALERT, channel_id=here.world.review.id))

    assert receipt.channel_id == here.world.review.id


async def test_a_deleted_review_channel_is_not_requested_repeatedly(db: Database):
    async with academy(db) as world:
        await world.set_up()
        world.env.backend.delete_channel(world.review.id)

        await world.apply(world.coach)

        is_card = Notification.kind == NotificationKind.APPLICATION_CARD
        card = await fetch_only(db, select(Notification).where(is_card))
        gone = f"the channel <#{world.review.id}> no longer exists"
        assert (card.due_at, card.last_error) == (None, gone)
