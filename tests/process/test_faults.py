"""However Discord fails: other servers are on time, the row says why, admins hear of it once, and it recovers."""

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from discord.http import Route

from models import AccessMode, NotificationKind, SessionStatus
from models.storage.database import Database
from tests.support.failing import FIXED, PROBLEM, START, Failing, Fault, Place, failing
from tests.support.simulated import words

pytestmark = pytest.mark.slow

BOTH_ENGINES = pytest.mark.parametrize("engine_name", ["sqlite", "postgres"])

REASONS = {
    Fault.FORBIDDEN: "the bot is missing a permission there",
    Fault.UNKNOWN_CHANNEL: "it no longer exists",
    Fault.UNKNOWN_MEMBER: "this person left Discord or the server",
    Fault.TOO_MANY_CHANNELS: "the server has 500 channels",
    Fault.CATEGORY_FULL: "Maximum number of channels in category reached (50)",
    Fault.DMS_CLOSED: "their direct messages are closed",
    Fault.SERVER_ERROR: "Internal Server Error",
    Fault.SLOW_DOWN: "Discord is rate limiting the bot for 3600 seconds",
    Fault.TIMEOUT: "Discord did not answer (TimeoutError)",
    Fault.RESET: "Discord did not answer (ConnectionResetError)",
}
FOR_ADMINS = {Fault.FORBIDDEN: 1, Fault.TOO_MANY_CHANNELS: 1}
"""Only admins can fix these, so they hear at once."""


@dataclass(frozen=True)
class Step:
    """A step of a session, the minutes from the start at which it's tried, and how to see that it's done."""

    method: str
    path: Callable[[Place], str]
    before: tuple[int, ...]
    during: tuple[int, ...]
    after: int
    done: Callable[[Failing, Place], bool]
    mode: AccessMode = AccessMode.PEOPLE
    no_failure: frozenset[Fault] = frozenset()
    """Faults that mean it's already done or not needed."""


def is_made(_: Failing, place: Place) -> bool:
    return place.room is not None


def is_open(here: Failing, place: Place) -> bool:
    return all(here.world.sees(one, place.room) for one in (place.coach, place.student))


def is_removed(_: Failing, place: Place) -> bool:
    return place.room is None


def room_path(place: Place) -> str:
    return f"/channels/{place.room.id}"


AT_OPENING = {"before": (-15,), "during": (-5, -4, -3), "after": 1, "done": is_open}
STEPS: dict[str, Step] = {
    "make the room": Step(
        "POST",
        lambda place: f"/guilds/{place.guild.id}/channels",
        before=(),
        during=(-15, -14, -13),
        after=-9,
        done=is_made,
    ),
    "open the room": Step("PATCH", room_path, **AT_OPENING, no_failure=frozenset({Fault.UNKNOWN_CHANNEL})),
    "make the role": Step(
        "POST", lambda place: f"/guilds/{place.guild.id}/roles", **AT_OPENING, mode=AccessMode.ROLE
    ),
    "give the role": Step(
        "PUT",
        lambda place: f"/guilds/{place.guild.id}/members/{place.student.id}/roles/*",
        **AT_OPENING,
        mode=AccessMode.ROLE,
        no_failure=frozenset({Fault.UNKNOWN_MEMBER}),
    ),
    "remove the room": Step(
        "DELETE",
        room_path,
        before=(-15, -5, 0),
        during=(60, 61, 62),
        after=66,
        done=is_removed,
        no_failure=frozenset({Fault.UNKNOWN_CHANNEL, Fault.UNKNOWN_MEMBER}),
    ),
}


def every_step() -> Iterator[Any]:
    """Return each step on each engine."""
    for name, step in STEPS.items():
        for engine in ("sqlite", "postgres"):
            yield pytest.param(step, engine, id=f"{name}-{engine}")


@pytest.mark.parametrize(("step", "engine_name"), list(every_step()))
async def test_a_refused_step_says_why_and_recovers_while_others_are_on_time(db: Database, step: Step) -> None:
    faults = set(Fault) - step.no_failure
    async with failing(db, step.mode) as here:
        await here.leap_to(*step.before)

        with here.refusing(step.method, step.path, faults):
            await here.leap_to(step.during[0])
            assert step.done(here, here.healthy)
            refused = await here.last_errors()
            assert here.told() == {fault: 1 for fault in FOR_ADMINS if fault in faults}
            await here.leap_to(*step.during[1:])
            assert here.told() == dict.fromkeys(faults, 1)
            assert here.told(FIXED) == {}
        await here.leap_to(step.after)

        assert refused.keys() == faults
        assert {fault: REASONS[fault] for fault in faults if REASONS[fault] not in refused[fault]} == {}
        assert await here.last_errors() == {}
        assert [fault for fault in faults if not step.done(here, here.ill[fault])] == []
        assert here.told() == here.told(FIXED) == dict.fromkeys(faults, 1)
        assert here.healthy.told("") == 0


@BOTH_ENGINES
async def test_a_server_that_deletes_its_rooms_recovers_while_others_are_on_time(db: Database) -> None:
    async with failing(db) as here:
        ill = [here.ill[fault] for fault in (Fault.FORBIDDEN, Fault.UNKNOWN_CHANNEL, Fault.RESET)]
        await here.leap_to(-15)

        with here.deleting(ill) as deleted:
            await here.leap_to(-5)
            on_time = [place.fault for place in here.places if is_open(here, place)]
            await here.leap_to(-4, -3)
            lost = [await here.row(place) for place in ill]
        await here.leap_to(-1)

        assert on_time == [place.fault for place in here.places if place not in ill]
        assert deleted == {place.code: 3 for place in ill}
        assert [(one.rooms_lost, one.last_error) for one in lost] == [
            (3, "someone, or another bot, deleted the room")
        ] * 3
        assert [place.fault for place in here.places if not is_open(here, place)] == []
        assert await here.last_errors() == {}
        assert [place.told(PROBLEM) for place in here.places] == [int(place in ill) for place in here.places]


def dm_path(place: Place) -> str:
    return f"/channels/{place.student.user.dm_channel.id}/messages"


ANOTHER_WAY = {Fault.UNKNOWN_CHANNEL, Fault.UNKNOWN_MEMBER, Fault.DMS_CLOSED}
"""Faults that make a retry pointless."""
LASTING = set(Fault) - ANOTHER_WAY
THE_LAST_ROUND = dt.timedelta(seconds=4)
"""The 22 people of these servers are written to in rounds of 10, two seconds apart."""


@BOTH_ENGINES
@pytest.mark.parametrize(
    ("kind", "path", "told"),
    [
        (NotificationKind.ROOM_WELCOME, lambda place: f"{room_path(place)}/messages", FOR_ADMINS),
        (NotificationKind.ROOM_OPEN, dm_path, {Fault.TOO_MANY_CHANNELS: 1}),
    ],
    ids=["in the room", "direct"],
)
async def test_a_refused_message_is_sent_once_possible_while_others_are_on_time(
    db: Database, kind: NotificationKind, path: Callable[[Place], str], told: dict[Fault, int]
) -> None:
    async with failing(db) as here:
        await here.leap_to(-15)

        with here.refusing("POST", path, LASTING):
            await here.leap_to(-5)
            on_time = (await here.notification(here.healthy, kind)).sent_at
            await here.leap_to(-4, -3)
            refused = {
                fault: (await here.notification(here.ill[fault], kind)).last_error or "" for fault in LASTING
            }
            assert here.told() == told
        await here.leap_to(1)

        assert on_time is not None
        assert on_time <= START - dt.timedelta(minutes=5) + THE_LAST_ROUND
        assert {fault: REASONS[fault] for fault in LASTING if REASONS[fault] not in refused[fault]} == {}
        for fault in LASTING:
            sent = await here.notification(here.ill[fault], kind)
            assert (sent.last_error, sent.given_up_at) == (None, None)
            assert sum(f"ref {sent.id}" in text for text in everything_said(here.ill[fault])) == 1
        assert here.told() == here.told(FIXED) == told


def everything_said(place: Place) -> list[str]:
    """Return every message to the student and in the room."""
    return [words(message) for message in (*place.student.user.dm_channel.history(), *place.room.history())]


async def test_people_with_closed_messages_are_told_in_the_room_at_once(
    db: Database,
) -> None:
    async with failing(db) as here:
        await here.leap_to(-15)

        with here.refusing("POST", dm_path, ANOTHER_WAY):
            await here.leap_to(-5, -4)

        for place in (here.ill[fault] for fault in ANOTHER_WAY):
            [told] = [text for text in map(words, place.room.history()) if "Your room is open" in text]
            assert place.student.mention in told
            assert place.student.user.dm_channel.history() == []
        assert here.told() == {}


@BOTH_ENGINES
async def test_a_failed_membership_check_delays_no_room(db: Database) -> None:
    async with failing(db) as here:
        with here.refusing("GET", lambda place: f"/guilds/{place.guild.id}/members/{place.student.id}"):
            await here.leap_to(-15, -5)

            gone = here.ill[Fault.UNKNOWN_MEMBER]
            others = [place for place in here.places if place is not gone]
            assert [place.fault for place in others if not is_open(here, place)] == []
            assert await here.last_errors() == {}
            assert ((await here.row(gone)).status, gone.room) == (SessionStatus.CANCELLED, None)
            assert "Session cancelled by your student" in words(gone.coach.user.dm_channel.last_message)
            assert here.told() == {}


async def test_a_room_wrongly_reported_deleted_is_deleted_by_the_next_sweep(db: Database) -> None:
    wrong = STEPS["remove the room"].no_failure
    async with failing(db) as here:
        await here.leap_to(-15, -5, 0)
        with here.refusing("DELETE", room_path, wrong):
            await here.leap_to(60)
        assert [fault for fault in wrong if here.ill[fault].room is None] == []

        await here.leap_to(125)

        assert [place.fault for place in here.places if place.room is not None] == []
        assert here.told() == {}


async def test_silence_about_one_room_delays_no_other(db: Database) -> None:
    async with failing(db) as here:
        silent = here.ill[Fault.TIMEOUT]
        http: Any = here.world.env.bot.http
        original = http.request

        async def request(route: Route, **given: Any) -> Any:
            if (route.method, route.path, route.guild_id) == (
                "POST",
                "/guilds/{guild_id}/channels",
                silent.guild.id,
            ):
                nothing = asyncio.get_running_loop().create_future()
                return await here.world.env.external_wait(nothing, reason="Discord is silent")
            return await original(route, **given)

        http.request = request
        await here.leap_to(-15)
        made = [place for place in here.places if place.room is not None]
        await here.world.wait_until(START - dt.timedelta(minutes=13, seconds=50))
        http.request = original
        refused = await here.row(silent)
        await here.leap_to(-13, -5)

        assert made == [place for place in here.places if place is not silent]
        assert (
            refused.last_error
            == "can't create the room: no answer within 60 seconds, or Discord is rate limiting the bot"
        )
        assert [place.fault for place in here.places if not is_open(here, place)] == []
        assert await here.last_errors() == {}
