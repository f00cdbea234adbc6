"""The web endpoint: health, metrics, a trigger for background checks, Stripe's webhook. Off unless a port is set.

Shows no names and nothing that people wrote, and reads only what Stripe signed. Answers in JSON, except metrics.
"""

import asyncio
import contextlib
import hmac
import importlib.util
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from aiohttp import web, web_response
from aiohttp.http import HttpProcessingError
from sqlalchemy.exc import SQLAlchemyError

from bot.app import CoachBot
from bot.connection_limit import ConnectionLimit
from bot.stripe_api import webhook
from scheduler.loop.loop import NotTicking
from scheduler.loop.tick import TickReport
from scheduler.payments import due
from scheduler.reports import metrics as totals
from scheduler.reports.health import last_tick_at, longest_silence

T = TypeVar("T")

log = logging.getLogger(__name__)

CRON = "/api/cron/process-sessions"
WEBHOOK = "/api/stripe/webhook"
PATIENCE = timedelta(seconds=5)
"""How long an answer waits for the database."""
_LARGEST_BODY = 4096
_STOP_TIMEOUT = timedelta(seconds=2)  # for answers in progress when the bot stops
_OWN_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_faults = logging.getLogger(f"{__name__}.http")
_faults.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)))
QUIET_LOGS: dict[str, Any] = {"access_log": None, "logger": _faults}
"""Keeps aiohttp from logging each request and each malformed one, which would let anyone fill the log."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# aiohttp would reveal its own and Python's version, also in answers to malformed requests, which skip middleware.
web_response.SERVER_SOFTWARE = "coachbot"  # pyright: ignore[reportPrivateImportUsage]


class NoAnswer(Exception):
    """The database hangs or fails."""


@contextlib.asynccontextmanager
async def serve(
    bot: CoachBot, host: str, port: int, secret: str, *, webhook_secret: str = ""
) -> AsyncIterator[int]:
    """Serve for the length of the block. Yields the port. Raises OSError if the address isn't available."""
    limit = ConnectionLimit()
    app = application(bot, secret, limit=limit, webhook_secret=webhook_secret)
    runner = web.AppRunner(app, shutdown_timeout=_STOP_TIMEOUT.total_seconds(), **QUIET_LOGS)
    await runner.setup()
    assert runner.server is not None, "it has been set up"
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        # aiohttp's own TCPSite doesn't limit connections.
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(limit.wrap(runner.server), host, port)
        stack.callback(listening.close)
        taken: int = listening.sockets[0].getsockname()[1]
        log.info("web endpoint on %s, port %s", host, taken)
        yield taken


def application(
    bot: CoachBot,
    secret: str,
    *,
    patience: timedelta = PATIENCE,
    limit: ConnectionLimit | None = None,
    webhook_secret: str = "",
) -> web.Application:
    """Build the routes. Without secrets, none of them makes the bot do anything."""
    health = _Health(bot, patience)
    app = web.Application(
        middlewares=[limit.middleware, _answer_errors_in_json] if limit else [_answer_errors_in_json]
    )
    app.router.add_get("/healthz", health.alive)
    app.router.add_get("/readyz", health.ready)
    if secret.strip():
        trigger = _Trigger(bot, secret.strip())
        app.router.add_get(CRON, trigger.run, allow_head=False)
        app.router.add_post(CRON, trigger.run)
    if webhook_secret.strip() and bot.stripe is not None:
        app.router.add_post(WEBHOOK, _Webhook(bot, webhook_secret.strip()).hear)
    app.on_cleanup.append(health.look.cancel)
    if importlib.util.find_spec("prometheus_client") is not None:  # from the extra `metrics`
        counted = _Metrics(bot, patience)
        app.router.add_get("/metrics", counted.show)
        app.on_cleanup.append(counted.look.cancel)
    return app


class _SharedQuery(Generic[T]):
    """Runs one query at a time and shares its result with everyone who asks meanwhile."""

    def __init__(self, look: Callable[[], Coroutine[Any, Any, T]], patience: timedelta) -> None:
        self._look, self._patience = look, patience
        self._task: asyncio.Task[tuple[T] | None] | None = None

    async def result(self) -> T:
        """Return the result. Raises NoAnswer if the query takes too long or fails.

        A hanging query isn't cancelled: cancelling would wait for its connection.
        """
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._try())
        task = self._task
        await asyncio.wait({task}, timeout=self._patience.total_seconds())
        if not task.done() or (found := task.result()) is None:
            raise NoAnswer
        return found[0]

    async def _try(self) -> tuple[T] | None:
        try:
            return (await self._look(),)
        except (SQLAlchemyError, OSError) as error:
            log.warning("the database doesn't answer: %s", error)
            return None

    async def cancel(self, _app: web.Application) -> None:
        """Cancel the query when the server stops."""
        if self._task is not None:
            self._task.cancel()


class _Health:
    """Whether the bot does its work, seen from outside."""

    def __init__(self, bot: CoachBot, patience: timedelta) -> None:
        self._bot = bot
        self.look = _SharedQuery(self._last_tick, patience)

    async def alive(self, _request: web.Request) -> web.Response:
        """Answer 200 while the process works, or 503 with a reason if a connected bot doesn't do its work."""
        trouble = self._bot.trouble
        if trouble is not None:
            return _answer({"status": "failing", "reason": trouble}, 503)
        return _answer({"status": "ok"})

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer 200 if gateway, database and loop all work, else 503."""
        answered, ticked_at = True, None
        try:
            ticked_at = await self.look.result()
        except NoAnswer:
            answered = False
        silence = longest_silence(self._bot.tick_interval)
        checks = {
            "gateway": self._bot.is_online,
            "database": answered,
            "tick": ticked_at is not None and self._bot.clock() - ticked_at < silence,
        }
        ready = all(checks.values())
        return _answer({"status": "ready" if ready else "not ready", **checks}, 200 if ready else 503)

    async def _last_tick(self) -> datetime | None:
        async with self._bot.db.read() as session:
            return await last_tick_at(session)


class _Metrics:
    """Metrics for Prometheus."""

    def __init__(self, bot: CoachBot, patience: timedelta) -> None:
        self._bot = bot
        self.look = _SharedQuery(self._figures, patience)

    async def show(self, _request: web.Request) -> web.Response:
        """Answer with current figures, or 503 if the database doesn't answer."""
        try:
            found = await self.look.result()
        except NoAnswer:
            return _answer({"error": "the database doesn't answer"}, 503)
        from bot import metrics  # loaded on first use

        seen = metrics.ProcessStats(self._bot.interaction_stats, self._bot.last_tick, self._bot.latency)
        body = metrics.render(found, self._bot.clock(), seen)
        return web.Response(body=body, headers={**_OWN_HEADERS, "Content-Type": metrics.CONTENT_TYPE})

    async def _figures(self) -> totals.Figures:
        async with self._bot.db.read() as session:
            return await totals.gather(session)


class _Trigger:
    """Starts a tick for whoever knows the secret."""

    def __init__(self, bot: CoachBot, secret: str) -> None:
        self._bot, self._secret = bot, secret.encode()

    async def run(self, request: web.Request) -> web.Response:
        """Run the loop's next tick now. Requests that arrive during a tick share the next one."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # Bytes that aren't UTF-8 arrive as surrogates.
        known = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self._secret)
        if scheme.lower() != "bearer" or not known:
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        try:
            report = await self._bot.run_next_tick()
        except NotTicking:
            why = "no tick ran: the bot is starting or stopping, or the log says what failed"
            return _answer({"error": why}, 503)
        return _answer(_report_as_json(report))


class _Webhook:
    """Hears from Stripe that somebody has paid, so that nobody has to wait until it's asked."""

    def __init__(self, bot: CoachBot, secret: str) -> None:
        self._bot, self._secret = bot, secret

    async def hear(self, request: web.Request) -> web.Response:
        """Have Stripe asked at once. Answers 200 to whatever Stripe signed, so that it isn't repeated."""
        now = self._bot.clock()
        try:
            event = webhook.read(
                await request.read(), request.headers.get("Stripe-Signature", ""), self._secret, now
            )
        except webhook.NotFromStripe:
            raise web.HTTPBadRequest from None
        is_news = False
        try:
            if event.checkout_id is not None:
                about = {"checkout_id": event.checkout_id, "code": event.code}
                async with self._bot.db.begin() as session:
                    is_news = await due.hurry(session, event.id, now, **about)
        except (SQLAlchemyError, OSError) as error:
            log.warning("event %s (%s) from Stripe wasn't stored: %s", event.id, event.type, type(error).__name__)
            return _answer({"error": "the database doesn't answer"}, 503)
        log.info("event %s (%s) from Stripe", event.id, event.type)
        if is_news:
            self._bot.wake()
        return _answer({"received": True})


def _report_as_json(report: TickReport | None) -> dict[str, Any]:
    if report is None:
        return {"done": False, "why": "another process is running it right now"}
    return {
        "done": True,
        "due": report.due,
        "steps": report.steps,
        "roles": report.roles,
        "notifications": report.notifications,
        "failures": {"count": report.failure_count, "lines": report.failures},
        "seconds": report.lasted.total_seconds(),
    }


def _answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers={**_OWN_HEADERS, **(headers or {})})


@web.middleware
async def _answer_errors_in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors in JSON too. Reject requests whose body is large or of unknown size."""
    try:
        if request.body_exists and request.content_length is None:
            raise web.HTTPLengthRequired
        largest = webhook.LARGEST_BODY if request.path == WEBHOOK else _LARGEST_BODY
        if (request.content_length or 0) > largest:
            raise web.HTTPRequestEntityTooLarge(largest, request.content_length or 0)
        return await handler(request)
    except web.HTTPException as refusal:
        kept = {name: refusal.headers[name] for name in ("Allow", "WWW-Authenticate") if name in refusal.headers}
        return _answer({"error": refusal.reason}, refusal.status, kept)
    except Exception:
        log.exception("a request to the web endpoint failed")
        return _answer({"error": "internal error; see the log"}, 500)
