"""A workshop's scheduled event: made once, changed only if it says something else, and removed with its twins."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord
import pytest

from scheduler.core.errors import DiscordFailure
from scheduler.workshops.ports import EventGone, EventSpec
from tests.support.direct import Direct
from tests.support.simulated import lost_answers

EVENTS = "/guilds/*/scheduled-events"


def an_event(here: Direct, **changed: Any) -> EventSpec:
    """Return an event to make now."""
    let_make_events(here)
    starts_at = here.world.now + timedelta(days=2)
    values: dict[str, Any] = {
        "guild_id": here.world.guild.id,
        "event_id": None,
        "intended_at": here.world.now,
        "name": "Mixing drums",
        "description": "Bring a session.",
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=1),
        "link": f"https://discord.com/channels/{here.world.guild.id}/5/6",
        "reason": "workshop abc",
    }
    return EventSpec(**values | changed)


def let_make_events(here: Direct) -> None:
    """Give the bot the permission; the simulated Discord asks for the older one."""
    flags = discord.Permissions(create_events=True, manage_events=True).value
    changed = {"permissions": here.bot_role.permissions | flags}
    here.backend.edit_role(here.world.guild.id, here.bot_role.id, changed)


def events(here: Direct) -> list[Any]:
    return list(here.world.guild._guild.scheduled_events.values())


async def test_it_is_made_once_outside_of_any_channel(here: Direct) -> None:
    event = an_event(here)

    first = await here.port.ensure_event(event)
    by_link = await here.port.ensure_event(event)
    by_id = await here.port.ensure_event(replace(event, event_id=first))

    assert [first, by_link, by_id] == [first] * 3
    [made] = here.asked("POST", "/scheduled-events")
    assert (made["name"], made["entity_type"], made["privacy_level"]) == ("Mixing drums", 3, 2)
    assert made["entity_metadata"] == {"location": event.link}
    assert here.asked("PATCH", f"/scheduled-events/{first}") == []


async def test_it_is_changed_when_the_workshop_is(here: Direct) -> None:
    event = an_event(here)
    event_id = await here.port.ensure_event(event)

    await here.port.ensure_event(replace(event, event_id=event_id, name="Drums"))

    assert [(one.id, one.name) for one in events(here)] == [(event_id, "Drums")]


async def test_one_whose_answer_was_lost_is_found_again(here: Direct) -> None:
    event = an_event(here)

    with lost_answers(here.world, "POST", EVENTS) as lost, pytest.raises(DiscordFailure):
        await here.port.ensure_event(event)
    event_id = await here.port.ensure_event(event)

    assert lost
    assert [one.id for one in events(here)] == [event_id]


async def test_a_twin_is_deleted(here: Direct) -> None:
    event = an_event(here)

    with here.twice("POST", "/guilds/{guild_id}/scheduled-events"):
        event_id = await here.port.ensure_event(event)

    assert [one.id for one in events(here)] == [event_id]


async def test_other_events_are_left_alone(here: Direct) -> None:
    await here.port.ensure_event(an_event(here, link="https://discord.com/channels/1/2/3"))
    older = an_event(here, intended_at=here.world.now + timedelta(hours=1))

    await here.port.remove_event(an_event(here))
    await here.port.remove_event(replace(older, link="https://discord.com/channels/1/2/3"))

    assert len(events(here)) == 1


async def test_removing_it_twice_is_fine(here: Direct) -> None:
    event = an_event(here)
    event_id = await here.port.ensure_event(event)

    for _ in range(2):
        await here.port.remove_event(replace(event, event_id=event_id))

    assert events(here) == []


async def test_what_somebody_has_deleted_is_not_made_again(here: Direct) -> None:
    event = an_event(here)
    event_id = await here.port.ensure_event(event)
    await here.port.remove_event(event)

    with pytest.raises(EventGone):
        await here.port.ensure_event(replace(event, event_id=event_id))

    assert events(here) == []


async def test_a_missing_permission_is_named(here: Direct) -> None:
    event = an_event(here)
    for permission in ("create_events", "manage_events"):
        here.take_from_the_bot(permission)

    with pytest.raises(DiscordFailure) as failure:
        await here.port.ensure_event(event)

    assert failure.value.for_admins
    assert "Create Events" in str(failure.value)


async def test_the_most_events_of_a_server_are_explained(here: Direct) -> None:
    here.refuse("POST", EVENTS, status=400, code=30038, message="Maximum number reached")

    with pytest.raises(DiscordFailure) as failure:
        await here.port.ensure_event(an_event(here))

    assert failure.value.for_admins
    assert "100 scheduled events" in str(failure.value)
