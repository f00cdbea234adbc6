"""The web endpoint: what it reports, and who may trigger something."""

import asyncio
import datetime as dt
import hmac
import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, event, select, text
from yarl import URL

from bot import web
from bot.app import CoachBot
from bot.demo import simcord_private
from models import Heartbeat, JobRun, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.notifications import outbox
from scheduler.servers.settings import GuildDefaults
from tests.support.meetings import HOUR, MINUTE, TWO, booked
from tests.support.simulated import SELDOM, Academy, academy
from tests.support.transactions import fetch_all

SECRET = "a long random text, ünïcode"
PATHS = ("/healthz", "/readyz", "/metrics", web.CRON)
DEADLINE_SECONDS = 30
"""Against hanging; not a measure of speed."""
AT_ONCE = dt.timedelta(milliseconds=50)
READERS = 4
Client = TestClient[Any, Any]


@pytest.fixture
def engine_name() -> str:
    """Requests don't depend on the engine."""
    return "sqlite"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[Academy]:
    async with academy(db) as made:
        yield made


@pytest.fixture
async def client(world: Academy) -> AsyncIterator[Client]:
    async with endpoint(world) as made:
        yield made


def bot_of(world: Academy) -> CoachBot:
    bot = world.env.bot
    assert isinstance(bot, CoachBot)
    return bot


@asynccontextmanager
async def endpoint(world: Academy, secret: str = SECRET) -> AsyncIterator[Client]:
    """Open a client of the running bot's endpoint. Nobody can press anything until it's closed."""
    server = TestServer(web.application(bot_of(world), secret))
    starting: list[asyncio.Task[None]] = []
    # As the bot, so that the requested tick runs in the world's own time.
    await simcord_private.as_the_bot(
        world.env, lambda: starting.append(asyncio.create_task(server.start_server(**web.QUIET_LOGS)))
    )
    await starting[0]
    async with TestClient(server) as client:
        yield client


@pytest.fixture
async def stranger(world: Academy) -> AsyncIterator[Client]:
    """Open a client the world doesn't know of: presses go on beside its requests."""
    server = TestServer(web.application(bot_of(world), SECRET))
    await server.start_server(**web.QUIET_LOGS)
    async with TestClient(server) as client:
        yield client


def bearer(secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def asked(client: Client, path: str = "/readyz") -> tuple[int, dict[str, Any]]:
    """Return status and body."""
    async with asyncio.timeout(DEADLINE_SECONDS), client.get(path) as answer:
        return answer.status, await answer.json()


async def execute(db: Database, statement: str) -> None:
    async with db.begin() as session:
        await session.execute(text(statement))


async def forget_ticks(db: Database) -> None:
    """Delete all traces of ticks."""
    await execute(db, "DELETE FROM heartbeats")


async def has_ticked(db: Database) -> bool:
    """Whether a tick ran since `forget_ticks`."""
    async with db.read() as session:
        return await session.get(Heartbeat, "tick") is not None


@contextmanager
def watched_ticks() -> Iterator[list[str]]:
    """Record when idle ticks begin (with a query) and end (with a heartbeat), in order."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "min(coaching_sessions.next_step_at)" in statement:
            seen.append("begins")
        elif statement.startswith("UPDATE heartbeats"):
            seen.append("ends")

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


# Health.


async def test_a_running_bot_is_alive_and_ready(client: Client) -> None:
    alive, ready = await asked(client, "/healthz"), await asked(client)

    assert alive == (200, {"status": "ok"})
    assert ready == (200, {"status": "ready", "gateway": True, "database": True, "tick": True})


async def test_a_bot_that_lost_the_gateway_is_not_ready_until_it_is_back(world: Academy, stranger: Client) -> None:
    await simcord_private.as_the_bot(world.env, lambda: world.env.bot.dispatch("disconnect"))
    lost = await asked(stranger)
    alive = await asked(stranger, "/healthz")
    await simcord_private.as_the_bot(world.env, lambda: world.env.bot.dispatch("resumed"))
    resumed = await asked(stranger)
    await simcord_private.as_the_bot(world.env, lambda: world.env.bot.dispatch("disconnect"))
    await simcord_private.as_the_bot(world.env, lambda: world.env.bot.dispatch("ready"))
    anew = await asked(stranger)

    assert lost == (503, {"status": "not ready", "gateway": False, "database": True, "tick": True})
    assert alive[0] == resumed[0] == anew[0] == 200


async def test_a_bot_that_has_not_connected_yet_is_alive_not_ready_and_does_nothing(db: Database) -> None:
    bot = CoachBot(db, GuildDefaults())
    async with bot, TestClient(TestServer(web.application(bot, SECRET))) as client:
        alive, ready = await asked(client, "/healthz"), await asked(client)
        async with client.post(web.CRON, headers=bearer()) as answer:
            status, body = answer.status, await answer.json()

    assert alive == (200, {"status": "ok"})
    assert ready == (503, {"status": "not ready", "gateway": False, "database": True, "tick": False})
    assert (status, list(body)) == (503, ["error"])
    assert not await has_ticked(db)


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        pytest.param(4 * SELDOM + dt.timedelta(seconds=59), True, id="a few intervals"),
        pytest.param(4 * SELDOM + dt.timedelta(seconds=60), False, id="too many"),
        pytest.param(None, False, id="never"),
    ],
)
async def test_a_bot_whose_loop_is_stuck_is_not_ready(
    world: Academy, client: Client, age: dt.timedelta | None, fresh: bool
) -> None:
    await forget_ticks(world.db)
    if age is not None:
        async with world.db.begin() as session:
            session.add(Heartbeat(job="tick", at=world.now - age))

    status, body = await asked(client)

    assert body == {
        "status": "ready" if fresh else "not ready",
        "gateway": True,
        "database": True,
        "tick": fresh,
    }
    assert status == (200 if fresh else 503)


async def test_a_hanging_database_delays_no_answer(db: Database) -> None:
    bot = CoachBot(db, GuildDefaults())
    app = web.application(bot, SECRET, patience=AT_ONCE)
    async with bot, TestClient(TestServer(app)) as client:
        async with AsyncExitStack() as busy:
            for _ in range(READERS):  # new requests wait longer for a connection than any test does
                session = await busy.enter_async_context(db.read())
                await session.execute(text("SELECT 1"))
            hanging = await asyncio.gather(*(asked(client) for _ in range(50)))
            alive = await asked(client, "/healthz")
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (after := await asked(client))[1]["database"] is False:
                pass

    assert {body["database"] for _, body in hanging} == {False}
    assert {status for status, _ in hanging} == {503}
    assert alive[0] == 200
    assert after[1]["database"] is True


async def test_a_failing_database_makes_the_bot_unready(world: Academy, client: Client) -> None:
    await execute(world.db, "ALTER TABLE heartbeats RENAME TO gone")

    ready = await asked(client)
    async with client.post(web.CRON, headers=bearer()) as answer:
        status, body = answer.status, await answer.json()
    logged = world.faults.read()

    assert ready == (503, {"status": "not ready", "gateway": True, "database": False, "tick": False})
    assert (status, list(body)) == (503, ["error"])
    assert any("a tick failed" in line for line in logged)
    assert "heartbeats" not in str((ready, body))


async def test_a_connected_bot_without_a_running_loop_is_unhealthy(world: Academy, client: Client) -> None:
    await bot_of(world)._loop.stop()

    assert await asked(client, "/healthz") == (503, {"status": "failing", "reason": "the loop isn't running"})


async def test_a_bot_that_cannot_store_events_is_unhealthy_until_it_can(world: Academy, stranger: Client) -> None:
    await execute(world.db, "ALTER TABLE heartbeats RENAME TO gone")
    await simcord_private.as_the_bot(world.env, lambda: world.env.bot.dispatch("ready"))
    status, body = await asked(stranger, "/healthz")
    await execute(world.db, "ALTER TABLE gone RENAME TO heartbeats")
    await world.wait_until(world.now + MINUTE)

    assert status == 503
    assert body["reason"] == "can't store what Discord sent (OperationalError); still trying"
    assert await asked(stranger, "/healthz") == (200, {"status": "ok"})
    assert any("a tick failed" in line for line in world.faults.read())


# The trigger.


@pytest.mark.parametrize("secret", ["", "  "])
async def test_without_a_secret_there_is_no_trigger(world: Academy, secret: str) -> None:
    await forget_ticks(world.db)

    async with endpoint(world, secret) as client:
        found = [await client.post(web.CRON, headers=headers) for headers in ({}, bearer(secret), bearer("None"))]

    assert [answer.status for answer in found] == [404, 404, 404]
    assert not await has_ticked(world.db)


WRONG = (
    *("", "Bearer", "Bearer ", "Bearer wrong", SECRET),
    *(f"Bearer {SECRET[:-1]}", f"Bearer {SECRET}x", f"Bearer {SECRET.upper()}", f"Basic {SECRET}"),
)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_wrong_secret_is_refused_and_does_nothing(world: Academy, client: Client, method: str) -> None:
    await forget_ticks(world.db)

    for headers in ({}, *({"Authorization": one} for one in WRONG)):
        async with client.request(method, f"{web.CRON}?secret={SECRET}", headers=headers) as answer:
            body = await answer.json()

        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), headers
        assert body == {"error": "Unauthorized"}
        assert not await has_ticked(world.db), headers


async def test_the_secret_is_compared_in_constant_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[Any] = []
    compare_digest = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or compare_digest(*both))

    async with client.post(web.CRON, headers=bearer("wrong")) as answer:
        assert answer.status == 401

    assert compared == [(b"wrong", SECRET.encode())]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_secret_runs_what_is_due_and_returns_what_was_done(world: Academy, method: str) -> None:
    await world.already_open()
    made = await booked(world, notes="My vocals sound thin.")
    simcord_private.set_clock(world.env, made.starts_at - dt.timedelta(minutes=4))

    async with endpoint(world) as client, client.request(method, web.CRON, headers=bearer()) as answer:
        status, body = answer.status, await answer.json()

    assert status == 200
    assert body == {
        "done": True,
        "due": 3,
        "steps": [f"{made.code} make_room", f"{made.code} open_room"],
        "roles": 0,
        "notifications": 5,
        "failures": {"count": 0, "lines": []},
        "seconds": 0.0,
    }
    assert world.sees(world.student, world.room(made.code))
    *_, newest = await fetch_all(world.db, select(JobRun).order_by(JobRun.id))
    assert (newest.trigger, newest.steps, newest.notifications) == ("request", 2, 5)


async def test_failures_are_returned_with_reasons_but_no_notes_or_names(world: Academy) -> None:
    await world.already_open()
    made = await booked(world, notes="My vocals sound thin.")
    simcord_private.set_clock(world.env, made.starts_at - dt.timedelta(minutes=14))
    world.env.inject_error("POST", f"/guilds/{world.guild.id}/channels", status=403, code=50013)

    async with endpoint(world) as client, client.post(web.CRON, headers=bearer()) as answer:
        written = await answer.text()

    failures = json.loads(written)["failures"]
    assert failures["count"] == 1
    assert failures["lines"][0].startswith(f"{made.code} make_room: can't create the room")
    assert not [
        one for one in ("vocals", "Cara", "Stu", str(world.student.id), SECRET) if one.lower() in written.lower()
    ]


async def test_the_answer_says_when_another_process_is_ticking(world: Academy, client: Client) -> None:
    async with world.db.locks.tick_lock(), client.post(web.CRON, headers=bearer()) as answer:
        status, body = answer.status, await answer.json()

    assert (status, body["done"]) == (200, False)


@pytest.mark.slow
async def test_a_thousand_simultaneous_calls_share_a_handful_of_ticks(client: Client) -> None:
    async def call() -> tuple[int, bool]:
        async with client.post(web.CRON, headers=bearer()) as answer:
            return answer.status, (await answer.json())["done"]

    with watched_ticks() as seen:
        answers = await asyncio.gather(*(call() for _ in range(1000)))

    assert set(answers) == {(200, True)}
    assert seen == ["begins", "ends"] * (len(seen) // 2)
    # aiohttp's client opens 100 connections, so at most every hundred requests share a tick.
    assert 1 <= len(seen) // 2 <= 20


# Metrics.


async def figures(world: Academy) -> dict[str, float]:
    """Return every sample by its name and label."""
    async with endpoint(world) as client, client.get("/metrics") as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        families = text_string_to_metric_families(await answer.text())
        return {
            " ".join([one.name, *one.labels.values()]): one.value for family in families for one in family.samples
        }


async def counted(db: Database, rows: str) -> int:
    """Count rows in the database itself."""
    async with db.read() as session:
        return (await session.execute(text(f"SELECT count(*) FROM {rows}"))).scalar_one()


def a_failed_run(world: Academy, lasted: dt.timedelta) -> JobRun:
    nothing = {"steps": 0, "roles": 0, "notifications": 0}
    return JobRun(started_at=world.now, finished_at=world.now + lasted, failures=1, **nothing)


async def test_a_fresh_start_shows_zeros_and_omits_unknown_metrics(world: Academy) -> None:
    await forget_ticks(world.db)

    found = await figures(world)

    assert {name: value for name, value in found.items() if value} == {}
    assert "coachbot_sessions scheduled" in found
    assert "coachbot_last_tick_age_seconds" not in found
    assert "coachbot_last_run_seconds" not in found


async def test_the_metrics_match_the_database_after_some_activity(world: Academy) -> None:
    await world.already_open()
    over = await booked(world)
    upcoming = await booked(world, TWO + 2 * HOUR, student=world.other_student)
    cancelled = await booked(world, TWO + 24 * HOUR)
    async with world.db.begin() as session:
        await cancellation.cancel(session, cancelled.id, Actor(world.student.id), world.guild.id, "", world.now)
        session.add(a_failed_run(world, MINUTE))
    await world.leap_to(over.starts_at - 4 * MINUTE)
    await world.leap_to(over.ends_at + MINUTE)
    await world.leap_to(upcoming.starts_at - 10 * MINUTE)
    async with world.db.begin() as session:
        session.add(a_failed_run(world, 3 * MINUTE))
        one = (await session.scalars(select(Notification).where(Notification.sent_at.is_not(None)).limit(1))).one()
        one.due_at = world.now + HOUR  # due to be updated
        ends = {"user_id": world.student.id, "session_id": upcoming.id, "due_at": upcoming.ends_at}
        outbox.enqueue(session, NotificationKind.REVIEW_REQUEST, world.guild.id, now=world.now, **ends)
    simcord_private.set_clock(world.env, world.now + MINUTE)

    found = await figures(world)

    assert upcoming.starts_at > world.now
    for status in SessionStatus:
        assert found[f"coachbot_sessions {status.lower()}"] == await counted(
            world.db, f"coaching_sessions WHERE status = '{status}'"
        )
    assert [found[f"coachbot_sessions {one}"] for one in ("scheduled", "cancelled")] == [1, 1]
    assert (
        found["coachbot_rooms_made_total"]
        == await counted(world.db, "audit_entries WHERE action = 'room_made'")
        == 2
    )
    assert (
        found["coachbot_rooms_removed_total"]
        == await counted(world.db, "coaching_sessions WHERE room_removed_at IS NOT NULL")
        == 1
    )
    sent, waiting, given_up = (found[f"coachbot_notifications {one}"] for one in ("sent", "waiting", "given_up"))
    assert sent == await counted(world.db, "notifications WHERE sent_at IS NOT NULL") > 0
    assert waiting == await counted(world.db, "notifications WHERE sent_at IS NULL AND due_at IS NOT NULL") > 0
    assert (
        given_up == await counted(world.db, "notifications WHERE sent_at IS NULL AND given_up_at IS NOT NULL") > 0
    )
    assert found["coachbot_tick_runs_total"] == await counted(world.db, "job_runs") > 2
    assert found["coachbot_last_run_seconds"] == 180
    assert found["coachbot_last_tick_age_seconds"] == 60


THE_DAY = (
    ("command", "/coaching setup", "answered"),
    ("command", "/coach apply", "answered"),
    ("form", "coach:apply", "answered"),
    ("press", "coach:approve:{user_id}", "answered"),
    ("command", "/availability", "answered"),
    ("command", "/book", "answered"),
    ("press", "book:coach:{coach_id}:{minutes}:{day}:{page}", "answered"),
    ("press", "book:time:{coach_id}:{minutes}:{start}", "answered"),
    ("press", "book:confirm:{coach_id}:{minutes}:{start}:{cost}:{currency}", "answered"),
    ("command", "/coaching run", "refused"),
    ("command", "/sessions", "answered"),
    ("press", "unknown", "refused"),
    ("command", "/sessions", "failed"),
)
"""Kind, name and outcome of everything people do in the next test."""


async def test_the_interaction_metrics_match_what_people_did(world: Academy) -> None:
    await world.open_for_booking()
    await world.book(world.student, "15:00")
    await world.student.slash(world.lobby, "coaching run")  # isn't an admin
    await world.press_custom_id(world.student, "long:gone:7")  # from `/sessions`
    await execute(world.db, "ALTER TABLE reviews RENAME TO gone")
    await world.coach.slash(world.lobby, "sessions")
    world.faults.read()

    found = await figures(world)

    total, waited = "coachbot_interactions_total", "coachbot_acknowledgement_seconds"
    assert {name: value for name, value in found.items() if name.startswith(total)} == {
        f"{total} {kind} {name} {outcome}": 1 for kind, name, outcome in THE_DAY
    }
    each = Counter((kind, name) for kind, name, _ in THE_DAY)
    assert {name: value for name, value in found.items() if name.startswith(f"{waited}_count")} == {
        f"{waited}_count {kind} {name}": count for (kind, name), count in each.items()
    }
    for (kind, name), count in each.items():  # labels are in alphabetical order: kind, le, name
        assert [found[f"{waited}_bucket {kind} {end} {name}"] for end in ("3.0", "+Inf")] == [count, count]


async def test_without_the_library_only_metrics_are_missing(
    world: Academy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "bot.metrics", raising=False)
    monkeypatch.delattr("bot.metrics", raising=False)
    for name in [one for one in sys.modules if one.startswith("prometheus_client")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    async with endpoint(world) as client:
        answers = [await asked(client, path) for path in ("/metrics", "/readyz")]

    assert [status for status, _ in answers] == [404, 200]


def test_the_metrics_library_is_loaded_only_with_the_endpoint() -> None:
    program = "import sys, bot.cli.commands; sys.exit(bool({'prometheus_client', 'bot.web'} & set(sys.modules)))"

    outcome = subprocess.run([sys.executable, "-c", program], check=False)

    assert outcome.returncode == 0


# Other requests.


async def test_not_found_is_answered_in_json(client: Client) -> None:
    for path in ("/", "/healthz/", "/api", f"{web.CRON}/", "/healthz%00"):
        async with client.get(URL(path, encoded=True)) as answer:
            body = await answer.json()

        assert (answer.status, body) == (404, {"error": "Not Found"}), path


async def test_other_methods_are_refused_with_the_allowed_ones(client: Client) -> None:
    for method, path in itertools.product(("PUT", "PATCH", "DELETE", "OPTIONS"), PATHS):
        async with client.request(method, path, headers=bearer()) as answer:
            body = await answer.json()

        assert (answer.status, body) == (405, {"error": "Method Not Allowed"}), (method, path)
        assert "GET" in answer.headers["Allow"], (method, path)


async def test_a_head_request_to_the_trigger_does_nothing(world: Academy, client: Client) -> None:
    await forget_ticks(world.db)

    async with client.head(web.CRON, headers=bearer()) as answer:
        assert answer.status == 405
    assert not await has_ticked(world.db)


async def test_large_and_endless_bodies_are_refused(world: Academy, client: Client) -> None:
    await forget_ticks(world.db)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"

    async with client.post(web.CRON, headers=bearer(), data=b"x" * 5000) as large:
        pass
    async with client.post(web.CRON, headers=bearer(), data=pieces()) as endless:
        pass

    assert (large.status, endless.status) == (413, 411)
    assert large.content_type == endless.content_type == "application/json"
    assert not await has_ticked(world.db)


async def raw(client: Client, sent: bytes) -> bytes:
    """Send bytes and return everything received until the connection closes."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(sent)
    async with asyncio.timeout(DEADLINE_SECONDS):
        said = await reader.read()
    writer.close()
    return said


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 hello\r\n\r\n", b"GET / HTTP/1.1\r\nno header\r\n\r\n"])
async def test_malformed_http_is_refused_without_versions_or_log_spam(
    client: Client, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    said = await raw(client, sent)

    assert said.split()[1] == b"400"
    assert b"ython" not in said
    assert b"aiohttp" not in said
    assert [record for record in caplog.records if record.name.startswith("bot.web")] == []


async def test_a_secret_that_is_not_text_is_just_wrong(world: Academy, client: Client) -> None:
    await forget_ticks(world.db)
    head = f"POST {web.CRON} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n".encode()

    said = await raw(client, head + b"Authorization: Bearer \xff\xfe\r\n\r\n")

    assert said.split()[1] == b"401"
    assert not await has_ticked(world.db)


TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_categories=["Cc"]), max_size=40)
REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
        ),
        # Two slashes are followed by a host, which would be another server.
        "path": st.sampled_from(PATHS) | TEXTS.map(lambda end: "/" + end.lstrip("/")),
        "headers": st.dictionaries(
            st.sampled_from(
                ["Authorization", "X-Forwarded-For", "Range", "If-Match", "Accept", "Cookie", "Origin", "Expect"]
            ),
            TEXTS.map(str.strip) | TEXTS.map(lambda word: f"Bearer {word}".strip()),
        ),
        "data": st.none() | st.binary(max_size=6000),
    }
)


@pytest.mark.slow
@given(requests=st.lists(REQUESTS, min_size=3, max_size=10))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_random_requests_break_nothing_and_do_nothing_without_the_secret(
    world: Academy, stranger: Client, requests: list[dict[str, Any]]
) -> None:
    await forget_ticks(world.db)

    for one in requests:
        async with stranger.request(
            one["method"], **{name: one[name] for name in ("path", "headers", "data")}
        ) as answer:
            # Without a tick it isn't ready.
            assert answer.status < 500 or (answer.status, answer.url.path) == (503, "/readyz")
            assert "ython" not in str(answer.headers)
            if one["method"] != "HEAD" and answer.status != 417:  # aiohttp itself answers an odd Expect
                is_figures = (answer.status, answer.url.path) == (200, "/metrics")
                assert is_figures or isinstance(await answer.json(), dict)
    assert not await has_ticked(world.db)
