"""Typed settings from config.toml, a .env file and the environment (the later ones win)."""

import base64
import binascii
import io
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from dotenv import dotenv_values
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from scheduler.core.errors import Unreadable
from scheduler.parsing.money import parse_currency
from scheduler.time.time_zones import parse_zone

if TYPE_CHECKING:
    from scheduler.servers.settings import GuildDefaults

CONFIG_FILE = Path("config.toml")
ENV_FILE = Path(".env")
_SHORTEST_SECRET = 16


class ConfigError(Exception):
    """Something in the configuration is wrong; one line says what and where."""


class _Wrong(ValueError):
    """What is wrong with which key."""

    def __init__(self, by_key: Mapping[str, str]) -> None:
        super().__init__(by_key)
        self.by_key = by_key


def _read(kind: Any, values: object) -> Any:
    """These values as that dataclass; what is not among them keeps its default. Raises _Wrong, ValueError."""
    if not isinstance(values, Mapping):
        raise ValueError("it has to be a table of settings")
    readers: dict[str, Callable[[Any], Any]] = {one.name: one.metadata["read"] for one in fields(kind)}
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for key, value in values.items():
        try:
            # A misspelt key in config.toml would silently do nothing.
            found[key] = readers.get(key, _unknown)(value)
        except _Wrong as inside:
            wrong |= {f"{key}.{inner}": why for inner, why in inside.by_key.items()}
        except ValueError as error:
            wrong[key] = str(error)
    if wrong:
        raise _Wrong(wrong)
    return kind(**found)


def _unknown(_value: object) -> NoReturn:
    raise ValueError("there is no such key; config.example.toml lists all")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("it has to be a text")
    return value


def _parsed(parse: Callable[[str], str]) -> Callable[[object], str]:
    def read(value: object) -> str:
        try:
            return parse(_text(value))
        except Unreadable as error:
            raise ValueError(str(error)) from None

    return read


def _one_of(*names: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in names:
            raise ValueError(f"it has to be one of {', '.join(names)}")
        return _text(value)

    return read


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        number = _integer(value)
        if number is None or not least <= number <= most:
            raise ValueError(f"it has to be a whole number from {least} to {most}")
        return number

    return read


def _id(value: object) -> int:
    number = _integer(value)
    if number is None or not 0 < number < 2**63:
        raise ValueError("it has to be an id of Discord, which has digits only, like 234567890123456789")
    return number


def _integer(value: object) -> int | None:
    """A whole number, or the text of one, as the environment has it."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return value if type(value) is int else None


def _address(value: object) -> str:
    if not _text(value):
        raise ValueError("it has to be an address to listen on, like 127.0.0.1")
    return _text(value)


def _secret(value: object) -> str:
    secret = _text(value).strip()
    if secret and len(secret) < _SHORTEST_SECRET:
        raise ValueError(
            f"it needs at least {_SHORTEST_SECRET} characters; `openssl rand -hex 32` makes a good one"
        )
    return secret


def _database_url(value: object) -> str:
    try:
        parsed = make_url(_text(value))
    except (ArgumentError, ValueError):  # a port that is no number, for one
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("it has to look like sqlite:///coachbot.db or postgresql://user:password@host/name")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("a database in memory is gone with the process; name a file: sqlite:///coachbot.db")
    if parsed.query:
        _must_be_known(parsed)
    return _text(value)


def _must_be_known(parsed: URL) -> None:
    """Raise ValueError for a parameter that the database does not have, or that does not work here."""
    if parsed.get_backend_name() == "sqlite":
        raise ValueError("a SQLite file takes no parameters; remove the question mark and everything after it")
    from models.storage import libpq  # brings all tables, which what looks at settings only does not need

    libpq.address(parsed)


def _setting(read: Callable[[Any], Any], default: Any, *, shown: bool = True) -> Any:
    """A field whose value is read in this way. What is not `shown` is secret."""
    return field(default=default, metadata={"read": read}, repr=shown)


@dataclass(frozen=True, kw_only=True)
class ServerDefaults:
    """What holds in a server until its admins change it with `/coaching setup`."""

    time_zone: str = _setting(_parsed(parse_zone), "UTC")
    currency: str = _setting(_parsed(parse_currency), "USD")
    room_lead_minutes: int = _setting(_whole(0, 24 * 60), 15)
    access_lead_minutes: int = _setting(_whole(0, 24 * 60), 5)
    linger_minutes: int = _setting(_whole(0, 24 * 60), 15)
    cancel_notice_minutes: int = _setting(_whole(0, 30 * 24 * 60), 0)
    most_upcoming: int = _setting(_whole(1, 100), 10)

    def __post_init__(self) -> None:
        if self.access_lead_minutes > self.room_lead_minutes:
            raise ValueError("access_lead_minutes must not be more than room_lead_minutes: the room comes first")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be configured; config.example.toml explains each key."""

    discord_bot_token: str | None = _setting(_text, None, shown=False)
    discord_guild_id: int | None = _setting(_id, None)
    discord_client_id: int | None = _setting(_id, None)
    database_url: str = _setting(_database_url, "sqlite:///coachbot.db", shown=False)
    cron_secret: str | None = _setting(_secret, None, shown=False)
    web_port: int | None = _setting(_whole(0, 65535), None)
    web_host: str = _setting(_address, "127.0.0.1")
    tick_seconds: int = _setting(_whole(1, 300), 15)
    log_level: str = _setting(_one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
    server_defaults: ServerDefaults = field(
        default_factory=ServerDefaults, metadata={"read": partial(_read, ServerDefaults)}
    )

    @property
    def guild_defaults(self) -> "GuildDefaults":
        """The server defaults as the domain takes them."""
        from scheduler.servers.settings import GuildDefaults  # what looks at settings only needs no tables

        return GuildDefaults(**asdict(self.server_defaults))

    def token(self) -> str:
        """The bot's token. Raises ConfigError if there is none."""
        token = (self.discord_bot_token or "").strip()
        if not token:
            raise ConfigError(
                "the bot's token is missing: set DISCORD_BOT_TOKEN in the environment or in .env, "
                "or discord_bot_token in config.toml"
            )
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigError(
                "discord_bot_token (DISCORD_BOT_TOKEN) holds a character that no token has; copy it again "
                "from the Developer Portal"
            )
        return token


def bot_id_in(token: str) -> int | None:
    """The bot's id, with which its token begins in base64; None if that is no token."""
    head = token.partition(".")[0]
    try:
        digits = base64.b64decode(head + "=" * (-len(head) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return int(digits) if digits.isdigit() and len(digits) < 20 else None


def load(config_file: Path = CONFIG_FILE, env_file: Path = ENV_FILE) -> Settings:
    """Read all settings. Without the two files the environment alone counts.

    Raises ConfigError with one line that names file and key.
    """
    if not config_file.exists() and config_file != CONFIG_FILE:
        raise ConfigError(f"{config_file}: there is no such file")
    try:
        from_toml = tomllib.loads(_text_of(config_file)) if config_file.exists() else {}
        from_file = _ours(_in_file(env_file), str(env_file))
        return _read(Settings, _joined(from_toml, from_file, _ours(os.environ, "environment")))
    except _Wrong as error:
        told = (f"{_place(key, config_file, env_file)}: {why}" for key, why in error.by_key.items())
        raise ConfigError("; ".join(told)) from None
    except ValueError as error:  # of tomllib, or of Python for a number of more than 4,300 digits
        raise ConfigError(f"{config_file}: this is not TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be read: {error.strerror}") from None


def _in_file(env_file: Path) -> Mapping[str, str | None]:
    if not env_file.exists():
        return {}
    # By us: python-dotenv takes the mark with which Windows begins a file for a part of the first key.
    return dotenv_values(stream=io.StringIO(_text_of(env_file)))


def _ours(found: Mapping[str, str | None], where: str) -> dict[str, Any]:
    """Our keys and their values; both places are shared with other programs, and what is empty is not set."""
    known = {one.name for one in fields(Settings)}
    ours: dict[str, Any] = {
        key: value for name, value in found.items() if value and (key := name.lower()) in known
    }
    if "server_defaults" in ours:
        try:
            ours["server_defaults"] = json.loads(ours["server_defaults"])
        except ValueError as error:
            raise ConfigError(f"{where}: SERVER_DEFAULTS: this is not JSON: {error}") from None
    return ours


def _joined(*sources: dict[str, Any]) -> dict[str, Any]:
    """The later ones win; single server defaults join those of the others."""
    joined: dict[str, Any] = {}
    for source in sources:
        tables = joined.get("server_defaults"), source.get("server_defaults")
        joined |= source
        if isinstance(tables[0], dict) and isinstance(tables[1], dict):
            joined["server_defaults"] = tables[0] | tables[1]
    return joined


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: this file is not UTF-8 text") from None


def _place(key: str, config_file: Path, env_file: Path) -> str:
    """Where a value was taken from, and the key as it is written there."""
    name = key.partition(".")[0].lower()
    # `load` took it from the first of these that has it.
    for where, found in (("environment", os.environ), (env_file, _in_file(env_file))):
        if name in {one.lower() for one, value in found.items() if value}:
            return f"{where}: {key.upper()}"
    return f"{config_file}: {key}"
