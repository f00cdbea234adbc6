"""A server that changes its currency: who's asked for a new rate, and in which order rates are listed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Coach, CoachingSession, CoachStatus, Guild, NotificationKind
from models.storage.database import Database
from scheduler.availability.coach_search import Listing, Sort, sort_listings
from scheduler.booking import booking
from scheduler.coaches import currencies, profiles
from scheduler.coaches.applications import ProfileInput
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, Misconfigured, NotAllowed, NotBookable, NotFound, Unreadable
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_session,
    refusal,
)
from tests.support.stored import enqueued
from tests.support.transactions import fetch_all, fetch_only, transact

CARA, STU = Actor(COACH), Actor(STUDENT)
EUROS = Guild(id=GUILD, currency="EUR")


async def a_server_that_switched_to_euros(db: Database, **cara: Any) -> None:
    """Cara charges $60 and has a session, Finn charges nothing, Petra is an applicant, Lee has left."""
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, **cara)
        await a_coach(session, user_id=COACH + 1, display_name="Finn", rate_minor=0)
        await a_coach(session, user_id=COACH + 2, display_name="Petra", status=CoachStatus.PENDING)
        await a_coach(session, user_id=COACH + 3, display_name="Lee", left_at=MONDAY)
        await a_coach(session, user_id=COACH + 4, display_name="Rex", status=CoachStatus.REJECTED)
        await a_session(session, starts_at=MONDAY + DAY + HOUR)
        await settings.change(session, guild, ADMIN, GuildChanges(currency="EUR"), MONDAY)


def written(rate: str, currency: str = "") -> ProfileInput:
    return ProfileInput("Cara", "I mix.", "Ten years.", ["Mixing"], rate, currency=currency)


async def rates(db: Database) -> dict[str, tuple[int, str]]:
    return {one.display_name: currencies.rate_of(one) for one in await fetch_all(db, select(Coach))}


async def test_only_rates_of_zero_follow_the_servers_currency(db: Database) -> None:
    await a_server_that_switched_to_euros(db)

    assert await rates(db) == {
        "Cara": (6000, "USD"),
        "Finn": (0, "EUR"),
        "Petra": (6000, "USD"),
        "Lee": (6000, "USD"),
        "Rex": (6000, "USD"),
    }
    booked = await fetch_only(db, select(CoachingSession))
    assert (booked.student.total_cost_minor, booked.currency) == (6000, "USD")


async def test_coaches_with_another_currency_are_asked_at_most_once_a_day(db: Database) -> None:
    await a_server_that_switched_to_euros(db)

    asked = [
        await transact(db, currencies.ask_for_new_rates, EUROS, ADMIN, now)
        for now in (MONDAY, MONDAY, MONDAY + DAY)
    ]

    assert asked == [2, 0, 2]
    assert await enqueued(db) == [(NotificationKind.CURRENCY_CHANGED, one) for one in (COACH, COACH + 2)] * 2
    await refusal(db, NotAllowed, lambda s: currencies.ask_for_new_rates(s, EUROS, CARA, MONDAY))


@pytest.mark.parametrize(
    ("typed", "currency", "rate"),
    [
        ("55", "EUR", (5500, "EUR")),
        ("60 EUR", "EUR", (6000, "EUR")),
        ("0", "EUR", (0, "EUR")),
        ("60.00", "USD", (6000, "USD")),
        ("70", "", (7000, "USD")),
        ("70", "GBP", (7000, "USD")),
    ],
)
async def test_switching_to_the_servers_currency_takes_a_new_rate(
    db: Database, typed: str, currency: str, rate: tuple[int, str]
) -> None:
    await a_server_that_switched_to_euros(db)

    await transact(db, profiles.edit, GUILD, CARA, written(typed, currency), MONDAY)

    assert (await rates(db))["Cara"] == rate
    assert await fetch_only(db, select(CoachingSession.currency)) == "USD"


async def test_the_old_number_is_not_accepted_as_a_rate_in_the_new_currency(db: Database) -> None:
    await a_server_that_switched_to_euros(db)

    refused = await refusal(
        db, Unreadable, lambda s: profiles.edit(s, GUILD, CARA, written("60.00", "EUR"), MONDAY)
    )

    assert "Your rate was $60.00. Enter what you charge in EUR" in str(refused)


async def test_the_audit_log_has_both_currencies_of_a_changed_rate(db: Database) -> None:
    await a_server_that_switched_to_euros(db)
    await transact(db, profiles.edit, GUILD, CARA, written("55", "EUR"), MONDAY)

    entry = await fetch_only(db, select(AuditEntry).where(AuditEntry.action == "profile_edited"))
    assert entry.details == {
        "rate_minor_before": 6000,
        "rate_minor": 5500,
        "currency_before": "USD",
        "currency": "EUR",
    }


async def test_an_admin_sets_the_rate_and_the_coach_is_told(db: Database) -> None:
    await a_server_that_switched_to_euros(db)

    await transact(db, currencies.set_rate, EUROS, ADMIN, COACH, "55", MONDAY)

    assert (await rates(db))["Cara"] == (5500, "EUR")
    assert await enqueued(db) == [(NotificationKind.RATE_SET, COACH)]


@pytest.mark.parametrize(
    ("actor", "coach_id", "error"),
    [
        (ADMIN, COACH, Misconfigured),
        (CARA, COACH, NotAllowed),
        (ADMIN, COACH + 4, NotFound),
        (ADMIN, STUDENT, NotFound),
    ],
    ids=["already in euros", "not an admin", "rejected", "never applied"],
)
async def test_only_admins_set_rates_and_only_in_a_new_currency(
    db: Database, actor: Actor, coach_id: int, error: type[CoachingError]
) -> None:
    await a_server_that_switched_to_euros(db, currency="EUR")

    await refusal(db, error, lambda s: currencies.set_rate(s, EUROS, actor, coach_id, "55", MONDAY))


async def test_a_session_is_not_booked_at_the_same_number_in_another_currency(db: Database) -> None:
    await a_server_that_switched_to_euros(db)

    async def book(session: AsyncSession, currency: str) -> CoachingSession:
        guild = await session.get_one(Guild, GUILD)
        at, agreed = MONDAY + 2 * HOUR, {"agreed_minor": 6000, "agreed_currency": currency}
        return await booking.book(session, guild, STU, COACH, at, HOUR, None, MONDAY, **agreed)

    await transact(db, profiles.edit, GUILD, CARA, written("60 EUR", "EUR"), MONDAY)

    refused = await refusal(db, NotBookable, lambda s: book(s, "USD"))
    assert "The coach has changed the price to €60.00." in str(refused)
    assert (await transact(db, book, "EUR")).currency == "EUR"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["USD", "EUR", "KWD", "JPY"])), max_size=8),
    st.sampled_from(["USD", "EUR", "GBP"]),
)
def test_rates_are_sorted_only_within_a_currency(offered: list[tuple[int, str]], own: str) -> None:
    listings = [
        Listing(Coach(user_id=n, display_name="", rate_minor=rate, currency=currency), [], None)
        for n, (rate, currency) in enumerate(offered)
    ]

    ordered = [currencies.rate_of(one.coach) for one in sort_listings(listings, Sort.LOWEST_RATE, MONDAY, own)]

    paid = [currency for rate, currency in ordered if rate]
    assert [rate for rate, _ in ordered[: len(ordered) - len(paid)]] == [0] * (len(ordered) - len(paid))
    blocks = list(dict.fromkeys(paid))
    assert paid == [one for block in blocks for one in paid if one == block], "no currency is listed in two places"
    assert own not in blocks or blocks[0] == own
    for block in blocks:
        amounts = [rate for rate, currency in ordered if rate and currency == block]
        assert amounts == sorted(amounts)
