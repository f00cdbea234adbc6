"""A server's specialties: its admins' own list of what can be taught there."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, CoachSpecialty, CoachStatus, Guild, Notification, Specialty
from models.storage.database import Database
from scheduler.availability import coach_search
from scheduler.coaches import applications, specialties
from scheduler.coaches.specialties import MOST, TaughtSpecialty
from scheduler.core import coaches
from scheduler.core.actor import Actor
from scheduler.core.errors import Misconfigured, NotAllowed, NotFound, Unreadable
from tests.support.builders import (
    ADMIN,
    COACH,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    an_application,
    refusal,
)
from tests.support.transactions import fetch_all, fetch_only, query, transact

CARA = Actor(COACH)
MIXING, MASTERING = 1, 2


async def set_up(db: Database) -> None:
    """Create two servers that teach Mixing and Mastering."""
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)


async def teaches(session: AsyncSession, user_id: int, *ids: int, **coach: Any) -> None:
    """Add a coach who teaches these."""
    await a_coach(session, user_id=user_id, **coach)
    session.add_all(CoachSpecialty(guild_id=GUILD, coach_id=user_id, specialty_id=one) for one in ids)


async def server(session: AsyncSession) -> Guild:
    return await session.get_one(Guild, GUILD)


async def add(session: AsyncSession, typed: str) -> list[str]:
    return await specialties.add(session, await server(session), ADMIN, typed, MONDAY)


async def rename(session: AsyncSession, id_: int, typed: str) -> None:
    await specialties.rename(session, await server(session), ADMIN, id_, typed, MONDAY)


async def remove(session: AsyncSession, id_: int, agreed: int) -> TaughtSpecialty | None:
    return await specialties.remove(session, await server(session), ADMIN, id_, agreed, MONDAY)


async def names(db: Database, guild_id: int = GUILD) -> list[str]:
    return list((await query(db, coach_search.specialties, guild_id)).values())


async def recorded(db: Database) -> list[tuple[str, int | None, int | None, dict[str, Any]]]:
    found = await fetch_all(db, select(AuditEntry).order_by(AuditEntry.id))
    return [(one.action, one.actor_id, one.coach_id, one.details) for one in found]


async def test_each_line_adds_a_specialty_to_this_server(db: Database) -> None:
    await set_up(db)

    added = await transact(db, add, "  Violin \n\nVoice   acting\n")

    assert added == ["Violin", "Voice acting"]
    assert await names(db) == ["Mixing", "Mastering", "Violin", "Voice acting"]
    assert await names(db, GUILD + 1) == ["Mixing", "Mastering"]
    assert [(action, actor) for action, actor, *_ in await recorded(db)] == [
        ("specialty_added", ADMIN.user_id)
    ] * 2


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (" \n ", "Type at least one name, each on its own line."),
        ("Violin\nmixing", '"mixing" is already on the list. Type another name.'),
        ("Violin\nVIOLIN", '"VIOLIN" is already on the list. Type another name.'),
        ("Violin · Viola", '"Violin · Viola" contains "·", which separates names. Type it without.'),
        ("x" * 51, "is too long. Shorten it to 50 characters."),
        (
            "\n".join(f"Skill {number}" for number in range(MOST - 1)),
            "A server can have up to 25 specialties, and 2 are already on the list. Add fewer, or remove some.",
        ),
    ],
    ids=["none", "there", "twice", "separator", "long", "too many"],
)
async def test_one_invalid_name_adds_none(db: Database, typed: str, sentence: str) -> None:
    await set_up(db)

    refused = await refusal(db, Unreadable, lambda s: add(s, typed))

    assert sentence in str(refused)
    assert await names(db) == ["Mixing", "Mastering"]


async def test_all_invalid_names_are_reported_at_once(db: Database) -> None:
    await set_up(db)
    many = "\n".join(f"Skill {number}" for number in range(MOST))

    refused = await refusal(db, Unreadable, lambda s: add(s, f"mixing\nVi·ola\n{many}\nskill 3"))

    assert [problem.split(",")[0] for problem in refused.problems] == [
        "A server can have up to 25 specialties",
        '"mixing" is already on the list. Type another name.',
        '"Vi·ola" contains "·"',
        '"skill 3" is already on the list. Type another name.',
    ]


async def test_a_server_can_have_25_specialties(db: Database) -> None:
    await set_up(db)

    await transact(db, add, "\n".join(f"Skill {number}" for number in range(MOST - 2)))

    assert len(await names(db)) == MOST


async def test_coaches_keep_a_renamed_specialty(db: Database) -> None:
    await set_up(db)
    await transact(db, teaches, COACH, MIXING, MASTERING)

    await transact(db, rename, MIXING, " mixing ")

    assert await query(db, coaches.coach_specialties, GUILD, COACH) == ["mixing", "Mastering"]
    assert await recorded(db) == [("specialty_renamed", ADMIN.user_id, None, {"specialty_id": MIXING})]


@pytest.mark.parametrize(
    ("typed", "sentence"), [("MASTERING", "is already on the list"), ("  ", "The name is empty. Type one.")]
)
async def test_a_specialty_cannot_take_another_ones_name_or_none(db: Database, typed: str, sentence: str) -> None:
    await set_up(db)

    assert sentence in str(await refusal(db, Unreadable, lambda s: rename(s, MIXING, typed)))


async def test_a_specialty_nobody_teaches_is_removed_at_once(db: Database) -> None:
    await set_up(db)

    assert await transact(db, remove, MIXING, 0) is None

    assert await names(db) == ["Mastering"]
    assert await recorded(db) == [("specialty_removed", ADMIN.user_id, None, {"specialty_id": MIXING})]


async def test_removing_a_specialty_needs_the_right_number_of_its_coaches(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        await teaches(session, COACH, MIXING, MASTERING)
        await teaches(session, COACH + 1, MIXING, status=CoachStatus.SUSPENDED, display_name="Abe")
        await teaches(session, COACH + 2, MIXING, status=CoachStatus.REJECTED)

    asked = [await transact(db, remove, MIXING, agreed) for agreed in (0, 1, 3)]
    assert await names(db) == ["Mixing", "Mastering"]
    done = await transact(db, remove, MIXING, 2)

    assert [[coach.user_id for coach in one.coaches] for one in asked if one] == [[COACH + 1, COACH]] * 3
    assert [one.alone for one in asked if one] == [{COACH + 1}] * 3
    assert done is None
    async with db.read() as session:
        left = await session.execute(select(CoachSpecialty.coach_id, CoachSpecialty.specialty_id))
        assert [tuple(one) for one in left] == [(COACH, MASTERING)]
    assert [(action, coach) for action, _, coach, _ in await recorded(db)] == [
        ("specialty_removed", None),
        ("specialty_lost", COACH + 1),
        ("specialty_lost", COACH),
    ]


async def test_a_coach_who_lost_their_only_specialty_is_still_listed(db: Database) -> None:
    await set_up(db)
    await transact(db, teaches, COACH, MIXING)
    await transact(db, remove, MIXING, 1)

    everyone = await query(db, coach_search.browse, GUILD, STUDENT, MONDAY)
    mixing = await query(db, coach_search.browse, GUILD, STUDENT, MONDAY, specialty_id=MIXING)

    assert [(one.coach.user_id, one.specialties) for one in everyone] == [(COACH, [])]
    assert mixing == []


async def test_the_last_specialty_cannot_be_removed(db: Database) -> None:
    await set_up(db)
    await transact(db, remove, MIXING, 0)

    refused = await refusal(db, Misconfigured, lambda s: remove(s, MASTERING, 0))

    assert "Coaches need at least one specialty" in str(refused)


async def test_renaming_and_removing_update_open_applications_cards(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        await applications.apply(session, await server(session), CARA, an_application(), MONDAY)

    await transact(db, rename, MIXING, "Mixing records")
    await transact(db, remove, MIXING, 1)

    assert await fetch_only(db, select(Notification.revision)) == 3


async def test_only_admins_see_and_change_only_their_own_list(db: Database) -> None:
    await set_up(db)

    guild = await query(db, server)
    for use_case in (
        lambda s: specialties.list_all(s, GUILD, CARA),
        lambda s: specialties.find(s, GUILD, CARA, MIXING),
        lambda s: specialties.add(s, guild, CARA, "Violin", MONDAY),
        lambda s: specialties.rename(s, guild, CARA, MIXING, "Violin", MONDAY),
        lambda s: specialties.remove(s, guild, CARA, MIXING, 0, MONDAY),
    ):
        await refusal(db, NotAllowed, use_case)
    for use_case in (
        lambda s: specialties.find(s, GUILD, ADMIN, 3),
        lambda s: rename(s, 3, "Violin"),
        lambda s: remove(s, 3, 0),
        lambda s: remove(s, 99, 0),
    ):
        await refusal(db, NotFound, use_case)


async def test_adding_at_once_never_exceeds_the_limit(db: Database) -> None:
    await set_up(db)

    lists = ["\n".join(f"{letter}{number}" for number in range(10)) for letter in "ABCDE"]
    outcomes = await asyncio.gather(*(transact(db, add, typed) for typed in lists), return_exceptions=True)

    assert sorted(type(one).__name__ for one in outcomes) == ["Unreadable"] * 3 + ["list"] * 2
    assert len(await names(db)) == 22


async def test_applying_while_the_specialty_is_removed_leaves_both_or_neither(db: Database) -> None:
    await set_up(db)

    async def apply() -> None:
        async with db.begin() as session:
            await applications.apply(session, await server(session), CARA, an_application(), MONDAY + HOUR)

    applied, asked = await asyncio.gather(apply(), transact(db, remove, MIXING, 0), return_exceptions=True)

    async with db.read() as session:
        still_there = await session.get(Specialty, MIXING) is not None
        teaches_it = await session.get(CoachSpecialty, (GUILD, COACH, MIXING)) is not None
    assert still_there == teaches_it == (applied is None)
    assert isinstance(asked, TaughtSpecialty) == still_there
    assert applied is None or isinstance(applied, Unreadable)
