"""`/coaching session`: everything about one session, with buttons to fix it."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from discord import app_commands
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import cards, routes, ui
from cogs.reports import audit_words, waiting_list_words
from cogs.ui import Interaction, Typed
from cogs.ui.options import LONGEST_CODE, SessionCode
from cogs.ui.routing import Cog, Route, beside, group_command, on, opens
from cogs.ui.text import cut_our_text
from models import (
    AuditEntry,
    BlockedFrom,
    CoachingSession,
    Guild,
    Lesson,
    Notification,
    Offer,
    ParticipantStatus,
    Series,
    SessionStatus,
)
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.reports import session_history
from scheduler.reports.session_history import SessionHistory

RETRY = Route("story:retry:{session_id}")
REPAIR = Route("story:repair:{session_id}")
OPEN = Route("story:open:{session_id}")

_UPCOMING = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
_ENTRIES, _MESSAGES = 15, 12
_MANY = 3
"""How many people get the same message before they're counted and not named. Of a session for one, two do."""
_CODE = "Code"
_PARTICIPANTS = {
    ParticipantStatus.BOOKED: "Have a seat",
    ParticipantStatus.ATTENDED: "Attended",
    ParticipantStatus.NO_SHOW: "No-show",
    ParticipantStatus.LEFT: "Gave their seat back",
}
"""What became of a workshop's participants."""

_Fix = Callable[[AsyncSession, int, int, Actor, datetime], Awaitable[str]]


class SessionHistoryCog(Cog):
    """`/coaching session`."""

    @group_command("coaching", name="session", description="Show everything about a session, and fix it")
    @app_commands.describe(code="It's on every message about the session")
    async def session(self, interaction: Interaction, code: SessionCode) -> None:
        """Show the session."""
        await self._show(interaction, code)

    @on(routes.FIND_SESSION, ui.acknowledge_beside)
    async def found(self, interaction: Interaction) -> None:
        """Show the session with the code in the form, beside the menu."""
        await self._show(interaction, session_history.read_code(ui.typed_in(interaction).get(_CODE, "")))

    @opens(routes.FIND_SESSION)
    async def code_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask an admin for the code."""
        await self.guild_for_admin(interaction)
        about = "It's on every message about the session. The name of its room works, too."
        field = ui.field(_CODE, typed, description=about, placeholder="k7m2qd", most=LONGEST_CODE)
        return ui.Form("Find a session", routes.FIND_SESSION.id(), field)

    @on(routes.SESSION_DETAILS)
    @on(OPEN, ui.acknowledge_beside)
    async def show_by_id(self, interaction: Interaction, session_id: int) -> None:
        """Show the session as it is now."""
        async with self.bot.db.read() as session:
            code = await session_history.get_code(session, ui.guild_id_of(interaction), session_id)
        await self._show(interaction, code)

    @on(RETRY)
    async def retry_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Retry what failed."""
        await self._fix(interaction, session_id, session_history.retry)

    @on(REPAIR)
    async def repair_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Repair the room."""
        await self._fix(interaction, session_id, session_history.repair_room)

    async def _fix(self, interaction: Interaction, session_id: int, fix: _Fix) -> None:
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            code = await fix(session, guild.id, session_id, actor, self.bot.clock())
        await self.bot.process_now()
        await self._show(interaction, code)

    async def _show(self, interaction: Interaction, code: str) -> None:
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await session_history.get_history(session, guild.id, code, actor, self.bot.clock())
        await ui.show(interaction, _panel(found, guild))


def _panel(found: SessionHistory, guild: Guild) -> ui.Panel:
    one = found.session
    buttons = [ui.button("Refresh", routes.SESSION_DETAILS.id(session_id=one.id))]
    if one.next_step_at is not None or one.last_error:
        style = ui.PRIMARY if one.last_error else ui.SECONDARY
        buttons.append(ui.button("Retry now", RETRY.id(session_id=one.id), style))
    if one.status in _UPCOMING:
        buttons.append(ui.button("Repair room", REPAIR.id(session_id=one.id)))
    if one.status in _UPCOMING and (found.can_only_end or not one.is_workshop):
        buttons.append(cards.cancel_or_end(one, can_only_end=found.can_only_end))
    if found.standing is not None and found.standing.can_waive:
        buttons += cards.charge.buttons(one, found.standing)
    if found.series is not None:
        show = routes.SERIES.id(series_id=found.series.id, page=0)
        buttons.append(ui.button("Weekly lessons", beside(show)))
    if one.is_workshop:
        buttons.append(ui.button("Workshop", beside(routes.WORKSHOP.id(session_id=one.id))))
    else:
        buttons.append(cards.block_button(one.student_id, BlockedFrom.BOOKING, found.blocked, "student"))
    return ui.Panel(
        cards.of_session(
            one, guild, most=300, with_buttons=False, charged=found.standing, workshop=found.workshop
        ),
        *([ui.text("\n".join(state))] if (state := _state(found)) else []),
        *([ui.text("\n".join(_participants(one)))] if one.is_workshop else []),
        ui.text("**What happened**\n" + "\n".join(_entries(found))),
        ui.text("**Messages**\n" + "\n".join(_messages(found.notifications))),
        *([ui.text("**Waiting list**\n" + "\n".join(map(_offer, found.offers)))] if found.offers else []),
        *ui.rows(*buttons),
    )


def _participants(one: CoachingSession) -> list[str]:
    """Name a workshop's participants by what became of each, those who left last."""
    lines: list[str] = []
    for status, words in _PARTICIPANTS.items():
        if status is ParticipantStatus.BOOKED and one.status is SessionStatus.CANCELLED:
            words = "Had a seat"
        theirs = [seat for seat in one.participants if seat.status is status]
        people = ", ".join(f"<@{seat.user_id}>{' (late)' if seat.cancelled_late else ''}" for seat in theirs)
        lines += [f"**{words} ({len(theirs)})** {people}"] if theirs else []
    return lines or ["**Participants** nobody yet"]


def _state(found: SessionHistory) -> list[str]:
    one = found.session
    lines = [f"**Next check** {stamp(one.next_step_at, 'R')}"] if one.next_step_at else []
    if one.last_error:
        # Nothing was tried while the bot wasn't in the server.
        times = "once" if one.attempts == 1 else f"{one.attempts} times in a row"
        what = f"**Failed** {times}" if one.attempts else "**Not done**"
        lines.append(f"🔴 {what}: {cut_our_text(one.last_error, 300)}")
    if found.lesson is not None and found.series is not None:
        lines.append(_lesson(found.lesson, found.series, one))
    if found.blocked:
        lines.append(cards.blocks(found.blocked, "student"))
    if one.access_granted_at is not None or any(each.first_joined_at for each in found.attended.values()):
        lines.extend(cards.attendance_lines(one, found.attended))
    return lines


def _lesson(lesson: Lesson, series: Series, one: CoachingSession) -> str:
    """Say which of weekly lessons a session is, and when it was planned if that was another time."""
    planned = lesson.starts_at
    moved = f", planned for {stamp(planned, 'f')}" if planned is not None and planned != one.starts_at else ""
    unpaid = f" · payment seen to {stamp(lesson.pay_step_at, 'R')}" if lesson.pay_step_at is not None else ""
    return f"**Weekly lessons** `{series.code}`, number {lesson.occurrence + 1}{moved}{unpaid}"


def _entries(found: SessionHistory) -> list[str]:
    return _newest(list(map(_entry, found.entries)), _ENTRIES) or ["nothing yet"]


def _entry(entry: AuditEntry) -> str:
    line = f"{stamp(entry.at, 'f')} {ui.quoted(audit_words.action(entry.action))}"
    if entry.actor_id:
        line += f" by <@{entry.actor_id}>"
    if entry.member_id and entry.member_id != entry.actor_id:
        line += f", about <@{entry.member_id}>"
    return line


def _offer(one: Offer) -> str:
    outcome = waiting_list_words.OUTCOMES[one.state]
    return f"{stamp(one.offered_at, 'f')} offered to <@{one.user_id}>: {outcome}"


def _messages(enqueued: list[Notification]) -> list[str]:
    """Write each message in a line, and those that many people get at the same time in one."""
    together: dict[tuple[object, ...], list[Notification]] = {}
    for one in enqueued:
        together[_occasion(one)] = [*together.pop(_occasion(one), []), one]  # where the last of them is
    lines: list[str] = []
    for some in together.values():
        people = {one.user_id for one in some}
        if len(people) >= _MANY:
            lines.append(_what_was_sent(some[0], f"{len(people)} people"))
        else:
            lines += [_what_was_sent(one, f"<@{one.user_id}>" if one.user_id else None) for one in some]
    return _newest(lines, _MESSAGES) or ["none"]


def _what_was_sent(one: Notification, to: str | None) -> str:
    words = f"{_delivery(one)} {audit_words.message(one.kind)}"
    words += f" to {to}" if to is not None else ""
    return words if one.about_user_id in (None, one.user_id) else f"{words}, about <@{one.about_user_id}>"


def _occasion(one: Notification) -> tuple[object, ...]:
    """Return what messages have in common that people get at the same time, with the same success."""
    state = one.sent_at is not None, one.given_up_at is not None, one.last_error if one.given_up_at else None
    planned = one.created_at if one.lead_minutes is None else one.lead_minutes
    return one.kind, one.about_user_id, planned, *state


def _newest(lines: list[str], most: int) -> list[str]:
    left_out = len(lines) - most
    return [f"… {left_out} earlier", *lines[-most:]] if left_out > 0 else lines


def _delivery(one: Notification) -> str:
    if one.sent_at is not None:
        return f"✓ {stamp(one.sent_at, 'f')}"
    if one.given_up_at is not None:
        return f"✗ {cut_our_text(one.last_error or 'given up', 100)}:"
    return f"⏳ {stamp(one.due_at, 'f')}" if one.due_at else "—"
