"""The simulated Discord, and the only module that uses simcord's private parts.

It uses `Clock._epoch` (the world's start), `Env._settle_internal` (how often it checks for idleness),
`Env._bot_scope` (what it waits for), `Preview.capability` and its server's port, whom the preview names,
`Env.backend` with the handles' `_guild` and `_channel` (the world's state regardless of who looks), and
`Backend.emit` (in which language people use Discord).
"""

import contextlib
import datetime as dt
import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import discord
import simcord
from simcord.backend.access import can_access_channel
from simcord.backend.errors import BackendError, SetupError
from simcord.builders import ChannelHandle, GuildHandle
from simcord.preview import _messages

_IDLE_SECONDS = 0.016
_SETTLE_SECONDS = 3.0
"""Every action waits in real time for timers that are due sooner.

It's longer than the pause between two rounds of direct messages, so that twenty arrive, and shorter than the one
before the first look at an open payment.
"""
_PATIENCE_SECONDS = 600.0
"""How long one minute of the world may take on a slow machine before it counts as stuck."""
_TRIES = 20
"""How often to wait again for a slow machine to settle."""
_APSCHEDULER_MODULES = (
    "apscheduler.schedulers.base",
    "apscheduler.executors.base",
    "apscheduler.triggers.interval",
)

Refusal = (SetupError, BackendError)
"""What simcord raises when a person tries something their client wouldn't allow."""


@contextlib.contextmanager
def apscheduler_clock(now: Callable[[], dt.datetime]) -> Iterator[None]:
    """Make APScheduler, which calls datetime.now itself, use `now` instead."""

    class Meta(type(dt.datetime)):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, dt.datetime)

    class VirtualDateTime(dt.datetime, metaclass=Meta):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return now().astimezone(tz) if tz else now().astimezone().replace(tzinfo=None)

    with contextlib.ExitStack() as stack:
        for name in _APSCHEDULER_MODULES:
            module: Any = importlib.import_module(name)
            stack.callback(setattr, module, "datetime", module.datetime)
            module.datetime = VirtualDateTime
        yield


@contextlib.contextmanager
def names_in_direct_messages() -> Iterator[None]:
    """Name people from shared servers in direct messages, as Discord does. The preview shows their ids."""
    known = _messages._user_allowed

    def allowed(preview: Any, page: Any, user_id: int) -> bool:
        guilds = preview.env.backend.guilds.values()
        return known(preview, page, user_id) or any(
            {user_id, page.viewer.id} <= one.members.keys() for one in guilds
        )

    _messages._user_allowed = allowed
    try:
        yield
    finally:
        _messages._user_allowed = known


def quick_world(bot: discord.Client) -> simcord.Env:
    """Build a world around the bot that settles within milliseconds. The caller checks for errors."""
    env: Any = simcord.Env(bot, check_errors=False, settle_timeout=_SETTLE_SECONDS)
    settle = functools.partial(env._settle_internal, idle=_IDLE_SECONDS)

    async def settle_in_the_end(**how: Any) -> None:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(TimeoutError):
                await settle(**how)
                return
        await settle(**how)

    env._settle_internal = settle_in_the_end
    return env


def set_clock(env: simcord.Env, at: dt.datetime) -> None:
    """Set the time before anything happens. Runs nothing that would be due in between."""
    clock = env.backend.clock
    clock._epoch = at - dt.timedelta(seconds=clock.elapsed)


async def advance(env: simcord.Env, to: dt.datetime) -> None:
    """Let time pass. Every action waits for timers shorter than the settle timeout, so that's raised only here."""
    before, env.settle_timeout = env.settle_timeout, _PATIENCE_SECONDS
    try:
        await env.advance_time(max((to - env.now()).total_seconds(), 0.0))
    finally:
        env.settle_timeout = before


async def as_the_bot(env: simcord.Env, act: Callable[[], object]) -> None:
    """Run the bot's own code and wait for everything that follows from it."""
    with env._bot_scope():
        act()
    await env.settle()


def speak(env: simcord.Env, language_of: Callable[[int], str]) -> None:
    """Let people use Discord in the language of their user id. In simcord it's always US English."""
    emit = env.backend.emit

    def emit_in_their_language(event: str, payload: Mapping[str, Any]) -> None:
        if event == "INTERACTION_CREATE":
            user = payload.get("user") or payload["member"]["user"]
            payload = {**payload, "locale": language_of(int(user["id"]))}
        emit(event, payload)

    env.backend.emit = emit_in_their_language


def rename_bot(env: simcord.Env, guild: GuildHandle, name: str) -> None:
    """Rename the bot and move its role above those it gives, as an operator would."""
    env.backend.bot_user.name = name
    role = next(role for role in guild._guild.roles.values() if role.managed)
    role.name, role.position = name, 100


def channels(env: simcord.Env, guild: GuildHandle) -> list[Any]:
    """Return the server's channels in order, each with `id`, `name`, `type` and `parent_id`."""
    return [env.backend.channels[one] for one in guild._guild.channel_ids]


def channel(env: simcord.Env, guild: GuildHandle, channel_id: int) -> ChannelHandle:
    """Return a channel to act in. It must exist."""
    return ChannelHandle(env, guild, env.backend.channels[channel_id])


def sees(env: simcord.Env, person: Any, channel_id: int) -> bool:
    """Whether this person's client lists the channel."""
    return can_access_channel(env, channel_id, person)


def may(env: simcord.Env, guild: GuildHandle, person: Any, channel_id: int, *names: str) -> bool:
    """Whether this person has all these permissions there, by Discord's rules."""
    held = discord.Permissions(env.backend.compute_permissions(guild.id, person.id, channel_id))
    return all(getattr(held, name) for name in names)


def inside(guild: GuildHandle, channel_id: int) -> list[int]:
    """Return the ids of the people in this voice channel."""
    return [user for user, state in guild.voice_states().items() if state.channel_id == channel_id]


def visible_messages(env: simcord.Env, channel_id: int, person_id: int) -> list[int]:
    """Return the ids of the messages this person can read there, oldest first."""
    messages = env.backend.messages.get(channel_id, {}).values()
    return sorted(one.id for one in messages if one.visible_to(person_id))


def can_read(env: simcord.Env, channel_id: int, person_id: int, words: str) -> bool:
    """Whether a message that this person can read there contains these words."""
    messages = env.backend.messages.get(channel_id, {}).values()
    return any(one.visible_to(person_id) and words in str(one.components) for one in messages)


def preview_address(preview: Any) -> tuple[int, str]:
    """Return the preview's loopback port and the secret that opens it."""
    port = preview._server.port
    assert port is not None, "the preview is open"
    return port, preview.capability
