"""Where settings come from, and how errors in them are reported without showing secrets."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from bot import config
from bot.config import ConfigError, Settings

TOKEN, CRON_SECRET, PASSWORD = "MTIz.very-secret-token", "another-long-secret", "hunter2"

NO_ID = "must be a Discord id, which has only digits, like 234567890123456789"
NO_KEY = "there's no such key; config.example.toml lists them all"
NO_URL = "must look like sqlite:///coachbot.db or postgresql://user:password@host/name"
NO_LEVEL = "must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"
IN_MEMORY = "a database in memory is lost when the process ends; name a file: sqlite:///coachbot.db"
MINUTES, PORT, SECONDS = (
    f"must be a whole number from {span}" for span in ("0 to 1440", "0 to 65535", "1 to 300")
)


@pytest.fixture(autouse=True)
def _bare_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Use an empty folder and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


def write(toml: str = "", env: str = "") -> None:
    """Write the two files in the current folder."""
    Path("config.toml").write_text(toml, "utf-8")
    Path(".env").write_text(env, "utf-8")


def refusal() -> str:
    """Return the error message."""
    with pytest.raises(ConfigError) as refused:
        config.load()
    return str(refused.value)


def test_defaults_apply_without_any_file() -> None:
    settings = config.load()

    assert settings.database_url == "sqlite:///coachbot.db"
    assert settings.tick_seconds == 15
    assert settings.guild_defaults.values["room_lead_minutes"] == 15
    assert settings.guild_defaults.values["access_lead_minutes"] == 5


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
def test_the_environment_beats_the_env_file_which_beats_the_config_file(
    environment: str | None, env: str | None, toml: str | None, wins: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"tick_seconds = {toml}" if toml else "", f"TICK_SECONDS={env}" if env is not None else "")
    if environment is not None:
        monkeypatch.setenv("TICK_SECONDS", environment)

    settings = config.load()

    assert settings.tick_seconds == wins


def test_server_defaults_are_merged_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[server_defaults]\ntime_zone = "Europe/Berlin"\ncurrency = "USD"')
    monkeypatch.setenv("SERVER_DEFAULTS", '{"currency": "eur"}')

    defaults = config.load().server_defaults

    assert (defaults.time_zone, defaults.currency) == ("Europe/Berlin", "EUR")


def test_the_earlier_systems_env_file_works_and_obsolete_keys_are_ignored() -> None:
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
        ("tick_second = 5", f"tick_second: {NO_KEY}"),
        ("[server_defaults]\nroom_lead = 5", f"server_defaults.room_lead: {NO_KEY}"),
        (
            '[server_defaults]\ntime_zone = "Mars/Olympus"',
            'server_defaults.time_zone: I don\'t know the time zone "Mars/Olympus". Type one like Europe/Berlin '
            "or UTC+2, or a city like Munich.",
        ),
        (
            '[server_defaults]\ncurrency = "gold"',
            'server_defaults.currency: "gold" isn\'t a currency. Type a three-letter code, like USD, EUR or INR.',
        ),
        ("[server_defaults]\nlinger_minutes = -1", f"server_defaults.linger_minutes: {MINUTES}"),
        (
            "[server_defaults]\nroom_lead_minutes = 1441",
            f"server_defaults.room_lead_minutes: {MINUTES}",
        ),
        ("server_defaults = 5", "server_defaults: must be a table of settings"),
        ('database_url = "sqlite://"', f"database_url: {IN_MEMORY}"),
        ('database_url = "sqlite:///:memory:"', f"database_url: {IN_MEMORY}"),
        ('database_url = "mysql://bot@host/name"', f"database_url: {NO_URL}"),
        ('database_url = "coachbot.db"', f"database_url: {NO_URL}"),
        ('database_url = "postgresql://bot@host:port/name"', f"database_url: {NO_URL}"),
        (
            'database_url = "postgresql://bot@host/name?channel_binding=require"',
            "database_url: the parameter channel_binding asks for something that the asyncpg driver can't do; "
            "remove it or set it to prefer",
        ),
        (
            'database_url = "postgresql://bot@host/name?schema=coaching"',
            "database_url: PostgreSQL has no parameter schema; remove it",
        ),
        (
            'database_url = "sqlite:///file:coachbot.db?uri=true"',
            "database_url: a SQLite file takes no parameters; remove the question mark and everything after it",
        ),
        ('discord_guild_id = "your_discord_server_id"', f"discord_guild_id: {NO_ID}"),
        ("discord_client_id = 0", f"discord_client_id: {NO_ID}"),
        ("discord_guild_id = 9223372036854775808", f"discord_guild_id: {NO_ID}"),
        ("web_port = 65536", f"web_port: {PORT}"),
        ("web_port = -1", f"web_port: {PORT}"),
        ("web_port = true", f"web_port: {PORT}"),
        ('web_host = ""', "web_host: must be an address to listen on, like 127.0.0.1"),
        ("tick_seconds = 0", f"tick_seconds: {SECONDS}"),
        ("tick_seconds = 301", f"tick_seconds: {SECONDS}"),
        ("tick_seconds = 5.0", f"tick_seconds: {SECONDS}"),
        ('log_level = "LOUD"', f"log_level: {NO_LEVEL}"),
        ("cron_secret = 5", "cron_secret: must be a string"),
        (
            'cron_secret = "fifteen letters"',
            "cron_secret: must have at least 16 characters; `openssl rand -hex 32` makes a good one",
        ),
        (
            "tick_seconds 5",
            "not valid TOML: Expected '=' after a key in a key/value pair (at line 1, column 14)",
        ),
        pytest.param(
            "tick_seconds = " + "9" * 4_400,
            "not valid TOML: Exceeds the limit (4300 digits) for integer string conversion: value has 4400 "
            "digits; use sys.set_int_max_str_digits() to increase the limit",
            id="more digits than Python reads",
        ),
    ],
)
def test_a_wrong_value_in_the_config_file_is_reported_with_file_and_key(toml: str, told: str) -> None:
    write(toml)

    assert refusal() == f"config.toml: {told}"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("TICK_SECONDS", "0", SECONDS),
        ("DISCORD_GUILD_ID", "your_discord_server_id", NO_ID),
        ("DATABASE_URL", "sqlite://", IN_MEMORY),
        ("LOG_LEVEL", "LOUD", NO_LEVEL),
    ],
)
def test_a_wrong_value_is_reported_with_its_source(
    name: str, value: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(toml='tick_seconds = 20\nlog_level = "INFO"', env=f"{name}={value}")
    from_env_file = refusal()
    write(toml='tick_seconds = 20\nlog_level = "INFO"', env="TICK_SECONDS=30")
    monkeypatch.setenv(name, value)

    from_environment = refusal()

    assert from_env_file == f".env: {name}: {why}"
    assert from_environment == f"environment: {name}: {why}"


def test_wrong_values_are_reported_together() -> None:
    write('tick_seconds = 0\nlog_level = "LOUD"')

    assert refusal() == f"config.toml: tick_seconds: {SECONDS}; config.toml: log_level: {NO_LEVEL}"


def test_a_wrong_server_default_is_blamed_on_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    write(toml='[server_defaults]\ncurrency = "gold"', env='SERVER_DEFAULTS={"linger_minutes": -1}')
    monkeypatch.setenv("SERVER_DEFAULTS", '{"time_zone": "Mars/Olympus"}')

    places = [one.split(": ")[:2] for one in refusal().split("; ")]

    assert places == [
        ["environment", "SERVER_DEFAULTS.time_zone"],
        ["config.toml", "server_defaults.currency"],
        [".env", "SERVER_DEFAULTS.linger_minutes"],
    ]


def test_all_unreadable_sources_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    write(toml="tick_seconds =")
    Path(".env").write_bytes(b"\xff")
    monkeypatch.setenv("SERVER_DEFAULTS", "{")

    told = refusal().split("; ")

    assert [one.partition(": ")[0] for one in told] == ["config.toml", ".env", "environment"]


def test_malformed_server_defaults_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("server_defaults = {broken", "utf-8")
    in_file = refusal()
    monkeypatch.setenv("Server_Defaults", "{also broken")
    Path(".env").unlink()
    in_environment = refusal()

    assert in_file.startswith(".env: SERVER_DEFAULTS: not valid JSON")
    assert in_environment.startswith("environment: SERVER_DEFAULTS: not valid JSON")
    assert "broken" not in in_file + in_environment


def test_access_before_the_room_exists_is_rejected() -> None:
    write("[server_defaults]\nroom_lead_minutes = 5\naccess_lead_minutes = 10")

    told = refusal()

    assert told.startswith("config.toml: server_defaults")
    assert "\n" not in told


@pytest.mark.parametrize("name", ["config.toml", ".env"])
def test_a_file_that_is_not_text_is_named(name: str) -> None:
    Path(name).write_bytes(b"\xff\xfe# Notepad's idea of text")

    assert refusal() == f"{name}: not UTF-8 text"


def test_a_config_file_named_explicitly_must_exist() -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(Path("confg.toml"))

    assert str(refused.value) == "confg.toml: file not found"


@pytest.mark.parametrize("name", ["config.toml", ".env"])
def test_a_folder_instead_of_a_file_is_named(name: str) -> None:
    Path(name).mkdir()

    assert refusal() == f"{name}: can't be read: Is a directory"


@pytest.mark.parametrize("token", ["", "   "])
def test_a_missing_token_is_reported_with_how_to_set_it(token: str) -> None:
    write(f'discord_bot_token = "{token}"')

    with pytest.raises(ConfigError) as refused:
        config.load().token()

    assert str(refused.value) == (
        "the bot's token is missing: set DISCORD_BOT_TOKEN in the environment or in .env, "
        "or discord_bot_token in config.toml"
    )


def test_settings_do_not_show_their_secrets() -> None:
    url = f"postgresql://bot:{PASSWORD}@host/name"
    write(env=f"DISCORD_BOT_TOKEN={TOKEN}\nCRON_SECRET={CRON_SECRET}\nDATABASE_URL={url}\n")

    shown = f"{config.load()} {config.load()!r}"

    assert [secret for secret in (TOKEN, CRON_SECRET, PASSWORD) if secret in shown] == []


def test_explicit_settings_ignore_every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    write("tick_seconds = 20", "TICK_SECONDS=30")
    monkeypatch.setenv("TICK_SECONDS", "40")

    assert Settings().tick_seconds == 15


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
def test_an_error_never_repeats_a_possible_secret(toml: str) -> None:
    write(toml)

    assert "secret" not in refusal()


def test_a_byte_order_mark_is_not_part_of_the_first_key() -> None:
    Path("config.toml").write_text("tick_seconds = 20", "utf-8-sig")
    Path(".env").write_text(f"DISCORD_BOT_TOKEN={TOKEN}", "utf-8-sig")

    settings = config.load()

    assert (settings.discord_bot_token, settings.tick_seconds) == (TOKEN, 20)


@pytest.mark.parametrize(
    ("typed", "secret"),
    [("", ""), ("sixteen  letters", "sixteen  letters"), ("  sixteen  letters ", "sixteen  letters")],
)
def test_a_secret_needs_sixteen_characters_without_surrounding_blanks(typed: str, secret: str) -> None:
    write(f'cron_secret = "{typed}"')

    assert config.load().cron_secret == secret


@pytest.mark.parametrize(("digits", "bot_id"), [("9" * 19, 10**19 - 1), ("9" * 20, None), ("9" * 5000, None)])
def test_only_a_possible_id_is_read_from_a_token(digits: str, bot_id: int | None) -> None:
    token = f"{base64.b64encode(digits.encode()).decode()}.in.it"

    assert config.bot_id_in(token) == bot_id


def test_settings_are_read_without_loading_the_tables() -> None:
    look = "import sys, bot.config; sys.exit('models' in sys.modules)"
    root = Path(config.__file__).parents[1]

    assert subprocess.run([sys.executable, "-c", look], cwd=root, check=False).returncode == 0
