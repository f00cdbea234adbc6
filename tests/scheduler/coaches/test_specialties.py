"""What can be taught in a server: its own list, which its admins keep."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, CoachSpecialty, CoachStatus, Guild, Notification, Specialty
from models.storage.database import Database
from scheduler.availability import coach_search
from scheduler.coaches import applications, specialties
from scheduler.coaches.specialties import MOST, Taught
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
from tests.support.transactions import query, transact

CARA = Actor(COACH)
MIXING, MASTERING = 1, 2


async def set_up(db: Database) -> None:
    """A server that teaches Mixing and Mastering, and another one that teaches the same."""
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)


async def teaches(session: AsyncSession, user_id: int, *ids: int, **coach: Any) -> None:
    """One more coach, who teaches this."""
    await a_coach(session, user_id=user_id, **coach)
    session.add_all(CoachSpecialty(guild_id=GUILD, coach_id=user_id, specialty_id=one) for one in ids)


async def server(session: AsyncSession) -> Guild:
    return await session.get_one(Guild, GUILD)


async def add(session: AsyncSession, typed: str) -> list[str]:
    return await specialties.add(session, await server(session), ADMIN, typed, MONDAY)


async def rename(session: AsyncSession, id_: int, typed: str) -> None:
    await specialties.rename(session, await server(session), ADMIN, id_, typed, MONDAY)


async def remove(session: AsyncSession, id_: int, agreed: int) -> Taught | None:
    return await specialties.remove(session, await server(session), ADMIN, id_, agreed, MONDAY)


async def names(db: Database, guild_id: int = GUILD) -> list[str]:
    return list((await query(db, coach_search.specialties, guild_id)).values())


async def recorded(db: Database) -> list[tuple[str, int | None, int | None, dict[str, Any]]]:
    async with db.read() as session:
        found = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(one.action, one.actor_id, one.coach_id, one.details) for one in found]


async def test_names_are_added_one_a_line_and_only_here(db: Database) -> None:
    await set_up(db)

    added = await transact(db, add, "  Violin \n\nVoice   acting\n")

    assert added == ["Violin", "Voice acting"]
    assert await names(db) == ["Mixing", "Mastering", "Violin", "Voice acting"]
    assert await names(db, GUILD + 1) == ["Mixing", "Mastering"]
    assert [(action, actor) for action, actor, *_ in await recorded(db)] == [
        ("specialty_added", ADMIN.user_id)
    ] * 2


@pytest.mark.parametrize(
    ("typed", "kind", "sentence"),
    [
        (" \n ", Unreadable, "Type at least one name, each on its own line."),
        ("Violin\nmixing", Unreadable, '"mixing" is already on the list. Type another name.'),
        ("Violin\nVIOLIN", Unreadable, '"VIOLIN" is already on the list. Type another name.'),
        ("Violin · Viola", Unreadable, '"Violin · Viola" contains "·", which separates names. Type it without.'),
        ("x" * 51, Unreadable, "is too long. Shorten it to 50 characters."),
        (
            "\n".join(f"Skill {number}" for number in range(MOST - 1)),
            Misconfigured,
            "A server can have up to 25 specialties, and 2 are already on the list. Add fewer, or remove some.",
        ),
    ],
    ids=["none", "there", "twice", "separator", "long", "too many"],
)
async def test_of_names_that_cannot_all_be_added_none_is(
    db: Database, typed: str, kind: Any, sentence: str
) -> None:
    await set_up(db)

    refused = await refusal(db, kind, lambda s: add(s, typed))

    assert sentence in str(refused)


async def test_twenty_five_fit(db: Database) -> None:
    await set_up(db)

    await transact(db, add, "\n".join(f"Skill {number}" for number in range(MOST - 2)))

    assert len(await names(db)) == MOST


async def test_a_new_name_is_everywhere_where_the_old_one_was(db: Database) -> None:
    await set_up(db)
    await transact(db, teaches, COACH, MIXING, MASTERING)

    await transact(db, rename, MIXING, " mixing ")

    assert await query(db, coaches.coach_specialties, GUILD, COACH) == ["mixing", "Mastering"]
    assert await recorded(db) == [("specialty_renamed", ADMIN.user_id, None, {"specialty_id": MIXING})]


async def test_a_name_that_is_there_already_is_refused_for_another(db: Database) -> None:
    await set_up(db)

    for typed, sentence in (("MASTERING", "is already on the list"), ("  ", "The name is empty. Type one.")):
        refused = await refusal(db, Unreadable, lambda s, typed=typed: rename(s, MIXING, typed))
        assert sentence in str(refused)


async def test_what_nobody_teaches_is_removed_at_once(db: Database) -> None:
    await set_up(db)

    losing = await transact(db, remove, MIXING, 0)

    assert losing is None
    assert await names(db) == ["Mastering"]
    assert await recorded(db) == [("specialty_removed", ADMIN.user_id, None, {"specialty_id": MIXING})]


async def test_what_is_taught_goes_only_if_the_admin_knows_how_many_lose_it(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        await teaches(session, COACH, MIXING, MASTERING)
        await teaches(session, COACH + 1, MIXING, status=CoachStatus.SUSPENDED, display_name="Abe")
        await teaches(session, COACH + 2, MIXING, status=CoachStatus.REJECTED)

    asked: list[Taught | None] = []
    for agreed in (0, 1, 3):
        asked.append(await transact(db, remove, MIXING, agreed))
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


async def test_a_coach_without_any_specialty_left_is_found_among_all(db: Database) -> None:
    await set_up(db)
    await transact(db, teaches, COACH, MIXING)
    await transact(db, remove, MIXING, 1)

    async with db.read() as session:
        everybody = await coach_search.browse(session, GUILD, STUDENT, MONDAY)
        of_it = await coach_search.browse(session, GUILD, STUDENT, MONDAY, specialty_id=MIXING)

    assert [(one.coach.user_id, one.specialties) for one in everybody] == [(COACH, [])]
    assert of_it == []


async def test_the_last_one_stays(db: Database) -> None:
    await set_up(db)
    await transact(db, remove, MIXING, 0)

    refused = await refusal(db, Misconfigured, lambda s: remove(s, MASTERING, 0))

    assert "Coaches need at least one specialty" in str(refused)


async def test_cards_of_open_applications_follow(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        await applications.apply(session, await server(session), CARA, an_application(), MONDAY)

    await transact(db, rename, MIXING, "Mixing records")
    await transact(db, remove, MIXING, 1)

    async with db.read() as session:
        [card] = await session.scalars(select(Notification))
    assert card.revision == 3


async def test_only_admins_see_and_change_the_list_and_only_their_own_servers(db: Database) -> None:
    await set_up(db)

    for use_case in (
        lambda s: specialties.listed(s, GUILD, CARA),
        lambda s: specialties.find(s, GUILD, CARA, MIXING),
    ):
        await refusal(db, NotAllowed, use_case)
    guild = await query(db, server)
    for use_case in (
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


async def test_the_list_never_grows_beyond_what_fits_whoever_adds_at_once(db: Database) -> None:
    await set_up(db)

    async def add_ten(letter: str) -> None:
        await transact(db, add, "\n".join(f"{letter}{number}" for number in range(10)))

    outcomes = await asyncio.gather(*(add_ten(letter) for letter in "ABCDE"), return_exceptions=True)

    assert sorted(type(one).__name__ for one in outcomes) == ["Misconfigured"] * 3 + ["NoneType"] * 2
    assert len(await names(db)) == 22


async def test_who_applies_while_their_specialty_goes_is_refused_or_asked_about(db: Database) -> None:
    await set_up(db)

    async def apply() -> None:
        async with db.begin() as session:
            await applications.apply(session, await server(session), CARA, an_application(), MONDAY + HOUR)

    async def take_away() -> Taught | None:
        return await transact(db, remove, MIXING, 0)

    applied, asked = await asyncio.gather(apply(), take_away(), return_exceptions=True)

    async with db.read() as session:
        still_there = await session.get(Specialty, MIXING) is not None
        teaches_it = await session.get(CoachSpecialty, (GUILD, COACH, MIXING)) is not None
    assert still_there == teaches_it == (applied is None)
    assert isinstance(asked, Taught) == still_there
    assert applied is None or isinstance(applied, Unreadable)
