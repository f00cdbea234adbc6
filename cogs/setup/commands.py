"""`/coaching`: the server's settings, for admins."""

from typing import Literal

import discord
from discord import app_commands

from cogs import ui
from cogs.setup.presses import SetupPanelCog
from cogs.setup.settings import check_channel, check_roles
from cogs.ui import Interaction
from cogs.ui.group_commands import group_command
from cogs.ui.options import ZoneName
from cogs.ui.routing import retried
from models import AccessMode
from scheduler.notifications.reminder_times import parse_reminder_times
from scheduler.servers import settings
from scheduler.servers.settings import (
    LONGEST_CANCEL_NOTICE_HOURS,
    LONGEST_GRACE_MINUTES,
    LONGEST_HOW_TO_PAY,
    LONGEST_LEAD_MINUTES,
    MOST_COMING,
    GuildChanges,
)

Minutes = app_commands.Range[int, 0, LONGEST_LEAD_MINUTES]
_ACCESS = {"each person": AccessMode.PEOPLE, "a role per session": AccessMode.ROLE}


class CoachingCog(SetupPanelCog):
    """`/coaching setup`."""

    @group_command(
        "coaching",
        name="setup",
        description="Check what coaching needs here, mend it with a press, and change settings",
    )
    @app_commands.describe(
        review_channel="Where applications arrive",
        coach_role="Given to approved coaches",
        admin_role="May decide like somebody who manages the server",
        room_category="Where the private rooms are made",
        time_zone="City, country or zone for people who haven't set their own; coaches keep theirs",
        currency="For new rates, like USD; coaches keep theirs until they change it",
        room_lead="Minutes before the start at which the room is made",
        access_lead="Minutes before the start at which coach and student are let in",
        linger="Minutes for which the room stays after the end",
        cancel_notice="Hours before the start until which students cancel in time; 0: until it starts",
        most_upcoming="Coming sessions that a student may have",
        payment_instructions="What students read before they confirm a session that costs something",
        reminders="When coach and student are reminded, like 24h, 1h; or none",
        access="How people are let into their room",
        when_gone="What becomes of coming sessions when somebody has left or may not coach any more",
        no_show_grace="Minutes after the start from which who has not come is absent",
        log_channel="Where admins are told of problems; without: the system channel",
        news_channel="Where people whose direct messages are closed are asked to look",
    )
    @retried
    async def setup(
        self,
        interaction: Interaction,
        review_channel: discord.TextChannel | None = None,
        coach_role: discord.Role | None = None,
        admin_role: discord.Role | None = None,
        room_category: discord.CategoryChannel | None = None,
        time_zone: ZoneName | None = None,
        currency: str | None = None,
        room_lead: Minutes | None = None,
        access_lead: Minutes | None = None,
        linger: Minutes | None = None,
        cancel_notice: app_commands.Range[int, 0, LONGEST_CANCEL_NOTICE_HOURS] | None = None,
        most_upcoming: app_commands.Range[int, 1, MOST_COMING] | None = None,
        payment_instructions: app_commands.Range[str, 1, LONGEST_HOW_TO_PAY] | None = None,
        reminders: app_commands.Range[str, 1, 100] | None = None,
        access: Literal["each person", "a role per session"] | None = None,
        when_gone: Literal["cancel", "keep"] | None = None,
        no_show_grace: app_commands.Range[int, 0, LONGEST_GRACE_MINUTES] | None = None,
        log_channel: discord.TextChannel | None = None,
        news_channel: discord.TextChannel | None = None,
    ) -> None:
        """Change what was given, then show what is set, what is wrong, and ways to mend it."""
        await ui.acknowledge(interaction)
        roles, channels = (admin_role, coach_role), (review_channel, log_channel, news_channel)
        changes = GuildChanges(
            time_zone=time_zone,
            currency=currency,
            admin_role_id=_id(admin_role),
            coach_role_id=_id(coach_role),
            review_channel_id=_id(review_channel),
            room_category_id=_id(room_category),
            room_lead_minutes=room_lead,
            access_lead_minutes=access_lead,
            linger_minutes=linger,
            cancel_notice_minutes=None if cancel_notice is None else cancel_notice * 60,
            most_upcoming=most_upcoming,
            payment_instructions=payment_instructions,
            reminder_minutes=None if reminders is None else parse_reminder_times(reminders),
            access_mode=access and _ACCESS[access],
            keep_after_departure=None if when_gone is None else when_gone == "keep",
            no_show_grace_minutes=no_show_grace,
            log_channel_id=_id(log_channel),
            fallback_channel_id=_id(news_channel),
        )
        await self._change(interaction, changes, roles, channels)

    async def _change(
        self,
        interaction: Interaction,
        changes: GuildChanges,
        roles: tuple[discord.Role | None, discord.Role | None],
        channels: tuple[discord.TextChannel | None, ...],
    ) -> None:
        """For admins. `roles` are the admin role and the coach role, as far as they were given."""
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
            actor = ui.actor_of(interaction, guild)
            actor.must_be_admin()
            check_roles(interaction, *roles)
            for channel in channels:
                check_channel(channel)
            await settings.change(session, guild, actor, changes, now)
        self.bot.wake()
        await self.show_setup(interaction)


def _id(chosen: discord.Role | discord.abc.GuildChannel | None) -> int | None:
    return chosen.id if chosen else None
