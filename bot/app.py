"""The composition root: the one place that knows every part."""

import logging
from collections.abc import Collection
from datetime import timedelta
from functools import partial
from typing import Any

import discord
from discord.ext import commands

from bot import features
from bot.discord_api import commands as commands_at_discord
from bot.discord_api.errors import CALL_TIMEOUT
from bot.discord_api.messages import Rendered
from bot.discord_api.names import Names, name_of, names_of
from bot.discord_api.permissions import invite_link
from bot.discord_api.port import DiscordPort
from bot.gateway.events import Gateway
from cogs import notifications, ui
from cogs.availability.booking_policy import RulesCog
from cogs.availability.commands import AvailabilityCog
from cogs.availability.conflicts import ConflictsCog
from cogs.availability.dates import DatesCog
from cogs.availability.zone import ZoneCog
from cogs.booking.commands import BookingCog
from cogs.bot_base import BotBase, Interaction
from cogs.coaches.blocks import BlockingCog
from cogs.coaches.commands import CoachCog
from cogs.coaches.profile import ProfileCog
from cogs.coaches.specialties import SpecialtiesCog
from cogs.coaches.student_sessions import StudentSessionsCog
from cogs.coaches.suspensions import SuspendingCog
from cogs.command_mentions import CommandMentions, make_clickable
from cogs.credits.charges import ChargesCog
from cogs.credits.commands import CreditsCog
from cogs.credits.offers import OffersCog
from cogs.credits.orders import OrdersCog
from cogs.credits.people import PeopleCog
from cogs.interaction_stats import InteractionStats
from cogs.reports.activity import ActivityCog
from cogs.reports.coach_roster import CoachRosterCog
from cogs.reports.export import ExportCog
from cogs.reports.health import HealthCog
from cogs.reports.session_history import SessionHistoryCog
from cogs.reports.statistics import StatisticsCog
from cogs.reviews.commands import ReviewsCog
from cogs.reviews.listing import ReviewListCog
from cogs.series.answering import AnsweringCog
from cogs.series.asking import AskingCog
from cogs.series.changing import SeriesChangesCog
from cogs.series.overview import SeriesCog
from cogs.sessions.commands import SessionsCog
from cogs.sessions.in_room import RoomCog
from cogs.sessions.lateness import LatenessCog
from cogs.sessions.no_shows import NoShowsCog
from cogs.sessions.reminders import RemindersCog
from cogs.sessions.rescheduling import ReschedulingCog
from cogs.setup.admin_menu import AdminMenuCog
from cogs.setup.defaults import DefaultsCog
from cogs.setup.one_setting import OneSettingCog
from cogs.setup.presses import SetupCog
from cogs.setup.public_panel import PublicPanelCog
from cogs.time_off.away import AwayCog
from cogs.time_off.closures import ClosuresCog
from cogs.time_off.substitutes import SubstitutesCog
from cogs.timezone import TimezoneCog
from cogs.ui.answering import Tree
from cogs.ui.routing import Cog, Router
from cogs.waiting_list.commands import WaitingListCog
from cogs.workshops.announcing import AnnouncingCog
from cogs.workshops.commands import WorkshopsCog
from models.storage.database import Database
from scheduler.core.clock import Clock, utc_now
from scheduler.loop.background import BackgroundWork
from scheduler.loop.loop import Loop
from scheduler.loop.tick import TickReport, tick
from scheduler.notifications.kinds import NotificationContext
from scheduler.payments.ports import Stripe
from scheduler.servers.settings import GuildDefaults

log = logging.getLogger(__name__)

INTENTS = discord.Intents(guilds=True, voice_states=True)
"""None of these intents is privileged."""

# The bot plays no sound; discord.py would warn about missing libraries at every start.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False

COGS = (
    CoachCog,
    ProfileCog,
    SuspendingCog,
    BlockingCog,
    StudentSessionsCog,
    AvailabilityCog,
    DatesCog,
    RulesCog,
    ZoneCog,
    ConflictsCog,
    BookingCog,
    AskingCog,
    AnsweringCog,
    CreditsCog,
    OffersCog,
    OrdersCog,
    PeopleCog,
    SessionsCog,
    ReschedulingCog,
    WaitingListCog,
    SeriesCog,
    SeriesChangesCog,
    AnnouncingCog,
    WorkshopsCog,
    LatenessCog,
    NoShowsCog,
    ChargesCog,
    RoomCog,
    ReviewsCog,
    ReviewListCog,
    RemindersCog,
    TimezoneCog,
    OneSettingCog,
    SetupCog,
    PublicPanelCog,
    AdminMenuCog,
    HealthCog,
    SessionHistoryCog,
    ActivityCog,
    ExportCog,
    CoachRosterCog,
    StatisticsCog,
    DefaultsCog,
    SpecialtiesCog,
    ClosuresCog,
    AwayCog,
    SubstitutesCog,
)

features.register()


def payment_cogs() -> tuple[type[Cog], ...]:
    """Load the cogs of payments by card, which only a bot with a key for them needs."""
    from cogs.payments.admin import PaymentsAdminCog
    from cogs.payments.commands import PaymentsCog
    from cogs.payments.download import PaymentsFileCog

    return PaymentsCog, PaymentsAdminCog, PaymentsFileCog


class CoachBot(BotBase):
    """The bot: commands and buttons in front, the loop behind them.

    With `home_guild_id` it serves only that server, and only `/sessions` and `/timezone` are registered elsewhere:
    they also work in direct messages. With `stripe` its servers can take payments by card. Closing the bot closes
    neither `db` nor `stripe`.
    """

    def __init__(
        self,
        db: Database,
        defaults: GuildDefaults,
        *,
        home_guild_id: int | None = None,
        clock: Clock = utc_now,
        tick_interval: timedelta = timedelta(seconds=15),
        stripe: Stripe | None = None,
    ) -> None:
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=INTENTS,
            tree_cls=Tree,
            allowed_mentions=ui.NO_MENTIONS,
            allowed_contexts=discord.app_commands.AppCommandContext(guild=True),
            allowed_installs=discord.app_commands.AppInstallationType(guild=True),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,  # messages are fetched when needed
            max_ratelimit_timeout=CALL_TIMEOUT.total_seconds(),
        )
        self.db, self.defaults, self.clock, self.tick_interval = db, defaults, clock, tick_interval
        self.stripe = stripe
        self.command_mentions, self.interaction_stats = CommandMentions(), InteractionStats()
        self.router = Router()
        self._home = discord.Object(home_guild_id) if home_guild_id else None
        self.port = discord_port(self, self.command_mentions)
        self._gateway = Gateway(
            self,
            db,
            self.port,
            defaults,
            clock,
            serves=self.serves,
            wake=self.wake,
            sweep=lambda: self._loop.sweep_soon(),
        )
        self._loop = Loop(db, self.port, clock, tick_interval, self._gateway.unwatched, stripe)
        self._names = Names(db)

    async def setup_hook(self) -> None:
        """Load the cogs and register their commands with Discord."""
        for cog in (*COGS, *(payment_cogs() if self.stripe is not None else ())):
            made = cog(self)
            await self.add_cog(made)
            self.router.add(made)
        registered = await commands_at_discord.register(self.tree, self._home)
        self.command_mentions.learn(registered, commands_at_discord.in_direct_messages(self.tree))
        await commands_at_discord.remove_from_other_servers(self, self.tree, self._home, self.db, self.clock())

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        """Record a gateway event before any handler runs, and drop it if the bot is closing.

        READY can come that late: the library delays it while it waits for servers, and doesn't cancel that.
        """
        if self.is_closed():
            return
        self._gateway.record(event_name, *args)
        super().dispatch(event_name, *args, **kwargs)

    async def on_ready(self) -> None:
        """Start the loop. If possible, first record who is in the rooms.

        Discord sends READY again after a lost connection, and rooms may have been deleted meanwhile.
        """
        log.info("connected as %s, in %s servers", self.user and self.user.id, len(self.guilds))
        await self._gateway.wait_until_tried()
        if self._loop.is_running:
            self._loop.sweep_soon()
        else:
            self._loop.start()

    async def on_interaction(self, interaction: Interaction) -> None:
        """Route presses and forms; the command tree handles commands. Then store what's new about the person."""
        await self.router.dispatch(interaction)
        await self._names.store(interaction)

    def wake(self) -> None:
        """Wake the loop: something has just become due."""
        self._loop.wake()

    async def process_now(self) -> TickReport | None:
        """Run one tick now. Returns None if another one is running."""
        background = BackgroundWork(wait_for_slow=True)
        unwatched = self._gateway.unwatched
        return await tick(self.db, self.port, self.clock, background, unwatched=unwatched, stripe=self.stripe)

    async def run_next_tick(self) -> TickReport | None:
        """Run the loop's next tick now; callers share it. Raises NotTicking."""
        return await self._loop.run_now()

    @property
    def last_tick(self) -> TickReport | None:
        """The report of the loop's last tick since the process started."""
        return self._loop.last

    @property
    def is_online(self) -> bool:
        """Whether the gateway is connected. Unlike `is_ready`, it's false while the connection is lost."""
        return self._gateway.is_connected and self.is_ready() and not self.is_closed()

    @property
    def trouble(self) -> str | None:
        """Why a bot that was connected doesn't do all its work; None if it does."""
        if not self._gateway.has_begun:
            return None
        if not self._loop.is_running:
            return "the loop isn't running"
        return self._gateway.trouble

    def invite_url(self, guild_id: int, *, with_events: bool = False) -> str:
        """Return a link that grants the bot its missing permissions in this server and changes nothing else."""
        assert self.user is not None, "the bot is logged in"
        return invite_link(self.user.id, discord.Object(guild_id), with_events=with_events)

    def serves(self, guild_id: int) -> bool:
        """Whether the bot works in this server."""
        return self._home is None or self._home.id == guild_id

    async def fetch_name(self, guild_id: int | None, user_id: int) -> str | None:
        """Return this person's name, in the server if one is given, or None if Discord doesn't answer."""
        guild = self.get_guild(guild_id) if guild_id is not None else None
        try:
            return await name_of(self, guild, user_id)
        except discord.HTTPException as failure:
            log.warning("can't look up the name of %s in guild %s: %s", user_id, guild_id, failure)
            return None

    async def fetch_names(self, guild_id: int, user_ids: Collection[int]) -> dict[int, str]:
        """Return these people's names in the server, without those that Discord doesn't tell."""
        guild = self.get_guild(guild_id)
        return await names_of(self, guild, user_ids) if guild is not None else {}

    async def close(self) -> None:
        """Finish the tick in progress and store recorded events, then disconnect."""
        await self._loop.stop()
        await self._gateway.stop()
        await super().close()


def discord_port(
    client: discord.Client,
    command_mentions: CommandMentions | None = None,
    *,
    gateway: bool = True,
    patience: timedelta = CALL_TIMEOUT,
) -> DiscordPort:
    """Implement the domain's Discord port with the texts of `cogs.notifications`."""
    known, mark, mentions = command_mentions or CommandMentions(), notifications.mark, notifications.mentions

    def with_mentions(view: discord.ui.LayoutView, *, in_server: bool) -> None:
        make_clickable(view, partial(known.in_text, in_server=in_server))

    return DiscordPort(client, _rendered, mark, mentions, with_mentions, gateway=gateway, patience=patience)


def _rendered(context: NotificationContext, server: str) -> Rendered:
    panel = notifications.render(context, server)
    return Rendered(panel, lambda: panel.files)
