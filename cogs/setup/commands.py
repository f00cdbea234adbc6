"""`/coaching`: the server's settings, for admins."""

from typing import Literal

import discord
from discord import app_commands

from cogs import routes, ui
from cogs.coaches import blocks
from cogs.coaches.specialties import show_specialties
from cogs.reports.activity import show_audit, show_export, show_sessions
from cogs.reports.coach_roster import show_coaches, show_profile
from cogs.reports.health import show_health, show_run
from cogs.reports.session_history import show_story
from cogs.reports.statistics import PERIODS, show_stats
from cogs.reviews.listing import show_reviews
from cogs.setup.defaults import show_defaults
from cogs.setup.presses import show_setup
from cogs.setup.public_panel import post_panel
from cogs.setup.settings import check_channel, check_roles
from cogs.timezone import resolve_zone, zone_choices
from cogs.ui import Interaction
from cogs.ui.routing import Cog, retried
from models import AccessMode, SessionStatus
from scheduler.booking.blocks import LONGEST_REASON
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


class CoachingCog(Cog):
    """`/coaching`."""

    group = app_commands.Group(name="coaching", description="Run coaching in this server")

    @group.command(
        name="setup", description="Check what coaching needs here, mend it with a press, and change settings"
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
        time_zone: str | None = None,
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
            time_zone=await resolve_zone(time_zone) if time_zone else None,
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
        await show_setup(self.bot, interaction)

    @group.command(
        name="post", description="Post a panel with buttons for everybody who does not know the commands"
    )
    @app_commands.describe(channel="Where; without: here")
    @retried
    async def post(self, interaction: Interaction, channel: discord.TextChannel | None = None) -> None:
        """Post it."""
        await ui.acknowledge(interaction)
        await post_panel(self.bot, interaction, channel)

    @group.command(name="defaults", description="Presets for coaches, and the rules that new coaches begin with")
    @retried
    async def defaults(self, interaction: Interaction) -> None:
        """Show them, with buttons to change them."""
        await ui.acknowledge(interaction)
        await show_defaults(self.bot, interaction)

    @group.command(name="specialties", description="What can be taught here: add, rename, remove")
    @retried
    async def specialties(self, interaction: Interaction) -> None:
        """Show the list, with buttons to change it."""
        await ui.acknowledge(interaction)
        await show_specialties(self.bot, interaction)

    @group.command(name="reviews", description="What students said, with hidden reviews, and buttons to hide them")
    @app_commands.describe(coach="Only of this coach")
    @retried
    async def reviews(self, interaction: Interaction, coach: discord.User | None = None) -> None:
        """List them, newest first."""
        await ui.acknowledge(interaction)
        await show_reviews(self.bot, interaction, coach.id if coach else 0)

    @group.command(name="health", description="Whether coaching works here, and what to do where it does not")
    @retried
    async def health(self, interaction: Interaction) -> None:
        """Show how things are."""
        await ui.acknowledge(interaction)
        await show_health(self.bot, interaction)

    @group.command(name="run", description="Do now what is due, and see what was done")
    @retried
    async def run(self, interaction: Interaction) -> None:
        """One tick by hand."""
        await ui.acknowledge(interaction)
        await show_run(self.bot, interaction)

    @group.command(name="session", description="One session's whole story, with ways to help it on")
    @app_commands.describe(code="It stands on every message about the session")
    @retried
    async def session(self, interaction: Interaction, code: app_commands.Range[str, 1, 50]) -> None:
        """Show it."""
        await ui.acknowledge(interaction)
        await show_story(self.bot, interaction, code)

    @group.command(name="sessions", description="All sessions here, the latest start first")
    @app_commands.describe(status="Only those", member="Only those of this coach or student")
    @retried
    async def sessions(
        self,
        interaction: Interaction,
        status: Literal["scheduled", "in progress", "completed", "cancelled", "no show"] | None = None,
        member: discord.User | None = None,
    ) -> None:
        """List them."""
        await ui.acknowledge(interaction)
        wanted = SessionStatus[status.replace(" ", "_").upper()] if status else None
        await show_sessions(self.bot, interaction, wanted, member.id if member else 0)

    @group.command(name="coaches", description="Coaches of every state, and why somebody cannot be booked")
    @app_commands.describe(member="All about this one")
    @retried
    async def coaches(self, interaction: Interaction, member: discord.User | None = None) -> None:
        """List them, or show one."""
        await ui.acknowledge(interaction)
        if member is None:
            await show_coaches(self.bot, interaction)
        else:
            await show_profile(self.bot, interaction, member.id)

    @group.command(name="block", description="Stop somebody from booking, applying to coach, or both")
    @app_commands.describe(
        member="Who", what="What they can't do any more", reason="What they see when they try (optional)"
    )
    @retried
    async def block(
        self,
        interaction: Interaction,
        member: discord.User,
        what: Literal["booking", "applying", "both"],
        reason: app_commands.Range[str, 1, LONGEST_REASON] | None = None,
    ) -> None:
        """Block one person."""
        await ui.acknowledge(interaction)
        await blocks.block(self.bot, interaction, member.id, blocks.WHAT[what], reason or "")

    @group.command(name="unblock", description="Let somebody book and apply again")
    @app_commands.describe(member="Who")
    @retried
    async def unblock(self, interaction: Interaction, member: discord.User) -> None:
        """Lift all blocks of one person."""
        await ui.acknowledge(interaction)
        await blocks.unblock(self.bot, interaction, member.id, routes.FROM_BOTH)

    @group.command(name="blocked", description="See who is blocked from what and why, and unblock them")
    @retried
    async def blocked(self, interaction: Interaction) -> None:
        """List them."""
        await ui.acknowledge(interaction)
        await blocks.show_blocked(self.bot, interaction)

    @group.command(
        name="stats", description="How coaching went: sessions, rooms, hours, reviews, as a picture and in figures"
    )
    @app_commands.describe(period="Up to today; 30 days if you do not say")
    @retried
    async def stats(
        self, interaction: Interaction, period: Literal["7 days", "30 days", "90 days", "all"] = "30 days"
    ) -> None:
        """Show them."""
        await ui.acknowledge(interaction)
        await show_stats(self.bot, interaction, PERIODS[period])

    @group.command(name="audit", description="Who did what, newest first")
    @app_commands.describe(member="Only what this person did, or what was done about this coach")
    @retried
    async def audit(self, interaction: Interaction, member: discord.User | None = None) -> None:
        """Show it."""
        await ui.acknowledge(interaction)
        await show_audit(self.bot, interaction, member.id if member else 0)

    @group.command(name="export", description="A table as a CSV file, for spreadsheets")
    @app_commands.describe(what="Which table")
    @retried
    async def export(
        self, interaction: Interaction, what: Literal["sessions", "coaches", "reviews", "audit"]
    ) -> None:
        """Hand it over."""
        await ui.acknowledge(interaction)
        await show_export(self.bot, interaction, what)

    @setup.autocomplete("time_zone")
    async def complete_zone(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Cities and zones."""
        return await zone_choices(typed, self.bot.clock())


def _id(chosen: discord.Role | discord.abc.GuildChannel | None) -> int | None:
    return chosen.id if chosen else None
