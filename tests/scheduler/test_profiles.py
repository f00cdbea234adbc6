"""What a coach shows of themselves, and to whom."""

from typing import Any

import pytest

from models import CoachStatus
from models.database import Database
from scheduler import profiles
from scheduler.errors import NotFound
from scheduler.people import Actor
from scheduler.profiles import Profile
from tests.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_booked_coach,
    a_coach,
    a_guild,
    refusal,
)

CARA, STU = Actor(COACH), Actor(STUDENT)
NOBODY = "There is no such coach here. `/book` lists who coaches; `/coach apply` makes you one."


async def a_server(db: Database, **coach: Any) -> None:
    """A server with one coach."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, **coach)


async def seen(db: Database, viewer: Actor) -> Profile:
    """Cara's profile."""
    async with db.read() as session:
        return await profiles.seen_by(session, GUILD, COACH, viewer, MONDAY)


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
    await a_server(db, **changed)

    shown = [await seen(db, CARA), await seen(db, ADMIN)]
    refused = await refusal(db, NotFound, lambda s: profiles.seen_by(s, GUILD, COACH, STU, MONDAY))

    assert [(one.is_public, one.next_free) for one in shown] == [(False, None)] * 2
    assert str(refused) == NOBODY


async def test_of_nobody_there_is_nothing_to_see_even_for_admins(db: Database) -> None:
    await a_server(db)

    asked = [(STUDENT, ADMIN), (STUDENT, STU)]
    refused = [
        str(await refusal(db, NotFound, lambda s, u=user, a=actor: profiles.seen_by(s, GUILD, u, a, MONDAY)))
        for user, actor in asked
    ]

    assert refused == [NOBODY, "You do not coach here yet. Apply with `/coach apply`."]
