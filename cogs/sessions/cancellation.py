"""Asking why a session is cancelled, and cancelling it; what is shown afterwards is up to where it was pressed."""

from sqlalchemy.ext.asyncio import AsyncSession

from cogs import ui
from cogs.bot_base import BotBase
from cogs.ui import Interaction, Typed
from models import CoachingSession, Guild
from scheduler.booking import cancellation
from scheduler.core.clock import stamp
from scheduler.core.limits import LONGEST_NOTES
from scheduler.servers import settings

_REASON = "Reason"


async def reason_form(
    bot: BotBase, interaction: Interaction, typed: Typed, session_id: int, custom_id: str
) -> ui.Form:
    """Asks why, and says what the notice rule means. Only for those who may cancel; else raises as `cancel`."""
    now = bot.clock()
    async with bot.db.read() as session:
        guild = await guild_here(bot, session, interaction)
        actor = ui.actor_of(interaction, guild)
        found = await cancellation.cancellable(session, session_id, actor, interaction.guild_id, now)
        guild = await session.get_one(Guild, found.guild_id)
    rule = []
    if cancellation.is_late(found, guild, actor, now):
        rule = [ui.text(f"⚠️ It starts {stamp(found.starts_at, 'R')}: this will be a **late cancellation**.")]
    elif interaction.user.id == found.student_id and guild.cancel_notice_minutes:
        until = stamp(cancellation.notice_ends_at(found, guild))
        rule = [ui.text(f"You are in time: cancelling counts as late only after {until}.")]
    reason = ui.field(
        _REASON, typed, description="The other side reads this.", long=True, required=False, most=LONGEST_NOTES
    )
    return ui.Form("Cancel this session", custom_id, *rule, reason)


async def cancel(bot: BotBase, interaction: Interaction, session_id: int) -> tuple[CoachingSession, Guild]:
    """Cancel for the reason in the form that was sent; the session and its server as they are then."""
    reason = ui.typed_in(interaction).get(_REASON, "")
    async with bot.db.begin() as session:
        actor = ui.actor_of(interaction, await guild_here(bot, session, interaction))
        now = bot.clock()
        cancelled = await cancellation.cancel(session, session_id, actor, interaction.guild_id, reason, now)
        guild = await session.get_one(Guild, cancelled.guild_id)
    bot.wake()
    return cancelled, guild


async def guild_here(bot: BotBase, session: AsyncSession, interaction: Interaction) -> Guild | None:
    """The server it happens in; None in a DM."""
    if interaction.guild_id is None:
        return None
    return await settings.look_up(session, interaction.guild_id, bot.defaults)
