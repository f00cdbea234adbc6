"""The program as an operator runs it: a real process, signals, exit codes and output."""

import asyncio
import re
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import discord
import pytest
from sqlalchemy import select

from bot.discord_api.permissions import INVITE, ROOM_GUEST, ROOM_OWN, ROOM_VIDEO
from bot.web import CRON
from models import CoachingSession, Heartbeat
from models.job_run import TICK
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.booking import booking
from scheduler.coaches import applications
from scheduler.coaches.applications import Application
from scheduler.core.actor import Actor
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges, GuildDefaults
from tests.support.endpoint import (
    BOT_ID,
    DEADLINE_SECONDS,
    GUILD_ID,
    REVIEW_CHANNEL_ID,
    TOKEN,
    Endpoint,
    overwrites,
    slash,
)
from tests.support.parameters import first_plain
from tests.support.program import Program, ended
from tests.support.stored import session_now
from tests.support.transactions import fetch_all

IN_DIRECT_MESSAGES = {"credits", "series", "sessions", "timezone"}
COMMANDS = {"coach", "availability", "book", "coaching", "workshop"} | IN_DIRECT_MESSAGES
GLOBAL, OF_THE_GUILD = f"/applications/{BOT_ID}/commands", f"/guilds/{GUILD_ID}/commands"
ROOMS = f"/guilds/{GUILD_ID}/channels"
COACH, STUDENT, ADMIN = 11, 12, Actor(13, is_admin=True)
TO_STOP_SECONDS = 5
SELDOM_NEEDED = {
    *("PIL", "cogs.images.week_image", "icalendar", "matplotlib"),  # pictures, files
    *("babel.numbers", "dateutil", "holidays", "tomllib"),  # prices, dates, public holidays, config.toml
    *("stripe", "bot.stripe_api.client", "cogs.payments.commands"),  # payments by card
    *("alembic", "sqlalchemy.dialects.postgresql"),  # for an outdated database, or one other than SQLite
    *("rich.table", "rich.progress", "pygments"),  # terminals
    *("aiohttp.web", "bot.web", "prometheus_client", "simcord", "bot.doctor"),  # endpoint, demo, doctor
}


@pytest.fixture
async def db(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """Open the migrated database in the program's folder."""
    path = tmp_path / "coachbot.db"
    shutil.copy(migrated_sqlite, path)
    database = Database(f"sqlite:///{path}")
    yield database
    await database.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port that refuses connections and that nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def a_session(db: Database, *, starts_in: timedelta) -> CoachingSession:
    """Book a session between COACH and STUDENT at the next whole minute."""
    now = datetime.now(UTC)
    starts_at = (now + starts_in).replace(second=0, microsecond=0) + timedelta(minutes=1)
    typed = Application("Cara", "I mix.", "Ten years.", ["Mixing"], "50", "UTC")
    async with db.begin() as session:
        guild = await settings.ensure(session, GUILD_ID, GuildDefaults(), now)
        await settings.change(session, guild, ADMIN, GuildChanges(review_channel_id=REVIEW_CHANNEL_ID), now)
        await applications.apply(session, guild, Actor(COACH), typed, now)
        coach = await applications.approve(session, GUILD_ID, COACH, ADMIN, now)
        coach.slot_step_minutes, coach.minimum_notice_minutes = 1, 0
        await schedule.set_hours(session, GUILD_ID, Actor(COACH), range(7), [(0, 24 * 60)], now)
        return await booking.book(session, guild, Actor(STUDENT), COACH, starts_at, timedelta(hours=1), None, now)


async def test_a_bot_registers_and_answers_its_commands_and_stops_on_request(endpoint: Endpoint, program: Program):
    async with program.started("run") as process:
        identity = await endpoint.identified()
        await endpoint.emit("INTERACTION_CREATE", slash("book", STUDENT))
        reply = await endpoint.receive("PATCH", "/messages/@original")
        process.send_signal(signal.SIGTERM)
        outcome = await ended(process, TO_STOP_SECONDS)

    [offered] = endpoint.asked("PUT", GLOBAL)
    assert {one["name"] for one in offered.body} == COMMANDS
    assert identity["intents"] == discord.Intents(guilds=True, voice_states=True).value
    assert endpoint.asked("POST", "/callback")[0].body["type"] == 5
    assert "No coaches to book yet" in str(reply.body)
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err
    assert TOKEN not in outcome.out + outcome.err


async def test_a_ready_bot_has_loaded_no_optional_modules(endpoint: Endpoint, program: Program, db: Database):
    await db.close()
    async with program.started("run", PYTHONPROFILEIMPORTTIME="1") as process:
        loaded = await imported(process, until="connected as")
        process.send_signal(signal.SIGTERM)
        outcome = await ended(process, TO_STOP_SECONDS)

    assert {"bot.app", "cogs.booking.commands", "models", "discord"} <= loaded
    assert loaded & SELDOM_NEEDED == set()
    assert endpoint.identities
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("arguments", "needed"),
    first_plain(
        [
            (["run", "--config", "none.toml"], {"pydantic", "tomllib"}),
            (["--help"], set()),
            (["invite"], {"pydantic"}),
        ],
    ),
)
async def test_commands_without_a_bot_load_none(program: Program, arguments: list[str], needed: set[str]):
    async with program.started(*arguments, PYTHONPROFILEIMPORTTIME="1") as process:
        loaded = await imported(process, until=None)

    assert "bot.cli.commands" in loaded
    assert {name for name in loaded if name.split(".")[0] == "cogs"} == set()
    of_the_bot = {"bot.app", "bot.cli.run", "models", "apscheduler", "sqlalchemy.orm"}
    assert loaded & {*SELDOM_NEEDED, *of_the_bot, "pydantic"} == needed


@pytest.mark.parametrize(
    ("during", "codes"),
    [("click.core", {-signal.SIGINT, 1}), pytest.param("simcord.env", {0}, marks=pytest.mark.slow)],
)
async def test_interrupting_the_start_prints_no_traceback(program: Program, during: str, codes: set[int]):
    async with program.started("demo", "--no-open", "--port", "0", PYTHONPROFILEIMPORTTIME="1") as process:
        await imported(process, until=during)
        process.send_signal(signal.SIGINT)
        outcome = await ended(process, DEADLINE_SECONDS)

    assert outcome.code in codes
    assert "Traceback" not in outcome.err


@pytest.mark.slow
async def test_a_home_server_is_the_only_one_with_commands(endpoint: Endpoint, program: Program):
    async with program.started("run", DISCORD_GUILD_ID=str(GUILD_ID)) as process:
        await endpoint.identified()
        process.send_signal(signal.SIGINT)
        outcome = await ended(process, TO_STOP_SECONDS)

    [there], [everywhere] = endpoint.asked("PUT", OF_THE_GUILD), endpoint.asked("PUT", GLOBAL)
    assert {one["name"] for one in there.body} == COMMANDS - IN_DIRECT_MESSAGES
    assert {one["name"] for one in everywhere.body} == IN_DIRECT_MESSAGES
    assert outcome.code == 0, outcome.err


@pytest.mark.slow
async def test_a_stop_finishes_the_tick_in_progress(endpoint: Endpoint, program: Program, db: Database):
    booked = await a_session(db, starts_in=timedelta(minutes=10))
    endpoint.hold("POST", ROOMS)
    async with program.started("run") as process:
        await endpoint.receive("POST", ROOMS)

        process.send_signal(signal.SIGTERM)
        await said(process, "stopping")
        endpoint.release()
        outcome = await ended(process, TO_STOP_SECONDS)

    assert outcome.code == 0, outcome.err
    assert (await session_now(db, booked.id)).discord_setup_complete


@pytest.mark.slow
async def test_a_stop_does_not_wait_forever(endpoint: Endpoint, program: Program, db: Database):
    booked = await a_session(db, starts_in=timedelta(minutes=10))
    endpoint.hold("POST", ROOMS)
    async with program.started("run") as process:
        await endpoint.receive("POST", ROOMS)

        process.send_signal(signal.SIGTERM)
        outcome = await ended(process, 30)

    assert outcome.code == 0, outcome.err
    assert "dropping work that didn't finish" in outcome.err
    assert "still not stopped" not in outcome.err
    assert not (await session_now(db, booked.id)).discord_setup_complete


@pytest.mark.slow
async def test_a_connecting_bot_stops_on_request(endpoint: Endpoint, program: Program):
    endpoint.hold("GET", "/users/@me")
    async with program.started("run") as process:
        await endpoint.receive("GET", "/users/@me")

        process.send_signal(signal.SIGTERM)
        outcome = await ended(process, TO_STOP_SECONDS)

    assert outcome.code == 0
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("command", ["run", pytest.param("process-sessions", marks=pytest.mark.slow)])
async def test_a_rejected_token_is_reported_in_one_line_and_never_shown(program: Program, command: str):
    wrong = TOKEN.replace("made-up", "another")

    outcome = await program.run(command, DISCORD_BOT_TOKEN=wrong)

    [line] = outcome.err.splitlines()
    assert outcome.code == 2
    assert "DISCORD_BOT_TOKEN" in line
    assert wrong not in outcome.out + outcome.err


@pytest.mark.slow
async def test_a_token_revoked_while_running_is_reported_the_same_way(endpoint: Endpoint, program: Program):
    async with program.started("run") as process:
        await endpoint.identified()

        await endpoint.hang_up(4004)
        outcome = await ended(process, DEADLINE_SECONDS)

    assert outcome.code == 2
    assert "DISCORD_BOT_TOKEN" in outcome.err.splitlines()[-1]
    assert "Traceback" not in outcome.err


async def test_all_wrong_settings_are_reported_in_one_line_with_file_and_key(program: Program):
    (program.folder / "config.toml").write_text("tick_seconds = 0\ntick_secs = 9", "utf-8")
    (program.folder / ".env").write_text("DISCORD_CLIENT_ID=abc", "utf-8")

    outcome = await program.run("run", DISCORD_GUILD_ID="abc")

    [line] = outcome.err.splitlines()
    assert outcome.code == 2
    assert "environment: DISCORD_GUILD_ID: " in line
    assert ".env: DISCORD_CLIENT_ID: " in line
    assert "config.toml: tick_seconds: " in line
    assert "config.toml: tick_secs: there's no such key" in line


async def test_an_unreadable_configuration_is_reported_in_one_line(program: Program):
    (program.folder / "config.toml").write_text("tick_seconds =", "utf-8")

    outcome = await program.run("run")

    [line] = outcome.err.splitlines()
    assert outcome.code == 2
    assert "config.toml: not valid TOML" in line


async def test_a_bot_without_a_token_says_where_to_put_it(program: Program):
    outcome = await program.run("run", DISCORD_BOT_TOKEN="")

    [line] = outcome.err.splitlines()
    assert outcome.code == 2
    assert "missing: set DISCORD_BOT_TOKEN in the environment or in .env" in line
    assert "config.toml" in line


@pytest.mark.slow
async def test_an_unreachable_discord_is_reported_in_one_line(tmp_path: Path, closed_port: int):
    program = Program(tmp_path, f"http://127.0.0.1:{closed_port}", f"ws://127.0.0.1:{closed_port}")

    outcome = await program.run("run")

    [line] = outcome.err.splitlines()
    assert outcome.code == 1
    assert "can't reach Discord" in line


@pytest.mark.slow
async def test_a_discord_that_hangs_up_is_reported_as_unreachable(tmp_path: Path):
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")  # closing with unread data would be a reset, an OSError
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        address = "127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        program = Program(tmp_path, f"http://{address}", f"ws://{address}")

        outcome = await program.run("run")

    assert outcome.code == 1
    assert "can't reach Discord" in outcome.err.splitlines()[-1]
    assert "Traceback" not in outcome.err


@pytest.mark.slow
async def test_the_web_endpoint_answers_while_the_bot_runs(endpoint: Endpoint, program: Program, db: Database):
    booked = await a_session(db, starts_in=timedelta(minutes=10))
    async with program.started("run", WEB_PORT="0", CRON_SECRET="a long random text") as process:
        port = re.findall(r"port (\d+)", await said(process, "web endpoint on 127.0.0.1"))[0]
        await endpoint.receive("POST", ROOMS)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            silent = [await asyncio.open_connection("127.0.0.1", int(port)) for _ in range(150)]
            for _, writer in silent:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: ")
            alive = await client.get("/healthz")
            async with asyncio.timeout(DEADLINE_SECONDS):
                gone = (reader.read() for reader, _ in silent[:50])
                sent_away = await asyncio.gather(*gone, return_exceptions=True)
            told = await client.post(
                "/api/cron/process-sessions", headers={"Authorization": "Bearer a long random text"}
            )
            process.send_signal(signal.SIGTERM)
            outcome = await ended(process, TO_STOP_SECONDS)
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get("/healthz")

    for _, writer in silent:
        writer.close()
    assert (alive.status, told.status) == (200, 200)
    assert [one for one in sent_away if one and not isinstance(one, ConnectionError)] == []
    assert (await session_now(db, booked.id)).discord_setup_complete
    assert outcome.code == 0, outcome.err
    assert "a long random text" not in outcome.out + outcome.err


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("no..such.host", marks=pytest.mark.slow)])
async def test_an_unavailable_web_address_is_reported_in_one_line(program: Program, closed_port: int, host: str):
    outcome = await program.run("run", WEB_PORT=str(closed_port), WEB_HOST=host)

    [line] = outcome.err.splitlines()
    assert outcome.code == 1
    assert f"can't serve the web endpoint on {host}, port {closed_port}" in line


@pytest.mark.slow
async def test_without_a_port_there_is_no_web_endpoint(endpoint: Endpoint, program: Program):
    async with program.started("run", CRON_SECRET="a long random text") as process:
        await endpoint.identified()
        process.send_signal(signal.SIGTERM)
        outcome = await ended(process, TO_STOP_SECONDS)

    assert outcome.code == 0, outcome.err
    assert "web endpoint" not in outcome.err


async def test_process_sessions_creates_a_hidden_room_once(endpoint: Endpoint, program: Program, db: Database):
    booked = await a_session(db, starts_in=timedelta(minutes=10))

    first = await program.run("process-sessions")
    messages = len(endpoint.asked("POST", "/messages"))
    second = await program.run("process-sessions")

    [created] = endpoint.asked("POST", ROOMS)
    assert created.body["name"] == f"coaching-session-{booked.code}"
    assert overwrites(created.body) == {
        GUILD_ID: (0, discord.Permissions(view_channel=True, connect=True).value),
        BOT_ID: (ROOM_OWN.value, 0),
    }
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert re.search(rf"{booked.code}\W+make_room", first.out)
    assert "0 steps" in second.out
    assert len(endpoint.asked("POST", "/messages")) == messages > 0
    assert "DELETE" not in {one.method for one in endpoint.requests}


@pytest.mark.slow
async def test_process_sessions_lets_both_people_in_when_it_is_time(
    endpoint: Endpoint, program: Program, db: Database
):
    await a_session(db, starts_in=timedelta(minutes=3))

    outcome = await program.run("process-sessions")

    [created] = endpoint.asked("POST", ROOMS)
    [opened] = [one for one in endpoint.requests if one.method == "PATCH"]
    guest = ROOM_GUEST.value | ROOM_VIDEO.value
    assert not {COACH, STUDENT} & set(overwrites(created.body))
    assert overwrites(opened.body) == overwrites(created.body) | {COACH: (guest, 0), STUDENT: (guest, 0)}
    assert outcome.code == 0, outcome.err


@pytest.mark.slow
async def test_process_sessions_says_why_a_room_could_not_be_created(
    endpoint: Endpoint, program: Program, db: Database
):
    endpoint.refuse("POST", ROOMS)
    booked = await a_session(db, starts_in=timedelta(minutes=10))

    outcome = await program.run("process-sessions")

    reason = " ".join(outcome.err.split())
    assert outcome.code == 1
    assert (
        f"failed: {booked.code} make_room: can't create the room: the bot is missing a permission there" in reason
    )
    assert not (await session_now(db, booked.id)).discord_setup_complete
    assert "DELETE" not in {one.method for one in endpoint.requests}


@pytest.mark.slow
async def test_process_sessions_leaves_the_work_to_a_running_bot(
    endpoint: Endpoint, program: Program, db: Database
):
    async with program.started("run", TICK_SECONDS="300") as process:
        await has_ticked(endpoint, db)
        await a_session(db, starts_in=timedelta(minutes=10))

        outcome = await program.run("process-sessions", TICK_SECONDS="300")

        process.send_signal(signal.SIGTERM)
        ran = await ended(process, TO_STOP_SECONDS)

    assert "A bot is running on this database. It runs its background checks every 300 seconds" in outcome.out
    assert (outcome.code, ran.code) == (0, 0), outcome.err + ran.err
    assert len(endpoint.asked("GET", "/users/@me")) == 1  # only the running bot has logged in


@pytest.mark.slow
async def test_process_sessions_says_when_the_running_bot_last_ticked(
    endpoint: Endpoint, program: Program, db: Database
):
    ticked_at = await ticked(db, timedelta(seconds=30))
    async with db.locks.run_lock():
        outcome = await program.run("process-sessions")

    state, what_to_do = outcome.out.splitlines()
    assert outcome.code == 0, outcome.err
    assert "every 15 seconds" in state
    assert re.search(rf"most recently [3-9]\d seconds ago \({ticked_at:%H:%M:%S} UTC\)", state)
    assert "/coaching run in Discord" in what_to_do
    assert f"{CRON} on its web endpoint with CRON_SECRET" in what_to_do
    assert endpoint.requests == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ago", "told"),
    first_plain(
        [
            (timedelta(minutes=3), "last ran its background checks at "),
            (None, "hasn't run its background checks yet"),
        ]
    ),
)
async def test_process_sessions_warns_about_a_bot_that_no_longer_ticks(
    endpoint: Endpoint, program: Program, db: Database, ago: timedelta | None, told: str
):
    if ago is not None:
        told += f"{await ticked(db, ago):%Y-%m-%d %H:%M:%S} UTC"
    async with db.locks.run_lock():
        outcome = await program.run("process-sessions")

    [line] = outcome.err.splitlines()
    assert (outcome.code, outcome.out) == (1, "")
    assert f"a bot is running on this database, but {told}. Unless it has only just started" in line
    assert "journalctl" in line
    assert endpoint.requests == []


@pytest.mark.slow
async def test_process_sessions_does_not_migrate_a_running_bots_database(program: Program, tmp_path: Path):
    older = Database(f"sqlite:///{tmp_path / 'coachbot.db'}")
    await older.upgrade("0004")
    async with older.locks.run_lock():
        outcome = await program.run("process-sessions")

    is_current = await older.is_current()
    await older.close()
    [line] = outcome.err.splitlines()
    assert outcome.code == 1
    assert "the bot running on this database is another version" in line
    assert not is_current


@pytest.mark.slow
async def test_a_second_bot_on_one_database_says_what_to_do_and_leaves_the_first_alone(
    endpoint: Endpoint, program: Program
):
    async with program.started("run") as first:
        await endpoint.identified()

        second = await program.run("run")

        first.send_signal(signal.SIGTERM)
        outcome = await ended(first, TO_STOP_SECONDS)

    [line] = second.err.splitlines()
    assert second.code == 1
    assert "another coachbot is running on this database" in line
    assert "--wait" in line
    assert len(endpoint.identities) == 1
    assert outcome.code == 0, outcome.err


@pytest.mark.slow
async def test_a_backup_works_while_the_bot_runs_but_a_restore_does_not(
    endpoint: Endpoint, program: Program, db: Database
):
    async with program.started("run") as process:
        await has_ticked(endpoint, db)

        saved = await program.run("backup", "copy.db")
        booked = await a_session(db, starts_in=timedelta(hours=5))
        refused = await program.run("restore", "copy.db")

        process.send_signal(signal.SIGTERM)
        await ended(process, TO_STOP_SECONDS)
    async with db.read() as reader:
        untouched = list(await reader.scalars(select(CoachingSession.id)))
        read = await program.run("restore", "copy.db")
    await db.close()
    restored = await program.run("restore", "copy.db")

    [line], [another] = refused.err.splitlines(), read.err.splitlines()
    assert (saved.code, refused.code, read.code, restored.code) == (0, 1, 1, 0), restored.err
    assert "the bot is running on this database; stop it first" in line
    assert "another program has this database open; close it" in another
    [kept] = program.folder.glob("coachbot.db.before-*")
    before = Database(f"sqlite:///{kept}")
    assert await sessions(before) == untouched == [booked.id]
    assert await sessions(db) == []
    await before.close()
    assert kept.name in restored.out
    assert list(program.folder.glob("*.part")) == []


@pytest.mark.slow
async def test_a_bot_killed_while_creating_a_room_finds_it_again(
    endpoint: Endpoint, program: Program, db: Database
):
    booked = await a_session(db, starts_in=timedelta(minutes=10))
    endpoint.hold("POST", ROOMS)
    async with program.started("process-sessions") as process:
        await endpoint.receive("POST", ROOMS)
        process.kill()
        await process.wait()
    endpoint.release()
    before = await session_now(db, booked.id)

    outcome = await program.run("process-sessions")

    after = await session_now(db, booked.id)
    [room] = [one for one in endpoint.channels.values() if one["name"] == f"coaching-session-{booked.code}"]
    assert not before.discord_setup_complete
    assert after.discord_setup_complete
    assert after.discord_channel_id == int(room["id"])
    assert outcome.code == 0, outcome.err
    assert "DELETE" not in {one.method for one in endpoint.requests}


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="from the token"),
        pytest.param({"DISCORD_BOT_TOKEN": "", "DISCORD_CLIENT_ID": str(BOT_ID)}, id="from the application id"),
    ],
)
async def test_the_invitation_asks_for_exactly_what_the_bot_uses(program: Program, environment: dict[str, str]):
    outcome = await program.run("invite", **environment)

    [address] = outcome.out.splitlines()
    asks = parse_qs(urlsplit(address).query)
    assert outcome.code == 0
    assert asks["client_id"] == [str(BOT_ID)]
    assert asks["permissions"] == [str(INVITE.value)]
    assert asks["scope"] == ["bot applications.commands"]


@pytest.mark.slow
async def test_an_invitation_needs_a_token_or_the_application_id(program: Program):
    outcome = await program.run("invite", DISCORD_BOT_TOKEN="")

    [line] = outcome.err.splitlines()
    assert outcome.code == 2
    assert "DISCORD_CLIENT_ID" in line
    assert "DISCORD_BOT_TOKEN" in line


async def sessions(db: Database) -> list[int]:
    return await fetch_all(db, select(CoachingSession.id).order_by(CoachingSession.id))


async def ticked(db: Database, ago: timedelta) -> datetime:
    """Store a heartbeat as a bot would, and return its time."""
    at = datetime.now(UTC) - ago
    async with db.begin() as session:
        session.add(Heartbeat(job=TICK, at=at))
    return at


async def has_ticked(endpoint: Endpoint, db: Database) -> None:
    """Wait until a bot has done everything due at its start."""
    await endpoint.identified()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            async with db.read() as session:
                if await session.get(Heartbeat, "tick") is not None:
                    return


async def imported(process: asyncio.subprocess.Process, *, until: str | None) -> set[str]:
    """Return the modules a process with PYTHONPROFILEIMPORTTIME has imported, until it prints this or ends."""
    assert process.stderr is not None
    loaded: set[str] = set()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while line := (await process.stderr.readline()).decode():
            if until is not None and until in line:
                return loaded
            if line.startswith("import time:"):
                loaded.add(line.rpartition("|")[2].strip())
    assert until is None
    return loaded


async def said(process: asyncio.subprocess.Process, words: str) -> str:
    """Wait for the line in which the process logs these words."""
    assert process.stderr is not None
    async with asyncio.timeout(DEADLINE_SECONDS):
        while line := (await process.stderr.readline()).decode():
            if words in line:
                return line
    raise AssertionError(f"the process ended without saying {words!r}")
