"""The Discord port called directly, in the simulated server of `tests.support.simulated`."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import discord
from simcord.backend.errors import invalid_form_body
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.discord_api.messages import Rendered
from bot.discord_api.port import DiscordPort
from cogs import ui
from models import Guild, Notification, NotificationKind
from models.storage.database import Database
from scheduler.notifications.kinds import NotificationContext
from scheduler.rooms.ports import RoomSpec
from tests.support.simulated import Academy, academy

NAME = "coaching-session-abc"


@dataclass
class Direct:
    """A world and its bot's port. Messages say what the test wants and mention everyone in `pinged`."""

    world: Academy
    port: DiscordPort
    pinged: list[int]

    @property
    def backend(self) -> Any:
        return self.world.env.backend

    @property
    def bot_role(self) -> Any:
        """Return the bot's only role."""
        return next(role for role in self.world.guild._guild.roles.values() if role.managed)

    def a_room(self, **changed: Any) -> RoomSpec:
        """Return a room to create now, in the category `world.rooms`."""
        values: dict[str, Any] = {
            "guild_id": self.world.guild.id,
            "name": NAME,
            "category_id": self.world.rooms.id,
            "channel_id": None,
            "intended_at": self.world.now,
            "reason": "Coaching session abc",
        }
        return RoomSpec(**values | changed)

    def a_context(
        self, *, channel_id: int | None = None, maybe_sent: bool = False, **changed: Any
    ) -> NotificationContext:
        """Return a message to a channel, or a direct message if `user_id` is given."""
        values: dict[str, Any] = {"id": 7, "guild_id": self.world.guild.id, "kind": NotificationKind.ROOM_WELCOME}
        guild = Guild(id=self.world.guild.id)
        return NotificationContext(
            Notification(**values | changed), guild, None, maybe_sent=maybe_sent, channel_id=channel_id
        )

    def channels(self, kind: discord.ChannelType) -> dict[int, Any]:
        """Return the server's channels of this type, by id."""
        every = {one: self.backend.channels[one] for one in self.world.guild._guild.channel_ids}
        return {one: channel for one, channel in every.items() if channel.type == kind.value}

    def asked(self, method: str, ending: str) -> list[Any]:
        """Return the bodies of all requests whose path ends like this."""
        requests = self.world.env.http_requests
        return [one.json for one in requests if one.method == method and one.path.endswith(ending)]

    def take_from_the_bot(self, permission: str, channel_id: int | None = None) -> None:
        """Take a permission from the bot: in the server from all its roles, or deny it in a channel."""
        flag = getattr(discord.Permissions, permission).flag
        if channel_id is None:
            for role in (self.bot_role, self.world.guild._guild.everyone_role):
                changed = {"permissions": role.permissions & ~flag}
                self.backend.edit_role(self.world.guild.id, role.id, changed)
            return
        denied = Overwrite(target_id=self.bot_role.id, type=OverwriteType.ROLE, deny=flag)
        self.backend.channels[channel_id].overwrites[:] = [denied]

    def refuse(self, method: str, path: str, *, status: int = 403, code: int = 50013, message: str = "No") -> None:
        """Set Discord's answer to the next request of this kind."""
        self.world.env.inject_error(method, path, status=status, code=code, message=message)

    @contextlib.contextmanager
    def twice(self, method: str, path: str) -> Iterator[None]:
        """Let requests of this kind take effect twice, as when discord.py retries after a 502."""
        http: Any = self.world.env.bot.http
        original = http.request

        async def request(route: Any, **kwargs: Any) -> Any:
            if (route.method, route.path) == (method, path):
                await original(route, **kwargs)
            return await original(route, **kwargs)

        http.request = request
        try:
            yield
        finally:
            http.request = original

    def refuse_category(self, refused: Callable[[int], bool], code: str, message: str) -> None:
        """Let Discord refuse to create channels in some categories, with its real error."""
        original = self.backend.create_channel

        def create_channel(guild_id: int, name: str, **given: Any) -> Any:
            if given.get("parent_id") and refused(given["parent_id"]):
                raise invalid_form_body(errors={"parent_id": {"_errors": [{"code": code, "message": message}]}})
            return original(guild_id, name, **given)

        self.backend.create_channel = create_channel

    def fill(self, *names: str) -> None:
        """Report the categories with these names as full."""
        self.refuse_category(
            lambda category: self.backend.channels[category].name in names,
            "CHANNEL_PARENT_MAX_CHANNELS",
            "Maximum number of channels in category reached (50)",
        )


@contextlib.asynccontextmanager
async def direct(db: Database) -> AsyncIterator[Direct]:
    """Open a world that isn't set up, in which the loop has nothing to do."""
    async with academy(db) as world:
        pinged: list[int] = []

        def render(context: NotificationContext, server: str) -> Rendered:
            said = ui.text(f"<@{world.student.id}>: {context.notification.kind}")
            return Rendered(ui.Panel(said, ui.text(f"{server} ref 7")), list)

        port = DiscordPort(
            world.env.bot, render, lambda context: f"ref {context.notification.id}", lambda _: pinged
        )
        yield Direct(world, port, pinged)
