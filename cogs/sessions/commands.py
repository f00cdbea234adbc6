"""`/sessions`: upcoming and past sessions, calendar files and cancelling."""

from collections.abc import Collection, Sequence
from datetime import datetime

from discord import app_commands
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import cards, routes, ui
from cogs.cards.calendar import attach
from cogs.cards.calendar_file import Names
from cogs.cards.cancellation import CancellingCog
from cogs.cards.payment import of_payment_without_session
from cogs.ui import Interaction, Typed
from cogs.ui.answering import answers_command
from cogs.ui.routing import Route, on, opens
from models import Coach, CoachingSession
from scheduler.attendance import attendance, lateness, no_shows
from scheduler.booking import cancellation
from scheduler.core import members
from scheduler.notifications import reminders
from scheduler.reviews import reviews
from scheduler.series import answers
from scheduler.series.changes import listing
from scheduler.sessions import charge_standing, lessons, lookup, upcoming
from scheduler.sessions.unpaid import payments_without_session
from scheduler.sessions.upcoming import Page
from scheduler.waiting_list import wishes

REMINDERS_OFF = Route("session:list:{page}:reminders:off")
REMINDERS_ON = Route("session:list:{page}:reminders:on")

_A_PAGE = 3
_EXCERPT = 300  # three sessions with notes and reasons have to fit into a message's 4,000 characters


class SessionsCog(CancellingCog):
    """`/sessions`."""

    @app_commands.command(name="sessions", description="Your sessions, as student and as coach")
    @app_commands.allowed_contexts(guilds=True, dms=True)
    @answers_command
    async def sessions(self, interaction: Interaction) -> None:
        """Show the first page."""
        await self.show_page(interaction)

    @on(REMINDERS_OFF)
    async def reminders_off_pressed(self, interaction: Interaction, page: int) -> None:
        """Turn this person's reminders off and stay on the page."""
        await self._set_reminders(interaction, page, off=True)

    @on(REMINDERS_ON)
    async def reminders_on_pressed(self, interaction: Interaction, page: int) -> None:
        """Turn this person's reminders back on and stay on the page."""
        await self._set_reminders(interaction, page, off=False)

    async def _set_reminders(self, interaction: Interaction, page: int, *, off: bool) -> None:
        async with self.bot.db.begin() as session:
            await reminders.set_off(session, interaction.user.id, off=off)
        await self.show_page(interaction, page)

    @on(routes.CALENDAR, ui.acknowledge_beside)
    async def calendar_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Send the session as a calendar file beside the button's message."""
        async with self.bot.db.read() as session:
            actor = await self.actor_anywhere(session, interaction)
            found = await lookup.find_visible(session, session_id, actor, interaction.guild_id)
            coach = await session.get_one(Coach, (found.guild_id, found.coach_id))
            workshop = (await lookup.workshops_of(session, [found])).get(found.id)
            lesson = (await lessons.lessons_among(session, [found])).get(found.id)
        has_student = interaction.user.id == found.coach_id and not found.is_workshop
        student = await self.bot.fetch_name(found.guild_id, found.student_id) if has_student else None
        title = workshop.title if workshop is not None else None
        names = Names(self.bot.server_name(found.guild_id), coach.display_name, student, title)
        shown = attach(found, names, interaction.user.id, lesson=lesson)
        words = ui.text("Open the file with your calendar app. Download it again if the session changes.")
        await ui.show(interaction, ui.Panel(words, *shown.items, files=[shown.file]))

    @on(routes.CANCEL, ui.acknowledge_keeping)
    async def cancel_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Cancel for the reason in the form. The message that was pressed, if it stays, is updated later."""
        done, viewer_id = await self.cancel(interaction, session_id), interaction.user.id
        card = cards.of_session(
            done.session, done.guild, title="Session cancelled", viewer_id=viewer_id, charged=done.standing
        )
        back = cards.way_back(interaction, done.session)
        await ui.show(interaction, ui.Panel(card, ui.text(done.then(viewer_id)), *back))

    @opens(routes.CANCEL)
    async def reason_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Ask why."""
        return await self.cancel_form(interaction, typed, session_id, routes.CANCEL.id(session_id=session_id))

    @on(routes.SESSION_LIST)
    @on(routes.PANEL_SESSIONS, ui.acknowledge_beside)
    async def show_page(self, interaction: Interaction, page: int = 0) -> None:
        """Show a page of this person's sessions."""
        now, viewer_id = self.bot.clock(), interaction.user.id
        guilds = {guild.id: guild for guild in await self.servers_of(interaction)}
        async with self.bot.db.read() as session:
            found = await upcoming.list_page(session, guilds.keys(), viewer_id, now, page=page, size=_A_PAGE)
            states = await reviews.review_states(session, found.sessions, viewer_id, now)
            attended = {
                one.id: await attendance.attended(session, one, now)
                for one in found.sessions
                if one.coach_id == viewer_id and not upcoming.is_ahead(one)
            }
            only_end = {
                one.id for one in found.sessions if await cancellation.can_only_be_ended(session, one, now)
            }
            settled = {one.id for one in found.sessions if now >= no_shows.corrections_close_at(one, viewer_id)}
            workshops = await lookup.workshops_of(session, found.sessions)
            charged = await charge_standing.standings(session, found.sessions, viewer_id, now)
            off = await members.has_reminders_off(session, viewer_id)
            others = await _other_lists(session, guilds.keys(), viewer_id, now)
            is_shown = self.bot.stripe is not None and not page
            unpaid = await payments_without_session(session, guilds.keys(), viewer_id, now) if is_shown else []
        here = guilds.get(interaction.guild_id or 0)
        shown: list[ui.Item] = [of_payment_without_session(one, ui.quoted(name or "")) for one, name in unpaid]
        shown += [
            cards.of_session(
                one,
                guilds[one.guild_id],
                people="" if here else await self._people(one, viewer_id),
                viewer_id=viewer_id,
                most=_EXCERPT,
                in_server=here is not None,
                can_book=here is not None,
                standing=states.get(one.id),
                charged=charged.get(one.id),
                attended=attended.get(one.id),
                can_only_end=one.id in only_end,
                can_be_late=lateness.can_say(one, guilds[one.guild_id], viewer_id, now),
                is_settled=one.id in settled,
                workshop=workshops.get(one.id),
            )
            for one in found.sessions
        ]
        is_admin = here is not None and ui.actor_of(interaction, here).is_admin
        others += [ui.button("Admin", routes.ADMIN.id())] if is_admin else []
        if shown or page:
            await ui.show(interaction, _panel(found, page, shown, others, reminders_off=off))
            return
        await ui.show(interaction, _none_yet(others, in_server=here is not None))

    async def _people(self, one: CoachingSession, viewer_id: int) -> str:
        """Say with whom and in which server, for direct messages, where nobody can be mentioned."""
        if one.is_workshop and viewer_id == one.coach_id:
            return f"Your workshop in {ui.quoted(self.bot.server_name(one.guild_id))}"
        other, role = (one.student_id, "student") if viewer_id == one.coach_id else (one.coach_id, "coach")
        name = await self.bot.fetch_name(one.guild_id, other) or f"your {role}"
        return f"With {ui.quoted(name)} in {ui.quoted(self.bot.server_name(one.guild_id))}"


async def _other_lists(
    session: AsyncSession, guild_ids: Collection[int], viewer_id: int, now: datetime
) -> list[ui.Button]:
    """Return buttons to what else somebody has, waits for or has to answer, with how much of it there is."""
    weekly = await listing.count_running(session, guild_ids, viewer_id)
    waiting = len(await wishes.open_wishes(session, guild_ids, viewer_id, now))
    requests = len(await answers.open_requests(session, guild_ids, viewer_id, now))
    counted = (
        (f"Weekly lessons: {weekly}", routes.SERIES_LIST, weekly),
        (f"Waiting list: {waiting}", routes.WISHES, waiting),
        (f"Requests: {requests}", routes.SERIES_REQUESTS, requests),
    )
    return [ui.button(label, route.id()) for label, route, count in counted if count]


def _none_yet(others: Sequence[ui.Button], *, in_server: bool) -> ui.Panel:
    where = "" if in_server else " in your server"
    none = ui.text(f"### No sessions yet\nBook your first one with `/book`{where}.")
    return ui.Panel(none, *ui.rows(*others))


def _panel(
    found: Page, page: int, shown: Sequence[ui.Item], others: Sequence[ui.Button], *, reminders_off: bool
) -> ui.Panel:
    switch = REMINDERS_ON if reminders_off else REMINDERS_OFF
    return ui.Panel(
        ui.text(f"### Your sessions\n{found.upcoming or 'None'} upcoming"),
        *shown,
        *ui.newer_and_older(routes.SESSION_LIST.id, page, has_more=found.has_more),
        ui.row(ui.button(f"Reminders: {'off' if reminders_off else 'on'}", switch.id(page=page)), *others),
    )
