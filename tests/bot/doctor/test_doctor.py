"""What `coachbot doctor` finds in a sound setup, and in setups broken in one place each."""

import json
import shutil
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord.http
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.config import Settings
from bot.doctor import report, storage
from bot.doctor.checks import Check, Level
from bot.doctor.storage import Stored
from models import Guild
from models.job_run import Heartbeat
from models.storage.database import Database
from scheduler.servers import settings as server_settings
from scheduler.servers.settings import GuildDefaults
from tests.support.endpoint import BOT_ID, BOT_ROLE_ID, GUILD_ID, REVIEW_CHANNEL_ID, TOKEN, Endpoint, local_discord
from tests.support.program import Program
from tests.support.rights import bound_by_file_modes
from tests.support.transactions import transact

COACH_ROLE_ID, CATEGORY_ID, LOG_CHANNEL_ID, FALLBACK_CHANNEL_ID = 501, 502, 503, 504
TEXT, CATEGORY = 0, 4
PLENTY = 10**12


@dataclass(slots=True)
class Setup:
    """A bot set up in one server, with everything in order until a test breaks something."""

    endpoint: Endpoint
    path: Path
    db: Database
    token: str | None = TOKEN
    home_id: int | None = None
    client_id: int | None = None
    free_bytes: int = PLENTY
    web_port: int | None = None

    async def examined(self) -> list[Check]:
        """Run the doctor in this process."""
        settings = Settings(
            discord_bot_token=self.token,
            discord_guild_id=self.home_id,
            discord_client_id=self.client_id,
            database_url=f"sqlite:///{self.path}",
            web_port=self.web_port,
        )
        return await report.run_checks(settings, free_bytes=lambda _folder: self.free_bytes)

    async def configure(self, **settings: int | str | None) -> None:
        """Set it up as an admin would."""
        async with self.db.begin() as session:
            guild = await session.get_one(Guild, GUILD_ID)
            for name, value in settings.items():
                setattr(guild, name, value)

    async def beat(self, ago: timedelta, *jobs: str) -> None:
        """Store a tick's heartbeat."""
        async with self.db.begin() as session:
            session.add_all(Heartbeat(job=job, at=datetime.now(UTC) - ago) for job in jobs or ("tick", "watch"))

    def sql(self, statement: str) -> None:
        """Change the database directly."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.executescript(statement)


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    """Open our Discord with everything a server needs."""
    async with local_discord() as endpoint:
        monkeypatch.setattr(discord.http.Route, "BASE", endpoint.api)
        endpoint.roles[COACH_ROLE_ID] = a_role(COACH_ROLE_ID, position=1)
        endpoint.add_channel(CATEGORY_ID, type=CATEGORY, name="Coaching")
        endpoint.add_channel(LOG_CHANNEL_ID, type=TEXT, name="problems")
        endpoint.add_channel(FALLBACK_CHANNEL_ID, type=TEXT, name="news")
        yield endpoint


@pytest.fixture
async def setup(endpoint: Endpoint, migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Setup]:
    """Set up a bot for each test to break."""
    path = tmp_path / "coachbot.db"
    shutil.copy(migrated_sqlite, path)
    setup = Setup(endpoint, path, Database(f"sqlite:///{path}"))
    await transact(setup.db, server_settings.ensure, GUILD_ID, GuildDefaults(), datetime.now(UTC))
    await setup.configure(
        coach_role_id=COACH_ROLE_ID,
        review_channel_id=REVIEW_CHANNEL_ID,
        room_category_id=CATEGORY_ID,
        log_channel_id=LOG_CHANNEL_ID,
        fallback_channel_id=FALLBACK_CHANNEL_ID,
    )
    yield setup
    await setup.db.close()


@pytest.fixture
def program(setup: Setup) -> Program:
    return Program(setup.path.parent, setup.endpoint.api, setup.endpoint.gateway)


@pytest.fixture
def readable(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a migrated file that this test can only read, in a writable folder."""
    file = tmp_path / "kept" / "coachbot.db"
    file.parent.mkdir()
    shutil.copy(migrated_sqlite, file)
    file.chmod(0o444)
    with bound_by_file_modes():
        yield file
    file.parent.chmod(0o700)


def a_role(role_id: int, **given: object) -> dict[str, object]:
    """Return a role as Discord describes it, without permissions."""
    usual = {"name": "Coach", "permissions": "0", "hoist": False, "mentionable": False, "managed": False}
    return usual | {"color": 0, "flags": 0} | given | {"id": str(role_id)}


def errors(checks: list[Check]) -> list[tuple[str, str]]:
    return [(one.name, one.found) for one in checks if one.level is Level.ERROR]


def warnings(checks: list[Check]) -> list[tuple[str, str]]:
    return [(one.name, one.found) for one in checks if one.level is Level.WARNING]


def only_problem(checks: list[Check], level: Level) -> Check:
    [found] = [one for one in checks if one.level is not Level.OK]
    assert found.level is level
    assert found.advice
    return found


def the_error(checks: list[Check]) -> Check:
    """Return the only error. Fails if there's a warning too."""
    return only_problem(checks, Level.ERROR)


def the_warning(checks: list[Check]) -> Check:
    """Return the only warning. Fails if there's an error too."""
    return only_problem(checks, Level.WARNING)


async def checked(url: str, *, free_bytes: int = PLENTY) -> Stored:
    """Check a database only."""
    return await storage.check_database(url, lambda: datetime.now(UTC), lambda _folder: free_bytes)


def lines(checks: list[Check], name: str) -> list[Check]:
    return [one for one in checks if one.name == name]


async def test_a_sound_setup_is_ok_in_every_line_and_stays_unchanged(setup: Setup):
    await setup.db.close()
    before = setup.path.read_bytes()

    checks = await setup.examined()

    names = "configuration token application clock server file disk database schema zones bot charts"
    assert [(one.name, one.level) for one in checks] == [(name, Level.OK) for name in names.split()]
    assert {one.method for one in setup.endpoint.requests} == {"GET"}
    assert setup.path.read_bytes() == before
    assert not list(setup.path.parent.glob("*.run")), "another user's bot could not take this lock"


async def test_missing_charts_are_only_a_warning_that_says_how_to_get_them(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    checks = await setup.examined()

    [charts] = [one for one in checks if one.level is not Level.OK]
    assert (charts.name, charts.level) == ("charts", Level.WARNING)
    assert charts.found.startswith("/coaching stats shows figures without a picture")
    assert "pip install 'coachbot[charts]'" in (charts.advice or "")
    assert report.has_no_errors(checks)


@pytest.mark.slow
async def test_the_program_prints_a_line_per_check_and_exits_with_0(setup: Setup, program: Program):
    outcome = await program.run("doctor")

    assert outcome.code == 0, outcome.out + outcome.err
    assert len(outcome.out.splitlines()) == len(await setup.examined())
    assert {line.split()[0] for line in outcome.out.splitlines()} == {"ok"}
    assert TOKEN not in outcome.out + outcome.err
    assert outcome.err == ""


async def test_the_json_of_a_sound_setup_is_ok(setup: Setup, capsys: pytest.CaptureFixture[str]):
    report.print_report(await setup.examined(), as_json=True)

    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert {tuple(one) for one in told["checks"]} == {("name", "level", "found", "advice")}
    assert {(one["level"], one["advice"]) for one in told["checks"]} == {("ok", None)}


@pytest.mark.slow
async def test_the_program_exits_with_1_on_an_error_and_says_what_to_do_in_json_on_request(program: Program):
    wrong = TOKEN.replace("made-up", "another")

    outcome = await program.run("doctor", "--json", DISCORD_BOT_TOKEN=wrong)

    told = json.loads(outcome.out)
    [check] = [one for one in told["checks"] if one["level"] == "error"]
    assert (outcome.code, told["ok"]) == (1, False)
    assert "Discord rejects the token" in check["found"]
    assert "Reset Token" in check["advice"]
    assert wrong not in outcome.out + outcome.err


@pytest.mark.slow
async def test_an_unreadable_configuration_is_the_only_line_and_exits_with_2(program: Program):
    (program.folder / "config.toml").write_text("tick_seconds =", "utf-8")

    outcome = await program.run("doctor", "--json")

    told = json.loads(outcome.out)
    [check] = told["checks"]
    assert outcome.code == 2
    assert told["ok"] is False
    assert (check["name"], check["level"]) == ("configuration", "error")
    assert "config.toml: not valid TOML" in check["found"]


async def test_database_and_disk_are_checked_even_without_a_token(setup: Setup):
    setup.token = None

    checks = await setup.examined()

    found = the_error(checks)
    assert found.name == "token"
    assert "missing: set DISCORD_BOT_TOKEN" in found.found
    assert {"file", "disk", "database", "schema", "bot"} <= {one.name for one in checks}
    assert setup.endpoint.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(str(BOT_ID), id="the application id"),
        pytest.param("hV3kq9sLw2xTb7YnR4mZc8JpD1fGaE6u", id="the client secret"),
        pytest.param(TOKEN.rpartition(".")[0], id="not copied in full"),
        pytest.param(f"Bot {TOKEN}", id="with its prefix in requests"),
    ],
)
async def test_a_malformed_token_is_neither_sent_to_discord_nor_shown(setup: Setup, wrong: str):
    setup.token = wrong

    checks = await setup.examined()

    found = the_error(checks)
    assert found.name == "token"
    assert wrong not in str(checks)
    assert setup.endpoint.requests == []


Spoil = Callable[[Setup], object]


def change(**attributes: object) -> Spoil:
    return lambda setup: [setattr(setup, name, value) for name, value in attributes.items()]


def delete_channel(channel_id: int) -> Spoil:
    return lambda setup: setup.endpoint.channels.pop(channel_id)


def change_coach_role(**given: object) -> Spoil:
    return lambda setup: setup.endpoint.roles.update({COACH_ROLE_ID: a_role(COACH_ROLE_ID, **given)})


def deny(channel_id: int, **permissions: bool) -> Spoil:
    flags = discord.Permissions(**permissions).value
    rule = {"id": str(BOT_ROLE_ID), "type": 0, "allow": "0", "deny": str(flags)}
    return lambda setup: setup.endpoint.channels[channel_id].update(permission_overwrites=[rule])


def run_sql(statement: str) -> Spoil:
    return lambda setup: setup.sql(statement)


BAD, ODD = Level.ERROR, Level.WARNING
COMMANDS = [{"name": name, "type": 1} for name in ("book", "sessions", "timezone")]
SET_UP, GRANT = "use `/coaching setup` there", "in the permissions there"
PROBLEMS: dict[str, tuple[Spoil, Level, str, str]] = {
    "rejects the token": (change(token=TOKEN.replace("made-up", "another")), BAD, "token", "Reset Token"),
    f"belongs to the application {BOT_ID}": (
        change(client_id=999),
        ODD,
        "application",
        "remove DISCORD_CLIENT_ID",
    ),
    "the bot isn't in any server": (lambda it: it.endpoint.gone.add(BOT_ID), BAD, "servers", "coachbot invite"),
    "the server 999, set as DISCORD_GUILD_ID": (change(home_id=999), BAD, "servers", "coachbot invite"),
    f"can't check Academy ({GUILD_ID})": (
        lambda it: it.endpoint.refuse("GET", f"/guilds/{GUILD_ID}/channels"),
        BAD,
        "server",
        "try again",
    ),
    "not set up yet": (run_sql("DELETE FROM specialties; DELETE FROM guilds"), ODD, "server", SET_UP),
    "the review channel no longer exists": (delete_channel(REVIEW_CHANNEL_ID), BAD, "server", SET_UP),
    "the room category no longer exists": (delete_channel(CATEGORY_ID), ODD, "server", SET_UP),
    "the alerts channel no longer exists": (delete_channel(LOG_CHANNEL_ID), ODD, "server", SET_UP),
    "the fallback channel no longer exists": (delete_channel(FALLBACK_CHANNEL_ID), ODD, "server", SET_UP),
    "the coach role no longer exists": (lambda it: it.endpoint.roles.pop(COACH_ROLE_ID), BAD, "server", SET_UP),
    "the coach role, Mentor[2J, is above the bot's role": (
        change_coach_role(position=101, name="Mentor\x1b[2J"),
        BAD,
        "server",
        "drag the bot's role above it",
    ),
    "is managed by an app": (change_coach_role(position=1, managed=True), BAD, "server", SET_UP),
    "missing Connect in the room category, Coaching": (deny(CATEGORY_ID, connect=True), BAD, "server", GRANT),
    "missing Manage Channels and View Channels in the room category, Coaching": (
        deny(CATEGORY_ID, view_channel=True, manage_channels=True),
        BAD,
        "server",
        GRANT,
    ),
    "missing Read Message History in the review channel, applications": (
        deny(REVIEW_CHANNEL_ID, read_message_history=True),
        BAD,
        "server",
        GRANT,
    ),
    "missing Send Messages in the alerts channel, problems": (
        deny(LOG_CHANNEL_ID, send_messages=True),
        BAD,
        "server",
        GRANT,
    ),
    "the bot is missing Video and Manage Roles in the server": (
        lambda it: it.endpoint.own_permissions.update(manage_roles=False, stream=False),
        BAD,
        "server",
        "coachbot invite",
    ),
    "listed twice: /book and /sessions": (
        lambda it: it.endpoint.commands.update({None: COMMANDS, str(GUILD_ID): COMMANDS[:2]}),
        ODD,
        "commands",
        "restart the bot",
    ),
    "may not have commands there": (
        lambda it: it.endpoint.refuse("GET", f"/applications/{BOT_ID}/guilds/{GUILD_ID}/commands"),
        BAD,
        "commands",
        "coachbot invite",
    ),
    '"Mars/Olympus"': (run_sql("UPDATE guilds SET time_zone = 'Mars/Olympus'"), ODD, "zones", "tzdata"),
    "a newer release (9999)": (
        run_sql("UPDATE alembic_version SET version_num = '9999'"),
        BAD,
        "schema",
        "coachbot restore",
    ),
    "a row of specialties refers to a missing row of guilds": (
        run_sql("UPDATE specialties SET guild_id = 999"),
        BAD,
        "database",
        "coachbot restore",
    ),
    "the database has no tables yet": (lambda it: it.path.write_bytes(b""), ODD, "schema", "coachbot run"),
    "can't open": (
        lambda it: it.path.rename(it.path.with_name("old")) and it.path.mkdir(),
        BAD,
        "database",
        "access",
    ),
    "499 MB free": (change(free_bytes=499_000_000), ODD, "disk", "free up space"),
    "50 MB free": (change(free_bytes=50_000_000), ODD, "disk", "free up space"),
    "49 MB free": (change(free_bytes=49_999_999), BAD, "disk", "free up space"),
    "the database's folder /nowhere doesn't exist": (
        change(path=Path("/nowhere/coachbot.db")),
        BAD,
        "file",
        "create the folder",
    ),
}


@pytest.mark.parametrize("found", PROBLEMS)
async def test_each_problem_is_reported_once_with_advice(setup: Setup, found: str):
    spoil, level, name, advice = PROBLEMS[found]
    await setup.db.close()
    spoil(setup)

    checks = await setup.examined()

    [problem] = [one for one in checks if one.level is not Level.OK]
    assert (problem.level, problem.name) == (level, name)
    assert found in problem.found
    assert advice in str(problem.advice)
    assert str(setup.token) not in str(checks)


async def test_an_unreachable_discord_is_reported(setup: Setup, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setattr(discord.http.Route, "BASE", f"http://127.0.0.1:{bound.getsockname()[1]}")

        checks = await setup.examined()

    found = the_error(checks)
    assert found.name == "discord"
    assert "can't reach Discord" in found.found
    assert lines(checks, "schema")


@pytest.mark.parametrize(
    ("ahead", "level", "words"),
    [
        (timedelta(minutes=1), Level.ERROR, "behind"),
        (timedelta(minutes=-1), Level.ERROR, "ahead of"),
        (timedelta(seconds=15), Level.WARNING, "behind"),
    ],
)
async def test_a_wrong_clock_is_reported_with_its_direction(
    setup: Setup, ahead: timedelta, level: Level, words: str
):
    setup.endpoint.clock_ahead = ahead

    checks = await setup.examined()

    [found] = [one for one in checks if one.level is not Level.OK]
    assert (found.name, found.level) == ("clock", level)
    assert f"seconds {words} Discord's" in found.found
    assert "timedatectl" in str(found.advice)


async def test_a_missing_review_channel_and_coach_role_are_warnings(setup: Setup):
    await setup.configure(review_channel_id=None, coach_role_id=None)

    checks = await setup.examined()

    assert errors(checks) == []
    assert {name for name, _ in warnings(checks)} == {"server"}
    assert "no coach role is set" in str(warnings(checks))
    assert "no review channel is set" in str(warnings(checks))


async def test_unset_optional_settings_are_mentioned_without_a_warning(setup: Setup):
    await setup.configure(room_category_id=None, log_channel_id=None)

    checks = await setup.examined()

    [server] = lines(checks, "server")
    assert server.level is Level.OK
    assert server.found.endswith("room category, alerts channel, admin role, workshop channel")


async def test_a_channel_may_deny_everyone_if_it_allows_the_bot(setup: Setup):
    view = str(discord.Permissions(view_channel=True).value)
    setup.endpoint.channels[CATEGORY_ID]["permission_overwrites"] = [
        {"id": str(GUILD_ID), "type": 0, "allow": "0", "deny": view},
        {"id": str(BOT_ROLE_ID), "type": 0, "allow": view, "deny": "0"},
    ]

    checks = await setup.examined()

    assert (errors(checks), warnings(checks)) == ([], [])


async def test_an_older_schema_is_a_warning_because_the_next_start_upgrades_it(setup: Setup):
    setup.path.unlink()
    await setup.db.close()
    await setup.db.upgrade("0003")

    checks = await setup.examined()

    found = the_warning(checks)
    assert (found.name, found.found) == ("schema", "the database schema belongs to an older release (0003)")


async def test_a_missing_file_is_a_warning_and_is_not_created(setup: Setup):
    await setup.db.close()
    setup.path.unlink()

    checks = await setup.examined()

    found = the_warning(checks)
    assert found.name == "file"
    assert f"{setup.path} doesn't exist yet" in found.found
    assert not setup.path.exists()


@pytest.mark.parametrize(("first", "last"), [(0, 100), (4096 * 3, 4096 * 20)], ids=["beginning", "middle"])
async def test_a_damaged_file_is_reported(setup: Setup, first: int, last: int):
    await setup.db.close()
    data = setup.path.read_bytes()
    setup.path.write_bytes(data[:first] + b"?" * (last - first) + data[last:])

    checks = await setup.examined()

    found = the_error(checks)
    assert found.name == "database"
    assert "is damaged" in found.found
    assert "coachbot restore" in str(found.advice)


async def test_a_damaged_index_is_reported(setup: Setup):
    await setup.db.close()
    with closing(sqlite3.connect(setup.path)) as connection:
        [page] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_job_runs_started_at'"
        ).fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    data = bytearray(setup.path.read_bytes())
    data[(page - 1) * size : page * size] = b"?" * size
    setup.path.write_bytes(data)

    checks = await setup.examined()

    found = the_error(checks)
    assert found.name == "database"
    assert f"page {page}" in found.found.lower()


async def test_a_read_only_file_is_reported_but_still_checked(readable: Path):
    stored = await checked(f"sqlite:///{readable}")

    found = the_error(stored.checks)
    assert (found.name, found.found) == ("file", f"this user can't read and write {readable}")
    assert lines(stored.checks, "schema")[0].level is Level.OK


async def test_a_read_only_folder_is_reported_without_its_consequences(readable: Path):
    readable.parent.chmod(0o555)

    stored = await checked(f"sqlite:///{readable}")

    found = the_error(stored.checks)
    assert found.name == "file"
    assert found.found.endswith(f"{readable} and the folder {readable.parent}")


async def test_a_running_bot_is_ok(setup: Setup):
    await setup.beat(timedelta(seconds=10))
    async with setup.db.locks.run_lock() as ours:
        assert ours

        checks = await setup.examined()

    [bot] = lines(checks, "bot")
    assert (errors(checks), warnings(checks)) == ([], [])
    assert bot.found.startswith("a bot is running on this database; its background checks last ran 1")


async def test_a_running_bot_that_has_long_been_idle_is_a_warning(setup: Setup):
    await setup.beat(timedelta(minutes=6))
    async with setup.db.locks.run_lock():
        checks = await setup.examined()

    found = the_warning(checks)
    assert found.name == "bot"
    assert "6 minutes" in found.found


async def test_a_running_bot_that_has_never_ticked_is_a_warning(setup: Setup):
    async with setup.db.locks.run_lock():
        checks = await setup.examined()

    found = the_warning(checks)
    assert found.name == "bot"
    assert "hasn't done anything yet" in found.found


@pytest.mark.parametrize(
    ("of_all", "of_one", "found"),
    [(None, None, "sent yet; "), (6, None, "sent for 6 minutes; "), (0, 7, "sent for 7 minutes; "), (0, 4, None)],
)
async def test_a_bot_that_does_not_record_events_is_a_warning(
    setup: Setup, of_all: int | None, of_one: int | None, found: str | None
):
    await setup.beat(timedelta(seconds=10), "tick")
    for job, minutes in (("watch", of_all), (f"watch:{GUILD_ID}", of_one)):
        if minutes is not None:
            await setup.beat(timedelta(minutes=minutes), job)
    async with setup.db.locks.run_lock():
        checks = await setup.examined()

    assert [(name, str(found) in said) for name, said in warnings(checks)] == ([("bot", True)] if found else [])


async def test_the_running_bots_own_report_is_included(setup: Setup):
    health: list[object] = [
        {"status": "failing", "reason": "the loop isn't running"},
        {"status": "ok"},
        ["another service"],
    ]

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(health.pop(0), status=503)

    app = web.Application()
    app.router.add_get("/healthz", answer)
    async with TestServer(app) as server:
        setup.web_port = server.port
        wrong, *others = [errors(await setup.examined()) for _ in list(health)]
    assert others == [[], []]
    assert errors(await setup.examined()) == []  # nobody listens there any more

    assert wrong == [("bot", "the bot is running, but reports: the loop isn't running")]


async def test_a_stopped_bot_is_not_expected_to_tick(setup: Setup):
    await setup.beat(timedelta(days=3))

    checks = await setup.examined()

    [bot] = lines(checks, "bot")
    assert bot.found == "no bot is running on this database; its background checks last ran 3 days ago"
    assert (errors(checks), warnings(checks)) == ([], [])


async def test_a_second_check_gets_the_lock_released_by_the_first(setup: Setup):
    async with setup.db.locks.run_lock():
        await setup.examined()

    async with setup.db.locks.run_lock() as ours:
        assert ours
        checks = await setup.examined()

    assert lines(checks, "bot")[0].found.startswith("a bot is running")


async def test_a_sound_database_is_ok_on_both_engines(db: Database):
    await transact(db, server_settings.ensure, GUILD_ID, GuildDefaults(), datetime.now(UTC))
    url = db.url.render_as_string(hide_password=False)

    stored = await checked(url)

    assert {one.level for one in stored.checks} == {Level.OK}
    assert [one.name for one in stored.checks][-4:] == ["database", "schema", "zones", "bot"]
    assert stored.servers is not None
    assert set(stored.servers) == {GUILD_ID}


async def test_an_unreachable_postgresql_is_reported_without_its_password():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"postgresql://coach:sesame@127.0.0.1:{bound.getsockname()[1]}/coaching"

        stored = await checked(url)

    [found] = stored.checks  # and its message contains nothing else
    assert (found.name, found.level) == ("database", Level.ERROR)
    assert "can't open" in found.found
    assert "sesame" not in found.found


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_database_that_cannot_be_opened_is_reported_even_on_a_full_disk(db: Database):
    assert db.file is not None
    db.file.with_name(f"{db.file.name}-same").hardlink_to(db.file)

    stored = await checked(str(db.url), free_bytes=1)

    db.file.with_name(f"{db.file.name}-same").unlink()
    [full, database] = [one for one in stored.checks if one.level is Level.ERROR]
    assert (full.name, database.name) == ("disk", "database")
    assert "a second name" in database.found
    assert [one.name for one in stored.checks if one.level is Level.OK] == ["file"]
