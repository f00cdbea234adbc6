"""Where settings come from, how a wrong one is told, and that secrets stay secret."""

import contextlib
import dataclasses
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from bot import config, log
from bot.config import ConfigError, Settings

TOKEN, CRON_SECRET, PASSWORD = "MTIz.very-secret-token", "another-long-secret", "hunter2"

NO_ID = "it has to be an id of Discord, which has digits only, like 234567890123456789"


@pytest.fixture(autouse=True)
def _bare_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder, and an environment without any of the settings."""
    monkeypatch.chdir(tmp_path)
    for name in (one.name for one in dataclasses.fields(Settings)):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


def write(toml: str = "", env: str = "") -> None:
    """The two files, in the present folder."""
    Path("config.toml").write_text(toml, "utf-8")
    Path(".env").write_text(env, "utf-8")


def refusal() -> str:
    """What the operator is told."""
    with pytest.raises(ConfigError) as refused:
        config.load()
    return str(refused.value)


@contextlib.contextmanager
def logging_as_set_up(level: str, *secrets: str, stream: TextIO | None = None) -> Iterator[None]:
    """The program's logging, while pytest's own is put aside."""
    root = logging.getLogger()
    touched = [root, *map(logging.getLogger, ("discord", "apscheduler", "alembic", "sqlalchemy.engine"))]
    levels, handlers = [logger.level for logger in touched], root.handlers[:]
    root.handlers.clear()
    try:
        log.set_up(level, secrets, stream)
        yield
    finally:
        root.handlers[:] = handlers
        for logger, before in zip(touched, levels, strict=True):
            logger.setLevel(before)


def test_without_any_file_the_defaults_hold() -> None:
    settings = config.load()

    assert settings.database_url == "sqlite:///coachbot.db"
    assert settings.tick_seconds == 15
    assert settings.guild_defaults.room_lead_minutes == 15
    assert settings.guild_defaults.access_lead_minutes == 5


@pytest.mark.parametrize(
    ("environment", "env", "toml", "wins"),
    [
        ("10", "20", "30", 10),
        ("10", "20", None, 10),
        ("10", None, "30", 10),
        (None, "20", "30", 20),
        (None, None, "30", 30),
        ("", "20", "30", 20),
        ("", "", "30", 30),
        ("", "", None, 15),
    ],
)
def test_the_environment_beats_the_env_file_and_that_beats_the_config_file(
    environment: str | None, env: str | None, toml: str | None, wins: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"tick_seconds = {toml}" if toml else "", f"TICK_SECONDS={env}" if env is not None else "")
    if environment is not None:
        monkeypatch.setenv("TICK_SECONDS", environment)

    settings = config.load()

    assert settings.tick_seconds == wins


def test_single_server_defaults_in_the_environment_join_those_of_the_config_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write('[server_defaults]\ntime_zone = "Europe/Berlin"\ncurrency = "USD"')
    monkeypatch.setenv("SERVER_DEFAULTS", '{"currency": "eur"}')

    defaults = config.load().server_defaults

    assert (defaults.time_zone, defaults.currency) == ("Europe/Berlin", "EUR")


def test_the_env_file_of_the_earlier_system_works_and_what_fell_away_is_ignored() -> None:
    write(
        env=f"""
        DISCORD_CLIENT_ID=123456789012345678
        DISCORD_CLIENT_SECRET=unused
        DISCORD_BOT_TOKEN={TOKEN}
        DISCORD_GUILD_ID=234567890123456789
        # Cron Job Security (optional but recommended)
        CRON_SECRET={CRON_SECRET}
        NEXT_PUBLIC_APP_URL=https://your-domain.com
        """
    )

    settings = config.load()

    assert settings.token() == TOKEN
    assert settings.discord_client_id == 123456789012345678
    assert settings.discord_guild_id == 234567890123456789
    assert settings.cron_secret == CRON_SECRET


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("tick_second = 5", "config.toml: tick_second: there is no such key; config.example.toml lists all"),
        (
            "[server_defaults]\nroom_lead = 5",
            "config.toml: server_defaults.room_lead: there is no such key; config.example.toml lists all",
        ),
        (
            '[server_defaults]\ntime_zone = "Mars/Olympus"',
            'config.toml: server_defaults.time_zone: I know no time zone "Mars/Olympus". Type it like '
            "Europe/Berlin or UTC, or a city like Munich.",
        ),
        (
            '[server_defaults]\ncurrency = "gold"',
            'config.toml: server_defaults.currency: "gold" is no currency. Type its three-letter code, like USD, '
            "EUR or INR.",
        ),
        (
            "[server_defaults]\nlinger_minutes = -1",
            "config.toml: server_defaults.linger_minutes: it has to be a whole number from 0 to 1440",
        ),
        (
            "[server_defaults]\nroom_lead_minutes = 1441",
            "config.toml: server_defaults.room_lead_minutes: it has to be a whole number from 0 to 1440",
        ),
        (
            'database_url = "sqlite://"',
            "config.toml: database_url: a database in memory is gone with the process; name a file: "
            "sqlite:///coachbot.db",
        ),
        (
            'database_url = "sqlite:///:memory:"',
            "config.toml: database_url: a database in memory is gone with the process; name a file: "
            "sqlite:///coachbot.db",
        ),
        (
            'database_url = "mysql://bot@host/name"',
            "config.toml: database_url: it has to look like sqlite:///coachbot.db or "
            "postgresql://user:password@host/name",
        ),
        (
            'database_url = "coachbot.db"',
            "config.toml: database_url: it has to look like sqlite:///coachbot.db or "
            "postgresql://user:password@host/name",
        ),
        (
            'discord_guild_id = "your_discord_server_id"',
            f"config.toml: discord_guild_id: {NO_ID}",
        ),
        ("discord_client_id = 0", f"config.toml: discord_client_id: {NO_ID}"),
        (
            "discord_guild_id = 9223372036854775808",
            f"config.toml: discord_guild_id: {NO_ID}",
        ),
        ("web_port = 65536", "config.toml: web_port: it has to be a whole number from 0 to 65535"),
        ("web_port = -1", "config.toml: web_port: it has to be a whole number from 0 to 65535"),
        ('web_host = ""', "config.toml: web_host: it has to be an address to listen on, like 127.0.0.1"),
        ("tick_seconds = 0", "config.toml: tick_seconds: it has to be a whole number from 1 to 300"),
        ("tick_seconds = 301", "config.toml: tick_seconds: it has to be a whole number from 1 to 300"),
        (
            'log_level = "LOUD"',
            "config.toml: log_level: it has to be one of DEBUG, INFO, WARNING, ERROR",
        ),
        (
            'database_url = "postgresql://bot@host:port/name"',
            "config.toml: database_url: it has to look like sqlite:///coachbot.db or "
            "postgresql://user:password@host/name",
        ),
        ("tick_seconds = 5.0", "config.toml: tick_seconds: it has to be a whole number from 1 to 300"),
        ("web_port = true", "config.toml: web_port: it has to be a whole number from 0 to 65535"),
        ("cron_secret = 5", "config.toml: cron_secret: it has to be a text"),
        (
            'cron_secret = "fifteen letters"',
            "config.toml: cron_secret: it has to have at least 16 characters; `openssl rand -hex 32` makes a good "
            "one",
        ),
        (
            'database_url = "postgresql://bot@host/name?channel_binding=require"',
            "config.toml: database_url: the parameter channel_binding asks for something that the driver asyncpg "
            "cannot do; take it out or set it to prefer",
        ),
        (
            'database_url = "postgresql://bot@host/name?schema=coaching"',
            "config.toml: database_url: there is no parameter schema; take it out",
        ),
        (
            'database_url = "sqlite:///file:coachbot.db?uri=true"',
            "config.toml: database_url: a SQLite file takes no parameters; leave out the question mark and what "
            "follows",
        ),
        ("server_defaults = 5", "config.toml: server_defaults: it has to be a table of settings"),
        (
            "tick_seconds 5",
            "config.toml: this is not TOML: Expected '=' after a key in a key/value pair (at line 1, column 14)",
        ),
        pytest.param(
            "tick_seconds = " + "9" * 4_400,
            "config.toml: this is not TOML: Exceeds the limit (4300 digits) for integer string conversion: "
            "value has 4400 digits; use sys.set_int_max_str_digits() to increase the limit",
            id="more digits than Python reads",
        ),
    ],
)
def test_a_wrong_value_in_the_config_file_is_told_in_one_line_with_file_and_key(toml: str, told: str) -> None:
    write(toml)

    assert refusal() == told


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("TICK_SECONDS", "0", "it has to be a whole number from 1 to 300"),
        ("DISCORD_GUILD_ID", "your_discord_server_id", NO_ID),
        (
            "DATABASE_URL",
            "sqlite://",
            "a database in memory is gone with the process; name a file: sqlite:///coachbot.db",
        ),
        ("LOG_LEVEL", "LOUD", "it has to be one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_wrong_value_is_told_with_the_place_that_it_was_taken_from(
    name: str, value: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(toml='tick_seconds = 20\nlog_level = "INFO"', env=f"{name}={value}")
    from_env_file = refusal()
    write(toml='tick_seconds = 20\nlog_level = "INFO"', env="TICK_SECONDS=30")
    monkeypatch.setenv(name, value)

    from_environment = refusal()

    assert from_env_file == f".env: {name}: {why}"
    assert from_environment == f"environment: {name}: {why}"


def test_several_wrong_values_are_told_together() -> None:
    write('tick_seconds = 0\nlog_level = "LOUD"')

    assert refusal() == (
        "config.toml: tick_seconds: it has to be a whole number from 1 to 300; "
        "config.toml: log_level: it has to be one of DEBUG, INFO, WARNING, ERROR"
    )


def test_a_wrong_server_default_in_the_environment_is_not_blamed_on_the_config_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(toml='[server_defaults]\ntime_zone = "Europe/Berlin"')
    monkeypatch.setenv("SERVER_DEFAULTS", '{"time_zone": "Mars/Olympus"}')

    assert refusal().startswith("environment: SERVER_DEFAULTS")


def test_server_defaults_that_are_no_json_are_told_with_their_place_and_without_what_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("server_defaults = {broken", "utf-8")
    in_file = refusal()
    monkeypatch.setenv("Server_Defaults", "{also broken")
    Path(".env").unlink()
    in_environment = refusal()

    assert in_file.startswith(".env: SERVER_DEFAULTS: this is not JSON")
    assert in_environment.startswith("environment: SERVER_DEFAULTS: this is not JSON")
    assert "broken" not in in_file + in_environment


def test_letting_people_in_before_the_room_is_made_is_refused() -> None:
    write("[server_defaults]\nroom_lead_minutes = 5\naccess_lead_minutes = 10")

    told = refusal()

    assert told.startswith("config.toml: server_defaults")
    assert "\n" not in told


@pytest.mark.parametrize(
    "name",
    [
        "config.toml",
        ".env",
    ],
)
def test_a_file_that_is_not_text_is_named(name: str) -> None:
    Path(name).write_bytes(b"\xff\xfe# Notepad's idea of text")

    assert refusal() == f"{name}: this file is not UTF-8 text"


def test_a_config_file_that_was_asked_for_has_to_be_there() -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(Path("confg.toml"))

    assert str(refused.value) == "confg.toml: there is no such file"


def test_a_folder_in_the_place_of_the_config_file_is_named() -> None:
    Path("config.toml").mkdir()

    assert refusal() == "config.toml: cannot be read: Is a directory"


@pytest.mark.parametrize("token", ["", "   "])
def test_a_missing_token_is_told_with_the_ways_to_set_it(token: str) -> None:
    write(f'discord_bot_token = "{token}"')

    with pytest.raises(ConfigError) as refused:
        config.load().token()

    assert str(refused.value) == (
        "the bot's token is missing: set DISCORD_BOT_TOKEN in the environment or in .env, "
        "or discord_bot_token in config.toml"
    )


def test_settings_do_not_show_their_secrets() -> None:
    write(env=f"DISCORD_BOT_TOKEN={TOKEN}\nCRON_SECRET={CRON_SECRET}\n")

    shown = f"{config.load()} {config.load()!r}"

    assert TOKEN not in shown
    assert CRON_SECRET not in shown


def test_settings_do_not_show_the_databases_password() -> None:
    write(env=f"DATABASE_URL=postgresql://bot:{PASSWORD}@host/name")

    settings = config.load()

    assert PASSWORD not in f"{settings} {settings!r}"


@pytest.mark.parametrize(
    "toml",
    [
        f"discord_bot_token = {TOKEN}",
        f'discord_bot_token = "{TOKEN}',
        f'discord_bot_token = ["{TOKEN}"]',
        f'discord_guild_id = "{TOKEN}"',
        f'database_url = "mysql://bot:{TOKEN}@host/name"',
        f'database_url = "postgresql://bot:{TOKEN}@host:port/name"',
    ],
)
def test_a_refusal_does_not_repeat_what_may_be_a_secret(toml: str) -> None:
    write(toml)

    assert "secret" not in refusal()


def test_the_log_shows_no_secret_not_even_in_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("bot.example")

    with logging_as_set_up("INFO", TOKEN, CRON_SECRET, ""):
        logger.info("asked with %s and %s", TOKEN, {"Authorization": f"Bearer {CRON_SECRET}"})
        try:
            raise RuntimeError(f"Discord did not like {TOKEN}") from ValueError(CRON_SECRET)
        except RuntimeError:
            logger.exception("session %s failed", 7)

    written = capsys.readouterr().err
    assert "asked with *** and {'Authorization': 'Bearer ***'}" in written
    assert "RuntimeError: Discord did not like ***" in written
    assert "ValueError: ***" in written
    assert TOKEN not in written
    assert CRON_SECRET not in written


class Terminal(io.StringIO):
    """What somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_events_are_lines_for_people() -> None:
    terminal = Terminal()

    with logging_as_set_up("INFO", stream=terminal):
        logging.getLogger("scheduler.loop").info("tick (due): %s steps", 3)

    assert terminal.getvalue().endswith(" INFO    scheduler.loop: tick (due): 3 steps\n")


def test_elsewhere_each_event_is_an_object_on_a_line_of_its_own_with_its_ids() -> None:
    collected, secret = io.StringIO(), 'of "quotes"\nand lines'

    with logging_as_set_up("INFO", secret, stream=collected):
        logging.getLogger("cogs.routing").info("/book answered", extra={"interaction": 7, "milliseconds": 120})
        try:
            raise RuntimeError(f"Discord did not like {secret}")
        except RuntimeError:
            logging.getLogger("bot.app").exception("two\nlines")

    answered, failed = [json.loads(line) for line in collected.getvalue().splitlines()]
    assert answered.pop("at").endswith("+00:00")
    assert answered == {
        "level": "INFO",
        "logger": "cogs.routing",
        "message": "/book answered",
        "interaction": 7,
        "milliseconds": 120,
    }
    assert failed["message"] == "two\nlines"
    assert failed["error"].endswith("RuntimeError: Discord did not like ***")


@pytest.mark.parametrize(("level", "seen"), [("DEBUG", True), ("INFO", True), ("WARNING", False)])
def test_our_events_are_logged_from_the_level_on_and_libraries_only_warn(
    level: str, seen: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_as_set_up(level):
        logging.getLogger("discord.http").info("a request")
        logging.getLogger("apscheduler.executors.default").info("a job")
        logging.getLogger("discord.gateway").warning("a lost connection")
        logging.getLogger("scheduler.loop").info("what came of it")

    written = capsys.readouterr().err
    assert "a request" not in written
    assert "a job" not in written
    assert "a lost connection" in written
    assert ("what came of it" in written) is seen


def test_a_mark_with_which_windows_begins_a_file_belongs_to_no_key() -> None:
    Path("config.toml").write_text("tick_seconds = 20", "utf-8-sig")
    Path(".env").write_text(f"DISCORD_BOT_TOKEN={TOKEN}", "utf-8-sig")

    settings = config.load()

    assert (settings.discord_bot_token, settings.tick_seconds) == (TOKEN, 20)


def test_what_hides_secrets_leaves_the_log_as_it_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    collected = io.StringIO()

    with logging_as_set_up("INFO", "message", "level", "bot", "7", stream=collected):
        logging.getLogger("bot.app").info("a level message", extra={"session": 7, "said": {"level": "bot"}})

    line = json.loads(collected.getvalue())
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "bot.app",
        "message": "a *** ***",
        "session": 7,
        "said": "{'***': '***'}",
    }


def test_a_secret_is_hidden_also_as_a_url_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as_set_up("INFO", "pass/word@home"):
        logging.getLogger("bot.app").info("postgresql://bot:pass%2Fword%40home@here")

    assert "bot:***@here" in capsys.readouterr().err


def test_what_one_place_says_all_the_time_is_left_out_and_counted_and_no_other_with_it() -> None:
    collected, seconds = io.StringIO(), [0.0]
    sparing = log._Sparing(lambda: seconds[0])

    def fail() -> logging.LogRecord:
        return logging.LogRecord("bot.app", logging.ERROR, __file__, 1, "it failed", None, None)

    said = [sparing.filter(fail()) for _ in range(100)]
    another = sparing.filter(logging.LogRecord("bot.app", logging.ERROR, __file__, 2, "another", None, None))
    seconds[0] = 60.0
    later = fail()
    is_said = sparing.filter(later)
    with logging_as_set_up("INFO", stream=collected):
        logging.getLogger("bot.app").handle(later)

    assert said == [True] * log.MOST_A_MINUTE + [False] * (100 - log.MOST_A_MINUTE)
    assert another
    assert is_said
    assert json.loads(collected.getvalue())["left_out"] == 100 - log.MOST_A_MINUTE
