"""Typed settings from config.toml, a .env file and the environment (the later ones win)."""

import base64
import binascii
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from scheduler.errors import Unreadable
from scheduler.money import parse_currency
from scheduler.zones import parse_zone

if TYPE_CHECKING:
    from scheduler.guilds import GuildDefaults

CONFIG_FILE = Path("config.toml")
ENV_FILE = Path(".env")


class ConfigError(Exception):
    """Something in the configuration is wrong; one line says what and where."""


def _database_url(url: str) -> str:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number, for one
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("it has to look like sqlite:///coachbot.db or postgresql://user:password@host/name")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("a database in memory is gone with the process; name a file: sqlite:///coachbot.db")
    return url


def _readable(parse: Callable[[str], str]) -> AfterValidator:
    def check(value: str) -> str:
        try:
            return parse(value)
        except Unreadable as error:
            raise ValueError(str(error)) from None

    return AfterValidator(check)


class ServerDefaults(BaseModel):
    """What holds in a server until its admins change it with `/coaching setup`."""

    model_config = ConfigDict(extra="forbid")

    time_zone: Annotated[str, _readable(parse_zone)] = "UTC"
    currency: Annotated[str, _readable(parse_currency)] = "USD"
    room_lead_minutes: int = Field(default=15, ge=0, le=24 * 60)
    access_lead_minutes: int = Field(default=5, ge=0, le=24 * 60)
    linger_minutes: int = Field(default=15, ge=0, le=24 * 60)
    cancel_notice_minutes: int = Field(default=0, ge=0, le=30 * 24 * 60)
    most_coming: int = Field(default=10, ge=1, le=100)

    @model_validator(mode="after")
    def _room_before_access(self) -> Self:
        if self.access_lead_minutes > self.room_lead_minutes:
            raise ValueError("access_lead_minutes must not be more than room_lead_minutes: the room comes first")
        return self


class Settings(BaseModel):
    """Everything that can be configured; config.example.toml explains each key."""

    # A misspelt key in config.toml would silently do nothing.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    discord_bot_token: SecretStr | None = None
    discord_guild_id: int | None = Field(default=None, gt=0, lt=2**63)
    discord_client_id: int | None = Field(default=None, gt=0, lt=2**63)
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default="sqlite:///coachbot.db", repr=False
    )
    cron_secret: SecretStr | None = None
    web_port: int | None = Field(default=None, ge=0, le=65535)
    web_host: str = Field(default="127.0.0.1", min_length=1)
    tick_seconds: int = Field(default=15, ge=1, le=300)
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    server_defaults: ServerDefaults = Field(default_factory=ServerDefaults)

    @property
    def guild_defaults(self) -> "GuildDefaults":
        """The server defaults as the domain takes them."""
        from scheduler.guilds import GuildDefaults  # what looks at settings only needs no tables

        return GuildDefaults(**self.server_defaults.model_dump())

    def token(self) -> str:
        """The bot's token. Raises ConfigError if there is none."""
        token = self.discord_bot_token.get_secret_value().strip() if self.discord_bot_token else ""
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
    return int(digits) if digits.isdigit() else None


def load(config_file: Path = CONFIG_FILE, env_file: Path = ENV_FILE) -> Settings:
    """Read all settings. Without the two files the environment alone counts.

    Raises ConfigError with one line that names file and key.
    """
    if not config_file.exists() and config_file != CONFIG_FILE:
        raise ConfigError(f"{config_file}: there is no such file")
    try:
        from_toml = tomllib.loads(_text_of(config_file)) if config_file.exists() else {}
        from_file = _ours(_in_file(env_file), str(env_file))
        return Settings.model_validate(_joined(from_toml, from_file, _ours(os.environ, "environment")))
    except ValidationError as error:
        raise ConfigError(
            "; ".join(_in_words(one, config_file, env_file) for one in error.errors(include_input=False))
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{config_file}: this is not TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be read: {error.strerror}") from None


def _in_file(env_file: Path) -> Mapping[str, str | None]:
    if not env_file.exists():
        return {}
    _text_of(env_file)
    return dotenv_values(env_file)


def _ours(found: Mapping[str, str | None], where: str) -> dict[str, Any]:
    """Our keys and their values; both places are shared with other programs, and what is empty is not set."""
    ours: dict[str, Any] = {
        key: value for name, value in found.items() if value and (key := name.lower()) in Settings.model_fields
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


def _no_such_key(where: str | Path, key: str) -> str:
    return f"{where}: {key}: there is no such key; config.example.toml lists all"


def _in_words(error: ErrorDetails, config_file: Path, env_file: Path) -> str:
    key = ".".join(map(str, error["loc"]))
    # `load` took the value from the first of these that has it.
    name = str(error["loc"][0]).lower()
    in_file = _in_file(env_file)
    if name in {one.lower() for one, value in os.environ.items() if value}:
        where, key = "environment", key.upper()
    elif name in {one.lower() for one, value in in_file.items() if value}:
        where, key = str(env_file), key.upper()
    else:
        where = str(config_file)
    if error["type"] == "extra_forbidden":
        return _no_such_key(where, key)
    return f"{where}: {key}: {error['msg'].removeprefix('Value error, ')}"
