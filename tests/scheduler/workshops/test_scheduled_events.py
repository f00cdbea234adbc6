"""Workshops among the server's scheduled events: made once, changed, removed, and never in the way."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from models import Alert, Guild, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.errors import DiscordFailure
from scheduler.core.task_pool import TaskPool
from scheduler.notifications.delivery import deliver_due
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges
from scheduler.workshops import deadlines, workshops
from tests.support.bookings import CARA
from tests.support.builders import ADMIN, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT
from tests.support.fakes import Call, FakeDiscord
from tests.support.mortal import Died
from tests.support.transactions import fetch_all, transact
from tests.support.workshops import CHANNEL, STARTS, a_workshop, announcement, another_workshop, find, take


@dataclass
class Stage:
    """A server that mirrors workshops, and its scheduled events."""

    db: Database
    workshop: int
    discord: FakeDiscord = field(default_factory=FakeDiscord)

    async def at(self, now: datetime) -> int:
        """Send what's due and do what follows. Returns how much failed."""
        pool = TaskPool[Any](wait_for_slow=True)
        await deliver_due(self.db, self.discord, lambda: now, pool)
        return await deadlines.do_due(self.db, self.discord, lambda: now, pool)

    @property
    def titles(self) -> list[str]:
        return [one.name for one in self.discord.events.values()]


async def a_stage(db: Database, *, mirrors: bool = True, **changed: Any) -> Stage:
    return Stage(db, await a_workshop(db, guild={"mirrors_workshops": mirrors}, **changed))


async def test_an_event_leads_to_the_announcement(db: Database) -> None:
    stage = await a_stage(db)

    await stage.at(MONDAY)

    [event] = stage.discord.events.values()
    message = await announcement(db, stage.workshop)
    assert event.link == f"https://discord.com/channels/{GUILD}/{message.channel_id}/{message.message_id}"
    assert (event.name, event.starts_at, event.ends_at) == ("Mixing drums", STARTS, STARTS + HOUR)
    assert event.description.startswith("Bring a session.\n\nTo take part, take a seat")
    _, workshop = await find(db, stage.workshop)
    assert (workshop.event_id, workshop.next_step_at) == (next(iter(stage.discord.events)), STARTS)


@pytest.mark.parametrize("changed", [{"mirrors": False}, {"has_event": False}])
async def test_there_is_none_unless_server_and_coach_want_it(db: Database, changed: dict[str, Any]) -> None:
    stage = await a_stage(db, **changed)

    await stage.at(MONDAY)
    await stage.at(MONDAY + MINUTE)

    assert stage.discord.asked("ensure_event") == []


async def test_it_follows_the_workshop(db: Database) -> None:
    stage = await a_stage(db)
    await stage.at(MONDAY)

    await transact(db, workshops.edit, stage.workshop, GUILD, CARA, MONDAY, title="Drums")
    await stage.at(MONDAY + MINUTE)

    assert stage.titles == ["Drums"]


async def test_one_that_fails_holds_up_no_other(db: Database) -> None:
    stage = await a_stage(db)
    await another_workshop(db, starts_at=STARTS + DAY, title="Mastering")
    stage.discord.fail("ensure_event", RuntimeError("a bug"), about="Mixing drums")

    assert await stage.at(MONDAY) == 1

    assert stage.titles == ["Mastering"]


async def test_it_goes_when_the_workshop_is_cancelled(db: Database) -> None:
    stage = await a_stage(db)
    await stage.at(MONDAY)

    await transact(db, cancellation.cancel, stage.workshop, CARA, GUILD, "", MONDAY)
    await stage.at(MONDAY + MINUTE)

    assert stage.titles == []
    _, workshop = await find(db, stage.workshop)
    assert (workshop.event_id, workshop.event_intended_at, workshop.next_step_at) == (None, None, None)


async def test_it_goes_with_a_workshop_that_too_few_come_to(db: Database) -> None:
    stage = await a_stage(db, least=2)
    await stage.at(MONDAY)

    await stage.at(STARTS - DAY)
    await stage.at(STARTS - DAY + MINUTE)

    assert stage.titles == []


async def test_it_stays_when_the_workshop_starts(db: Database) -> None:
    stage = await a_stage(db)
    await stage.at(MONDAY)
    await take(db, stage.workshop, STUDENT)

    await stage.at(STARTS)

    assert stage.titles == ["Mixing drums"]
    assert stage.discord.asked("remove_event") == []


async def test_a_process_that_dies_after_making_it_finds_it_again(db: Database) -> None:
    stage = await a_stage(db)
    await stage.at(MONDAY)
    [(event_id, event)] = stage.discord.events.items()
    # As if the answer hadn't been recorded.
    async with db.begin() as session:
        workshop = await workshops.find(session, stage.workshop, GUILD)
        workshop.event_id, workshop.next_step_at = None, MONDAY

    await stage.at(MONDAY + MINUTE)

    assert list(stage.discord.events) == [event_id]
    _, workshop = await find(db, stage.workshop)
    assert (workshop.event_id, workshop.event_intended_at) == (event_id, event.intended_at)


async def test_a_process_that_dies_before_making_it_makes_it_later(db: Database) -> None:
    stage = await a_stage(db)

    async def die(_: Call) -> None:
        raise Died

    await deliver_due(db, stage.discord, lambda: MONDAY, TaskPool(wait_for_slow=True))
    stage.discord.meanwhile("ensure_event", die)
    with pytest.raises(Died):
        await deadlines.advance(db, stage.discord, lambda: MONDAY, stage.workshop)
    stage.discord.meanwhile("ensure_event", live)
    async with db.read() as session:
        assert (await workshops.find(session, stage.workshop, GUILD)).event_intended_at == MONDAY

    await deadlines.advance(db, stage.discord, lambda: MONDAY + MINUTE, stage.workshop)

    assert stage.titles == ["Mixing drums"]


async def live(_: Call) -> None:
    """Do nothing."""


async def test_a_workshop_cancelled_while_it_is_made_leaves_none_behind(db: Database) -> None:
    stage = await a_stage(db)

    async def cancel(_: Call) -> None:
        await transact(db, cancellation.cancel, stage.workshop, CARA, GUILD, "", MONDAY)

    await deliver_due(db, stage.discord, lambda: MONDAY, TaskPool(wait_for_slow=True))
    stage.discord.meanwhile("ensure_event", cancel)
    await stage.at(MONDAY)
    assert stage.titles == ["Mixing drums"]
    await stage.at(MONDAY + MINUTE)

    assert stage.titles == []


async def test_a_title_changed_while_it_is_made_is_caught_up(db: Database) -> None:
    stage = await a_stage(db)

    async def rename(_: Call) -> None:
        stage.discord.meanwhile("ensure_event", live)
        await transact(db, workshops.edit, stage.workshop, GUILD, CARA, MONDAY, title="Drums")

    stage.discord.meanwhile("ensure_event", rename)
    await stage.at(MONDAY)
    await stage.at(MONDAY + MINUTE)

    assert stage.titles == ["Drums"]


async def test_what_somebody_deletes_is_not_made_again(db: Database) -> None:
    stage = await a_stage(db)
    await stage.at(MONDAY)
    stage.discord.events.clear()

    await transact(db, workshops.edit, stage.workshop, GUILD, CARA, MONDAY, title="Drums")
    await stage.at(MONDAY + MINUTE)
    await transact(db, workshops.edit, stage.workshop, GUILD, CARA, MONDAY, title="Bass")
    await stage.at(MONDAY + 2 * MINUTE)

    assert stage.titles == []
    _, workshop = await find(db, stage.workshop)
    assert not workshop.has_event


async def test_a_missing_permission_is_told_and_holds_up_nothing(db: Database) -> None:
    stage = await a_stage(db, least=2)
    stage.discord.fail("ensure_event", DiscordFailure("I need Create Events", for_admins=True))

    assert await stage.at(MONDAY) == 1

    [alert] = await fetch_all(db, select(Alert))
    assert (alert.key, alert.text) == (
        "workshop_event",
        "I can't keep workshops among the server's scheduled events: I need Create Events.",
    )
    _, workshop = await find(db, stage.workshop)
    assert workshop.next_step_at is not None
    assert MONDAY < workshop.next_step_at < MONDAY + MINUTE
    await take(db, stage.workshop, STUDENT)
    await stage.at(STARTS - DAY)
    row, _ = await find(db, stage.workshop)
    assert row.status is SessionStatus.CANCELLED


async def test_a_failure_that_passes_is_retried_and_then_over(db: Database) -> None:
    stage = await a_stage(db)
    stage.discord.fail("ensure_event", DiscordFailure("Discord is down", unanswered=True))
    await stage.at(MONDAY)
    await stage.at(MONDAY + MINUTE)
    _, workshop = await find(db, stage.workshop)
    assert (workshop.attempts, workshop.last_error) == (2, "Discord is down")
    assert await fetch_all(db, select(Alert)) == []
    await stage.at(MONDAY + 3 * MINUTE)
    assert [one.fixed_at for one in await fetch_all(db, select(Alert))] == [None]

    stage.discord.heal()
    await stage.at(MONDAY + HOUR)

    assert stage.titles == ["Mixing drums"]
    assert [one.fixed_at for one in await fetch_all(db, select(Alert))] == [MONDAY + HOUR]
    _, workshop = await find(db, stage.workshop)
    assert (workshop.attempts, workshop.last_error) == (0, None)


async def test_a_server_that_begins_or_stops_to_mirror_workshops_is_caught_up_with(db: Database) -> None:
    stage = await a_stage(db, mirrors=False)
    await stage.at(MONDAY)

    for mirrors, titles in ((True, ["Mixing drums"]), (False, [])):
        async with db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            guild.mirrors_workshops = mirrors
            changes = GuildChanges(workshop_channel_id=CHANNEL)
            await settings.change(session, guild, ADMIN, changes, MONDAY + MINUTE)
        await stage.at(MONDAY + MINUTE)
        assert stage.titles == titles
