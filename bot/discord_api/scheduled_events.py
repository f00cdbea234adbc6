"""Scheduled events at Discord: how to recognise a workshop's, make it, change it and remove it."""

from collections.abc import Sequence

import discord

from bot.discord_api.errors import Attempt, expect_gone
from bot.discord_api.permissions import EVENTS
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.own_rooms import is_own
from scheduler.workshops.ports import EventGone, EventSpec

UNKNOWN_EVENT = 10070


async def ensure(attempt: Attempt, guild: discord.Guild, event: EventSpec, own_id: int) -> int:
    """Return the event's id, creating it if needed, and delete twins left by a repeated request.

    Changes it only if it says something else. Raises EventGone if it was known and isn't there.
    """
    existing = await _find(guild, event, own_id)
    if event.event_id is not None and event.event_id not in [one.id for one in existing]:
        raise EventGone("the scheduled event is gone")
    attempt.require(EVENTS)
    if not existing:
        await guild.create_scheduled_event(
            name=event.name,
            description=event.description,
            start_time=event.starts_at,
            end_time=event.ends_at,
            entity_type=discord.EntityType.external,
            privacy_level=discord.PrivacyLevel.guild_only,
            location=event.link,
            reason=event.reason,
        )
        existing = await _find(guild, event, own_id)
    if not existing:
        raise DiscordFailure(f"can't {attempt.task}: Discord confirmed it, but it doesn't exist")
    kept, *twins = existing
    await _delete(twins, f"{event.reason}: created twice")
    if not _agrees(kept, event):
        with expect_gone(UNKNOWN_EVENT, otherwise=EventGone("the scheduled event is gone")):
            await kept.edit(
                name=event.name,
                description=event.description,
                start_time=event.starts_at,
                end_time=event.ends_at,
                location=event.link,
                reason=event.reason,
            )
    return kept.id


async def remove(attempt: Attempt, guild: discord.Guild, event: EventSpec, own_id: int) -> None:
    """Delete the event and its twins."""
    attempt.require(EVENTS)
    await _delete(await _find(guild, event, own_id), event.reason)


async def _find(guild: discord.Guild, event: EventSpec, own_id: int) -> list[discord.ScheduledEvent]:
    """Return this workshop's events: the stored one, then its twins. Those that are over aren't among them."""
    found = [
        one
        for one in await guild.fetch_scheduled_events(with_counts=False)
        if is_own(
            one.id,
            known_id=event.event_id,
            as_we_make_it=one.creator_id == own_id and one.location == event.link,
            since=event.intended_at,
        )
    ]
    return sorted(found, key=lambda one: (one.id != event.event_id, one.id))


def _agrees(there: discord.ScheduledEvent, event: EventSpec) -> bool:
    says = there.name, there.description, there.start_time, there.end_time, there.location
    return says == (event.name, event.description, event.starts_at, event.ends_at, event.link)


async def _delete(events: Sequence[discord.ScheduledEvent], reason: str) -> None:
    for one in events:
        with expect_gone(UNKNOWN_EVENT):
            await one.delete(reason=reason)
