"""The virtual Discord, and the only place that touches simcord's private parts.

They are: `Clock._epoch` (the world's first instant); the idle wait of `Env._settle_internal` (how often it looks
whether all is quiet) and `Env._bot_scope` (what the world waits for); `Preview.capability` and its server's port;
`Env.backend` with the `_guild` and `_channel` of the handles (what the world holds, whoever looks).
"""

import contextlib
import datetime as dt
import functools
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import discord
import simcord
from simcord.backend.access import can_access_channel
from simcord.backend.errors import BackendError, SetupError
from simcord.builders import ChannelHandle, GuildHandle

_IDLE_SECONDS = 0.016
_PATIENCE_SECONDS = 600.0
"""What falls into one minute may take so long on a slow machine before it counts as stuck."""
_TRIES = 12
"""What does not settle the first time may do so on a slow machine the next."""
_APSCHEDULER_MODULES = (
    "apscheduler.schedulers.base",
    "apscheduler.executors.base",
    "apscheduler.triggers.interval",
)

Refusal = (SetupError, BackendError)
"""What simcord raises when a person tries what their client would not let them do."""


@contextlib.contextmanager
def apscheduler_clock(now: Callable[[], dt.datetime]) -> Iterator[None]:
    """Let APScheduler, which calls datetime.now itself, ask `now` instead of the machine."""

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


def quick_world(bot: discord.Client) -> simcord.Env:
    """A world around the bot that answers within milliseconds. Errors are for the caller to look at."""
    env: Any = simcord.Env(bot, check_errors=False)
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
    """Say what time it is, before anything happens: nothing that is due in between is run."""
    clock = env.backend.clock
    clock._epoch = at - dt.timedelta(seconds=clock.elapsed)


async def advance(env: simcord.Env, to: dt.datetime) -> None:
    """Let time pass. Timers shorter than the settle timeout make every action wait, so it is raised only here."""
    before, env.settle_timeout = env.settle_timeout, _PATIENCE_SECONDS
    try:
        await env.advance_time(max((to - env.now()).total_seconds(), 0.0))
    finally:
        env.settle_timeout = before


async def as_the_bot(env: simcord.Env, act: Callable[[], object]) -> None:
    """Do something that the bot's own code does, and wait for all that follows from it."""
    with env._bot_scope():
        act()
    await env.settle()


def rename_bot(env: simcord.Env, guild: GuildHandle, name: str) -> None:
    """Call the bot something, and move its role above those that it gives, as an operator does it."""
    env.backend.bot_user.name = name
    role = next(role for role in guild._guild.roles.values() if role.managed)
    role.name, role.position = name, 100


def channels(env: simcord.Env, guild: GuildHandle) -> list[Any]:
    """Every channel of the server, in its order: `id`, `name`, `type`, `parent_id`."""
    return [env.backend.channels[one] for one in guild._guild.channel_ids]


def channel(env: simcord.Env, guild: GuildHandle, channel_id: int) -> ChannelHandle:
    """A channel to act in. It must exist, as every channel does that somebody sees."""
    return ChannelHandle(env, guild, env.backend.channels[channel_id])


def sees(env: simcord.Env, person: Any, channel_id: int) -> bool:
    """Whether this person's client lists the channel."""
    return can_access_channel(env, channel_id, person)


def may(env: simcord.Env, guild: GuildHandle, person: Any, channel_id: int, *names: str) -> bool:
    """Whether Discord's own rules give this person all these permissions there."""
    held = discord.Permissions(env.backend.compute_permissions(guild.id, person.id, channel_id))
    return all(getattr(held, name) for name in names)


def inside(guild: GuildHandle, channel_id: int) -> list[int]:
    """The ids of those who are in this voice channel."""
    return [user for user, state in guild.voice_states().items() if state.channel_id == channel_id]


def visible_messages(env: simcord.Env, channel_id: int, person_id: int) -> list[int]:
    """The ids of the messages there that this person may read, oldest first."""
    messages = env.backend.messages.get(channel_id, {}).values()
    return sorted(one.id for one in messages if one.visible_to(person_id))


def has_read_of(env: simcord.Env, channel_id: int, person_id: int, words: str) -> bool:
    """Whether a message there that this person may read says this."""
    messages = env.backend.messages.get(channel_id, {}).values()
    return any(one.visible_to(person_id) and words in str(one.components) for one in messages)


def preview_address(preview: Any) -> tuple[int, str]:
    """The loopback port on which a preview serves, and the secret that opens it."""
    port = preview._server.port
    assert port is not None, "the preview was entered"
    return port, preview.capability
