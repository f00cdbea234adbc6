"""`/coaching sessions`, `audit` and `export`: what admins look up, and take with them."""

import gzip
from functools import partial
from typing import Any, Literal

import discord
from discord import app_commands

from cogs import ui
from cogs.reports import session_history
from cogs.ui import Interaction
from cogs.ui.group_commands import group_command
from cogs.ui.routing import Cog, Route, on, retried
from cogs.ui.text import our_own
from models import AuditEntry, CoachingSession, SessionStatus
from scheduler.availability import reader_zone
from scheduler.core.clock import stamp
from scheduler.reports import activity, export
from scheduler.servers import changes, settings
from scheduler.servers.settings import SETTINGS_CHANGED
from scheduler.time.time_zones import zone

# {status} is a place in STATUSES, {user_id} is 0 for everybody.
SESSIONS = Route("records:sessions:{status}:{user_id}:{page}")
AUDIT = Route("records:audit:{user_id}:{page}")

STATUSES: tuple[SessionStatus | None, ...] = (None, *SessionStatus)
_SESSIONS_A_PAGE, _ENTRIES_A_PAGE = 6, 20
_MOST_PAGES = 10_000
_LONGEST_CHANGES = 120
"""Of an entry in the list, so that a page of them fits into a message."""
_LARGEST_FILE = 10 * 1024 * 1024  # https://docs.discord.com/developers/reference#uploading-files
_UNZIPPED = 1024 * 1024


class RecordsCog(Cog):
    """`/coaching sessions`, `audit` and `export`."""

    @group_command("coaching", name="sessions", description="All sessions here, the latest start first")
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
        await self._show_sessions(interaction, wanted, member.id if member else 0)

    @group_command("coaching", name="audit", description="Who did what, newest first")
    @app_commands.describe(member="Only what this person did, or what was done about this coach")
    @retried
    async def audit(self, interaction: Interaction, member: discord.User | None = None) -> None:
        """Show it."""
        await ui.acknowledge(interaction)
        await self._show_audit(interaction, member.id if member else 0)

    @group_command("coaching", name="export", description="A table as a CSV file, for spreadsheets")
    @app_commands.describe(what="Which table")
    @retried
    async def export_table(
        self, interaction: Interaction, what: Literal["sessions", "coaches", "reviews", "audit"]
    ) -> None:
        """Hand it over."""
        await ui.acknowledge(interaction)
        await self._show_export(interaction, what)

    @on(SESSIONS)
    async def sessions_turned(self, interaction: Interaction, status: int, user_id: int, page: int) -> None:
        """Another page of the sessions."""
        await ui.acknowledge(interaction)
        known = STATUSES[status] if status < len(STATUSES) else None
        await self._show_sessions(interaction, known, user_id, min(page, _MOST_PAGES))

    @on(AUDIT)
    async def audit_turned(self, interaction: Interaction, user_id: int, page: int) -> None:
        """Another page of the record."""
        await ui.acknowledge(interaction)
        await self._show_audit(interaction, user_id, min(page, _MOST_PAGES))

    async def _show_sessions(
        self, interaction: Interaction, status: SessionStatus | None, user_id: int, page: int = 0
    ) -> None:
        """List the server's sessions to an admin."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            found = await activity.list_sessions(
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

    async def _show_audit(self, interaction: Interaction, user_id: int, page: int = 0) -> None:
        """Show an admin who did what."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor = ui.actor_of(interaction, guild)
            found = await activity.list_audit_entries(
                session, guild.id, actor, user_id=user_id or None, page=page, size=_ENTRIES_A_PAGE
            )
        lines = [_line(entry, code) for entry, code in found.shown] or ["Nothing here."]
        turning = partial(AUDIT.id, user_id=user_id)
        title = ui.text(f"### Audit log{_of(user_id)}, newest first")
        await ui.show(
            interaction,
            ui.Panel(
                title, ui.text("\n".join(lines)), *ui.newer_and_older(turning, page, has_more=found.has_more)
            ),
        )

    async def _show_export(self, interaction: Interaction, what: str) -> None:
        """Hand an admin a table of the server as a file."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor = ui.actor_of(interaction, guild)
            zone_name = await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)
            pieces = export.csv_pieces(session, what, guild.id, actor, zone(zone_name))
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
        words = (
            f"### {what.capitalize()}\nTimes are those of {zone_name}. Keep it safe: what people wrote is in it."
        )
        await ui.show(interaction, ui.Panel(ui.text(words), ui.attachment(name), files=[(name, content)]))


def _section(one: CoachingSession) -> discord.ui.Section[Any]:
    words = (
        f"{stamp(one.starts_at, 'f')} · **{_words(one.status)}** · `{one.code}`\n"
        f"<@{one.coach_id}> and <@{one.student_id}>"
    )
    if one.last_error:
        words += f"\n-# 🔴 {our_own(one.last_error, 200)}"
    return discord.ui.Section(words, accessory=ui.button("Details", session_history.OPEN.id(session_id=one.id)))


def _line(entry: AuditEntry, code: str | None) -> str:
    line = f"{stamp(entry.at, 'f')} {ui.quoted(_spaced(entry.action))}"
    if entry.actor_id:
        line += f" by <@{entry.actor_id}>"
    if entry.coach_id and entry.coach_id != entry.actor_id:
        line += f", coach <@{entry.coach_id}>"
    if entry.member_id:
        line += f", about <@{entry.member_id}>"
    if entry.action == SETTINGS_CHANGED and (changed := "; ".join(changes.describe(entry.details))):
        line += f": {ui.quoted(changed, _LONGEST_CHANGES)}"
    return f"{line} · `{code}`" if code else line


def _words(status: SessionStatus) -> str:
    return _spaced(status.value.lower())


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _of(user_id: int) -> str:
    return f" of <@{user_id}>" if user_id else ""
