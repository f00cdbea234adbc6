"""Names: who a search finds, and in what order, the same on both engines."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachSpecialty, Guild, Specialty
from models.storage.database import Database
from scheduler.availability import coach_search
from scheduler.booking import membership_checks
from scheduler.coaches import specialties
from scheduler.core import members
from scheduler.core.errors import Unreadable
from scheduler.parsing import names
from scheduler.reports import coach_roster, statistics
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    MONDAY,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    refusal,
)
from tests.support.fakes import FakeDiscord
from tests.support.transactions import query

PEOPLE = (
    "José", "jose B", "JOSÉ", "Anna", "анна", "Анна", "АННА К", "Zoë", "zoe", "Ömer", "Omar", "Łukasz", "lukas",
    "Søren", "Straße", "STRASSE", "ﬁona", "Fiona", "ｗｉｄｅ", "Wide", "Émile", "E\u0301mile", "100%", "1001",
    "under_score", "underXscore", "back\\slash", "Ειρήνη", "ειρηνη", "İpek", "ipek", "がく", "かく", " two  words",
)  # fmt: skip
TYPED = (
    "", "jose", "JOSÉ", "анн", "zoe", "o", "luk", "soren", "strasse", "fi", "wid", "emile", "%", "_", "\\", "ειρ",
    "IPEK", "か", "two words", "nobody",
)  # fmt: skip

found_with = st.sampled_from(
    [str.upper, str.lower, str.title, lambda one: unicodedata.normalize("NFD", one), lambda one: f" {one} "]
)


async def a_server(db: Database) -> None:
    """Store a server where everybody coaches."""
    async with db.begin() as session:
        await a_guild(session)
        for number, name in enumerate(PEOPLE):
            await a_coach(session, user_id=COACH + number, display_name=name, hours=())
            session.add(CoachSpecialty(guild_id=GUILD, coach_id=COACH + number, specialty_id=1))


def expected(typed: str = "") -> list[str]:
    """Return who a search should find, in order, ignoring case, accents and width."""
    mine = [(number, name) for number, name in enumerate(PEOPLE) if names.key(typed) in names.key(name)]
    return [name for _, name in sorted(mine, key=lambda one: (names.key(one[1]), one[1], one[0]))]


async def test_every_list_searches_and_sorts_like_plain_python(db: Database) -> None:
    await a_server(db)

    async with db.read() as session:
        for typed in TYPED:
            found = await coach_search.find_coaches(session, GUILD, typed)
            assert [one.display_name for one in found] == expected(typed), typed
        browsed = await coach_search.browse(session, GUILD, STUDENT, MONDAY)
        pages = [
            await coach_roster.list_coaches(session, GUILD, ADMIN, MONDAY, page=page, size=7) for page in range(6)
        ]
        counted = await statistics.gather(session, GUILD, ADMIN, "UTC", MONDAY + DAY, days=7)
        [taught, _] = await specialties.list_all(session, GUILD, ADMIN)

    assert [one.coach.display_name for one in browsed] == expected()
    assert [one.coach.display_name for page in pages for one in page.shown] == expected()
    assert [one.name for one in counted.coaches] == expected()
    assert [one.display_name for one in taught.coaches] == expected()


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("jose", "José"),
        ("анна", "Анна"),
        ("lukasz", "Łukasz"),
        ("strasse", "Straße"),
        ("fiona", "ﬁona"),
        ("wide", "ｗｉｄｅ"),
        ("hans", "ℌans"),
        ("emile", "Émile"),
        ("ειρηνη", "Ειρήνη"),
        ("ipek", "İpek"),
        ("two blanks", "two  blanks"),
    ],
)
def test_case_accents_and_width_do_not_matter(typed: str, name: str) -> None:
    assert names.are_same(typed, name)
    assert names.contains(f"Dr. {name} Smith", typed)


@pytest.mark.parametrize(
    ("one", "other"),
    [("がく", "かく"), ("Anna", "Anne"), ("Jose", "Jo se"), ("नी", "नि"), ("बड़ा", "बडा"), ("कम", "क्म")],
)
def test_other_letters_make_another_name(one: str, other: str) -> None:
    assert not names.are_same(one, other)


@given(st.text(st.characters(categories=["Ll", "Lu", "Lt", "Zs"]), max_size=12), found_with)
def test_a_name_is_found_however_it_is_typed(name: str, typed: Callable[[str], str]) -> None:
    assert names.contains(name, typed(name))


@given(st.lists(st.sampled_from(PEOPLE)), st.randoms())
def test_the_order_of_the_rows_does_not_matter(found: list[str], random: object) -> None:
    numbered = list(enumerate(found))
    backwards = list(reversed(numbered))

    ordered = sorted(backwards, key=lambda one: names.sort_key(one[1], one[0]))

    assert ordered == sorted(numbered, key=lambda one: names.sort_key(one[1], one[0]))
    keys = [names.key(name) for _, name in ordered]
    assert keys == sorted(keys)


async def test_specialties_that_read_alike_are_the_same(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        session.add(Specialty(guild_id=GUILD, name="Café Jazz"))

    async def add(session: AsyncSession) -> object:
        return await specialties.add(session, await session.get_one(Guild, GUILD), ADMIN, "CAFE jazz", MONDAY)

    assert "already on the list" in str(await refusal(db, Unreadable, add))


async def test_a_membership_check_updates_the_name(db: Database) -> None:
    await a_server_with_a_coach(db)
    discord = FakeDiscord()
    discord.names[COACH] = "Cara Mia"

    await membership_checks.check(db, discord, FakeClock(), GUILD, COACH)

    assert [one.display_name for one in await query(db, coach_search.find_coaches, GUILD, "mia")] == ["Cara Mia"]


async def test_names_and_avatars_are_stored_for_coaches_only(db: Database) -> None:
    stu, cara = (members.Profile(name, "https://cdn.example/a.png") for name in ("Stu", "Cara Mia"))
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        await members.store_profile(session, GUILD, STUDENT, stu)
        await members.store_profile(session, GUILD + 1, COACH, stu)
        await members.store_profile(session, GUILD, COACH, cara)
        assert await members.stored_profile(session, GUILD, STUDENT) is None
        assert await members.stored_profile(session, GUILD, COACH) == cara

    [found] = await query(db, coach_search.find_coaches, GUILD, "")
    assert (found.display_name, found.avatar_url) == ("Cara Mia", "https://cdn.example/a.png")
