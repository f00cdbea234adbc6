"""`/coaching`: the server's settings, for admins."""

from datetime import timedelta

import discord
from discord import app_commands

from cogs import ui
from cogs.defaults import show_defaults
from cogs.routing import Cog, retried
from cogs.timezone import zone_called, zone_choices
from cogs.ui import Interaction
from models import Guild
from scheduler import guilds
from scheduler.errors import Misconfigured, NotAllowed
from scheduler.guilds import LONGEST_HOW_TO_PAY, GuildChanges
from scheduler.lengths import write_length

Minutes = app_commands.Range[int, 0, 24 * 60]


class CoachingCog(Cog):
    """`/coaching`."""

    group = app_commands.Group(name="coaching", description="Run coaching in this server")

    @group.command(name="setup", description="See and change how coaching runs here")
    @app_commands.describe(
        review_channel="Where applications arrive",
        coach_role="Given to approved coaches",
        admin_role="May decide like somebody who manages the server",
        room_category="Where the private rooms are made",
        time_zone="A city or a zone, like Munich or Europe/Berlin",
        currency="For new coaches' rates, like USD",
        room_lead="Minutes before the start at which the room is made",
        access_lead="Minutes before the start at which coach and student are let in",
        linger="Minutes for which the room stays after the end",
        cancel_notice="Hours before the start until which students cancel in time; 0: until it starts",
        most_coming="Coming sessions that a student may have",
        how_to_pay="What students read before they confirm a session that costs something",
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
        cancel_notice: app_commands.Range[int, 0, 30 * 24] | None = None,
        most_coming: app_commands.Range[int, 1, 100] | None = None,
        how_to_pay: app_commands.Range[str, 1, LONGEST_HOW_TO_PAY] | None = None,
    ) -> None:
        """Change what was given, then show everything."""
        await ui.acknowledge(interaction)
        changes = GuildChanges(
            time_zone=await zone_called(time_zone) if time_zone else None,
            currency=currency,
            admin_role_id=admin_role.id if admin_role else None,
            coach_role_id=coach_role.id if coach_role else None,
            review_channel_id=review_channel.id if review_channel else None,
            room_category_id=room_category.id if room_category else None,
            room_lead_minutes=room_lead,
            access_lead_minutes=access_lead,
            linger_minutes=linger,
            cancel_notice_minutes=None if cancel_notice is None else cancel_notice * 60,
            most_coming=most_coming,
            how_to_pay=how_to_pay,
        )
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await guilds.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
            actor = ui.actor_of(interaction, guild)
            actor.must_be_admin()
            _check_roles(interaction, admin_role, coach_role)
            _check_channel(review_channel)
            await guilds.change(session, guild, actor, changes, now)
        self.bot.wake()
        await ui.show(interaction, _settings_panel(guild))

    @group.command(name="defaults", description="Presets for coaches, and the rules that new coaches begin with")
    @retried
    async def defaults(self, interaction: Interaction) -> None:
        """Show them, with buttons to change them."""
        await ui.acknowledge(interaction)
        await show_defaults(self.bot, interaction)

    @setup.autocomplete("time_zone")
    async def complete_zone(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Cities and zones."""
        return await zone_choices(typed, self.bot.clock())


def _check_channel(channel: discord.TextChannel | None) -> None:
    if channel is None:
        return
    mine = channel.permissions_for(channel.guild.me)
    if not (mine.view_channel and mine.send_messages and mine.read_message_history):
        raise Misconfigured(
            f"I cannot write in {channel.mention}. Give me View Channel, Send Messages and Read Message History "
            "there, then set it again."
        )


def _check_roles(
    interaction: Interaction, admin_role: discord.Role | None, coach_role: discord.Role | None
) -> None:
    """Nobody hands out through the bot what they could not hand out themselves."""
    if (admin_role or coach_role) and not interaction.permissions.manage_guild:
        raise NotAllowed("Only who may manage the server chooses the admin role and the coach role.")
    if coach_role is None:
        return
    by = interaction.user
    assert isinstance(by, discord.Member), "the command is for servers only"
    could_give = by.guild_permissions.manage_roles and by.top_role > coach_role
    if by.id != coach_role.guild.owner_id and not could_give:
        raise NotAllowed(
            f"Choose a coach role that you could give yourself: that takes Manage Roles, and {coach_role.mention} "
            "has to stand below your own highest role."
        )
    if not coach_role.is_assignable():
        raise Misconfigured(
            f"I cannot give {coach_role.mention} to anybody. In the server's role list, move my own role above it "
            "(and choose no role that belongs to a bot), then set it again."
        )


def _settings_panel(guild: Guild) -> ui.Panel:
    def named(kind: str, id_: int | None, missing: str) -> str:
        return f"<{kind}{id_}>" if id_ else f"⚠️ {missing}"

    lines = [
        "### Coaching in this server",
        f"**Applications arrive in** {named('#', guild.review_channel_id, 'not set: nobody sees new ones')}",
        f"**Coach role** {named('@&', guild.coach_role_id, 'not set: coaches get none')}",
        f"**Admin role** {named('@&', guild.admin_role_id, 'not set: whoever manages the server decides')}",
        f"**Rooms are made in** {named('#', guild.room_category_id, 'not set: outside any category')}",
        f"**Time zone** {guild.time_zone} · **Currency** {guild.currency}",
        f"**Rooms** made {guild.room_lead_minutes} min before, opened {guild.access_lead_minutes} min before, "
        f"removed {guild.linger_minutes} min after the end",
        f"**Students** have at most {guild.most_coming} coming sessions and cancel in time until {_notice(guild)}",
        f"**How to pay** {ui.quoted(guild.how_to_pay) if guild.how_to_pay else 'not said'}",
        "-# Change any of these with the options of `/coaching setup`.",
    ]
    return ui.Panel(ui.text("\n".join(lines)))


def _notice(guild: Guild) -> str:
    notice = timedelta(minutes=guild.cancel_notice_minutes)
    return f"{write_length(notice)} before it starts" if notice else "it starts"
