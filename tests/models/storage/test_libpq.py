"""The parameters of a PostgreSQL URL: each of libpq's works or is refused in one line."""

import re
import ssl
from pathlib import Path

import pytest
from asyncpg import connect_utils
from sqlalchemy import make_url

from models.storage import libpq
from models.storage.database import Database

# https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS
KEYWORDS = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "require_auth",
    "channel_binding",
    "connect_timeout",
    "client_encoding",
    "options",
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "replication",
    "gssencmode",
    "sslmode",
    "requiressl",
    "sslnegotiation",
    "sslcompression",
    "sslcert",
    "sslkey",
    "sslkeylogfile",
    "sslpassword",
    "sslcertmode",
    "sslrootcert",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "requirepeer",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "min_protocol_version",
    "max_protocol_version",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "target_session_attrs",
    "load_balance_hosts",
    "oauth_issuer",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_scope",
]
USUAL = {"connect_timeout": "5", "sslmode": "require", "host": "here", "port": "5433", "keepalives": "1"}
NUMBERS = {"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"}
LISTED = {
    "sslmode": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    "ssl_min_protocol_version": ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
    "ssl_max_protocol_version": ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
    "sslnegotiation": ["postgres", "direct"],
    "target_session_attrs": ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"],
    "gsslib": ["gssapi", "sspi"],
}


def address(query: str) -> libpq.Address:
    return libpq.address(make_url(f"postgresql://bot:hunter2@here/name?{query}"))


@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("value", ["usual", "hunter2", ""])
def test_every_libpq_parameter_is_understood_or_rejected_without_its_value(keyword: str, value: str) -> None:
    given = USUAL.get(keyword, "1" if keyword in NUMBERS else "something") if value == "usual" else value
    found, refusal = None, ""
    try:
        found = address(f"{keyword}={given}")
    except libpq.Unsupported as error:
        refusal = str(error)

    if found is None:
        assert keyword in refusal
        assert "\n" not in refusal
        assert "hunter2" not in refusal
        assert given != USUAL.get(keyword)
    else:
        assert set(found.url.query) <= {"host", "port"}
        assert set(found.options) <= {"dsn", "timeout", "server_settings"}


@pytest.mark.parametrize("query", ["sslmod=require", "schema=coaching", "pgbouncer=true", "connection_class=x"])
def test_an_unknown_parameter_is_rejected(query: str) -> None:
    with pytest.raises(libpq.Unsupported, match=f"PostgreSQL has no parameter {query.partition('=')[0]}"):
        address(query)


@pytest.mark.parametrize(("keyword", "values"), LISTED.items())
def test_a_parameter_with_listed_values_takes_only_those(keyword: str, values: list[str]) -> None:
    told = f"the parameter {keyword} must be one of {', '.join(values)}"

    assert [address(f"{keyword}={one}").options["dsn"] for one in values] == [
        f"postgresql://?{keyword}={one}" for one in values
    ]
    for wrong in ("hunter2", values[0].swapcase()):
        with pytest.raises(libpq.Unsupported, match=f"^{re.escape(told)}$"):
            address(f"{keyword}={wrong}")


@pytest.mark.parametrize(
    ("keyword", "harmless", "wanted"),
    [
        ("channel_binding", "prefer", "require"),
        ("gssencmode", "disable", "require"),
        ("gssdelegation", "0", "1"),
        ("sslcompression", "0", "1"),
        ("sslsni", "1", "0"),
        ("sslcertmode", "allow", "require"),
        ("requiressl", "0", "1"),
        ("client_encoding", "UTF8", "LATIN1"),
        ("load_balance_hosts", "disable", "random"),
        ("replication", "off", "database"),
        ("min_protocol_version", "3.0", "3.2"),
        ("max_protocol_version", "latest", "3.2"),
    ],
)
def test_unsupported_parameters_are_rejected_unless_turned_off(keyword: str, harmless: str, wanted: str) -> None:
    assert address(f"{keyword}={harmless}").options == {}
    with pytest.raises(libpq.Unsupported, match=f"^the parameter {keyword} asks for something"):
        address(f"{keyword}={wanted}")


@pytest.mark.parametrize("wrong", ["²", "-1", "1.5"])
def test_a_number_has_ascii_digits_only(wrong: str) -> None:
    with pytest.raises(libpq.Unsupported, match="the parameter keepalives_idle must be a whole number"):
        address(f"keepalives_idle={wrong}")


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        ("ssl=True", "require"),
        ("ssl=false", "disable"),
        ("ssl=verify-ca", "verify-ca"),
        ("sslmode=require&sslmode=disable", "disable"),
    ],
)
def test_ssl_is_an_alias_of_sslmode_and_the_last_value_counts(query: str, mode: str) -> None:
    assert address(query).options == {"dsn": f"postgresql://?sslmode={mode}"}


def test_parameters_that_are_part_of_the_url_move_there() -> None:
    found = address("user=other&password=secret&dbname=elsewhere&host=one:1&host=two:2&port=5433")

    assert (found.url.username, found.url.password, found.url.database) == ("other", "secret", "elsewhere")
    assert found.url.query == {"host": ("one:1", "two:2"), "port": "5433"}
    assert found.options == {}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("fallback_application_name=a", "a"),
        ("fallback_application_name=a&application_name=b", "b"),
        ("application_name=b&fallback_application_name=a", "b"),
    ],
)
def test_the_fallback_name_yields_to_the_chosen_one(query: str, name: str) -> None:
    assert address(query).options == {"server_settings": {"application_name": name}}


def test_numbers_go_to_the_driver_or_its_socket() -> None:
    found = address("statement_cache_size=0&prepared_statement_cache_size=7&keepalives=0&keepalives_idle=60")

    assert found.options == {"statement_cache_size": 0, "prepared_statement_cache_size": 7}
    assert found.keepalive == {"keepalives": 0, "keepalives_idle": 60}


def test_a_connect_timeout_of_zero_means_the_default() -> None:
    assert address("connect_timeout=0").options == {}


@pytest.mark.parametrize(
    ("query", "verifies", "checks_name"),
    [
        ("sslmode=require", False, False),
        ("ssl=true", False, False),
        ("sslmode=verify-ca&sslrootcert=system", True, False),
        ("sslmode=verify-full&sslrootcert=system&channel_binding=prefer", True, True),
    ],
)
def test_the_driver_reads_parameters_like_libpq(
    query: str, verifies: bool, checks_name: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # where this machine may keep certificates
    found = driven(address(query))

    assert isinstance(found.ssl, ssl.SSLContext)
    assert (found.ssl.verify_mode is ssl.CERT_REQUIRED, found.ssl.check_hostname) == (verifies, checks_name)


def test_startup_options_and_timeouts_reach_the_server() -> None:
    found = address("application_name=coach&options=-c%20geqo%3Doff&connect_timeout=1&password=other")

    assert found.options["server_settings"] == {"application_name": "coach", "options": "-c geqo=off"}
    assert found.options["timeout"] == 2  # libpq's minimum
    assert found.url.password == "other"


def driven(found: libpq.Address) -> connect_utils._ConnectionParameters:
    """Return asyncpg's own reading of the parameters it handles."""
    nothing = dict.fromkeys(
        (
            *("host", "port", "user", "password", "passfile", "database", "ssl", "service", "servicefile"),
            *("direct_tls", "server_settings", "target_session_attrs", "krbsrvname", "gsslib"),
        )
    )
    _, parameters = connect_utils._parse_connect_dsn_and_args(**nothing | {"dsn": found.options["dsn"]})
    return parameters


@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_a_database_can_be_used_with_parameters(database_url: str) -> None:
    query = "sslmode=disable&channel_binding=prefer&application_name=coach&connect_timeout=20&keepalives_idle=60"
    database = Database(f"{database_url}&{query}")

    async with database.read() as session:
        connection = await session.connection()
        names = (await connection.exec_driver_sql("SHOW application_name")).scalar_one()
        idle = (await connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout")).scalar_one()
    await database.close()

    assert (names, idle) == ("coach", "5min")
