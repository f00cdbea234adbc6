"""Coaches' profiles: who sees them, and how coaches edit them."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, CoachingSession, CoachStatus, Guild, Notification, NotificationKind
from models.storage.database import Database
from scheduler.booking import booking
from scheduler.coaches import applications, profiles
from scheduler.coaches.applications import ProfileInput
from scheduler.coaches.profiles import Profile
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotBookable, NotFound, Unreadable
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_booked_coach,
    a_guild,
    a_server_with_a_coach,
    an_application,
    refusal,
)
from tests.support.transactions import fetch_all, fetch_only, query, transact

CARA, STU = Actor(COACH), Actor(STUDENT)
NOBODY = "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."


async def seen(db: Database, viewer: Actor) -> Profile:
    return await query(db, profiles.view, GUILD, COACH, viewer, MONDAY)


# Seeing.


async def test_everyone_sees_an_approved_coach_and_their_next_free_time(db: Database) -> None:
    await a_booked_coach(db, MONDAY + HOUR)

    shown = await seen(db, STU)

    assert (shown.is_public, shown.next_free) == (True, MONDAY + 2 * HOUR)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": CoachStatus.PENDING},
        {"status": CoachStatus.REJECTED},
        {"status": CoachStatus.SUSPENDED},
        {"left_at": MONDAY - DAY},
    ],
    ids=["pending", "rejected", "suspended", "left"],
)
async def test_only_admins_and_the_coach_see_a_hidden_profile(db: Database, changed: dict[str, Any]) -> None:
    await a_server_with_a_coach(db, **changed)

    shown = [await seen(db, CARA), await seen(db, ADMIN)]
    refused = await refusal(db, NotFound, lambda s: profiles.view(s, GUILD, COACH, STU, MONDAY))

    assert [(one.is_public, one.next_free) for one in shown] == [(False, None)] * 2
    assert str(refused) == NOBODY


@pytest.mark.parametrize(
    ("viewer", "sentence"), [(ADMIN, NOBODY), (STU, "You don't coach here yet. Apply with `/coach apply`.")]
)
async def test_someone_who_never_applied_has_no_profile(db: Database, viewer: Actor, sentence: str) -> None:
    await a_server_with_a_coach(db)

    refused = await refusal(db, NotFound, lambda s: profiles.view(s, GUILD, STUDENT, viewer, MONDAY))

    assert str(refused) == sentence


# Editing.


def written(**changed: Any) -> ProfileInput:
    """Return an edit that changes everything."""
    values: dict[str, Any] = {
        "display_name": "Cara M.",
        "bio": " I write. ",
        "experience": "See https://songs.example",
        "specialties": ["Mastering"],
        "rate": "90.50",
    }
    return ProfileInput(**values | changed)


async def edit(db: Database, now: datetime = MONDAY, **changed: Any) -> None:
    await transact(db, profiles.edit, GUILD, CARA, written(**changed), now)


async def test_an_edit_changes_texts_rate_and_specialties_and_is_audited(db: Database) -> None:
    await a_server_with_a_coach(db)

    await edit(db)

    shown = await seen(db, STU)
    coach = shown.coach
    assert (coach.display_name, coach.bio, coach.rate_minor) == ("Cara M.", "I write.", 9050)
    assert (coach.portfolio, shown.specialties) == ("https://songs.example", ["Mastering"])
    entry = await fetch_only(db, select(AuditEntry))
    assert (entry.action, entry.actor_id, entry.coach_id, entry.at) == ("profile_edited", COACH, COACH, MONDAY)
    assert entry.details == {
        "rate_minor_before": 6000,
        "currency_before": "USD",
        "rate_minor": 9050,
        "currency": "USD",
    }


async def test_editing_an_open_application_updates_its_card(db: Database) -> None:
    guild = await transact(db, a_guild)
    await transact(db, applications.apply, guild, CARA, an_application(), MONDAY)

    await edit(db, MONDAY + HOUR)

    coach = (await seen(db, CARA)).coach
    assert (coach.status, coach.applied_at, coach.time_zone) == (CoachStatus.PENDING, MONDAY, "Europe/Berlin")
    card = await fetch_only(db, select(Notification))
    actions = await fetch_all(db, select(AuditEntry.action).order_by(AuditEntry.id))
    assert (card.kind, card.revision, card.due_at) == (NotificationKind.APPLICATION_CARD, 2, MONDAY + HOUR)
    assert actions == ["application_made", "application_edited"]


@pytest.mark.parametrize(
    "changed",
    [{"bio": " "}, {"rate": "-1"}, {"specialties": ["Yodelling"]}],
    ids=["empty text", "rate", "unknown specialty"],
)
async def test_an_invalid_edit_changes_nothing(db: Database, changed: dict[str, Any]) -> None:
    await a_server_with_a_coach(db)

    await refusal(db, Unreadable, lambda s: profiles.edit(s, GUILD, CARA, written(**changed), MONDAY))


@pytest.mark.parametrize("status", [CoachStatus.REJECTED, CoachStatus.SUSPENDED])
async def test_rejected_and_suspended_coaches_cannot_edit(db: Database, status: CoachStatus) -> None:
    await a_server_with_a_coach(db, status=status)

    await refusal(db, NotAllowed, lambda s: profiles.edit(s, GUILD, CARA, written(), MONDAY))
    await refusal(db, NotFound, lambda s: profiles.edit(s, GUILD, STU, written(), MONDAY))


async def book(session: AsyncSession, agreed_minor: int) -> CoachingSession:
    guild = await session.get_one(Guild, GUILD)
    at = MONDAY + 2 * HOUR
    return await booking.book(session, guild, STU, COACH, at, HOUR, None, MONDAY, agreed_minor=agreed_minor)


async def test_a_session_is_booked_at_the_agreed_price_or_not_at_all(db: Database) -> None:
    await a_server_with_a_coach(db)
    await edit(db, rate="90")

    refused = await refusal(db, NotBookable, lambda s: book(s, 6000))
    booked = await transact(db, book, 9000)

    assert str(refused) == "The coach has changed the price to $90.00. Choose the time again to book it."
    assert booked.student.total_cost_minor == 9000


async def test_a_booking_during_an_edit_is_at_the_agreed_price_or_refused(db: Database) -> None:
    await a_server_with_a_coach(db)

    outcome, _ = await asyncio.gather(transact(db, book, 6000), edit(db, rate="90"), return_exceptions=True)

    assert isinstance(outcome, NotBookable) or (
        isinstance(outcome, CoachingSession) and outcome.student.total_cost_minor == 6000
    )
    assert (await seen(db, STU)).coach.rate_minor == 9000
