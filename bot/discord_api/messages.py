"""Delivers messages to Discord and finds those whose answer was lost."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, Protocol

import discord

from bot.discord_api.errors import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, Attempt, expect_gone
from bot.discord_api.names import name_of
from bot.discord_api.permissions import missing_permissions
from scheduler.core.errors import Unreachable
from scheduler.notifications.kinds import Audience, NotificationContext
from scheduler.notifications.ports import Receipt

log = logging.getLogger(__name__)

_SEARCH_LIMIT = 50  # how many recent messages to search for one that may have been sent

Target = discord.DMChannel | discord.PartialMessageable | discord.TextChannel | discord.VoiceChannel


class MakeClickable(Protocol):
    """Makes the commands in a message clickable. In direct messages, only those that work there."""

    def __call__(self, view: discord.ui.LayoutView, *, in_server: bool) -> None:
        """Change the message's texts."""
        ...


class Rendered(NamedTuple):
    """A message as it's going to look."""

    view: discord.ui.LayoutView
    files: Callable[[], list[discord.File]]
    """Makes its files anew, since a file is used up by being sent."""


class Messages:
    """Sends notifications and brings them up to date."""

    def __init__(
        self,
        client: discord.Client,
        render: Callable[[NotificationContext, str], Rendered],
        mark: Callable[[NotificationContext], str],
        mentions: Callable[[NotificationContext], list[int]],
        make_clickable: MakeClickable,
    ) -> None:
        self._client, self._render, self._mark, self._mentions = client, render, mark, mentions
        self._make_clickable = make_clickable

    async def deliver(self, attempt: Attempt, context: NotificationContext, guild: discord.Guild) -> Receipt:
        """Send the message, edit the one that was sent, or find the one whose answer was lost."""
        channel = await self._target(attempt, context, guild)
        if isinstance(channel, discord.DMChannel | discord.PartialMessageable):
            context = replace(context, in_dm=True, names=await self._names(context, guild))
        rendered = self._render(context, guild.name)
        self._make_clickable(rendered.view, in_server=not context.in_dm)
        attempt.needs = _needed(channel, searching=context.maybe_sent, files=bool(rendered.files()))
        with expect_gone(UNKNOWN_CHANNEL, otherwise=_channel_gone(context, channel.id)):
            return await self._edit(channel, context, rendered) or await self._send(channel, context, rendered)

    async def _names(self, context: NotificationContext, guild: discord.Guild) -> dict[int, str]:
        """Add the names that aren't stored, as far as Discord knows them."""
        names = dict(context.names)
        for one in context.mentioned_ids - names.keys():
            if (channel := guild.get_channel(one)) is not None:
                names[one] = f"#{channel.name}"
            elif (role := guild.get_role(one)) is not None:
                names[one] = f"@{role.name}"
            elif (name := await self._name(guild, one)) is not None:
                names[one] = name
        return names

    async def _name(self, guild: discord.Guild, user_id: int) -> str | None:
        """Ask for a name. A message without it is better than none, so a failure isn't one of the message."""
        try:
            return await name_of(self._client, guild, user_id)
        except discord.HTTPException as failure:
            log.info("can't look up the name of %s in guild %s: %s", user_id, guild.id, failure)
            return None

    async def _edit(self, channel: Target, context: NotificationContext, rendered: Rendered) -> Receipt | None:
        """Update the message that was sent before, pinging nobody. Returns None if there is none."""
        notification, known = context.notification, None
        if notification.message_id is not None and notification.channel_id in (None, channel.id):
            known = notification.message_id
        elif context.maybe_sent:
            known = await self._find(channel, context)
        if known is None:
            return None
        try:
            edited = await channel.get_partial_message(known).edit(
                view=rendered.view,
                attachments=rendered.files(),
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except discord.NotFound as error:
            if error.code != UNKNOWN_MESSAGE:
                raise
            if notification.is_direct:
                raise Unreachable("the message is gone") from error  # it's about something that has passed
            return None  # someone deleted it, so send it again
        return Receipt(channel.id, edited.id)

    async def _send(self, channel: Target, context: NotificationContext, rendered: Rendered) -> Receipt:
        pinged = [discord.Object(user_id) for user_id in self._mentions(context)]
        sent = await channel.send(
            view=rendered.view,
            files=rendered.files(),
            nonce=f"notice-{context.notification.id}",
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=pinged, replied_user=False
            ),
        )
        return Receipt(channel.id, sent.id)

    async def _find(self, channel: Target, context: NotificationContext) -> int | None:
        mark = self._mark(context)
        async for message in channel.history(limit=_SEARCH_LIMIT):
            mine = self._client.user is not None and message.author.id == self._client.user.id
            # Only the last line is certain to be ours; others may contain user text.
            last = message.components[-1] if message.components else None
            if mine and isinstance(last, discord.TextDisplay) and last.content.endswith(mark):
                return message.id
        return None

    async def _target(self, attempt: Attempt, context: NotificationContext, guild: discord.Guild) -> Target:
        notification = context.notification
        if notification.is_direct:
            if notification.message_id is not None and notification.channel_id is not None:
                return self._client.get_partial_messageable(notification.channel_id)  # it's open already
            assert notification.user_id is not None, "direct messages are to someone"
            return await self._client.create_dm(discord.Object(notification.user_id))

        channel_id = context.channel_id if notification.route else notification.channel_id or context.channel_id
        if channel_id is None and context.audience is Audience.NEW_SERVER:
            return await self._welcome_channel(attempt, context, guild)
        if channel_id is None:
            assert context.audience is Audience.ADMINS, "the domain says where everything else goes"
            return await self._admin_channel(attempt, guild)
        attempt.guild_id = guild.id
        attempt.require(discord.Permissions(view_channel=True), channel_id)
        with expect_gone(UNKNOWN_CHANNEL, otherwise=_channel_gone(context, channel_id)):
            channel = await self._client.fetch_channel(channel_id)
        is_for_admins = context.audience in (Audience.ADMINS, Audience.NEW_SERVER)
        if isinstance(channel, discord.DMChannel) and is_for_admins:
            return channel  # the owner's, from the first time
        if not isinstance(channel, discord.TextChannel | discord.VoiceChannel) or channel.guild.id != guild.id:
            raise Unreachable(f"<#{channel_id}> isn't a text or voice channel of this server", for_admins=True)
        return channel

    async def _admin_channel(self, attempt: Attempt, guild: discord.Guild) -> Target:
        """Return the system channel if the bot may write there, else the owner's direct messages.

        Without the gateway the system channel isn't known.
        """
        system = guild.system_channel
        if system is not None and system.permissions_for(guild.me) >= _needed(system):
            attempt.guild_id, attempt.place_id = guild.id, system.id
            return system
        return await self._owner(guild)

    async def _welcome_channel(
        self, attempt: Attempt, context: NotificationContext, guild: discord.Guild
    ) -> Target:
        """Return the system channel, the first text channel where the bot may write, or the owner's messages."""
        if context.notification.route is not None:
            return await self._owner(guild)
        assert self._client.user is not None, "the bot is logged in"
        me = guild.me or await guild.fetch_member(self._client.user.id)
        channels = guild.text_channels or [
            one for one in await guild.fetch_channels() if isinstance(one, discord.TextChannel)
        ]
        # In Discord's order: channels without a category first.
        channels = sorted(channels, key=lambda one: (one.category.position if one.category else -1, one.position))
        for channel in (guild.system_channel, *channels):
            if (
                channel is not None
                and not missing_permissions(me, channel, _needed(channel, searching=context.maybe_sent)).any
            ):
                attempt.guild_id, attempt.place_id = guild.id, channel.id
                return channel
        raise Unreachable("there's no channel in the server where I can write")

    async def _owner(self, guild: discord.Guild) -> Target:
        if guild.owner_id is None:
            raise Unreachable("the server has no channel for it and its owner isn't known")
        return await self._client.create_dm(discord.Object(guild.owner_id))


def _needed(channel: Target, *, searching: bool = False, files: bool = False) -> discord.Permissions:
    return discord.Permissions(
        view_channel=True,
        send_messages=True,
        connect=isinstance(channel, discord.VoiceChannel),
        read_message_history=searching,
        attach_files=files,
    )


def _channel_gone(context: NotificationContext, channel_id: int) -> Unreachable:
    """Explain a deleted channel. Only one that admins chose needs their attention."""
    guild = context.guild
    chosen = (guild.review_channel_id, guild.log_channel_id, guild.fallback_channel_id)
    return Unreachable(f"the channel <#{channel_id}> no longer exists", for_admins=channel_id in chosen)
