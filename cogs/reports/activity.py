"""`/coaching sessions` and `audit`."""

from functools import partial
from typing import Literal

import discord
from discord import app_commands

from cogs import cards, routes, ui
from cogs.reports import audit_words, session_history
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, group_command, on
from cogs.ui.text import cut_our_text
from models import AuditEntry, CoachingSession, SessionStatus
from scheduler.core.clock import stamp
from scheduler.reports import activity
from scheduler.servers.changes import NameOf
from scheduler.time.hour_cycle import HourCycle

FILTER = Route("records:filter:{user_id}")

STATUSES: tuple[SessionStatus | None, ...] = (None, *SessionStatus)
_SESSIONS_A_PAGE, _ENTRIES_A_PAGE = 6, 10
_LONGEST_DETAILS = 250  # characters per entry, so that a page fits into a message


class ActivityCog(Cog):
    """`/coaching sessions` and `audit`."""

    @group_command("coaching", name="sessions", description="List all sessions, latest first")
    @app_commands.describe(
        status="Only sessions with this status (optional)",
        member="Only this coach's or student's sessions (optional)",
    )
    async def sessions(
        self,
        interaction: Interaction,
        status: Literal["booked", "running now", "completed", "cancelled", "no-show"] | None = None,
        member: discord.User | None = None,
    ) -> None:
        """List the sessions."""
        wanted = next((one for one, words in cards.STATUS_WORDS.items() if words == status), None)
        await self.show_sessions(interaction, STATUSES.index(wanted), member.id if member else 0)

    @group_command("coaching", name="audit", description="Show who did what, newest first")
    @app_commands.describe(member="Only what this person did, or what happened to this coach (optional)")
    async def audit(self, interaction: Interaction, member: discord.User | None = None) -> None:
        """Show the audit log."""
        await self.show_audit(interaction, member.id if member else 0)

    @on(FILTER)
    async def status_chosen(self, interaction: Interaction, user_id: int) -> None:
        """Show only sessions with the chosen status."""
        await self.show_sessions(interaction, ui.chosen_in(interaction)[0], user_id)

    @on(routes.ALL_SESSIONS)
    async def show_sessions(self, interaction: Interaction, status: int, user_id: int, page: int = 0) -> None:
        """Show a page of sessions."""
        wanted = STATUSES[status] if status < len(STATUSES) else None
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await activity.list_sessions(
                session,
                guild.id,
                actor,
                status=wanted,
                user_id=user_id or None,
                page=page,
                size=_SESSIONS_A_PAGE,
            )
        which = f"Sessions ({cards.STATUS_WORDS[wanted]})" if wanted else "Sessions"
        title = ui.text(f"### {which}{_of(user_id)}, latest first")
        shown = [_section(one) for one in found.shown] or [ui.text("No sessions here.")]
        turning = partial(routes.ALL_SESSIONS.id, status=STATUSES.index(wanted), user_id=user_id)
        pager = ui.newer_and_older(turning, page, has_more=found.has_more)
        await ui.show(interaction, ui.Panel(title, *shown, ui.row(_filter(wanted, user_id)), *pager))

    @on(routes.AUDIT_LOG)
    async def show_audit(self, interaction: Interaction, user_id: int, page: int = 0) -> None:
        """Show a page of the audit log."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await activity.list_audit_entries(
                session, guild.id, actor, user_id=user_id or None, page=page, size=_ENTRIES_A_PAGE
            )
        name_of, cycle = audit_words.names_in(interaction.guild), ui.hour_cycle_of(interaction)
        lines = [_line(entry, code, name_of, cycle) for entry, code in found.shown] or ["Nothing here."]
        parts = ui.text(f"### Audit log{_of(user_id)}, newest first"), ui.text("\n".join(lines))
        turning = partial(routes.AUDIT_LOG.id, user_id=user_id)
        await ui.show(interaction, ui.Panel(*parts, *ui.newer_and_older(turning, page, has_more=found.has_more)))


def _filter(status: SessionStatus | None, user_id: int) -> ui.Item:
    options = [
        (cards.STATUS_WORDS[one].capitalize() if one else "All sessions", str(number), one is status)
        for number, one in enumerate(STATUSES)
    ]
    return ui.select(FILTER.id(user_id=user_id), options)


def _section(one: CoachingSession) -> ui.Section:
    words = (
        f"{stamp(one.starts_at, 'f')} · **{cards.STATUS_WORDS[one.status]}** · `{one.code}`\n{cards.people(one)}"
    )
    if one.last_error:
        words += f"\n-# 🔴 {cut_our_text(one.last_error, 200)}"
    return ui.Section(words, accessory=ui.button("Details", session_history.OPEN.id(session_id=one.id)))


def _line(entry: AuditEntry, code: str | None, name_of: NameOf, cycle: HourCycle) -> str:
    line = f"{stamp(entry.at, 'f')} {ui.quoted(audit_words.action(entry.action))}"
    if entry.actor_id:
        line += f" by <@{entry.actor_id}>"
    if entry.coach_id and entry.coach_id != entry.actor_id:
        line += f", coach <@{entry.coach_id}>"
    if entry.member_id and entry.member_id != entry.actor_id:
        line += f", about <@{entry.member_id}>"
    if about := audit_words.details(entry.action, entry.details, name_of, cycle):
        line += f": {ui.quoted(about, _LONGEST_DETAILS)}"
    return f"{line} · `{code}`" if code else line


def _of(user_id: int) -> str:
    return f" of <@{user_id}>" if user_id else ""
