"""A server whose currency changes: who is asked, what is never converted, and in which order rates are listed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Coach, CoachingSession, CoachStatus, Guild, Notification, NotificationKind
from models.storage.database import Database
from scheduler.availability.coach_search import Listing, Sort, sort_listings
from scheduler.booking import booking
from scheduler.coaches import currencies, profiles
from scheduler.coaches.applications import Written
from scheduler.core.actor import Actor
from scheduler.core.errors import Misconfigured, NotAllowed, NotBookable, NotFound, Unreadable
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
from tests.support.transactions import fetch_all, fetch_only, transact

CARA, STU = Actor(COACH), Actor(STUDENT)


async def a_server_that_uses_euros_now(db: Database, **cara: Any) -> None:
    """Cara charges 60 dollars an hour and has a session booked, Finn nothing, Petra waits, Lee has left."""
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, **cara)
        await a_coach(session, user_id=COACH + 1, display_name="Finn", rate_minor=0)
        await a_coach(session, user_id=COACH + 2, display_name="Petra", status=CoachStatus.PENDING)
        await a_coach(session, user_id=COACH + 3, display_name="Lee", left_at=MONDAY)
        await a_coach(session, user_id=COACH + 4, display_name="Rex", status=CoachStatus.REJECTED)
        await a_session(session, starts_at=MONDAY + DAY + HOUR)
        await settings.change(session, guild, ADMIN, GuildChanges(currency="EUR"), MONDAY)


def written(rate: str, currency: str = "") -> Written:
    return Written("Cara", "I mix.", "Ten years.", ["Mixing"], rate, currency=currency)


async def rates(db: Database) -> dict[str, tuple[int, str]]:
    return {one.display_name: currencies.rate_of(one) for one in await fetch_all(db, select(Coach))}


async def enqueued(db: Database) -> list[tuple[NotificationKind, int | None]]:
    async with db.read() as session:
        return [
            (one.kind, one.user_id)
            for one in await session.scalars(select(Notification).order_by(Notification.id))
        ]


async def test_no_amount_follows_the_servers_currency_but_nothing_does(db: Database) -> None:
    await a_server_that_uses_euros_now(db)

    assert await rates(db) == {
        "Cara": (6000, "USD"),
        "Finn": (0, "EUR"),
        "Petra": (6000, "USD"),
        "Lee": (6000, "USD"),
        "Rex": (6000, "USD"),
    }
    async with db.read() as session:
        booked = (await session.scalars(select(CoachingSession))).one()
        assert (booked.total_cost_minor, booked.currency) == (6000, "USD")


async def test_who_charges_in_another_currency_is_asked_once_a_day(db: Database) -> None:
    await a_server_that_uses_euros_now(db)

    async def asked(now: Any = MONDAY) -> int:
        async with db.begin() as session:
            return await currencies.ask(session, await session.get_one(Guild, GUILD), ADMIN, now)

    assert [await asked(), await asked(), await asked(MONDAY + DAY)] == [2, 0, 2]
    assert await enqueued(db) == [(NotificationKind.CURRENCY_CHANGED, one) for one in (COACH, COACH + 2)] * 2
    await refusal(db, NotAllowed, lambda s: currencies.ask(s, Guild(id=GUILD, currency="EUR"), CARA, MONDAY))


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
async def test_a_coach_chooses_the_servers_currency_with_a_rate_of_its_own(
    db: Database, typed: str, currency: str, rate: tuple[int, str]
) -> None:
    await a_server_that_uses_euros_now(db)

    await transact(db, profiles.edit, GUILD, CARA, written(typed, currency), MONDAY)

    assert (await rates(db))["Cara"] == rate
    async with db.read() as session:
        assert (await session.scalars(select(CoachingSession.currency))).all() == ["USD"]


async def test_a_rate_that_was_not_typed_anew_is_not_taken_for_one_in_another_currency(db: Database) -> None:
    await a_server_that_uses_euros_now(db)

    refused = await refusal(
        db, Unreadable, lambda s: profiles.edit(s, GUILD, CARA, written("60.00", "EUR"), MONDAY)
    )

    assert "Your rate was $60.00. Enter what you charge in EUR" in str(refused)


async def test_the_log_keeps_the_currencies_of_a_rate_that_was_changed(db: Database) -> None:
    await a_server_that_uses_euros_now(db)
    await transact(db, profiles.edit, GUILD, CARA, written("55", "EUR"), MONDAY)

    entry = await fetch_only(db, select(AuditEntry).where(AuditEntry.action == "profile_edited"))
    assert entry.details == {
        "rate_minor_before": 6000,
        "rate_minor": 5500,
        "currency_before": "USD",
        "currency": "EUR",
    }


async def test_an_admin_sets_the_rate_and_the_coach_is_told(db: Database) -> None:
    await a_server_that_uses_euros_now(db)

    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await currencies.set_rate(session, guild, ADMIN, COACH, "55", MONDAY)

    assert (await rates(db))["Cara"] == (5500, "EUR")
    assert await enqueued(db) == [(NotificationKind.RATE_SET, COACH)]


async def test_an_admin_sets_no_rate_in_a_currency_that_is_charged_already_and_nobody_else_sets_any(
    db: Database,
) -> None:
    await a_server_that_uses_euros_now(db, currency="EUR")
    euros = Guild(id=GUILD, currency="EUR")

    def set_rate(actor: Actor, coach_id: int) -> Any:
        return lambda session: currencies.set_rate(session, euros, actor, coach_id, "55", MONDAY)

    await refusal(db, Misconfigured, set_rate(ADMIN, COACH))
    await refusal(db, NotAllowed, set_rate(CARA, COACH))
    await refusal(db, NotFound, set_rate(ADMIN, COACH + 4))
    await refusal(db, NotFound, set_rate(ADMIN, STUDENT))


async def test_the_same_number_in_another_currency_is_another_price(db: Database) -> None:
    await a_server_that_uses_euros_now(db)

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
def test_rates_are_sorted_within_a_currency_and_never_across(offered: list[tuple[int, str]], own: str) -> None:
    listings = [
        Listing(Coach(user_id=n, display_name="", rate_minor=rate, currency=currency), [], None)
        for n, (rate, currency) in enumerate(offered)
    ]

    ordered = [currencies.rate_of(one.coach) for one in sort_listings(listings, Sort.LOWEST_RATE, MONDAY, own)]

    paid = [currency for rate, currency in ordered if rate]
    assert [rate for rate, _ in ordered[: len(ordered) - len(paid)]] == [0] * (len(ordered) - len(paid))
    blocks = list(dict.fromkeys(paid))
    assert paid == [one for block in blocks for one in paid if one == block], "no currency stands in two places"
    assert own not in blocks or blocks[0] == own
    for block in blocks:
        amounts = [rate for rate, currency in ordered if rate and currency == block]
        assert amounts == sorted(amounts)
