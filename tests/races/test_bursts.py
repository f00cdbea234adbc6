"""People who leave and join in quick succession: stays are recorded in order and end with the truth."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from models import Attendance, CoachingSession
from models.storage.database import Database
from tests.support.meetings import MINUTE, met, move
from tests.support.simulated import Academy, academy
from tests.support.transactions import fetch_all

pytestmark = pytest.mark.slow

BOTH_ENGINES = pytest.mark.parametrize("engine_name", ["sqlite", "postgres"])
ROUNDS = 12


async def stays(world: Academy, made: CoachingSession, person: Any) -> Sequence[Attendance]:
    """Return this person's stays, in the order they were recorded."""
    wanted = select(Attendance).where(Attendance.session_id == made.id, Attendance.user_id == person.id)
    return await fetch_all(world.db, wanted.order_by(Attendance.id))


@BOTH_ENGINES
async def test_someone_who_leaves_and_rejoins_at_once_is_inside(db: Database) -> None:
    async with academy(db) as world:
        await world.already_open()
        made, room = await met(world, world.coach, world.student)

        for count in range(1, ROUNDS + 1):
            for person in (world.student, world.coach):
                move(world, person, None, room.id)
            await world.env.settle()

            for person in (world.student, world.coach):
                *left, newest = await stays(world, made, person)
                assert newest.left_at is None
                assert len(left) == count


@BOTH_ENGINES
@pytest.mark.parametrize("seed", [1, 2])
async def test_any_burst_is_recorded_in_order_and_ends_with_the_truth(db: Database, seed: int) -> None:
    chance = random.Random(seed)
    async with academy(db) as world:
        await world.already_open()
        made, room = await met(world, world.coach)
        elsewhere = world.guild.create_voice_channel("elsewhere")
        places = [None, room.id, elsewhere.id]

        for _ in range(ROUNDS):
            for _ in range(chance.randint(2, 6)):
                move(world, chance.choice([world.student, world.coach]), chance.choice(places))
            await world.env.settle()

            states = world.guild.voice_states()
            for person in (world.student, world.coach):
                theirs = await stays(world, made, person)
                is_there = person.id in states and states[person.id].channel_id == room.id
                assert [one for one in theirs if one.left_at is None] == (theirs[-1:] if is_there else [])
                for before, after in pairwise(theirs):
                    assert before.left_at is not None
                    assert before.joined_at <= before.left_at <= after.joined_at
            await world.wait_until(world.now + MINUTE / 2)
