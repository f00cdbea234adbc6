"""The demo's world: who sees what, and the time machine."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.demo import academy, simcord_private
from bot.demo.stage import DIRECT, NotPossible, Stage, open_stage
from bot.demo.tour import tour
from cogs import cards
from models import (
    Attendance,
    AuditEntry,
    Base,
    Coach,
    CoachingSession,
    CreditEntry,
    EntryKind,
    Lesson,
    Notification,
    Offer,
    OfferState,
    SessionStatus,
    Wish,
    Workshop,
)
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.loop.tick import next_due
from scheduler.reviews import reviews
from tests.bot.demo.conftest import FirstVisit
from tests.support.transactions import fetch, fetch_all


@pytest.fixture
async def stage(db: Database) -> Any:
    async with open_stage(db) as opened:
        yield opened
        assert opened.faults.lines == []


@pytest.fixture
async def kept_stage(kept: Database) -> Any:
    async with open_stage(kept) as opened:
        yield opened
        assert opened.faults.lines == []


def listed(stage: Stage, key: str) -> list[str]:
    return [one.name for one in stage.places(stage.world.people[key])]


async def first_upcoming(stage: Stage) -> CoachingSession:
    """Return the next upcoming session; the academy always has one."""
    upcoming = CoachingSession.status == SessionStatus.SCHEDULED
    found = await fetch_all(stage.db, select(CoachingSession).where(upcoming).order_by(CoachingSession.starts_at))
    return found[0]


@pytest.mark.slow
async def test_the_visitor_finds_a_lively_academy(kept: Database, first_visit: FirstVisit) -> None:
    statuses = [one.status for one in await fetch_all(kept, select(CoachingSession))]
    rated = {one.display_name: cards.rating(one) for one in await fetch_all(kept, select(Coach))}
    ledger = await fetch_all(kept, select(CreditEntry).order_by(CreditEntry.id))
    waiting, offered = await fetch_all(kept, select(Wish)), await fetch_all(kept, select(Offer))
    skipped = [one.skipped for one in await fetch_all(kept, select(Lesson))]
    came = await fetch_all(kept, select(Attendance.user_id).where(Attendance.user_id.is_not(None)))

    assert first_visit.now == academy.BEGINS.isoformat()
    assert statuses.count(SessionStatus.COMPLETED) == 3
    assert statuses.count(SessionStatus.SCHEDULED) == 5 + skipped.count(None)
    assert skipped == [None] * 5
    assert len(came) == 6
    assert [(one.kind, one.minutes) for one in ledger] == [
        (EntryKind.GRANTED, 300),
        (EntryKind.RESERVED, -60),
        (EntryKind.RETURNED, 60),
        (EntryKind.RESERVED, -60),
        (EntryKind.RESERVED, -60),
        (EntryKind.CHARGED, 0),
    ]
    assert rated == {"Ben": "★ 4.0 (1)", "Theo": "★ 5.0 (1)", "Nora": "new", "Vera": "new", "Cara": "new"}
    assert [(one.user_id, one.state) for one in offered] == [(waiting[0].user_id, OfferState.OPEN)]
    assert [one.ended_at for one in waiting] == [None, None]
    assert first_visit.unread_by_admin == 1
    assert first_visit.steps_done == [False] * 29
    assert first_visit.faults == []


async def test_stars_for_any_session_tick_off_the_step(kept_stage: Stage) -> None:
    stu = kept_stage.world.people["student"].member.id
    over = CoachingSession.has_participant(stu), CoachingSession.status == SessionStatus.COMPLETED
    [past] = await fetch_all(kept_stage.db, select(CoachingSession).where(*over))

    async with kept_stage.db.begin() as session:
        await reviews.review(session, past.id, Actor(stu), 5, kept_stage.now)

    assert [step.title for step in await tour(kept_stage) if step.done] == ["Give stars"]


async def test_invisible_channels_are_not_listed(kept_stage: Stage) -> None:
    stage = kept_stage
    await stage.jump(dt.timedelta(days=1, hours=1, minutes=55))  # to 10:55; Sam meets Ben at 11

    assert listed(stage, "admin") == ["lobby", "coach-applications", "workshops"]
    assert listed(stage, "outsider") == ["lobby", "workshops"]
    code = (await first_upcoming(stage)).code
    assert listed(stage, "student2") == ["lobby", "workshops", "Coaching rooms", f"coaching-session-{code}"]
    assert listed(stage, "coach2") == ["lobby", "workshops", "Coaching rooms", f"coaching-session-{code}"]


@pytest.mark.slow
async def test_the_time_machine_stops_at_the_next_event(stage: Stage) -> None:
    soon = await first_upcoming(stage)

    await stage.jump_to_next_event()
    reminded = stage.now
    await stage.jump(soon.starts_at - dt.timedelta(minutes=20) - stage.now)
    await stage.jump_to_next_event()
    made = stage.now
    await stage.jump_to_next_event()
    opened = stage.now

    assert reminded == soon.starts_at - dt.timedelta(days=1)
    assert made == soon.starts_at - dt.timedelta(minutes=15)
    assert opened == soon.starts_at - dt.timedelta(minutes=5)


@pytest.mark.slow
async def test_a_loop_that_starts_late_is_waited_for(kept_stage: Stage) -> None:
    scheduler = kept_stage.bot._loop._scheduler
    scheduler.pause()
    asyncio.get_running_loop().call_later(0.3, scheduler.resume)

    due = await next_due(kept_stage.db)
    await kept_stage.jump_to_next_event()

    assert due is not None
    assert kept_stage.now == due
    assert await next_due(kept_stage.db) != due


@pytest.mark.slow
async def test_forbidden_actions_are_refused_with_a_sentence(kept_stage: Stage) -> None:
    stage = kept_stage
    await stage.jump(dt.timedelta(days=1, hours=1, minutes=55))
    room = next(one for one in simcord_private.channels(stage.env, stage.world.guild) if one.type == 2)
    await stage.become("outsider")

    with pytest.raises(NotPossible, match=r"Olaf can't see that room\."):
        await stage.join(room.id)
    with pytest.raises(NotPossible, match=r"Olaf can't see that channel\."):
        await stage.go(str(stage.world.review.id))
    with pytest.raises(NotPossible, match="There's nobody like that"):
        await stage.become("napoleon")
    for span in (dt.timedelta(0), dt.timedelta(days=-1), dt.timedelta(days=4000)):
        with pytest.raises(NotPossible, match="only goes forward, by up to a month"):
            await stage.jump(span)


@pytest.mark.slow
async def test_a_visitor_of_a_deleted_channel_moves_to_the_lobby(stage: Stage) -> None:
    await stage.become("student2")
    await stage.jump(dt.timedelta(days=1, hours=1, minutes=55))
    room = next(one for one in simcord_private.channels(stage.env, stage.world.guild) if one.type == 2)
    await stage.go(str(room.id))
    await stage.join(room.id)
    await stage.join(None)

    await stage.jump(dt.timedelta(hours=3))

    assert stage.place == stage.world.lobby.id


@pytest.mark.slow
async def test_a_workshops_room_opens_for_its_people_and_its_announcement_ends(stage: Stage) -> None:
    [workshop] = await fetch_all(stage.db, select(Workshop))
    starts_at, world = workshop.session.starts_at, stage.world

    await stage.jump(starts_at - dt.timedelta(minutes=4) - stage.now)

    room = next(one for one in simcord_private.channels(stage.env, world.guild) if one.type == 2)
    others = {world.others[name].id for name in ("nora", "theo", "vera")}
    assert set(simcord_private.inside(world.guild, room.id)) == {world.people["coach2"].member.id, *others}
    assert not simcord_private.sees(stage.env, world.people["student"].member, room.id)
    await stage.go(str(world.workshops.id))
    assert stage.shows("Take a seat (3 left)")

    await stage.jump(dt.timedelta(hours=2))

    assert stage.shows("It's over")
    assert not stage.shows("Take a seat")


@pytest.mark.slow
async def test_unread_messages_are_counted_until_seen(stage: Stage) -> None:
    sam = stage.world.people["student2"]
    await stage.jump(dt.timedelta(days=1, hours=1, minutes=55))
    before = stage.unread(sam, stage.channel_id(sam, DIRECT))

    await stage.become("student2")
    await stage.go(DIRECT)

    assert before == 4  # a day and an hour before, the room, and a day before the next session
    assert stage.unread(sam, stage.channel_id(sam, DIRECT)) == 0


@pytest.mark.slow
async def test_presses_wait_for_a_time_jump_to_end(kept_stage: Stage) -> None:
    stage = kept_stage
    soon = await first_upcoming(stage)

    jumping = asyncio.create_task(stage.jump(dt.timedelta(days=2)))
    others = [asyncio.create_task(stage.become(key)) for key in ("student", "coach2", "outsider")]
    await asyncio.gather(jumping, *others)

    assert stage.person.key == "outsider"
    assert stage.now == academy.BEGINS + dt.timedelta(days=2)
    assert (await fetch(stage.db, CoachingSession, soon.id)).status is SessionStatus.COMPLETED


@pytest.mark.slow
async def test_a_kept_database_continues_where_it_ended(db: Database) -> None:
    async with open_stage(db) as stage:
        await stage.jump(dt.timedelta(hours=5))
        ended = stage.now
    async with open_stage(db) as stage:
        async with db.begin() as session:
            soon = await first_upcoming(stage)
            stu = Actor(stage.world.people["student2"].member.id)
            await cancellation.cancel(session, soon.id, stu, None, "Ill.", stage.now)
        await stage.jump(dt.timedelta(minutes=1))

        assert stage.now - ended <= dt.timedelta(hours=5)
        assert stage.now > academy.BEGINS
        assert len(await fetch_all(db, select(CoachingSession))) == 15
        sam = stage.world.people["student2"]
        assert stage.unread(sam, stage.channel_id(sam, DIRECT))


async def end_state(db: Database) -> list[Any]:
    """Return all sessions, notifications and audit entries without random codes.

    Before the visitor comes, times count by the minute: how many rounds the messages of the opening take depends
    on how busy the machine is. Ids of messages tell when they were sent.
    """
    tables: tuple[type[Base], ...] = (CoachingSession, Notification, AuditEntry)

    def comparable(value: Any) -> Any:
        is_old = isinstance(value, dt.datetime) and value < academy.BEGINS
        return value.replace(second=0, microsecond=0) if is_old else value

    async with db.read() as session:
        return [
            {name: comparable(value) for name, value in row._mapping.items() if name not in ("code", "message_id")}
            for table in tables
            for row in await session.execute(select(*table.__table__.columns).order_by(table.__table__.c.id))
        ]


async def jumped_and_walked(tmp_path: Path, span: dt.timedelta) -> tuple[list[Any], list[Any]]:
    """Return the end states after one jump and after the same time in one-minute steps."""
    states = []
    for step in (span, dt.timedelta(minutes=1)):
        db = Database(f"sqlite:///{tmp_path / f'{step.total_seconds():.0f}.db'}")
        await db.upgrade()
        async with open_stage(db) as stage:
            if step == span:
                await stage.jump(span)
            else:
                async with stage.turn:
                    for _ in range(span // step):
                        await stage.advance_to(stage.now + step)
            assert stage.now == academy.BEGINS + span
            states.append(await end_state(db))
        await db.close()
    return states[0], states[1]


@pytest.mark.slow
@pytest.mark.parametrize("hours", [30, 7 * 24])
async def test_one_jump_ends_like_the_same_time_in_minutes(tmp_path: Path, hours: int) -> None:
    jumped, walked = await jumped_and_walked(tmp_path, dt.timedelta(hours=hours))

    assert jumped == walked
