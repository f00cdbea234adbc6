"""The parameters of a PostgreSQL URL, which are libpq's, translated for asyncpg."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import URL


class Unsupported(ValueError):
    """The URL asks for something impossible. The message is one line that says what, without values."""


@dataclass
class Address:
    """Where a database is, and how to connect to it."""

    url: URL
    """Has no query parameters except hosts."""
    options: dict[str, Any] = field(default_factory=dict)
    keepalive: dict[str, int] = field(default_factory=dict)
    """The chosen values of libpq's `keepalives…` and `tcp_user_timeout`."""
    _read_by_driver: dict[str, str] = field(default_factory=dict)


Translation = Callable[[Address, str, str], None]
"""Applies a parameter, given its name and value. Raises ValueError saying what it must be."""


def address(url: URL) -> Address:
    """Read every parameter. Raises Unsupported."""
    found = Address(url.set(query={name: url.query[name] for name in ("host", "port") if name in url.query}))
    for name, value in url.query.items():
        if name in found.url.query:
            continue
        translate = _MEANINGS.get(name)
        if translate is None:
            raise Unsupported(f"PostgreSQL has no parameter {name}; remove it")
        try:
            translate(found, name, value if isinstance(value, str) else value[-1])
        except ValueError as error:
            raise Unsupported(f"the parameter {name} {error}") from None
    if found._read_by_driver:
        found.options["dsn"] = "postgresql://?" + urlencode(found._read_by_driver)
    return found


def _by_driver(*allowed: str) -> Translation:
    """Pass the parameter to the driver, which reads it like libpq."""

    def translate(found: Address, name: str, value: str) -> None:
        if allowed and value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        found._read_by_driver[name] = value

    return translate


def _only(*harmless: str) -> Translation:
    """Reject what the driver doesn't support, unless the value turns it off."""

    def translate(_found: Address, _name: str, value: str) -> None:
        if value.lower() not in harmless:
            or_so = f" or set it to {harmless[0]}" if harmless else ""
            raise ValueError(f"asks for something that the asyncpg driver can't do; remove it{or_so}")

    return translate


def _part(put: Callable[[URL, str], URL]) -> Translation:
    """Move the parameter into the part of the URL before the question mark."""

    def translate(found: Address, _name: str, value: str) -> None:
        found.url = put(found.url, value)

    return translate


def _at_start(found: Address, name: str, value: str) -> None:
    """Send the parameter to the server when connecting."""
    found.options.setdefault("server_settings", {})[name] = value


def _number(put: Callable[[Address, str, int], None]) -> Translation:
    def translate(found: Address, name: str, value: str) -> None:
        if not (value.isascii() and value.isdigit()):
            raise ValueError("must be a whole number")
        put(found, name, int(value))

    return translate


def _seconds_to_connect(found: Address, _name: str, value: int) -> None:
    if value:  # libpq treats 0 as no limit
        found.options["timeout"] = max(2, value)


def _kept_alive(found: Address, name: str, value: int) -> None:
    found.keepalive[name] = value


def _to_driver(found: Address, name: str, value: int) -> None:
    found.options[name] = value


def _ssl(found: Address, _name: str, value: str) -> None:
    """Read `ssl`, SQLAlchemy's and JDBC's name for `sslmode`."""
    _SSLMODE(found, "sslmode", {"true": "require", "false": "disable"}.get(value.lower(), value))


def _roots(found: Address, name: str, value: str) -> None:
    if value == "system":
        value = ssl.get_default_verify_paths().cafile  # None if there is none, despite its type
        if not value:
            raise ValueError("is set to system, but this machine has no certificate file; name one")
    _by_driver()(found, name, value)


_SSLMODE = _by_driver("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ANYTHING = _by_driver()
_NEVER = _only()
_MEANINGS: Mapping[str, Translation] = {
    "user": _part(lambda url, value: url.set(username=value)),
    "password": _part(lambda url, value: url.set(password=value)),
    "dbname": _part(lambda url, value: url.set(database=value)),
    "sslmode": _SSLMODE,
    "ssl": _ssl,
    "sslrootcert": _roots,
    **dict.fromkeys(("sslcert", "sslkey", "sslpassword", "sslcrl", "passfile", "krbsrvname"), _ANYTHING),
    **dict.fromkeys(
        ("ssl_min_protocol_version", "ssl_max_protocol_version"),
        _by_driver("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    ),
    "sslnegotiation": _by_driver("postgres", "direct"),
    "target_session_attrs": _by_driver("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "gsslib": _by_driver("gssapi", "sspi"),
    "connect_timeout": _number(_seconds_to_connect),
    **dict.fromkeys(
        ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
        _number(_kept_alive),
    ),
    **dict.fromkeys(("application_name", "options"), _at_start),
    "fallback_application_name": lambda found, _, value: found.options.setdefault(
        "server_settings", {}
    ).setdefault("application_name", value),
    # From SQLAlchemy and asyncpg: set to 0 behind a pooler that shares connections.
    **dict.fromkeys(("prepared_statement_cache_size", "statement_cache_size"), _number(_to_driver)),
    "channel_binding": _only("prefer", "disable"),
    "gssencmode": _only("disable", "prefer"),
    "gssdelegation": _only("0"),
    "sslcompression": _only("0"),
    "sslsni": _only("1"),
    "sslcertmode": _only("allow"),
    "requiressl": _only("0"),
    "client_encoding": _only("utf8", "utf-8", "auto"),
    "load_balance_hosts": _only("disable"),
    "replication": _only("false", "off", "no", "0"),
    "min_protocol_version": _only("3.0"),
    "max_protocol_version": _only("3.0", "latest"),
    **dict.fromkeys(
        (
            *("hostaddr", "service", "servicefile", "requirepeer", "require_auth", "sslcrldir", "sslkeylogfile"),
            *("scram_client_key", "scram_server_key"),
            *("oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope"),
        ),
        _NEVER,
    ),
}
"""Every parameter of https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS, and three more."""
