"""A simulated Discord with an academy: the real bot, virtual time, and people who press buttons.

Most uses of simcord's private parts are in `bot.demo.simcord_private`. This module also uses `_path_of` (what a
request asks for), and what only tests need: lost answers and simultaneous presses.
"""

import contextlib
import datetime as dt
import fnmatch
import itertools
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import discord
import simcord
from discord.http import Route
from simcord.builders import ChannelHandle, GuildHandle, RoleHandle
from simcord.components import walk_components
from simcord.http.client import _path_of
from sqlalchemy import delete, func, select, update

from bot.app import CoachBot
from bot.demo import simcord_private
from bot.stripe_api.client import StripeApi
from models import Base, Coach, CoachingSession, Notification
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.coaches import applications
from scheduler.coaches.applications import Application
from scheduler.core.actor import Actor
from scheduler.payments.ports import Stripe
from scheduler.servers import settings as server_settings
from scheduler.servers.settings import GuildChanges, GuildDefaults
from tests.cogs.authorization import rows
from tests.support import quick_copies, snapshots
from tests.support.builders import MONDAY
from tests.support.discord_limits import form_within_limits, within_limits
from tests.support.presses import emit_form, emit_press
from tests.support.stripe_server import StripeServer, stripe_server
from tests.support.transactions import fetch_all
from tests.support.watched import is_in_transaction

quick_copies.install()

UTC = dt.UTC
SELDOM = dt.timedelta(minutes=10)
"""How often the loop ticks by itself. Anything due is done on time anyway."""

APPLICATION: dict[str, Any] = {
    "About you": "I mix records.",
    "Experience and links": "Ten years. https://example.org/cara",
    "What you teach": ["Mixing", "Mastering"],
    "Rate per hour": "60",
    "Your time zone": "Europe/Berlin",
}

_CLICKABLE = re.compile(r"</([^:<>]+):\d+>")

_opened: dict[tuple[Any, ...], bytes] = {}
"""The databases of servers that were opened, by what was there before."""


@dataclass
class Academy:
    """The server, its people and its bot."""

    env: simcord.Env
    db: Database
    guild: GuildHandle
    lobby: ChannelHandle
    review: ChannelHandle
    rooms: ChannelHandle
    coach_role: RoleHandle
    admin: Any
    coach: Any
    student: Any
    other_student: Any
    outsider: Any
    make_bot: Callable[[], CoachBot]
    faults: "_Faults"
    languages: dict[int, str]
    """The languages in which people use Discord, by their ids. Everyone else's is British English."""
    stripe: StripeServer | None = None
    """Where cards are paid with, if there's a key: see `selling_academy`."""

    @property
    def now(self) -> dt.datetime:
        return self.env.now()

    @property
    def card(self) -> Any:
        """Return the newest message in the review channel."""
        return self.review.last_message

    @staticmethod
    def minutes(count: float) -> dt.timedelta:
        return dt.timedelta(minutes=count)

    async def wait_until(self, at: dt.datetime) -> None:
        """Let virtual time pass, with every tick on the way."""
        await simcord_private.advance(self.env, at)

    async def leap_to(self, at: dt.datetime) -> None:
        """Skip a long time in which nothing is due, with one tick at the end."""
        simcord_private.set_clock(self.env, at)
        bot: Any = self.env.bot
        await simcord_private.as_the_bot(self.env, bot.wake)

    async def restart(self) -> None:
        """Start another bot on the same Discord and database."""
        await self.env.restart_bot(self.make_bot())

    def show_to_everyone(self, command: str) -> None:
        """Show a hidden command to everyone, as Server Settings → Integrations allows, so that all can try it."""
        found = self.env.backend.find_command(command, None)
        assert found is not None, command
        self.env.backend.set_command_permissions(
            self.guild.id, int(found["id"]), [{"id": str(self.guild.id), "type": 1, "permission": True}]
        )

    async def set_up(self) -> Any:
        """Set the review channel, the coach role and the room category as an admin."""
        await self.choose(
            review_channel_id=self.review.id, coach_role_id=self.coach_role.id, room_category_id=self.rooms.id
        )
        return await self.admin.slash(self.lobby, "coaching setup")

    async def choose(self, **changed: Any) -> None:
        """Change the server's settings as the admin does, by the use case behind the panel."""
        bot, ada = cast("CoachBot", self.env.bot), Actor(self.admin.id, is_admin=True)
        async with self.db.begin() as session:
            guild = await server_settings.ensure(session, self.guild.id, bot.defaults, self.now)
            await server_settings.change(session, guild, ada, GuildChanges(**changed), self.now)
        await simcord_private.as_the_bot(self.env, bot.wake)

    async def apply(self, person: Any, **typed: Any) -> Any:
        """Fill in and send the application; `typed` replaces single fields."""
        form = await person.slash(self.lobby, "coach apply")
        return await person.submit_modal(form, APPLICATION | typed)

    async def open_for_booking(self) -> None:
        """Set up the server and let Cara coach on weekdays from 9 to 12 and from 13:30 to 17 in Berlin."""
        await self.set_up()
        await self.apply(self.coach)
        await self.admin.click(self.card, label="Approve")
        await self.coach.slash(self.lobby, "availability", days="Mon-Fri", hours="9-12, 13:30-17")

    async def already_open(self) -> None:
        """Do the same as `open_for_booking` with the use cases behind the presses, which is much faster."""
        await self._open_once()
        self.guild._guild.members[self.coach.id].role_ids.append(self.coach_role.id)
        await simcord_private.as_the_bot(self.env, cast("CoachBot", self.env.bot).wake)

    async def _open_once(self) -> None:
        """Store what `open_for_booking` stores, or restore it if an equal server was opened before."""
        if not self.db.is_sqlite:
            await self._open()
            return
        those = (self.guild, self.review, self.rooms, self.coach_role, self.admin, self.coach)
        key = (snapshots.take(self.db), self.now, *(one.id for one in those))
        if key in _opened:
            snapshots.restore(self.db, _opened[key])
        else:
            await self._open()
            _opened[key] = snapshots.take(self.db)

    async def _open(self) -> None:
        cara, ada = Actor(self.coach.id), Actor(self.admin.id, is_admin=True)
        settings = GuildChanges(
            coach_role_id=self.coach_role.id, review_channel_id=self.review.id, room_category_id=self.rooms.id
        )
        application = Application("Cara", *APPLICATION.values())
        windows = [(9 * 60, 12 * 60), (13 * 60 + 30, 17 * 60)]
        bot = cast("CoachBot", self.env.bot)
        async with self.db.begin() as session:
            guild = await server_settings.ensure(session, self.guild.id, bot.defaults, self.now)
            await server_settings.change(session, guild, ada, settings, self.now)
            await applications.apply(session, guild, cara, application, self.now)
            await applications.approve(session, guild.id, cara.user_id, ada, self.now)
            await schedule.set_hours(session, guild.id, cara, range(5), windows, self.now)
            # Skip what the loop would say and do about it, which takes most of the time.
            await session.execute(delete(Notification))
            await session.execute(update(Coach).values(role_due_at=None))

    async def about_to_confirm(self, student: Any, label: str, *, notes: str | None = None) -> Any:
        """Go from `/book` to the panel with Confirm, for today at the time on this button."""
        panel = reply(await student.slash(self.lobby, "book"))
        panel = reply(await student.click(panel, label="Book"))
        panel = reply(await student.click(panel, label=label))
        if notes is not None:
            form = await student.click(panel, label="Add notes…")
            panel = reply(await student.submit_modal(form, {"Notes for your coach": notes}))
        return panel

    async def book(self, student: Any, label: str, *, notes: str | None = None) -> CoachingSession:
        """Book with `/book` and return the session."""
        panel = await self.about_to_confirm(student, label, notes=notes)
        panel = reply(await student.click(panel, label="Confirm"))
        assert "Booked" in words(panel)
        return (await self.sessions())[-1]

    async def sessions(self) -> list[CoachingSession]:
        """Return all sessions, in order of booking."""
        return await fetch_all(self.db, select(CoachingSession).order_by(CoachingSession.id))

    async def press_custom_id(self, person: Any, custom_id: str, *, picked: Sequence[str] = ()) -> Any:
        """Press what no button offers this person, as a tampered client does; `picked` for a select."""
        hers = reply(await person.slash(self.lobby, "sessions"))
        result = emit_press(self, person, hers, custom_id, picked)
        await self.env.settle()
        return result

    async def send_custom_id(self, person: Any, custom_id: str, typed: dict[str, str]) -> Any:
        """Send a form that nothing opened for this person, as a tampered client does."""
        hers = reply(await person.slash(self.lobby, "sessions"))
        result = emit_form(self, person, hers, custom_id, typed)
        await self.env.settle()
        return result

    def room(self, code: str) -> ChannelHandle | None:
        """Return a session's voice channel, whoever can see it."""
        return self.guild.channels.get(f"coaching-session-{code}")

    def has_role(self, person: Any, role: RoleHandle) -> bool:
        return role.id in self.guild._guild.members[person.id].role_ids

    async def count(self, table: type[Base]) -> int:
        async with self.db.read() as session:
            return await session.scalar(select(func.count()).select_from(table)) or 0

    def sees(self, person: Any, channel: ChannelHandle | None) -> bool:
        """Whether this person's client lists the channel."""
        return channel is not None and simcord_private.sees(self.env, person, channel.id)

    def may(self, person: Any, channel: ChannelHandle, *names: str) -> bool:
        """Whether this person has all these permissions there, by Discord's rules."""
        return simcord_private.may(self.env, self.guild, person, channel.id, *names)

    def dms(self, person: Any) -> list[str]:
        """Return the bot's direct messages to this person, oldest first."""
        return [words(message) for message in person.user.dm_channel.history()]


@contextlib.asynccontextmanager
async def academy(
    db: Database,
    *,
    begins: dt.datetime = MONDAY,
    tick_interval: dt.timedelta = SELDOM,
    stripe: Stripe | None = None,
) -> AsyncIterator[Academy]:
    """Open a server that's set up, with an admin, an aspiring coach, students and an outsider.

    Fails at the end if the bot logged an error, discord.py swallowed one, or a request was sent inside a
    transaction, which a slow answer would keep open.
    """
    held: dict[str, simcord.Env] = {}
    faults = _Faults(logging.ERROR)

    def make_bot() -> CoachBot:
        return CoachBot(
            db,
            GuildDefaults(time_zone="Europe/Berlin"),
            clock=lambda: held["env"].now(),
            tick_interval=tick_interval,
            stripe=stripe,
        )

    env = held["env"] = simcord_private.quick_world(make_bot())
    simcord_private.set_clock(env, begins)
    requests = env.backend.http_requests = _Requests()
    with simcord_private.apscheduler_clock(env.now), faults:
        await env.start()
        try:
            world = _people(env, db, make_bot, faults)
            world.show_to_everyone("coaching")
            simcord_private.speak(env, lambda user_id: world.languages.get(user_id, "en-GB"))
            await env.settle()
            yield world
            _check_messages(env)
        finally:
            await env.bot.close()
            await env.shutdown()
    # `Tree.on_error` logs what a command raises, unless it's a refusal.
    errors = [error for error in env.errors if not isinstance(error, discord.app_commands.AppCommandError)]
    assert errors == [], errors
    assert faults.unread == []
    assert requests.in_transactions == []


@contextlib.asynccontextmanager
async def selling_academy(db: Database) -> AsyncIterator[Academy]:
    """Open a server as `academy` does, whose bot has a key of a Stripe on this machine."""
    async with stripe_server() as server:
        api = StripeApi(server.key, base=server.url)
        async with contextlib.aclosing(api), academy(db, stripe=api) as world:
            world.stripe, server.now = server, lambda: world.now
            yield world


class _Requests(list[Any]):
    """Every request to Discord, and those sent inside a transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.in_transactions: list[str] = []

    def append(self, request: Any) -> None:
        if is_in_transaction():
            self.in_transactions.append(f"{request.method} {request.path}")
        super().append(request)


def _check_messages(env: simcord.Env) -> None:
    """Check that everything shown keeps to Discord's limits, and that access to each control is documented."""
    bot = cast("CoachBot", env.bot)
    for message in itertools.chain.from_iterable(one.values() for one in env.backend.messages.values()):
        within_limits(message.components)
        for custom_id in filter(None, (one.get("custom_id") for one in walk_components(message.components))):
            assert rows.of_control(bot, custom_id) is not None, custom_id
    for form in filter(None, (one.modal for one in env.backend.interactions.values())):
        form_within_limits(form)
        assert rows.of_form(bot, form["custom_id"]) is not None, form["custom_id"]


class _Faults(logging.Handler):
    """Collects logged errors: our own, and those that discord.py or APScheduler swallow."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.unread: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.unread.append(logging.Formatter().format(record))

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)

    def read(self) -> list[str]:
        """Return the errors logged since the last call, for a test that expects one."""
        found, self.unread = self.unread, []
        return found


def _people(env: simcord.Env, db: Database, make_bot: Callable[[], CoachBot], faults: _Faults) -> Academy:
    guild = env.create_guild("Academy")
    simcord_private.rename_bot(env, guild, "Coaching")
    coach_role = guild.create_role("Coach", position=1)
    powers = discord.Permissions(manage_guild=True, manage_roles=True)
    admin_role = guild.create_role("Admin", permissions=powers, position=5)

    def person(name: str, *roles: RoleHandle) -> Any:
        return guild.add_member(env.create_user(name, global_name=name.capitalize()), roles=roles)

    return Academy(
        env=env,
        db=db,
        guild=guild,
        lobby=guild.create_text_channel("lobby"),
        review=guild.create_text_channel("applications"),
        rooms=guild.create_category("Coaching"),
        coach_role=coach_role,
        admin=person("ada", admin_role),
        coach=person("cara"),
        student=person("stu"),
        other_student=person("sam"),
        outsider=person("olaf"),
        make_bot=make_bot,
        faults=faults,
        languages={},
    )


@contextlib.contextmanager
def lost_answers(world: Academy, method: str, path: str) -> Iterator[list[str]]:
    """Let the next matching request take effect but lose its answer, as when a connection breaks."""
    http = world.env.bot.http
    original = http.request
    lost: list[str] = []

    async def request(route: Route, **kwargs: Any) -> Any:
        answer = await original(route, **kwargs)
        if route.method == method and fnmatch.fnmatch(_path_of(route.url), path) and not lost:
            lost.append(route.url)
            raise ConnectionResetError("the answer got lost")
        return answer

    http.request = request
    try:
        yield lost
    finally:
        http.request = original


def words(message: Any) -> str:
    """Return a message's whole text: content, and every text and label of its components.

    Clickable commands read as our texts name them: `/book`.
    """
    return _CLICKABLE.sub(r"`/\1`", as_sent(message))


def as_sent(message: Any) -> str:
    """Return a message's whole text, with clickable commands as Discord gets them."""

    def parts(components: Any) -> Iterator[str]:
        for component in components:
            raw = component if isinstance(component, dict) else component.to_dict()
            yield from (raw[key] for key in ("content", "label", "placeholder") if raw.get(key))
            yield from (option["label"] for option in raw.get("options") or ())
            yield from parts(raw.get("components") or ())
            if raw.get("accessory"):
                yield from parts([raw["accessory"]])

    return "\n".join(filter(None, [message.content, *parts(message.components)]))


def reply(result: Any) -> Any:
    """Return the last message that answers an interaction. Checks Discord's limits."""
    message = result.followups[-1] if result.followups else result.response
    if message is not None:
        within_limits(message.components)
    return message
