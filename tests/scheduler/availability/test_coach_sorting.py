"""How coaches are sorted and filtered, and who isn't listed."""

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import select

from models import CoachSpecialty, CoachStatus, Specialty
from models.storage.database import Database
from scheduler.availability import coach_search
from scheduler.availability.coach_search import Listing, Sort
from tests.support.builders import COACH, DAY, GUILD, HOUR, MONDAY, STUDENT, a_coach, a_guild, a_session
from tests.support.transactions import query, transact

NO_HOURS: Iterable[tuple[int, int, int]] = ()
ALL_DAY = [(day, 0, 24 * 60) for day in range(7)]


async def set_up(db: Database, **coaches: dict[str, Any]) -> None:
    """Store a server with these coaches, by name. Later ones have higher ids."""
    async with db.begin() as session:
        await a_guild(session)
        ids = {name: id_ for id_, name in await session.execute(select(Specialty.id, Specialty.name))}
        for number, (name, values) in enumerate(coaches.items()):
            taught = values.pop("teaches", ["Mixing"])
            coach = await a_coach(
                session, **{"user_id": COACH + number, "display_name": name, "hours": ALL_DAY, **values}
            )
            await session.flush()
            session.add_all(
                CoachSpecialty(guild_id=GUILD, coach_id=coach.user_id, specialty_id=ids[one]) for one in taught
            )


async def browsed(db: Database, sort: Sort = Sort.SOONEST, specialty: str = "", **who: int) -> list[Listing]:
    async with db.read() as session:
        wanted = await session.scalar(select(Specialty.id).where(Specialty.name == specialty))
        return await coach_search.browse(
            session, GUILD, who.get("student_id", STUDENT), MONDAY, specialty_id=wanted or 0, sort=sort
        )


async def names(db: Database, sort: Sort = Sort.SOONEST, specialty: str = "", **who: int) -> list[str]:
    return [one.coach.display_name for one in await browsed(db, sort, specialty, **who)]


async def test_the_best_rated_comes_first_and_unrated_last(db: Database) -> None:
    await set_up(
        db,
        New={},
        Good={"rating_total": 45, "rating_count": 10},
        Best={"rating_total": 14, "rating_count": 3},
        Poor={"rating_total": 100, "rating_count": 100},
    )

    assert await names(db, Sort.BEST_RATED) == ["Best", "Good", "Poor", "New"]
    assert [one.rating for one in await browsed(db, Sort.BEST_RATED)] == [14 / 3, 4.5, 1.0, None]


async def test_the_lowest_rate_comes_first(db: Database) -> None:
    await set_up(db, Dear={"rate_minor": 9000}, Free={"rate_minor": 0}, Fair={"rate_minor": 5999})

    assert await names(db, Sort.LOWEST_RATE) == ["Free", "Fair", "Dear"]


@pytest.mark.parametrize("sort", [Sort.BEST_RATED, Sort.LOWEST_RATE])
async def test_coaches_with_equal_ratings_or_rates_are_sorted_by_next_free_time(db: Database, sort: Sort) -> None:
    await set_up(db, Ann={"minimum_notice_minutes": 120}, Ben={"minimum_notice_minutes": 60}, Cem={})

    assert await names(db, sort) == ["Cem", "Ben", "Ann"]


@pytest.mark.parametrize("sort", Sort)
async def test_ties_are_sorted_by_name_then_by_id(db: Database, sort: Sort) -> None:
    await set_up(db, cem={}, Ann={}, Ben={})
    await transact(db, a_coach, user_id=COACH - 1, display_name="Ben", hours=ALL_DAY)

    listings = await browsed(db, sort)

    assert [(one.coach.display_name, one.coach.user_id - COACH) for one in listings] == [
        ("Ann", 1),
        ("Ben", -1),
        ("Ben", 2),
        ("cem", 0),
    ]


@pytest.mark.parametrize("sort", Sort)
async def test_coaches_with_nothing_free_come_last_in_every_order(db: Database, sort: Sort) -> None:
    await set_up(
        db,
        Ann={"hours": NO_HOURS, "rate_minor": 0, "rating_total": 5, "rating_count": 1},
        Ben={"rate_minor": 9000, "rating_total": 1, "rating_count": 1},
        Cem={"rate_minor": 9900},
    )

    assert await names(db, sort) == ["Ben", "Cem", "Ann"]


async def test_nothing_beyond_the_horizon_is_a_next_free_time(db: Database) -> None:
    await set_up(
        db,
        Near={"minimum_notice_minutes": 27 * 24 * 60},
        Far={"minimum_notice_minutes": 29 * 24 * 60},
        Year={"minimum_notice_minutes": 300 * 24 * 60, "horizon_days": 365},
    )

    free = {one.coach.display_name: one.next_free for one in await browsed(db)}

    assert free == {"Near": MONDAY + 27 * DAY, "Far": None, "Year": MONDAY + 300 * DAY}


async def test_the_next_free_time_depends_on_the_student(db: Database) -> None:
    await set_up(
        db, Ann={"hours": [(0, 9 * 60, 11 * 60)], "durations_minutes": [120, 30], "slot_step_minutes": 60}
    )
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1, hours=ALL_DAY)
        await a_session(session, coach_id=COACH + 1, starts_at=MONDAY + 2 * HOUR)

    [hers, _] = sorted(await browsed(db), key=lambda one: one.coach.user_id)
    [theirs, _] = sorted(await browsed(db, student_id=STUDENT + 1), key=lambda one: one.coach.user_id)

    assert theirs.next_free == MONDAY + HOUR
    assert hers.next_free == MONDAY + 7 * DAY + HOUR


async def test_a_specialty_lists_its_coaches_with_everything_they_teach(db: Database) -> None:
    await set_up(
        db,
        Both={"teaches": ["Mastering", "Mixing"]},
        Mixer={"teaches": ["Mixing"]},
        Nothing={"teaches": []},
    )

    assert await names(db, specialty="Mastering") == ["Both"]
    assert await names(db, specialty="Mixing") == ["Both", "Mixer"]
    assert await names(db) == ["Both", "Mixer", "Nothing"]
    assert [one.specialties for one in await browsed(db)] == [["Mixing", "Mastering"], ["Mixing"], []]


async def test_another_servers_specialty_lists_nobody(db: Database) -> None:
    await set_up(db, Ann={})

    assert await query(db, coach_search.browse, GUILD, STUDENT, MONDAY, specialty_id=10_000) == []


@pytest.mark.parametrize(
    "state",
    [
        {"left_at": MONDAY},
        {"accepting": False},
        *({"status": status} for status in CoachStatus if status is not CoachStatus.APPROVED),
    ],
)
async def test_coaches_who_take_no_bookings_are_not_listed(db: Database, state: dict[str, Any]) -> None:
    await set_up(db, Ann=state, Ben={})

    for sort in Sort:
        assert await names(db, sort) == ["Ben"]
    assert [one.display_name for one in await query(db, coach_search.find_coaches, GUILD, "n")] == ["Ben"]


async def test_coaches_are_found_by_any_part_of_their_name(db: Database) -> None:
    await set_up(db, **{"100%": {}, "Ann_B": {}, "annab": {}})

    async def found(part: str) -> list[str]:
        return [one.display_name for one in await query(db, coach_search.find_coaches, GUILD, part)]

    assert sorted(await found("ANN")) == ["Ann_B", "annab"]
    assert await found("n_b") == ["Ann_B"]
    assert await found("%") == ["100%"]
    assert await found("zoe") == []
