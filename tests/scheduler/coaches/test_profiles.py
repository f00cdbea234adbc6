"""What a coach shows of themselves, to whom, and how they change it."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, CoachingSession, CoachStatus, Guild, Notification, NotificationKind
from models.storage.database import Database
from scheduler.booking import booking
from scheduler.coaches import applications, profiles
from scheduler.coaches.applications import Written
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
from tests.support.transactions import query, transact

CARA, STU = Actor(COACH), Actor(STUDENT)
NOBODY = "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."


async def seen(db: Database, viewer: Actor) -> Profile:
    """Cara's profile."""
    return await query(db, profiles.seen_by, GUILD, COACH, viewer, MONDAY)


# Seeing.


async def test_everybody_sees_an_approved_coach_with_the_first_time_that_is_free(db: Database) -> None:
    await a_booked_coach(db, MONDAY + HOUR)

    shown = await seen(db, STU)

    assert (shown.is_public, shown.next_free) == (True, MONDAY + 2 * HOUR)


HIDDEN: list[dict[str, Any]] = [
    {"status": CoachStatus.PENDING},
    {"status": CoachStatus.REJECTED},
    {"status": CoachStatus.SUSPENDED},
    {"left_at": MONDAY - DAY},
]


@pytest.mark.parametrize("changed", HIDDEN, ids=["pending", "rejected", "suspended", "left"])
async def test_who_is_not_public_is_shown_to_themselves_and_to_admins_only(
    db: Database, changed: dict[str, Any]
) -> None:
    await a_server_with_a_coach(db, **changed)

    shown = [await seen(db, CARA), await seen(db, ADMIN)]
    refused = await refusal(db, NotFound, lambda s: profiles.seen_by(s, GUILD, COACH, STU, MONDAY))

    assert [(one.is_public, one.next_free) for one in shown] == [(False, None)] * 2
    assert str(refused) == NOBODY


async def test_of_nobody_there_is_nothing_to_see_even_for_admins(db: Database) -> None:
    await a_server_with_a_coach(db)

    asked = [(STUDENT, ADMIN), (STUDENT, STU)]
    refused = [
        str(await refusal(db, NotFound, lambda s, u=user, a=actor: profiles.seen_by(s, GUILD, u, a, MONDAY)))
        for user, actor in asked
    ]

    assert refused == [NOBODY, "You don't coach here yet. Apply with `/coach apply`."]


# Editing.


def written(**changed: Any) -> Written:
    """What a coach types who changes everything."""
    values: dict[str, Any] = {
        "display_name": "Cara M.",
        "bio": " I write. ",
        "experience": "See https://songs.example",
        "specialties": ["Mastering"],
        "rate": "90.50",
    }
    return Written(**values | changed)


async def test_an_edit_changes_texts_rate_and_specialties_and_says_so(db: Database) -> None:
    await a_server_with_a_coach(db)

    await transact(db, profiles.edit, GUILD, CARA, written(), MONDAY)

    shown = await seen(db, STU)
    coach = shown.coach
    assert (coach.display_name, coach.bio, coach.rate_minor) == ("Cara M.", "I write.", 9050)
    assert (coach.portfolio, shown.specialties) == ("https://songs.example", ["Mastering"])
    async with db.read() as session:
        [entry] = await session.scalars(select(AuditEntry))
    assert (entry.action, entry.actor_id, entry.coach_id, entry.at) == ("profile_edited", COACH, COACH, MONDAY)
    assert entry.details == {"rate_minor_before": 6000, "rate_minor": 9050}


async def test_an_edit_brings_the_card_up_to_date_and_leaves_state_and_rules_alone(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await applications.apply(session, await session.get_one(Guild, GUILD), CARA, an_application(), MONDAY)

    await transact(db, profiles.edit, GUILD, CARA, written(), MONDAY + HOUR)

    coach = (await seen(db, CARA)).coach
    assert (coach.status, coach.applied_at, coach.time_zone) == (CoachStatus.PENDING, MONDAY, "Europe/Berlin")
    async with db.read() as session:
        [card] = await session.scalars(select(Notification))
        actions = list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert (card.kind, card.revision, card.due_at) == (NotificationKind.APPLICATION_CARD, 2, MONDAY + HOUR)
    assert actions == ["application_made", "application_edited"]


@pytest.mark.parametrize(
    "changed",
    [
        {"bio": " "},
        {"experience": "x" * 1001},
        {"rate": "-1"},
        {"specialties": []},
        {"specialties": ["Yodelling"]},
    ],
    ids=["bio", "experience", "rate", "no specialty", "unknown specialty"],
)
async def test_an_edit_that_cannot_be_read_leaves_nothing_behind(db: Database, changed: dict[str, Any]) -> None:
    await a_server_with_a_coach(db)

    await refusal(db, Unreadable, lambda s: profiles.edit(s, GUILD, CARA, written(**changed), MONDAY))


@pytest.mark.parametrize("status", [CoachStatus.REJECTED, CoachStatus.SUSPENDED])
async def test_who_may_not_coach_edits_nothing(db: Database, status: CoachStatus) -> None:
    await a_server_with_a_coach(db, status=status)

    await refusal(db, NotAllowed, lambda s: profiles.edit(s, GUILD, CARA, written(), MONDAY))
    await refusal(db, NotFound, lambda s: profiles.edit(s, GUILD, STU, written(), MONDAY))


async def test_a_session_is_booked_at_the_price_that_was_agreed_to_or_not_at_all(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, profiles.edit, GUILD, CARA, written(rate="90"), MONDAY)

    async def book(session: AsyncSession, agreed: int) -> CoachingSession:
        guild = await session.get_one(Guild, GUILD)
        at = MONDAY + 2 * HOUR
        return await booking.book(session, guild, STU, COACH, at, HOUR, None, MONDAY, agreed_minor=agreed)

    refused = await refusal(db, NotBookable, lambda s: book(s, 6000))
    booked = await transact(db, book, 9000)

    assert str(refused) == "The coach has changed the price to $90.00. Choose the time again to book it."
    assert booked.total_cost_minor == 9000


async def test_an_edit_that_meets_a_booking_leaves_one_price_and_it_is_the_agreed_one(db: Database) -> None:
    await a_server_with_a_coach(db)

    async def book() -> CoachingSession:
        async with db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            at = MONDAY + 2 * HOUR
            return await booking.book(session, guild, STU, COACH, at, HOUR, None, MONDAY, agreed_minor=6000)

    async def edit() -> None:
        await transact(db, profiles.edit, GUILD, CARA, written(rate="90"), MONDAY)

    outcome, _ = await asyncio.gather(book(), edit(), return_exceptions=True)

    assert isinstance(outcome, NotBookable) or (
        isinstance(outcome, CoachingSession) and outcome.total_cost_minor == 6000
    )
    assert (await seen(db, STU)).coach.rate_minor == 9000
