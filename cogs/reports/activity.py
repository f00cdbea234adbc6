"""`/coaching sessions`, `audit` and `export`: what admins look up, and take with them."""

import gzip
from functools import partial
from typing import Any

import discord

from cogs import ui
from cogs.bot_base import BotBase
from cogs.reports import session_history
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, on
from cogs.ui.text import our_own
from models import AuditEntry, CoachingSession, SessionStatus
from scheduler.availability import reader_zone
from scheduler.core.clock import stamp
from scheduler.reports import activity, export
from scheduler.servers import settings
from scheduler.time.time_zones import zone

# {status} is a place in STATUSES, {user_id} is 0 for everybody.
SESSIONS = Route("records:sessions:{status}:{user_id}:{page}")
AUDIT = Route("records:audit:{user_id}:{page}")

STATUSES: tuple[SessionStatus | None, ...] = (None, *SessionStatus)
_SESSIONS_A_PAGE, _ENTRIES_A_PAGE = 6, 20
_MOST_PAGES = 10_000
_LARGEST_FILE = 10 * 1024 * 1024  # https://docs.discord.com/developers/reference#uploading-files
_UNZIPPED = 1024 * 1024


class RecordsCog(Cog):
    """The buttons under the lists."""

    @on(SESSIONS)
    async def sessions_turned(self, interaction: Interaction, status: int, user_id: int, page: int) -> None:
        """Another page of the sessions."""
        await ui.acknowledge(interaction)
        known = STATUSES[status] if status < len(STATUSES) else None
        await show_sessions(self.bot, interaction, known, user_id, min(page, _MOST_PAGES))

    @on(AUDIT)
    async def audit_turned(self, interaction: Interaction, user_id: int, page: int) -> None:
        """Another page of the record."""
        await ui.acknowledge(interaction)
        await show_audit(self.bot, interaction, user_id, min(page, _MOST_PAGES))


async def show_sessions(
    bot: BotBase, interaction: Interaction, status: SessionStatus | None, user_id: int, page: int = 0
) -> None:
    """List the server's sessions to an admin, in answer to an acknowledged interaction."""
    async with bot.db.read() as session:
        guild = await settings.look_up(session, ui.guild_id_of(interaction), bot.defaults)
        found = await activity.sessions(
            session,
            guild.id,
            ui.actor_of(interaction, guild),
            status=status,
            user_id=user_id or None,
            page=page,
            size=_SESSIONS_A_PAGE,
        )
    which = f" {_words(status)}" if status else ""
    parts: list[discord.ui.Item[Any]] = [ui.text(f"### Sessions{which}{_of(user_id)}, the latest start first")]
    parts.extend(_section(one) for one in found.shown)
    if not found.shown:
        parts.append(ui.text("There is none here."))
    turning = partial(SESSIONS.id, status=STATUSES.index(status), user_id=user_id)
    await ui.show(interaction, ui.Panel(*parts, *ui.newer_and_older(turning, page, has_more=found.has_more)))


async def show_audit(bot: BotBase, interaction: Interaction, user_id: int, page: int = 0) -> None:
    """Show an admin who did what, in answer to an acknowledged interaction."""
    async with bot.db.read() as session:
        guild = await settings.look_up(session, ui.guild_id_of(interaction), bot.defaults)
        actor = ui.actor_of(interaction, guild)
        found = await activity.entries(
            session, guild.id, actor, user_id=user_id or None, page=page, size=_ENTRIES_A_PAGE
        )
    lines = [_line(entry, code) for entry, code in found.shown] or ["Nothing here."]
    turning = partial(AUDIT.id, user_id=user_id)
    title = ui.text(f"### What was done{_of(user_id)}, newest first")
    await ui.show(
        interaction,
        ui.Panel(title, ui.text("\n".join(lines)), *ui.newer_and_older(turning, page, has_more=found.has_more)),
    )


async def show_export(bot: BotBase, interaction: Interaction, what: str) -> None:
    """Hand an admin a table of the server as a file, in answer to an acknowledged interaction."""
    async with bot.db.read() as session:
        guild = await settings.look_up(session, ui.guild_id_of(interaction), bot.defaults)
        actor = ui.actor_of(interaction, guild)
        zone_name = await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)
        pieces = export.lines(session, what, guild.id, actor, zone(zone_name))
        content = "".join([piece async for piece in pieces]).encode()
    name = f"{what}.csv"
    if len(content) > _UNZIPPED:
        name, content = f"{name}.gz", gzip.compress(content)
    if len(content) > _LARGEST_FILE:
        await ui.show(
            interaction,
            ui.Panel(
                ui.text(
                    "⚠️ That is more than Discord takes as a file (10 MB). Whoever runs the bot has all of it: "
                    "`coachbot backup` copies the database."
                )
            ),
        )
        return
    words = f"### {what.capitalize()}\nTimes are those of {zone_name}. Keep it safe: what people wrote is in it."
    await ui.show(interaction, ui.Panel(ui.text(words), ui.attachment(name), files=[(name, content)]))


def _section(one: CoachingSession) -> discord.ui.Section[Any]:
    words = (
        f"{stamp(one.starts_at, 'f')} · **{_words(one.status)}** · `{one.code}`\n"
        f"<@{one.coach_id}> and <@{one.student_id}>"
    )
    if one.last_error:
        words += f"\n-# 🔴 {our_own(one.last_error, 200)}"
    return discord.ui.Section(words, accessory=ui.button("Story", session_history.OPEN.id(session_id=one.id)))


def _line(entry: AuditEntry, code: str | None) -> str:
    line = f"{stamp(entry.at, 'f')} {ui.quoted(_spaced(entry.action))}"
    if entry.actor_id:
        line += f" by <@{entry.actor_id}>"
    if entry.coach_id and entry.coach_id != entry.actor_id:
        line += f", coach <@{entry.coach_id}>"
    if entry.member_id:
        line += f", about <@{entry.member_id}>"
    return f"{line} · `{code}`" if code else line


def _words(status: SessionStatus) -> str:
    return _spaced(status.value.lower())


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _of(user_id: int) -> str:
    return f" of <@{user_id}>" if user_id else ""
