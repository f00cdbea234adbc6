"""A database that fails for a second at each statement of each gateway handler: nothing is lost.

The statements are those of a run without failures. Attendance is recorded as in that run, or as unknown, but never
wrongly.
"""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from simcord.backend.serializers import guild_create_payload, member_payload
from sqlalchemy import delete, func, select

from bot.app import CoachBot
from bot.demo import simcord_private
from bot.discord_api.permissions import INVITE
from models import Alert, Attendance, CoachingSession, Notification, NotificationKind
from models.storage.database import Database
from scheduler.attendance import attendance
from tests.bot.gateway.test_attendance_watch import connected_anew, connection_lost, unheard
from tests.cogs.setup.test_panel import all_but, give, own_role
from tests.support.failing_database import MADE_UP, Statements, failing_statements
from tests.support.meetings import met, move
from tests.support.simulated import Academy, academy

pytestmark = pytest.mark.slow

SECOND = dt.timedelta(seconds=1)
AWAY, RECOVERED = 10 * SECOND, 6 * SECOND
"""How long outages last, and by when everything must be recorded."""
STEP = SECOND / 4
LONGEST_GAP = 3 * SECOND
"""How much attendance a second's failure may cost, unless the loop's own work fails too."""
LOOP_TRIES_AGAIN = 90 * SECOND


@dataclass
class Scene:
    """A running session. Before each event its coach is inside and its student isn't."""

    world: Academy
    made: CoachingSession
    said: Statements

    @property
    def bot(self) -> CoachBot:
        return cast("CoachBot", self.world.env.bot)

    @property
    def room(self) -> Any:
        found = self.world.room(self.made.code)
        assert found is not None
        return found

    async def emit(self, event: str, payload: Any) -> None:
        await simcord_private.as_the_bot(self.world.env, lambda: self.world.env.backend.emit(event, payload))

    async def pass_time(self, by: dt.timedelta) -> None:
        await self.world.wait_until(self.world.now + by)

    async def prepare(self) -> None:
        """Bring everything to the state before each event."""
        give(self.world, INVITE)
        move(self.world, self.world.coach, self.room.id)
        move(self.world, self.world.student, None)
        await self.world.env.settle()
        await self.pass_time(SECOND)
        async with self.world.db.begin() as session:
            for table in (Notification, Alert, Attendance):
                await session.execute(delete(table))
            made = await session.get_one(CoachingSession, self.made.id)
            made.rooms_lost, made.attempts, made.last_error = 0, 0, None  # as if no room had ever been deleted
            coach, since = self.world.coach.id, self.world.now - SECOND
            session.add(Attendance(session_id=self.made.id, user_id=coach, joined_at=since))
        await self.world.leap_to(self.world.now)

    async def seen(self, since: dt.datetime) -> "Seen":
        """Return what the database knows since then."""
        for _ in range(2):  # the first may only report that a sweep failed
            await self.world.leap_to(self.world.now)
        if self.world.room(self.made.code) is None:
            await self.pass_time(LOOP_TRIES_AGAIN)
        now = self.world.now
        async with self.world.db.read() as session:
            row = await session.get_one(CoachingSession, self.made.id)
            stays = await attendance.stays_of(session, self.made.id, now)
            alerts = {tuple(one) for one in await session.execute(select(Alert.key, Alert.text))}
            counts = {
                kind: await session.scalar(select(func.count()).where(Notification.kind == kind)) or 0
                for kind in (NotificationKind.ALERT, NotificationKind.WELCOME)
            }
        spells = [(one.user_id, one.since - since, one.until - since) for one in stays]
        has_room = row.access_granted_at is not None and self.world.room(row.code) is not None
        return Seen(now - since, spells, has_room, alerts, counts)


@dataclass
class Seen:
    """Who was inside when, relative to an event, and what else followed."""

    until: dt.timedelta
    spells: list[tuple[int | None, dt.timedelta, dt.timedelta]]
    has_room: bool
    alerts: set[Any]
    notifications: dict[NotificationKind, int]

    def inside(self, user_id: int | None, at: dt.timedelta) -> bool:
        return any(one == user_id and since <= at < until for one, since, until in self.spells)

    @property
    def unwatched(self) -> dt.timedelta:
        moments = range(int(self.until / STEP))
        return STEP * sum(self.inside(None, number * STEP) for number in moments)

    def wrong(self, truth: "Seen", people: list[int]) -> list[tuple[int, dt.timedelta]]:
        """Return where it claims something untrue."""
        moments = [number * STEP for number in range(int(min(self.until, truth.until) / STEP))]
        return [
            (person, at)
            for at in moments
            for person in people
            if not self.inside(None, at) and not truth.inside(None, at)
            if self.inside(person, at) != truth.inside(person, at)
        ]


async def ready(scene: Scene) -> None:
    """Lose the connection; meanwhile the student joins and a permission is removed."""
    await connection_lost(scene.world)
    with unheard(scene.world):
        move(scene.world, scene.world.student, scene.room.id)
        give(scene.world, all_but("manage_roles"))
        await scene.pass_time(AWAY)
    await connected_anew(scene.world)


async def resumed(scene: Scene) -> None:
    await connection_lost(scene.world)
    await scene.pass_time(AWAY)
    move(scene.world, scene.world.student, scene.room.id)
    await simcord_private.as_the_bot(scene.world.env, lambda: scene.bot.dispatch("resumed"))


async def disconnected(scene: Scene) -> None:
    """Disconnect; what happens right before is recorded too."""
    move(scene.world, scene.world.student, scene.room.id)
    await connection_lost(scene.world)
    await simcord_private.as_the_bot(scene.world.env, lambda: scene.bot.dispatch("resumed"))


async def joined(scene: Scene) -> None:
    scene.world.env.create_guild("Another")
    await scene.world.env.settle()


async def outage(scene: Scene) -> None:
    """Make the server unavailable; meanwhile the student joins and a permission is removed."""
    server = scene.world.guild._guild
    await scene.emit("GUILD_DELETE", {"id": str(server.id), "unavailable": True})
    with unheard(scene.world):
        move(scene.world, scene.world.student, scene.room.id)
        give(scene.world, all_but("manage_roles"))
        await scene.pass_time(AWAY)
    await scene.emit(
        "GUILD_CREATE", {**guild_create_payload(scene.world.env.backend, server), "unavailable": False}
    )


async def thrown_out(scene: Scene) -> None:
    """Remove the bot and add it again; meanwhile the student joins and a permission is removed."""
    server = scene.world.guild._guild
    await scene.emit("GUILD_DELETE", {"id": str(server.id)})
    with unheard(scene.world):
        move(scene.world, scene.world.student, scene.room.id)
        give(scene.world, all_but("manage_roles"))
        await scene.pass_time(AWAY)
    payload: Any = dict(guild_create_payload(scene.world.env.backend, server))
    payload.pop("unavailable", None)
    await scene.emit("GUILD_CREATE", payload)


async def burst(scene: Scene) -> None:
    """Join, leave and join again before anything is recorded; the coach leaves."""
    for channel_id in (scene.room.id, None, scene.room.id):
        move(scene.world, scene.world.student, channel_id)
    move(scene.world, scene.world.coach, None)
    await scene.world.env.settle()


async def room_deleted(scene: Scene) -> None:
    scene.world.env.backend.delete_channel(scene.room.id)
    await scene.world.env.settle()


async def channel_changed(scene: Scene) -> None:
    scene.world.env.backend.edit_channel(scene.world.review.id, {"name": "applications-2"})
    scene.world.env.backend.edit_channel(scene.world.review.id, {"name": "applications"})
    await scene.world.env.settle()


async def permission_taken(scene: Scene) -> None:
    give(scene.world, all_but("manage_roles"))
    await scene.world.env.settle()


async def role_deleted(scene: Scene) -> None:
    role = scene.world.guild.create_role("Spare")
    scene.world.env.backend.delete_role(scene.world.guild.id, role.id)
    await scene.world.env.settle()


async def own_role_taken(scene: Scene) -> None:
    """Take away the bot's role and its permissions, and give it back unnoticed."""
    backend: Any = scene.world.env.backend
    server = backend.get_guild(scene.world.guild.id)
    with unheard(scene.world):
        backend.remove_member_role(server.id, backend.bot_user.id, own_role(scene.world).id)
    update: Any = dict(member_payload(backend, server, server.members[backend.bot_user.id]))
    update["guild_id"] = str(server.id)
    # Discord sends bots their own updates whatever their intents; the simulated one doesn't.
    await simcord_private.as_the_bot(
        scene.world.env, lambda: scene.bot._connection.parse_guild_member_update(update)
    )
    with unheard(scene.world):
        backend.add_member_role(server.id, backend.bot_user.id, own_role(scene.world).id)


EVENTS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "ready": ready,
    "resumed": resumed,
    "disconnect": disconnected,
    "guild_join": joined,
    "guild_remove": thrown_out,
    "guild_available": outage,
    "guild_unavailable": outage,
    "voice_state_update": burst,
    "guild_channel_delete": room_deleted,
    "guild_channel_update": channel_changed,
    "guild_role_update": permission_taken,
    "guild_role_delete": role_deleted,
    "member_update": own_role_taken,
}


async def test_every_gateway_handler_is_covered(db: Database) -> None:
    assert EVENTS.keys() == CoachBot(db, cast("Any", None))._gateway.events.keys()


async def outcome(scene: Scene, event: str, *, fails_at: int | None) -> Seen:
    """Run one event, failing one statement."""
    await scene.prepare()
    since = scene.world.now
    scene.said.begin(fails_at=fails_at)
    await EVENTS[event](scene)
    await scene.pass_time(RECOVERED)
    return await scene.seen(since)


@contextlib.asynccontextmanager
async def scene_of(db: Database) -> AsyncIterator[Scene]:
    async with academy(db) as world:
        await world.already_open()
        made, _ = await met(world, world.coach)
        with failing_statements(db, lambda: world.now) as said:
            yield Scene(world, made, said)


async def assert_nothing_is_lost(scene: Scene, event: str, truth: Seen, fails_at: int, statement: str) -> None:
    """Check an event although the database fails from this statement on."""
    people = [scene.world.coach.id, scene.world.student.id]
    found = await outcome(scene, event, fails_at=fails_at)

    assert scene.said.has_failed, statement
    assert found.wrong(truth, people) == [], (statement, found.spells, truth.spells)
    longest = LOOP_TRIES_AGAIN if event == "guild_channel_delete" else LONGEST_GAP
    assert found.unwatched <= truth.unwatched + longest, (statement, found.spells)
    assert found.has_room is truth.has_room, statement
    assert (found.alerts, found.notifications) == (truth.alerts, truth.notifications), statement
    assert scene.bot.trouble is None
    assert [line for line in scene.world.faults.read() if MADE_UP not in line] == []


@pytest.mark.parametrize("event", ["voice_state_update", "ready", "guild_available"])
async def test_a_database_failure_at_an_event_loses_nothing(db: Database, event: str) -> None:
    async with scene_of(db) as scene:
        truth = await outcome(scene, event, fails_at=None)
        executed = list(scene.said.said)

        await assert_nothing_is_lost(scene, event, truth, 0, executed[0])


@pytest.mark.parametrize("event", EVENTS)
async def test_a_database_failure_at_any_statement_loses_nothing(db: Database, event: str) -> None:
    async with scene_of(db) as scene:
        truth = await outcome(scene, event, fails_at=None)
        executed = list(scene.said.said)
        assert executed

        for number, statement in enumerate(executed):
            await assert_nothing_is_lost(scene, event, truth, number, statement)
