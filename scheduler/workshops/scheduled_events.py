"""Workshops among the server's scheduled events, which tell people and send them to the announcement."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, SessionStatus, Workshop
from models.storage.database import Database
from scheduler.core import retry
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure
from scheduler.notifications import admin_alerts
from scheduler.workshops import announcements, steps
from scheduler.workshops.ports import EventGone, EventSpec, ScheduledEvents

ALERT = "workshop_event"
"""The key of problems with scheduled events."""
_SELDOM, _UNANSWERED = timedelta(hours=6), timedelta(minutes=1)
_NOTE = "To take part, take a seat: pressing “Interested” here doesn't."
_LONGEST = 1000
"""The most characters of an event's description:
https://discord.com/developers/docs/resources/guild-scheduled-event#create-guild-scheduled-event"""


class _Wanted(NamedTuple):
    """An event, and whether it's to be there."""

    event: EventSpec
    is_wanted: bool


async def sync(db: Database, discord: ScheduledEvents, clock: Clock, session_id: int) -> bool:
    """Make, change or remove a workshop's scheduled event, if it has one. Returns False if it's tried again.

    What is meant is stored before Discord is asked, so that an event that was made just before a crash is found
    again. A failure never holds up the workshop.
    """
    async with db.begin() as session:
        wanted = await _intend(session, session_id, clock())
    if wanted is None:
        return True
    try:
        if wanted.is_wanted:
            event_id = await discord.ensure_event(wanted.event)
        else:
            await discord.remove_event(wanted.event)
            event_id = None
    except EventGone:  # somebody has deleted it, who won't want it back
        await _record(db, wanted.event, session_id, None, clock(), is_gone=True)
        return True
    except DiscordFailure as failure:
        await _record_failure(db, session_id, failure, clock())
        return False
    await _record(db, wanted.event, session_id, event_id, clock())
    return True


async def _intend(session: AsyncSession, session_id: int, now: datetime) -> _Wanted | None:
    """Return what Discord is asked for, and store that it's meant; None if there's nothing to ask."""
    row = await session.get_one(CoachingSession, session_id, with_for_update=True, populate_existing=True)
    workshop = await session.get_one(Workshop, session_id, populate_existing=True)
    guild = await session.get_one(Guild, row.guild_id)
    message = await announcements.find_message(session, session_id)
    is_ahead = row.status is SessionStatus.SCHEDULED and now < row.starts_at
    is_wanted = is_ahead and workshop.has_event and guild.mirrors_workshops and message is not None
    is_cancelled = row.status is SessionStatus.CANCELLED
    may_exist = workshop.event_intended_at is not None
    is_needless = not is_wanted and not (may_exist and (is_ahead or is_cancelled))  # Discord ends events by itself
    if is_needless or guild.bot_removed_at is not None:
        steps.plan(workshop, row, now)
        return None
    workshop.event_intended_at = workshop.event_intended_at or now
    return _Wanted(_describe(workshop, row, message), is_wanted)


def _describe(workshop: Workshop, row: CoachingSession, message: tuple[int, int] | None) -> EventSpec:
    assert workshop.event_intended_at is not None, "it was just stored"
    place = "" if message is None else f"/{message[0]}/{message[1]}"
    room = _LONGEST - len(_NOTE) - 2
    text = workshop.description if len(workshop.description) <= room else f"{workshop.description[: room - 1]}…"
    return EventSpec(
        guild_id=row.guild_id,
        event_id=workshop.event_id,
        intended_at=workshop.event_intended_at,
        name=workshop.title,
        description=f"{text}\n\n{_NOTE}".strip(),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        link=f"https://discord.com/channels/{row.guild_id}{place}",
        reason=f"workshop {row.code}",
    )


async def _record(
    db: Database, asked: EventSpec, session_id: int, event_id: int | None, now: datetime, *, is_gone: bool = False
) -> None:
    """Store what Discord answered. If the workshop has changed meanwhile, its next step is due already."""
    async with db.begin() as session:
        row = await session.get_one(CoachingSession, session_id, with_for_update=True, populate_existing=True)
        workshop = await session.get_one(Workshop, session_id, populate_existing=True)
        workshop.event_id, workshop.attempts, workshop.last_error = event_id, 0, None
        workshop.has_event = workshop.has_event and not is_gone
        if event_id is None:
            workshop.event_intended_at = None
        message = await announcements.find_message(session, session_id)
        is_cancelled = row.status is SessionStatus.CANCELLED and event_id is not None
        is_outdated = event_id is not None and replace(asked, event_id=event_id) != _describe(
            workshop, row, message
        )
        steps.plan(workshop, row, now, soon=is_cancelled or is_outdated)
        await admin_alerts.resolve(session, row.guild_id, ALERT, now)


async def _record_failure(db: Database, session_id: int, failure: DiscordFailure, now: datetime) -> None:
    async with db.begin() as session:
        row = await session.get_one(CoachingSession, session_id, with_for_update=True, populate_existing=True)
        workshop = await session.get_one(Workshop, session_id, populate_existing=True)
        attempts = workshop.attempts + 1
        steps.plan(workshop, row, now)
        again_at = now + retry.pause(attempts, session_id, longest=_UNANSWERED if failure.unanswered else _SELDOM)
        workshop.next_step_at = min(workshop.next_step_at or again_at, again_at)
        workshop.attempts, workshop.last_error = attempts, str(failure)
        if failure.for_admins or attempts >= admin_alerts.ALERT_AFTER:
            text = f"I can't keep workshops among the server's scheduled events: {failure}."
            cause = None if failure.for_admins else admin_alerts.PASSING
            await admin_alerts.raise_alert(session, row.guild_id, ALERT, text, now, cause=cause)
