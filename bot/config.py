"""Typed settings from config.toml, a .env file and the environment, where later ones win."""

import base64
import binascii
import contextlib
import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from scheduler.core.errors import Unreadable
from scheduler.servers.declarations import SETTINGS, Setting
from scheduler.servers.setting_kinds import Whole

if TYPE_CHECKING:
    from scheduler.servers.settings import GuildDefaults

CONFIG_FILE = Path("config.toml")
ENV_FILE = Path(".env")
_SHORTEST_SECRET = 16
_MESSAGES = {
    "extra_forbidden": "there's no such key; config.example.toml lists them all",
    "literal_error": "must be {expected}",
    "model_type": "must be a table of settings",
    "string_type": "must be a string",
    "value_error": "{error}",
}
"""Messages by pydantic error type."""


class ConfigError(Exception):
    """The configuration is wrong. The message is one line that says what and where."""


def _whole_number(least: int, most: int, called: str = "a whole number from {} to {}") -> BeforeValidator:
    """Accept a whole number in this range, also as text as it comes from the environment."""

    def check(value: object) -> int:
        with contextlib.suppress(ValueError):
            if least <= (number := int(str(value))) <= most:  # pydantic would also accept 5.0 and true
                return number
        raise ValueError(f"must be {called.format(least, most)}")

    return BeforeValidator(check)


def _parsed(parse: Callable[[str], str]) -> AfterValidator:
    def check(value: str) -> str:
        try:
            return parse(value)
        except Unreadable as error:
            raise ValueError(str(error)) from None

    return AfterValidator(check)


def _address(value: str) -> str:
    if not value:
        raise ValueError("must be an address to listen on, like 127.0.0.1")
    return value


def _secret(value: str) -> str:
    secret = value.strip()
    if secret and len(secret) < _SHORTEST_SECRET:
        raise ValueError(
            f"must have at least {_SHORTEST_SECRET} characters; `openssl rand -hex 32` makes a good one"
        )
    return secret


def _stripe_key(value: str) -> str:
    secret = value.strip()
    if secret and not secret.startswith(("sk_live_", "rk_live_", "sk_test_", "rk_test_")):
        raise ValueError(
            "must be a secret or restricted key from Stripe's dashboard, which starts with sk_ or rk_"
        )
    return secret


def _webhook_secret(value: str) -> str:
    secret = value.strip()
    if secret and not secret.startswith("whsec_"):
        raise ValueError("must be a webhook's signing secret from Stripe's dashboard, which starts with whsec_")
    return secret


def _database_url(value: str) -> str:
    try:
        parsed = make_url(value)
    except (ArgumentError, ValueError):  # for example, a port that isn't a number
        parsed = None
    kind = parsed.get_backend_name() if parsed else None
    if parsed is None or kind not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("must look like sqlite:///coachbot.db or postgresql://user:password@host/name")
    if kind == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("a database in memory is lost when the process ends; name a file: sqlite:///coachbot.db")
    if kind == "sqlite" and parsed.query:
        raise ValueError("a SQLite file takes no parameters; remove the question mark and everything after it")
    if parsed.query:
        from models.storage import libpq  # imports every table, and most settings don't need them

        libpq.address(parsed)
    return value


_Id = Annotated[int, _whole_number(1, 2**63 - 1, "a Discord id, which has only digits, like 234567890123456789")]
_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
"""Reject misspelt keys in config.toml, and never show a secret in an error."""


def _field(setting: Setting) -> tuple[Any, str | int | None]:
    """The type and the default of a server default, as pydantic takes them."""
    if isinstance(setting.kind, Whole):
        return Annotated[int, _whole_number(setting.kind.least, setting.kind.most)], setting.default
    return Annotated[str, _parsed(lambda typed: str(setting.kind.parse(typed)))], setting.default


_fields: Any = {setting.column: _field(setting) for setting in SETTINGS if setting.default is not None}
_Declared: Any = create_model("_Declared", __config__=_STRICT, **_fields)


class ServerDefaults(_Declared):
    """What a server has until its admins change it with `/coaching setup`."""

    @model_validator(mode="after")
    def _room_comes_first(self) -> Self:
        if self.access_lead_minutes > self.room_lead_minutes:
            raise ValueError(
                "access_lead_minutes must not be more than room_lead_minutes: people can't enter a room "
                "before it exists"
            )
        return self


class Settings(BaseModel):
    """All settings. config.example.toml explains each key."""

    model_config = _STRICT

    discord_bot_token: str | None = Field(default=None, repr=False)
    discord_guild_id: _Id | None = None
    discord_client_id: _Id | None = None
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default="sqlite:///coachbot.db", repr=False
    )
    cron_secret: Annotated[str, AfterValidator(_secret)] | None = Field(default=None, repr=False)
    stripe_secret_key: Annotated[str, AfterValidator(_stripe_key)] | None = Field(default=None, repr=False)
    stripe_webhook_secret: Annotated[str, AfterValidator(_webhook_secret)] | None = Field(default=None, repr=False)
    web_port: Annotated[int, _whole_number(0, 65535)] | None = None
    web_host: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    tick_seconds: Annotated[int, _whole_number(1, 300)] = 15
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    server_defaults: ServerDefaults = ServerDefaults()

    @model_validator(mode="after")
    def _payments_have_a_server(self) -> Self:
        if self.stripe_secret_key and self.discord_guild_id is None:
            raise ValueError(
                "stripe_secret_key (STRIPE_SECRET_KEY) takes payments for one server: set discord_guild_id "
                "(DISCORD_GUILD_ID), too"
            )
        return self

    @property
    def guild_defaults(self) -> "GuildDefaults":
        """The server defaults as `scheduler` takes them."""
        from scheduler.servers.settings import GuildDefaults  # imports every table

        return GuildDefaults(**self.server_defaults.model_dump())

    def token(self) -> str:
        """Return the bot's token. Raises ConfigError if there is none."""
        token = (self.discord_bot_token or "").strip()
        if not token:
            raise ConfigError(
                "the bot's token is missing: set DISCORD_BOT_TOKEN in the environment or in .env, "
                "or discord_bot_token in config.toml"
            )
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigError(
                "discord_bot_token (DISCORD_BOT_TOKEN) contains a character that tokens never have; copy it again "
                "from the Developer Portal"
            )
        return token


class _Sources(BaseSettings, Settings):  # pyright: ignore[reportIncompatibleVariableOverride]  (two kinds of dict)
    """Where and how pydantic-settings looks for settings. `Settings` itself takes only what it's given."""

    model_config = SettingsConfigDict(
        dotenv_filtering="only_existing",  # other programs may keep their settings in the same file
        env_file_encoding="utf-8-sig",  # Windows writes a byte order mark
        env_ignore_empty=True,
    )


def bot_id_in(token: str) -> int | None:
    """Decode the bot's id from its token, or return None if it isn't a token."""
    head = token.partition(".")[0]
    try:
        digits = base64.b64decode(head + "=" * (-len(head) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return int(digits) if digits.isdigit() and len(digits) < 20 else None


def load(config_file: Path = CONFIG_FILE, env_file: Path = ENV_FILE) -> Settings:
    """Read all settings. Both files are optional.

    Raises ConfigError with one line that names the file and key of everything that's wrong.
    """
    sources: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        (str(config_file), lambda: _read_toml(config_file)),
        (str(env_file), lambda: _read_env_file(env_file)),
        ("environment", lambda: EnvSettingsSource(_Sources)()),
    ]
    found: dict[str, dict[str, Any]] = {}
    unreadable: list[str] = []
    for where, read in sources:
        try:
            found[where] = read()
        except (OSError, ValueError) as error:
            unreadable.append(f"{where}: {_read_error(error)}")
    if unreadable:
        raise ConfigError("; ".join(unreadable))
    try:
        return Settings.model_validate(_merge(found.values()))
    except ValidationError as error:
        wrong = error.errors(include_input=False)
        raise ConfigError("; ".join(f"{_locate(one['loc'], found)}: {_message(one)}" for one in wrong)) from None


def _read_toml(file: Path) -> dict[str, Any]:
    if file == CONFIG_FILE and not file.exists():
        return {}
    import tomllib  # imported late: many have no file

    return tomllib.loads(file.read_text("utf-8-sig"))


def _read_env_file(file: Path) -> dict[str, Any]:
    if file.is_dir():  # pydantic-settings would skip it silently
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return DotEnvSettingsSource(_Sources, env_file=file)()


def _read_error(error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return "file not found"
        case OSError():
            return f"can't be read: {error.strerror}"
        case UnicodeDecodeError():
            return "not UTF-8 text"
        case SettingsError():
            return f"SERVER_DEFAULTS: not valid JSON: {error.__cause__}"
        case _:  # from tomllib, or from Python for a number with more than 4,300 digits
            return f"not valid TOML: {error}"


def _merge(sources: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Merge the sources; later ones win. Server defaults are merged key by key."""
    joined: dict[str, Any] = {}
    for source in sources:
        tables = joined.get("server_defaults"), source.get("server_defaults")
        joined |= source
        if isinstance(tables[0], dict) and isinstance(tables[1], dict):
            joined["server_defaults"] = tables[0] | tables[1]
    return joined


def _locate(path: tuple[int | str, ...], found: dict[str, dict[str, Any]]) -> str:
    """Name a value's source, and its key as it's written there."""
    *_, where = (where for where, values in found.items() if _contains(values, path))
    first, *rest = map(str, path)
    if where != next(iter(found)):  # all but config.toml use upper case
        first = first.upper()
    return f"{where}: {'.'.join([first, *rest])}"


def _contains(values: object, path: tuple[int | str, ...]) -> bool:
    if not path:
        return True
    return isinstance(values, dict) and path[0] in values and _contains(values[path[0]], path[1:])


def _message(error: ErrorDetails) -> str:
    return _MESSAGES[error["type"]].format(**error.get("ctx", {}))
