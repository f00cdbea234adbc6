"""`/sessions`: upcoming and past sessions, calendar files and cancelling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import discord
from discord import app_commands

from cogs import cards, routes, ui
from cogs.cards.calendar_file import Names, attached
from cogs.cards.cancellation import CancellingCog
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Route, on, opens, retried
from models import Coach, CoachingSession, Guild
from scheduler.attendance import attendance
from scheduler.attendance.attendance import Presence
from scheduler.booking import cancellation
from scheduler.core import members
from scheduler.notifications import reminders
from scheduler.reviews import reviews
from scheduler.reviews.reviews import ReviewState
from scheduler.servers import settings
from scheduler.sessions import lookup, upcoming
from scheduler.sessions.upcoming import Page

PAGE = Route("session:list:{page}")
REMINDERS_OFF = Route("session:list:{page}:reminders:off")
REMINDERS_ON = Route("session:list:{page}:reminders:on")

_A_PAGE = 3
_MOST_PAGES = 10_000
_EXCERPT = 300  # three sessions with notes and reasons have to fit into a message's 4,000 characters


class SessionsCog(CancellingCog):
    """`/sessions`."""

    @app_commands.command(name="sessions", description="Your sessions, as student and as coach")
    @retried
    async def sessions(self, interaction: Interaction) -> None:
        """Show the first page."""
        await ui.acknowledge(interaction)
        await self._list(interaction, 0)

    @on(routes.PANEL_SESSIONS)
    async def sessions_pressed(self, interaction: Interaction) -> None:
        """The first page, beside the panel that everybody sees."""
        await ui.acknowledge_beside(interaction)
        await self._list(interaction, 0)

    @on(PAGE)
    async def page_turned(self, interaction: Interaction, page: int) -> None:
        """Another page."""
        await ui.acknowledge(interaction)
        await self._list(interaction, min(page, _MOST_PAGES))

    @on(REMINDERS_OFF)
    async def reminders_off_pressed(self, interaction: Interaction, page: int) -> None:
        """No more reminders for who presses; the page stays."""
        await ui.acknowledge(interaction)
        ui.guild_id_of(interaction)  # nothing is set where the list cannot be shown
        async with self.bot.db.begin() as session:
            await reminders.set_off(session, interaction.user.id, off=True)
        await self._list(interaction, min(page, _MOST_PAGES))

    @on(REMINDERS_ON)
    async def reminders_on_pressed(self, interaction: Interaction, page: int) -> None:
        """Reminders again; the page stays."""
        await ui.acknowledge(interaction)
        ui.guild_id_of(interaction)  # nothing is set where the list cannot be shown
        async with self.bot.db.begin() as session:
            await reminders.set_off(session, interaction.user.id, off=False)
        await self._list(interaction, min(page, _MOST_PAGES))

    @on(routes.CALENDAR)
    async def calendar_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Give the session as a calendar file, beside the message that the button is on."""
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.read() as session:
            actor = await self.actor_anywhere(session, interaction)
            found = await lookup.visible(session, session_id, actor, interaction.guild_id)
            coach = await session.get_one(Coach, (found.guild_id, found.coach_id))
        is_coach = interaction.user.id == found.coach_id
        student = await self.bot.name_of(found.guild_id, found.student_id) if is_coach else None
        names = Names(self.bot.server_name(found.guild_id), coach.display_name, student)
        shown, file = attached(found, names, interaction.user.id)
        words = ui.text("Open it with your calendar. Take it again when the session is moved or cancelled.")
        await ui.show(interaction, ui.Panel(words, shown, files=[file]))

    @on(routes.CANCEL)
    async def cancel_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Cancel for the reason in the form."""
        await ui.acknowledge(interaction)
        cancelled, guild = await self.cancel(interaction, session_id)
        viewer_id, in_server = interaction.user.id, interaction.guild_id is not None
        card = cards.of_session(
            cancelled, guild, title="Session cancelled", viewer_id=viewer_id, in_server=in_server
        )
        told = ui.text("The time is free again, and both of you are told by direct message.")
        await ui.show(interaction, ui.Panel(card, told))

    @opens(routes.CANCEL)
    async def reason_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Asks why."""
        return await self.cancel_form(interaction, typed, session_id, routes.CANCEL.id(session_id=session_id))

    async def _list(self, interaction: Interaction, page: int) -> None:
        now, viewer_id = self.bot.clock(), interaction.user.id
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            found = await upcoming.page_of(session, guild.id, viewer_id, now, page=page, size=_A_PAGE)
            standings = await reviews.review_states(session, found.sessions, now)
            attended = {
                one.id: await attendance.attended(session, one, now)
                for one in found.sessions
                if one.coach_id == viewer_id and not upcoming.is_ahead(one)
            }
            decided = {one.id for one in found.sessions if await cancellation.can_only_be_ended(session, one, now)}
            off = await members.wants_no_reminders(session, viewer_id)
        await ui.show(
            interaction, _list_panel(_Shown(found, page, guild, viewer_id, standings, attended, decided, off))
        )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a page of somebody's sessions is made of."""

    found: Page
    page: int
    guild: Guild
    viewer_id: int
    standings: Mapping[int, ReviewState]
    attended: Mapping[int, Mapping[int, Presence]]
    """Of the sessions that they coached: how each of the two attended."""
    decided: set[int]
    """Ids of sessions that can be ended, but not cancelled any more."""
    reminders_off: bool


def _list_panel(shown: _Shown) -> ui.Panel:
    found, page = shown.found, shown.page
    if not found.sessions and not page:
        return ui.Panel(ui.text("### No sessions yet\nBook your first one with `/book`."))
    parts: list[discord.ui.Item[Any]] = [ui.text(f"### Your sessions\n{found.coming or 'None'} upcoming")]
    parts.extend(_card(shown, one) for one in found.sessions)
    buttons: list[ui.Button] = []
    if page or found.has_more:
        buttons = [
            ui.button("◀ Sooner" if page else "◀", PAGE.id(page=max(page - 1, 0)), disabled=not page),
            ui.button("More ▶", PAGE.id(page=page + 1), disabled=not found.has_more),
        ]
    if shown.reminders_off:
        buttons.append(ui.button("Reminders: off", REMINDERS_ON.id(page=page)))
    else:
        buttons.append(ui.button("Reminders: on", REMINDERS_OFF.id(page=page)))
    return ui.Panel(*parts, ui.row(*buttons))


def _card(shown: _Shown, one: CoachingSession) -> discord.ui.Container[Any]:
    return cards.of_session(
        one,
        shown.guild,
        title=f"With <@{one.student_id if shown.viewer_id == one.coach_id else one.coach_id}>",
        viewer_id=shown.viewer_id,
        most=_EXCERPT,
        standing=shown.standings.get(one.id),
        attended=shown.attended.get(one.id),
        can_only_end=one.id in shown.decided,
    )
